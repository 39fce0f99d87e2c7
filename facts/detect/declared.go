package detect

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// Form says what kind of number a declared [Feature] is, and with it how its
// noise depends on the number of requests behind it (see Features in the
// package documentation).
type Form string

// The forms. Those with a denominator need Per; the others have none, but for
// FormPlain, which may.
const (
	FormRate   Form = "rate"   // events per second: counted per weight, as a logarithm
	FormLevel  Form = "level"  // things at hand, such as requests in flight: as a logarithm
	FormAmount Form = "amount" // something per request, such as bytes: Of over Per, drawn to the group's own, as a logarithm
	FormShare  Form = "share"  // share of requests, 0 to 1: Of over Per, drawn to the group's own
	FormTime   Form = "time"   // a mean time of requests, which Per counts: as a logarithm, missing when there were none
	FormScale  Form = "scale"  // any other number that grows from zero: as a logarithm
	FormPlain  Form = "plain"  // a number with a scale of its own, such as a utilisation: as it is; with Per: Of over Per
)

// Forms returns all forms in the order of their description.
func Forms() []Form {
	return []Form{FormRate, FormLevel, FormAmount, FormShare, FormTime, FormScale, FormPlain}
}

// form returns the number of f, and whether there is such a form.
func (f Form) form() (form, bool) {
	i := slices.Index(Forms(), f) // in the order of the numbers
	return form(max(i, 0)), i >= 0
}

// Feature declares how a feature of a group is made from its metrics.
type Feature struct {
	Name string // in facts; a feature that would be made by itself under this name is replaced
	Form Form

	// Of are the metrics that are added up, at least one; those that are
	// missing at a tick are left out. They are not scored by themselves.
	Of []string
	// Per are the metrics added up as the denominator: requests, or requests
	// served. They are not scored by themselves either; another feature may
	// be made of them.
	Per []string
	// LessGrowth is a gauge whose growth since the tick before is taken off
	// Per: requests in flight, so that a queue that fills is no loss. Empty:
	// none.
	LessGrowth string
}

// Check returns an error unless f can be made: its name and metrics are names,
// its form is one, and it has a denominator if and only if its form does.
func (f *Feature) Check() error {
	if err := facts.CheckName("feature", f.Name); err != nil {
		return err
	}
	kind, ok := f.Form.form()
	if !ok {
		return fmt.Errorf("feature %s: form %.40q, want one of %q", f.Name, f.Form, Forms())
	}
	ratio := kind == formAmount || kind == formShare || kind == formTime
	switch {
	case len(f.Of) == 0:
		return fmt.Errorf("feature %s: made of no metric, want at least one", f.Name)
	case ratio && len(f.Per) == 0:
		return fmt.Errorf("feature %s: form %s without a denominator, want the metrics that it is per", f.Name, f.Form)
	case !ratio && kind != formPlain && len(f.Per) > 0:
		return fmt.Errorf("feature %s: form %s with a denominator, want none, or one of the forms %s, %s, %s, %s",
			f.Name, f.Form, FormAmount, FormShare, FormTime, FormPlain)
	case f.LessGrowth != "" && len(f.Per) == 0:
		return fmt.Errorf("feature %s: growth of %s to take off, but no denominator to take it off", f.Name, f.LessGrowth)
	}
	seen := map[string]bool{}
	for _, m := range slices.Concat(f.Of, f.Per) {
		if err := facts.CheckName("metric", m); err != nil {
			return fmt.Errorf("feature %s: %w", f.Name, err)
		}
		if seen[m] {
			return fmt.Errorf("feature %s: metric %s stands in it twice, want it once", f.Name, m)
		}
		seen[m] = true
	}
	if f.LessGrowth == "" {
		return nil
	}
	if err := facts.CheckName("metric", f.LessGrowth); err != nil {
		return fmt.Errorf("feature %s: %w", f.Name, err)
	}
	return nil
}

// recipe returns f as a recipe with one alternative.
func (f *Feature) recipe() recipe {
	kind, _ := f.Form.form()
	r := recipe{name: f.Name, form: kind, num: []term{{sum: f.Of}}}
	if len(f.Per) > 0 {
		r.den = []term{{sum: f.Per, lessGrowth: f.LessGrowth}}
	}
	return r
}

// checkFeatures checks what c says about features and cohorts.
func (c *Config) checkFeatures() error {
	if len(c.Features) > facts.MaxMetrics {
		return fmt.Errorf("detect: %d features, want at most %d", len(c.Features), facts.MaxMetrics)
	}
	if c.DeclaredOnly && len(c.Features) == 0 {
		return errors.New("detect: declared features only, but none is declared: want at least one")
	}
	names := map[string]bool{}
	for i := range c.Features {
		f := &c.Features[i]
		if err := f.Check(); err != nil {
			return fmt.Errorf("detect: %w", err)
		}
		if names[f.Name] {
			return fmt.Errorf("detect: feature %s is declared twice, want it once", f.Name)
		}
		names[f.Name] = true
	}
	for _, m := range c.Ignore {
		if err := facts.CheckName("metric", m); err != nil {
			return fmt.Errorf("detect: ignore: %w", err)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(c.Cohorts)) {
		if err := facts.CheckName("member", m); err != nil {
			return fmt.Errorf("detect: cohort %s: %w", c.Cohorts[m], err)
		}
		if err := facts.CheckName("cohort", c.Cohorts[m]); err != nil {
			return fmt.Errorf("detect: cohort of member %s: %w", m, err)
		}
	}
	return nil
}
