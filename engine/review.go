package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// leastSeen is how many recorded values tell where the middle 99.8 % of a
	// reading lies: with fewer, the smallest and the largest are no bounds.
	leastSeen = 100
	rareShare = 0.001 // on each side
)

// Review returns what recorded facts make doubtful about the rules of a version
// that [Survey] finds right: alarms to which no rule applies (W13), and bounds
// outside what 99.8 % of the recorded values are (W14). Facts are decided upon
// one by one, each as the first of its group.
//
// Cost: some 10 µs a fact, and 8 bytes for each reading of each fact. Errors are
// those of [Compile], or of a fact that is not valid.
func Review(rules []Source, allow Allow, recorded []facts.Fact) (Errors, error) {
	p, err := Compile("review", rules, allow)
	if err != nil {
		return nil, err
	}
	trees, errs := growAll(rules, constantsOf(allow.Parameters), allow.Derived)
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	seen := newSeenValues(trees)
	gap := uncovered{}
	for _, f := range recorded {
		id, err := f.ID()
		if err != nil {
			return nil, fmt.Errorf("engine: review: %w", err)
		}
		m := NewMemory(f.Env, f.Group, Observe)
		if _, err := m.Apply(f, id); err != nil {
			return nil, fmt.Errorf("engine: review: %w", err)
		}
		d, err := p.Decide(f.Time.Time, m)
		if err != nil {
			return nil, err
		}
		gap.count(&f, id, &d)
		seen.read(situation{now: f.Time.Time, fact: &f, mem: m})
	}
	var out Errors
	for _, t := range trees {
		out = append(out, seen.judge(t)...)
	}
	out = append(out, gap.report(trees)...)
	_ = out.sorted()
	return out, nil
}

// uncovered counts the alarms of members to which no rule applies.
type uncovered struct {
	alarms, missed int
	first          string // id of the first
}

func (g *uncovered) count(f *facts.Fact, id string, d *Decision) {
	if f.Kind != facts.Imbalance || f.State != facts.Alarm {
		return
	}
	g.alarms++
	if len(d.Matched) > 0 {
		return
	}
	if g.missed++; g.missed == 1 {
		g.first = id
	}
}

// report has one finding for all: it is about what the rules leave out, so its
// place is the last rule, after which nothing follows.
func (g *uncovered) report(trees []*tree) Errors {
	if g.missed == 0 || len(trees) == 0 {
		return nil
	}
	last := trees[len(trees)-1]
	return Errors{last.err(last.at(1), w13,
		fmt.Sprintf("no rule applies to %d of %d recorded alarms, the first is %s", g.missed, g.alarms, g.first),
		"write a rule for them, or one that tells a human")}
}

// threshold is a comparison of one reading with a number.
type threshold struct {
	reading string
	word    *Word
	metric  string // of a method
	at      float64
}

// threshold returns what a comparison compares with which number; false when it
// is of another kind.
func (t *tree) threshold(x *term) (threshold, bool) {
	if !x.compares() || t.isTextual(x.kids[0]) || t.isTextual(x.kids[1]) {
		return threshold{}, false
	}
	s := t.sum(x.kids[0])
	s.add(t.sum(x.kids[1]), -1)
	if len(s.of) != 1 {
		return threshold{}, false
	}
	var b threshold
	x.visit(func(y *term) {
		w := t.word(y.name)
		if w == nil || s.of[t.spelled(y)] == 0 || y.op != isWord && w.method == nil {
			return
		}
		b.reading, b.word, b.at = t.spelled(y), w, -s.offset/s.of[t.spelled(y)]
		if w.method != nil {
			b.metric = y.kids[0].name
		}
	})
	return b, b.word != nil
}

// seenValues holds what every reading of a fact that a rule compares was in the
// recorded facts. What C remembers of a group, a fact by itself does not tell.
type seenValues struct {
	of     map[string]threshold
	values map[string][]float64
	sorted bool
}

func newSeenValues(trees []*tree) *seenValues {
	v := &seenValues{of: map[string]threshold{}, values: map[string][]float64{}}
	for _, t := range trees {
		t.when.visit(func(x *term) {
			if b, ok := t.threshold(x); ok && strings.HasPrefix(b.word.Name, "F.") {
				v.of[b.reading] = b
			}
		})
	}
	return v
}

func (v *seenValues) read(s situation) {
	for key, b := range v.of {
		var got value
		if b.word.field != nil {
			got = b.word.field(&s)
		} else {
			i := slices.IndexFunc(s.fact.Effect, func(e facts.Effect) bool { return e.Metric == b.metric })
			if i < 0 {
				continue
			}
			got = b.word.method(&s.fact.Effect[i])
		}
		if got.known {
			v.values[key] = append(v.values[key], got.n)
		}
	}
}

// judge reports the bounds of a rule that next to no recorded value crosses.
func (v *seenValues) judge(t *tree) Errors {
	if !v.sorted {
		for _, values := range v.values {
			slices.Sort(values)
		}
		v.sorted = true
	}
	var out Errors
	t.when.visit(func(x *term) {
		b, ok := t.threshold(x)
		values := v.values[b.reading]
		if !ok || len(values) < leastSeen {
			return
		}
		n := float64(len(values))
		low, high := values[int(math.Floor(rareShare*n))], values[int(math.Ceil((1-rareShare)*n))-1]
		if b.at < low || b.at > high {
			out = append(out, t.err(t.at(x.from), w14,
				fmt.Sprintf("%s: 99.8 %% of %d recorded values of %s lie from %.6g to %.6g", t.spelled(x), len(values), b.reading, low, high),
				"a bound that nothing crosses decides nothing: check its unit"))
		}
	})
	return out
}
