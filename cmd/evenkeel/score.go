package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/rival"
)

// scoreSink compares alarms with the truth and prints the result.
type scoreSink struct {
	w             io.Writer
	json          bool
	epoch, warmup time.Duration
	tick          time.Duration
	lines         *factLines // nil: facts are not printed
	warnings      io.Writer

	labels []rival.Label
	groups []*scoredGroup // in order of appearance
}

// scoredGroup is one group of one recording.
type scoredGroup struct {
	file string
	rival.Watch
}

func (s *scoreSink) frame(file string, f *facts.Frame) {
	g := s.group(file, f.Group)
	if g == nil {
		g = &scoredGroup{file, rival.Watch{Group: f.Group, Start: f.Time.Add(s.warmup - s.tick)}}
		s.groups = append(s.groups, g)
	}
	g.Last = f.Time
	for _, m := range f.Members {
		if at, known := slices.BinarySearch(g.Members, m); !known {
			g.Members = slices.Insert(g.Members, at, m)
		}
	}
}

// group returns what is known of a group, nil when nothing is. The one that is
// being read is the last, or close to it.
func (s *scoreSink) group(file, group string) *scoredGroup {
	for _, g := range slices.Backward(s.groups) {
		if g.file == file && g.Group == group {
			return g
		}
	}
	return nil
}

func (s *scoreSink) fact(file string, f *facts.Fact) error {
	if a, ok := rival.AlarmOf(f); ok {
		g := s.group(file, f.Group)
		g.Alarms = append(g.Alarms, a)
	}
	if s.lines != nil {
		return s.lines.fact(file, f)
	}
	return nil
}

func (s *scoreSink) end() error {
	watched := make([]rival.Watch, len(s.groups))
	for i, g := range s.groups {
		watched[i] = g.Watch
	}
	if err := warnUnborne(s.warnings, rival.Unbornes(s.labels, watched)); err != nil {
		return err
	}
	if s.lines != nil {
		return nil
	}
	r := rival.NewScore(s.epoch, s.labels, watched)
	if s.json {
		return printJSON(s.w, r)
	}
	return r.Print(s.w)
}

// warnUnborne tells of labels that no recording can bear out.
func warnUnborne(w io.Writer, labels []rival.Unborne) error {
	for _, l := range labels {
		if _, err := fmt.Fprintf(w, "evenkeel: warning: label %s of %s, member %s: %s\n", l.Fault, l.Group, l.Member, l.Reason); err != nil {
			return err
		}
	}
	return nil
}
