package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// judgedGroup is one group of a recording, with how much of it was judged.
type judgedGroup struct {
	file, group   string
	detector      *detect.Detector
	calibrated    bool
	ticks, judged int  // frames
	alarmed       bool // at some time
}

func (g *judgedGroup) observe(f *facts.Frame) ([]facts.Fact, error) {
	found, err := g.detector.Observe(f)
	if err != nil {
		return nil, err
	}
	g.ticks++
	if g.detector.Judging() {
		g.judged++
	}
	for i := range found {
		g.alarmed = g.alarmed || found[i].Kind == facts.Imbalance
	}
	return found, nil
}

// tellJudged prints what was judged, a line a group. Beside facts or a score,
// which are not to be mixed with words, only what was not is worth a line.
func (s *detectSession) tellJudged(w io.Writer) error {
	all := s.o.output == "table" && s.o.labels == ""
	for _, g := range s.judged {
		if g.judged > 0 && !all {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s\n", g.file, g.group, g.words(s.o.tick)); err != nil {
			return err
		}
	}
	return nil
}

func (g *judgedGroup) words(tick time.Duration) string {
	has, needs := time.Duration(g.ticks)*tick, g.detector.History()
	switch {
	case g.judged > 0:
		alarms := ", no alarm"
		if g.alarmed {
			alarms = ""
		}
		return fmt.Sprintf("judged %s of %s s%s", inSeconds(g.judged, tick), inSeconds(g.ticks, tick), alarms)
	case has > needs:
		return "not judged: never two members in service that could be fitted"
	case g.calibrated:
		return fmt.Sprintf("not judged: needs more than the %v of its warm-up, has %v: give a longer recording or a shorter --warmup", needs, has)
	}
	return fmt.Sprintf("not judged: needs more than %v of history, has %v: give --calibrate or a longer recording", needs, has)
}

func inSeconds(ticks int, tick time.Duration) string {
	return strconv.FormatFloat((time.Duration(ticks) * tick).Seconds(), 'g', -1, 64)
}

// unjudged is an error when nothing at all was judged. To a stream of facts it
// makes no difference: they say so themselves.
func (s *detectSession) unjudged() error {
	if s.o.output == "jsonl" {
		return nil
	}
	for _, g := range s.judged {
		if g.judged > 0 {
			return nil
		}
	}
	return &exitError{exitUnmet, errors.New("detect: nothing was judged"), "no alarm here does not mean health"}
}
