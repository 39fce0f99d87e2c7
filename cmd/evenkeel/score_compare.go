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
		first := len(out)
		err := eachFrame(ctx, file, func(f *facts.Frame) error {
			i := slices.IndexFunc(out[first:], func(r rival.Recording) bool { return r.Group == f.Group })
			if i < 0 {
				i = len(out) - first
				out = append(out, rival.Recording{File: file, Group: f.Group, Judged: n < len(s.files), Calibrates: s.teaches(file, f.Group)})
			}
			out[first+i].Frames = append(out[first+i].Frames, f)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// teaches reports whether the group of the file is one of those that health was
// learnt from.
func (s *detectSession) teaches(file, group string) bool {
	return slices.ContainsFunc(s.healthy, func(h healthyRun) bool { return h.group == group && sameFile(h.file, file) })
}
