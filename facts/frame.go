package facts

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Bounds on what is accepted from outside, each a power of two with room above
// the largest group evenkeel is planned for (10,000 members, 20 metrics).
const (
	MaxMembers   = 16384 // members in a group
	MaxMetrics   = 256   // metrics of a member
	MaxNameBytes = 128   // bytes in the name of a group, member or metric
)

// ErrShape reports a frame whose parts do not fit together.
var ErrShape = errors.New("malformed frame")

// Names of the metrics by which a source tells the standing of a member in the
// balancer. They are membership, not measurements: a detector never scores
// them. They are ordinary metrics so that a recording is complete.
const (
	// MetricAdmin is what a person or a program decided about the member:
	// 0 in service, 1 drained, 2 in maintenance.
	MetricAdmin = "hx_admin"
	// MetricUp is what the balancer's own health check says: 1 up, 0 down.
	MetricUp = "hx_up"
)

// Frame is one reading of a group: every member's metrics at one tick.
type Frame struct {
	Time    time.Time // end of the tick, UTC
	Group   string
	Members []string // sorted, unique
	Metrics []string // sorted, unique; the unit is part of the name

	// Values holds len(Members)×len(Metrics) numbers, one row a member.
	// NaN means that the metric was not seen; it is never written as zero.
	Values []float64
}

// NewFrame returns a frame with every value missing. It keeps members and
// metrics, which must be sorted and unique.
func NewFrame(t time.Time, group string, members, metrics []string) *Frame {
	f := &Frame{Time: t, Group: group, Members: members, Metrics: metrics,
		Values: make([]float64, len(members)*len(metrics))}
	for i := range f.Values {
		f.Values[i] = math.NaN()
	}
	return f
}

// Row returns the values of member i, one for each metric; it shares memory
// with the frame.
func (f *Frame) Row(i int) []float64 {
	return f.Values[i*len(f.Metrics) : (i+1)*len(f.Metrics)]
}

// At returns the value of the named metric of the named member, or NaN when
// either is not in the frame.
func (f *Frame) At(member, metric string) float64 {
	i, ok := slices.BinarySearch(f.Members, member)
	if !ok {
		return math.NaN()
	}
	k, ok := slices.BinarySearch(f.Metrics, metric)
	if !ok {
		return math.NaN()
	}
	return f.Values[i*len(f.Metrics)+k]
}

// Check returns an error that wraps [ErrShape] unless the frame is within the
// package's bounds, its names are valid, sorted and unique, and its values have
// the shape and hold no infinity.
func (f *Frame) Check() error {
	if err := CheckName("group", f.Group); err != nil {
		return err
	}
	if err := checkNames("member", f.Members, MaxMembers); err != nil {
		return err
	}
	if err := checkNames("metric", f.Metrics, MaxMetrics); err != nil {
		return err
	}
	return f.CheckValues()
}

// CheckValues is the part of [Frame.Check] that says nothing of names, for a
// frame that has those of one that was checked. It is faster than the rest.
func (f *Frame) CheckValues() error {
	if f.Time.IsZero() {
		return fmt.Errorf("facts: frame of group %q: no time: %w", f.Group, ErrShape)
	}
	if want := len(f.Members) * len(f.Metrics); len(f.Values) != want {
		return fmt.Errorf("facts: frame of group %s: %d values, want %d (%d members × %d metrics): %w",
			f.Group, len(f.Values), want, len(f.Members), len(f.Metrics), ErrShape)
	}
	for i, v := range f.Values {
		if math.Abs(v) > math.MaxFloat64 {
			return fmt.Errorf("facts: frame of group %s: %s of %s is infinite, want a finite number or NaN: %w",
				f.Group, f.Metrics[i%len(f.Metrics)], f.Members[i/len(f.Metrics)], ErrShape)
		}
	}
	return nil
}

// CheckName returns an error unless s can name a group, member or metric:
// 1 to [MaxNameBytes] of ASCII letters, digits and "_-.:/@". what says which of
// them it is, for the error.
func CheckName(what, s string) error {
	if s == "" || len(s) > MaxNameBytes {
		return fmt.Errorf("facts: %s name %.40q has %d bytes, want 1 to %d: %w", what, s, len(s), MaxNameBytes, ErrShape)
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '_', c == '-', c == '.', c == ':', c == '/', c == '@':
		default:
			return fmt.Errorf("facts: %s name %.40q holds %q, want letters, digits and _-.:/@ only: %w", what, s, c, ErrShape)
		}
	}
	return nil
}

func checkNames(what string, names []string, limit int) error {
	if len(names) > limit {
		return fmt.Errorf("facts: %d %ss, want at most %d: %w", len(names), what, limit, ErrShape)
	}
	for i, s := range names {
		if err := CheckName(what, s); err != nil {
			return err
		}
		if i > 0 && names[i-1] >= s {
			return fmt.Errorf("facts: %s %q follows %q, want them sorted and unique: %w", what, s, names[i-1], ErrShape)
		}
	}
	return nil
}
