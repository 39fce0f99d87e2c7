package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// What numbers that are read may be.
func notNaN(v float64) bool    { return !math.IsNaN(v) }
func finite(v float64) bool    { return notNaN(v) && !math.IsInf(v, 0) }
func notBelow0(v float64) bool { return finite(v) && v >= 0 }
func above0(v float64) bool    { return finite(v) && v > 0 }

// numbers returns an error unless there are n of them, each as wanted.
func numbers[T float32 | float64](what string, p []T, n int, want func(T) bool) error {
	if len(p) != n {
		return fmt.Errorf("%s: %d numbers, want %d", what, len(p), n)
	}
	for i, v := range p {
		if !want(v) {
			return fmt.Errorf("%s: number %d is %v", what, i, v)
		}
	}
	return nil
}

// count returns an error unless n can be a count.
func count(what string, n int) error {
	if n < 0 || n > maxCount {
		return fmt.Errorf("%s: count %d, want 0 to %d", what, n, maxCount)
	}
	return nil
}

// check returns an error unless there are d cells, or none if that is allowed.
func (c cells) check(d int, none bool) error {
	if none && len(c) == 0 {
		return nil
	}
	if err := numbers("cells", c, cellNumbers*d, finite); err != nil {
		return err
	}
	for k := range d {
		if !(c.cell(k).inverse > 0) {
			return fmt.Errorf("cell %d: scale is not above 0", k)
		}
	}
	return nil
}

// check returns an error unless l is a law over some of the features, for the
// windows.
func (l *lawState) check(features []string, windows []int) error {
	d := len(l.Features)
	switch {
	case d == 0 || d > len(features) || slices.Contains(indexOf(l.Features, features), -1) || distinct("feature", l.Features) != nil:
		return fmt.Errorf("law of %d features, want some of the %d", d, len(features))
	case len(windows) == 0 || len(windows) > maxWindows || !slices.Equal(l.Windows, windows) || len(l.Forms) != len(windows):
		return fmt.Errorf("law for windows %v with %d forms, want %v", l.Windows, len(l.Forms), windows)
	case len(l.Gaps) != d || slices.ContainsFunc(l.Gaps, func(ticks int) bool { return ticks < 0 || ticks > maxCount }):
		return fmt.Errorf("law with gaps of %v ticks, want one a feature, 0 or more", l.Gaps)
	}
	for i, w := range windows {
		if w < 1 || w > maxWindow || i > 0 && w <= windows[i-1] {
			return fmt.Errorf("law for windows %v, want them ascending, from 1 to %d", windows, maxWindow)
		}
	}
	score := func(v float32) bool { return finite(float64(v)) }
	err := errors.Join(numbers("ranks", l.Ranks, d*rankSteps, score), numbers("z99", l.Z99, d, func(v float64) bool { return v >= 1 && finite(v) }))
	for _, f := range l.Forms {
		err = errors.Join(err, numbers("inverse", f.Inverse, d*(d+1)/2, finite), numbers("root", f.Root, rootLength(d), finite), numbers("typical", f.Typical, 1, above0))
	}
	return err
}

// rootLength is the length of quadratic.root for d features.
func rootLength(d int) int {
	n := (d + rootRows - 1) / rootRows // rows of tiles
	return n*(n-1)/2*fullTile + n*diagonalTile
}
