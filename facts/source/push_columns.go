package source

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// pushColumns gives each metric of the frame a slot, for as long as a member
// has values of it.
type pushColumns struct {
	names  map[string]string // OTLP name → name in the frame; empty: all
	limit  int
	bySlot []pushColumn
	byName map[string]int // slot, by name in the frame
}

// pushColumn is one metric of the frame. A free one has no series.
type pushColumn struct {
	name    string // in the frame
	from    string // OTLP name
	counter bool
	series  int // of all members, and requests under way
}

func newPushColumns(names map[string]string, limit int) pushColumns {
	return pushColumns{names: names, limit: limit, byName: map[string]int{}}
}

// wanted reports whether the metric of the given OTLP name is read.
func (c *pushColumns) wanted(name string) bool {
	return len(c.names) == 0 || c.names[name] != ""
}

// slot returns the slot of a metric: its OTLP name and unit, whether it is a
// counter, and the suffix that tells the two counts of a histogram apart. It
// holds the slot for the caller, who must release it.
func (c *pushColumns) slot(from, unit string, counter bool, suffix string) (int, error) {
	name := c.names[from]
	if name == "" {
		name = frameName(from, unit, counter)
	}
	name += suffix
	if i, ok := c.byName[name]; ok && c.bySlot[i].series > 0 {
		switch col := c.bySlot[i]; {
		case col.from != from:
			return 0, fmt.Errorf("it is %s in the frame, as %.100s is: want different names", name, col.from)
		case col.counter != counter:
			return 0, fmt.Errorf("it is a %s here, and a %s when first seen: want one kind on all members", kindName(counter), kindName(col.counter))
		}
		c.hold(i)
		return i, nil
	}
	if err := facts.CheckName("metric", name); err != nil {
		return 0, err
	}
	i, err := c.free(name)
	if err != nil {
		return 0, err
	}
	c.bySlot[i] = pushColumn{name: name, from: from, counter: counter}
	c.byName[name] = i
	c.hold(i)
	return i, nil
}

// free returns a slot that nobody holds: the one that had the name before, if
// there is one.
func (c *pushColumns) free(name string) (int, error) {
	i, ok := c.byName[name]
	if !ok {
		i = slices.IndexFunc(c.bySlot, func(col pushColumn) bool { return col.series == 0 })
	}
	switch {
	case i >= 0:
		delete(c.byName, c.bySlot[i].name)
		return i, nil
	case len(c.bySlot) < c.limit:
		c.bySlot = append(c.bySlot, pushColumn{})
		return len(c.bySlot) - 1, nil
	}
	return 0, errTooManyMetrics
}

var errTooManyMetrics = errors.New("it is one metric too many for the group: name those that are wanted")

// hold counts a series of the column in slot, and release discounts one.
func (c *pushColumns) hold(slot int)    { c.bySlot[slot].series++ }
func (c *pushColumns) release(slot int) { c.bySlot[slot].series-- }

// sorted returns the names in the frame, in order, and where in it each slot is.
func (c *pushColumns) sorted() (names []string, at []int) {
	names, at = slices.Sorted(maps.Keys(c.byName)), make([]int, len(c.bySlot))
	for k, name := range names {
		at[c.byName[name]] = k
	}
	return names, at
}

// unitWords are the units that OTLP names by UCUM symbols, as Prometheus names
// them.
var unitWords = map[string]string{
	"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
	"By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "kBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes",
	"m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent",
}

// frameName returns the name that a metric has in the frame unless another is
// configured: that of the OpenTelemetry specification's translation to
// Prometheus, without the _total of counters.
//
// Source: OpenTelemetry, "Prometheus and OpenMetrics Compatibility".
func frameName(from, unit string, counter bool) string {
	name := strings.Map(func(r rune) rune {
		if r == ':' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, from)
	for strings.Contains(name, "__") {
		name = strings.ReplaceAll(name, "__", "_")
	}
	if counter {
		name = strings.TrimSuffix(name, counterSuffix)
	}
	word := unitWords[unit]
	if unit == "1" && !counter {
		word = "ratio"
	}
	if word == "" || strings.HasSuffix(name, "_"+word) {
		return name
	}
	return name + "_" + word
}
