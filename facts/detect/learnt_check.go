package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on what is read, beside those of a [Config].
const (
	maxFeatures = 4 * facts.MaxMetrics // those declared, and one made of each metric, twice over
	maxReason   = 4096                 // bytes
	maxCount    = 1 << 53              // blocks, epochs and versions
)

// check returns an error unless l can be resumed from: what was found, and
// what is wanted.
func (l *Learnt) check() error {
	for _, f := range []func() error{l.checkInfo, l.checkGroup, l.checkMembers, l.checkHistories, l.checkTests, l.checkSlow} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Learnt) checkInfo() error {
	c := Config{Env: l.Env, Group: l.Group, Tick: time.Duration(l.Tick), Epoch: time.Duration(l.Epoch), Windows: l.Windows}
	if l.Tick == 0 || l.Epoch == 0 || l.Windows == nil {
		return errors.New("no tick, epoch or windows, want all three")
	}
	if _, err := c.withDefaults(); err != nil {
		return err
	}
	b := &l.Baseline
	switch {
	case l.Taken.IsZero() || l.Taken.Location() != time.UTC:
		return fmt.Errorf("taken at %v, want a time in UTC", l.Taken)
	case b.Version < 1 || b.Version > maxCount || len(b.Reason) > maxReason || !strings.HasPrefix(b.Digest, "sha256:"):
		return fmt.Errorf("baseline version %d of digest %.80q, want 1 or more and sha256:…", b.Version, b.Digest)
	case len(l.Features) == 0 || len(l.Features) > maxFeatures || len(l.Features) != len(l.state.Features):
		return fmt.Errorf("%d features and %d of their forms, want as many, 1 to %d", len(l.Features), len(l.state.Features), maxFeatures)
	case len(l.Members) > facts.MaxMembers || len(l.Members) != len(l.state.Members):
		return fmt.Errorf("%d members and %d of their states, want as many, at most %d", len(l.Members), len(l.state.Members), facts.MaxMembers)
	case len(l.Tests) != tests || len(l.state.Tests) != tests:
		return fmt.Errorf("%d tests and %d of their histories, want %d", len(l.Tests), len(l.state.Tests), tests)
	}
	return distinct("member", l.Members)
}

// distinct returns an error unless the names are names, and no two are equal.
func distinct(what string, names []string) error {
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if err := facts.CheckName(what, n); err != nil {
			return err
		}
		if seen[n] {
			return fmt.Errorf("%s %s twice, want each once", what, n)
		}
		seen[n] = true
	}
	return nil
}

func (l *Learnt) checkGroup() error {
	s, d := &l.state, len(l.Features)
	for k := range s.Features {
		if f := &s.Features[k]; f.Name != l.Features[k] || f.Form > formPlain {
			return fmt.Errorf("feature %d is %.40q of form %d, want %.40q and at most %d", k, f.Name, f.Form, l.Features[k], formPlain)
		}
	}
	if err := distinct("feature", l.Features); err != nil {
		return err
	}
	if s.Law == nil {
		return errors.New("no law, want one")
	}
	if err := s.Law.check(l.Features, l.Windows); err != nil {
		return err
	}
	if len(s.Cohorts) == 0 || s.Cohorts[0].Name != "" {
		return errors.New("no cohort without a name, want it first")
	}
	for i := range s.Cohorts {
		c := &s.Cohorts[i]
		if i > 0 && c.Name <= s.Cohorts[i-1].Name {
			return fmt.Errorf("cohort %.40q after %.40q, want them sorted", c.Name, s.Cohorts[i-1].Name)
		}
		if err := errors.Join(c.Cells.check(d, true), c.Least.check(d, true)); err != nil || len(c.Cells) != len(c.Least) {
			return fmt.Errorf("cohort %.40q: %w", c.Name, cmpError(err, "other cells than it was fitted with"))
		}
	}
	for i := 0; i < len(s.Shift); i += shiftNumbers / 2 {
		if !(s.Shift[i] >= 0 && s.Shift[i] <= maxCount) {
			return fmt.Errorf("shift after %v ticks", s.Shift[i])
		}
	}
	return errors.Join(
		numbers("floor", s.Floor, d, above0), numbers("ratio", s.Rho, d, notBelow0), numbers("scale", s.Scale, d, notBelow0),
		numbers("creep", s.Creep.Scale, l.began(), notBelow0), numbers("shift", s.Shift, shiftNumbers, finite), count("creep", s.Creep.Seen))
}

// cmpError returns err, or the given one when it is nil.
func cmpError(err error, otherwise string) error {
	if err != nil {
		return err
	}
	return errors.New(otherwise)
}

// began is the number of features that the statistics over blocks know.
func (l *Learnt) began() int {
	return max(1, min(len(l.state.Creep.Scale), len(l.Features)))
}

func (l *Learnt) checkMembers() error {
	d, began, slow := len(l.Features), l.began(), len(l.state.Histories) > 0
	for i := range l.state.Members {
		m := &l.state.Members[i]
		err := errors.Join(m.Cells.check(d, true), m.Anchor.check(d, true), count("drift", m.Blocks))
		if m.Past != nil {
			err = errors.Join(err, m.Past.check(began))
		}
		switch {
		case err != nil:
		case len(m.Cells) != len(m.Anchor):
			err = errors.New("cells without an anchor, or an anchor without cells")
		case len(m.Drift) != 0 && numbers("drift", m.Drift, began, finite) != nil, m.Blocks > 0 && len(m.Drift) == 0:
			err = fmt.Errorf("%d numbers of drift, want %d or none, finite", len(m.Drift), began)
		case len(m.Uptime) != 1 || math.IsInf(m.Uptime[0], 0):
			err = errors.New("no time that it is up, want one")
		case m.Past != nil && !slow:
			err = errors.New("a past without a history")
		case m.Known && len(m.Cells) == 0:
			err = errors.New("known to the baseline and not fitted")
		case !slices.ContainsFunc(l.state.Cohorts, func(c cohortState) bool { return c.Name == m.Cohort }):
			err = fmt.Errorf("cohort %.40q is not there", m.Cohort)
		}
		if err != nil {
			return fmt.Errorf("member %s: %w", l.Members[i], err)
		}
	}
	return nil
}

func (p *pastState) check(d int) error {
	level := func(v float32) bool { return !math.IsInf(float64(v), 0) }
	spread := func(v float32) bool { return v >= 0 && level(v) }
	if p.Known >= 1<<hours {
		return fmt.Errorf("hours %x are known, want %d of them", p.Known, hours)
	}
	return errors.Join(count("past", p.Learnt), count("past", p.Aged), numbers("levels", p.Level, d*hours, level),
		numbers("levels of late", p.Recent, d, level), numbers("spreads", p.Spread, d, spread), numbers("weights", p.Weight, hours, spread))
}

func (l *Learnt) checkHistories() error {
	s, features := &l.state, l.Features[:l.began()]
	if n := len(s.Histories); n != 0 && n != 2 || (n == 2) != (s.Whole != nil) {
		return fmt.Errorf("%d histories, want two and the group's past, or none", n)
	}
	for i := range s.Histories {
		h := &s.Histories[i]
		err := errors.Join(numbers("scale", h.Scale, len(features), notBelow0), count("history", h.Blocks), count("history", h.Version), count("history", h.Learnt))
		if err == nil && h.Law != nil {
			err = h.Law.check(features, h.Law.Windows)
		}
		if err == nil && (h.Stride < 1 || h.Stride > maxCount || (h.Law == nil) != (h.Version == 0) || h.Learnt > h.Version) {
			err = fmt.Errorf("version %d of its law, one run in %d", h.Version, h.Stride)
		}
		if err != nil {
			return fmt.Errorf("history %d: %w", i, err)
		}
	}
	if s.Whole != nil {
		return s.Whole.check(len(features))
	}
	return nil
}

func (l *Learnt) checkTests() error {
	for i := range l.state.Tests {
		if err := l.state.Tests[i].check(); err != nil {
			return fmt.Errorf("test %s: %w", testNames[i], err)
		}
	}
	return nil
}

func (t *testState) check() error {
	m, n := len(t.Whole), 0
	for _, c := range t.Counts {
		if c < 0 || c > facts.MaxMembers {
			return fmt.Errorf("%d cells in an epoch, want at most %d", c, facts.MaxMembers)
		}
		n += c
	}
	switch {
	case m > maxEpochs || len(t.Counts) > m:
		return fmt.Errorf("%d epochs, %d of them with cells, want at most %d", m, len(t.Counts), maxEpochs)
	case len(t.WholeT) != m || len(t.Starts) != m:
		return fmt.Errorf("%d epochs with %d tie-breaks and %d starts, want as many", m, len(t.WholeT), len(t.Starts))
	case len(t.Members) != n || len(t.Peaks) != n || len(t.Ties) != n:
		return fmt.Errorf("%d cells with %d members, %d peaks and %d tie-breaks, want as many", n, len(t.Members), len(t.Peaks), len(t.Ties))
	case len(t.Aside.Starts) > maxEpochs || len(t.Aside.WholeT) != len(t.Aside.Starts):
		return fmt.Errorf("%d epochs were taken out, with %d tie-breaks, want as many, at most %d", len(t.Aside.Starts), len(t.Aside.WholeT), maxEpochs)
	case len(t.Budget.Q) != 1 || !(t.Budget.Q[0] >= -budgetStep && t.Budget.Q[0] <= budgetCeiling+budgetStep):
		return fmt.Errorf("budget %v, want %v to %v", t.Budget.Q, -budgetStep, budgetCeiling+budgetStep)
	case t.Budget.Excesses > t.Budget.Epochs:
		return fmt.Errorf("%d excesses in %d epochs", t.Budget.Excesses, t.Budget.Epochs)
	}
	for _, at := range t.Members {
		if int(at) >= len(t.Names) {
			return fmt.Errorf("cell of member %d, want less than %d", at, len(t.Names))
		}
	}
	for _, name := range t.Names {
		if name != "" && facts.CheckName("member", name) != nil {
			return fmt.Errorf("cells of %.40q, want a member", name)
		}
	}
	return errors.Join(numbers("peaks", t.Whole, m, notBelow0), numbers("peaks of cells", t.Peaks, n, notBelow0),
		numbers("peaks taken out", t.Aside.Whole, len(t.Aside.Starts), notBelow0),
		count("budget", t.Budget.Epochs), count("budget", t.Budget.Excesses))
}

func (l *Learnt) checkSlow() error {
	if len(l.state.Slow) > facts.MaxMembers {
		return fmt.Errorf("evidence against %d members, want at most %d", len(l.state.Slow), facts.MaxMembers)
	}
	for i := range l.state.Slow {
		s := &l.state.Slow[i]
		err := errors.Join(numbers("evidence", s.R, betCount, notBelow0), numbers("reference", s.Reference, min(len(s.Reference), maxReference), notNaN))
		switch {
		case err != nil:
		case i > 0 && s.Member <= l.state.Slow[i-1].Member:
			err = fmt.Errorf("after %.40q, want them sorted", l.state.Slow[i-1].Member)
		case !slices.IsSorted(s.Reference):
			err = errors.New("a reference that is not ascending")
		case slices.Max(s.R) > maxEvidence:
			err = fmt.Errorf("evidence %v, want at most %v", slices.Max(s.R), maxEvidence)
		}
		if err != nil {
			return fmt.Errorf("evidence against %.40q: %w", s.Member, err)
		}
	}
	return nil
}
