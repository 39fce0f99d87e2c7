package main

import (
	"context"
	"io"
	"slices"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/rival"
)

// compare judges the recordings with the detectors and with the methods that
// others use, and prints how they fared.
func (s *detectSession) compare(ctx context.Context, stdout, stderr io.Writer) error {
	recordings, err := s.wholeRecordings(ctx)
	if err != nil {
		return err
	}
	c, err := rival.Compare(ctx, s.config("recording", nil), recordings, s.truth)
	if err != nil {
		return err
	}
	if err := warnUnborne(stderr, c.Unborne()); err != nil {
		return err
	}
	if s.o.output == "json" {
		return printJSON(stdout, c)
	}
	return c.Print(stdout)
}

// wholeRecordings reads the recordings to be judged and the healthy ones, each
// once.
func (s *detectSession) wholeRecordings(ctx context.Context) ([]rival.Recording, error) {
	var out []rival.Recording
	files := slices.Clone(s.files)
	for _, h := range s.healthy {
		if !slices.ContainsFunc(files, func(f string) bool { return sameFile(f, h.file) }) {
			files = append(files, h.file)
		}
	}
	for n, file := range files {
		var groups []rival.Recording
		err := eachFrame(ctx, file, func(f *facts.Frame) error {
			groups = rival.Collect(groups, file, f)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, r := range groups {
			r.Judged, r.Calibrates = n < len(s.files), s.teaches(file, r.Group)
			out = append(out, r)
		}
	}
	return out, nil
}

// teaches reports whether the group of the file is one of those that health was
// learnt from.
func (s *detectSession) teaches(file, group string) bool {
	return slices.ContainsFunc(s.healthy, func(h healthyRun) bool { return h.group == group && sameFile(h.file, file) })
}
