package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts/rival"
)

// interpretation says in which metrics a stretch of labelled ticks shows, both
// ends included and counted from the first tick that has labels.
type interpretation struct {
	from, to int
	metrics  []string
}

// readASDSeries reads the Application Server Dataset with its interpretations,
// interpretation_omi-I.txt.
func readASDSeries(dir string) (rival.Series, error) {
	d, err := asdDataset(dir)
	if err != nil {
		return rival.Series{}, err
	}
	known := map[string][]interpretation{}
	for _, m := range d.members {
		var i int
		if _, err := fmt.Sscanf(m.name, "omi-%d", &i); err != nil {
			return rival.Series{}, fmt.Errorf("detect: member %s: %w", m.name, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("interpretation_omi-%d.txt", i)))
		if err != nil {
			return rival.Series{}, fmt.Errorf("detect: %w", err)
		}
		if known[m.name], err = parseInterpretations(string(text)); err != nil {
			return rival.Series{}, fmt.Errorf("detect: interpretation of %s: %w", m.name, err)
		}
	}
	return d.series(dir, known), nil
}

// readD2Series reads Dataset2 of JumpStarter, which has no interpretations.
func readD2Series(dir string) (rival.Series, error) {
	d, err := d2Dataset(dir)
	if err != nil {
		return rival.Series{}, err
	}
	return d.series(dir, nil), nil
}

// series turns a dataset into frames and labelled segments, with what is known
// of the metrics of each member's.
func (d *dataset) series(file string, known map[string][]interpretation) rival.Series {
	out := rival.Series{Recording: rival.Recording{File: file, Group: d.name}, From: recordedTime(d.trained)}
	for t := range d.ticks {
		out.Frames = append(out.Frames, d.frame(t))
	}
	for i := range d.members {
		out.Segments = append(out.Segments, d.members[i].segments(d.trained, known[d.members[i].name])...)
	}
	return out
}

// recordedTime is the end of the n-th tick, as in the dataset's frames.
func recordedTime(n int) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(n) * recordedTick) }

// segments returns the stretches of labelled ticks with the metrics of the
// interpretations that they overlap; those count from tick first.
func (r *recorded) segments(first int, known []interpretation) []rival.Segment {
	var out []rival.Segment
	for from := 0; from < len(r.abnormal); from++ {
		if !r.abnormal[from] {
			continue
		}
		to := from
		for to < len(r.abnormal) && r.abnormal[to] {
			to++
		}
		g := rival.Segment{Member: r.name, From: recordedTime(from), To: recordedTime(to)}
		for _, p := range known {
			if first+p.from < to && first+p.to >= from {
				g.Metrics = append(g.Metrics, p.metrics...)
			}
		}
		slices.Sort(g.Metrics)
		g.Metrics = slices.Compact(g.Metrics)
		out = append(out, g)
		from = to
	}
	return out
}

// parseInterpretations reads lines such as "760-765:4,5,7": the first and last
// tick of a stretch and the numbers, from 1, of its metrics.
func parseInterpretations(text string) ([]interpretation, error) {
	var out []interpretation
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var p interpretation
		span, list, _ := strings.Cut(line, ":")
		first, last, _ := strings.Cut(span, "-")
		from, errFrom := strconv.Atoi(first)
		to, errTo := strconv.Atoi(last)
		if err := errors.Join(errFrom, errTo); err != nil || from > to {
			return nil, fmt.Errorf("found %q, want FIRST-LAST:METRIC,METRIC", line)
		}
		p.from, p.to = from, to
		for _, n := range strings.Split(list, ",") {
			k, err := strconv.Atoi(n)
			if err != nil || k < 1 {
				return nil, fmt.Errorf("found metric %q, want a number from 1 on", n)
			}
			p.metrics = append(p.metrics, "m"+strconv.Itoa(k-1)) // as the dataset names its columns
		}
		out = append(out, p)
	}
	return out, nil
}
