package sim

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind names what goes wrong in the fleet, or only looks as if it did.
type Kind string

// The kinds. From Empty to Flap one member is at fault until it is healed; its
// /health stays green all the while. From Surge on nothing is wrong with any
// one member, and nobody should act on one.
const (
	None    Kind = "none"    // all is well
	Empty   Kind = "empty"   // answers 200 at once, with an empty body: a black hole
	Err     Kind = "err"     // answers 500 at once
	Drop    Kind = "drop"    // reads the request and closes the connection
	Hang    Kind = "hang"    // reads the request and never answers
	Hollow  Kind = "hollow"  // right status after the right time, dependency not called, body empty
	Partial Kind = "partial" // does a share of its requests as Empty does
	Slow    Kind = "slow"    // takes longer over everything, by a factor
	Hog     Kind = "hog"     // a neighbour takes the processor: the computing takes longer, by a factor
	Flap    Kind = "flap"    // Empty for FlapPeriod, well for FlapPeriod, and so on

	Surge      Kind = "surge"      // the clients send more, by a factor
	Restart    Kind = "restart"    // one member is gone for RestartGap, then cold for ColdStart
	Dependency Kind = "dependency" // the shared dependency answers later to all, by a factor
)

// Times that belong to a kind. They are those of the recorded traces that the
// detector was tuned on.
const (
	FlapPeriod = 20 * time.Second
	RestartGap = 2500 * time.Millisecond
	ColdStart  = 10 * time.Second // the factor falls in a straight line from coldFactor to 1
	coldFactor = 2.0
)

// kinds holds every kind with its default size: 0 where it has none.
var kinds = []struct {
	kind Kind
	size float64
}{
	{None, 0}, {Empty, 0}, {Err, 0}, {Drop, 0}, {Hang, 0}, {Hollow, 0},
	{Partial, 0.3}, {Slow, 5}, {Hog, 3}, {Flap, 0},
	{Surge, 1.6}, {Restart, 0}, {Dependency, 4},
}

// maxFactor bounds a size: beyond it every request would only time out.
const maxFactor = 100

// Fault is a kind and how much of it.
type Fault struct {
	Kind Kind
	Size float64 // Partial: share of requests, 0 to 1; Slow, Hog, Surge, Dependency: factor; others: 0
}

// ParseFault reads "empty", or "partial=0.1" where the kind has a size; without
// one it has its default: partial 0.3, slow 5, hog 3, surge 1.6, dependency 4.
func ParseFault(s string) (Fault, error) {
	name, size, sized := strings.Cut(s, "=")
	for _, k := range kinds {
		if string(k.kind) != name {
			continue
		}
		f := Fault{k.kind, k.size}
		if !sized {
			return f, nil
		}
		v, err := strconv.ParseFloat(size, 64)
		if err != nil || math.IsNaN(v) || v <= 0 || v > maxFactor || k.size == 0 || (f.Kind == Partial && v > 1) {
			return Fault{}, fmt.Errorf("sim: fault %.40q: size %.20q, want %s", s, size, wantedSize(f))
		}
		f.Size = v
		return f, nil
	}
	return Fault{}, fmt.Errorf("sim: fault %.40q, want one of %s", s, kindNames())
}

func wantedSize(f Fault) string {
	switch {
	case f.Size == 0:
		return "none: " + string(f.Kind) + " has no size"
	case f.Kind == Partial:
		return "a share of requests, above 0 and at most 1"
	}
	return fmt.Sprintf("a factor, above 0 and at most %d", maxFactor)
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k.kind)
	}
	return strings.Join(names, ", ")
}

// String returns what [ParseFault] reads; the size is left out where it is the
// kind's default.
func (f Fault) String() string {
	for _, k := range kinds {
		if k.kind == f.Kind && (f.Size == k.size || f.Size == 0) {
			return string(f.Kind)
		}
	}
	return string(f.Kind) + "=" + strconv.FormatFloat(f.Size, 'g', -1, 64)
}

// Benign reports whether no member is at fault, so that nobody should act on
// one: the kinds None, Surge, Restart and Dependency.
func (f Fault) Benign() bool {
	switch f.Kind {
	case None, Surge, Restart, Dependency:
		return true
	}
	return false
}

// conduct is how a member treats one request.
type conduct struct {
	kind       Kind    // None: works as it should; else Empty, Err, Drop, Hang or Hollow
	cpu        float64 // factor on the computing
	dependency float64 // factor on the call to the dependency
	neighbour  float64 // share of the processor that somebody else takes
}

// hogShare is what the neighbour of a hogged member takes of its processor.
const hogShare = 0.75

// conduct returns how a member with the fault f treats a request that comes
// since after the onset; u is uniform in [0, 1) and decides what is left to
// chance.
func (f Fault) conduct(since time.Duration, u float64) conduct {
	c := conduct{kind: None, cpu: 1, dependency: 1}
	switch f.Kind {
	case Empty, Err, Drop, Hang, Hollow:
		c.kind = f.Kind
	case Partial:
		if u < f.Size {
			c.kind = Empty
		}
	case Flap:
		if (since/FlapPeriod)%2 == 0 {
			c.kind = Empty
		}
	case Slow:
		c.cpu, c.dependency = f.Size, f.Size
	case Hog:
		c.cpu, c.neighbour = f.Size, hogShare
	}
	return c
}
