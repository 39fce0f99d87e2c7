package knowledge

import (
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// maxAside is how many rules that were put aside a ledger remembers: those of a
// version whose rules fail by the hundred are not looked at one by one.
const maxAside = 1024

// Quarantine is a rule that failed and was put aside in a version, in one group.
// Two people end it by a resume that names the digest of the log's entry, so
// their word is about this rule, group and version, and about no later failure.
type Quarantine struct {
	Digest  string // sha256:… of the bytes of the entry by which it began; names it in a resume
	Group   string
	Rule    string
	Version string // h1: digest of the bundle
	Why     string // it failed the last time
	Since   time.Time
	Resumed []string // sorted ids of the people who asked for its end so far
	Missing int      // more who have to; 0: the engine is to lift it
}

// aside is a quarantine as the ledger keeps it.
type aside struct {
	standing
	group, rule, version string
}

// is reports whether b is the same rule of the same version in the same group.
func (a *aside) is(group, rule, version string) bool {
	return a.group == group && a.rule == rule && a.version == version
}

// Quarantines returns the rules that are put aside, the oldest first: in
// versions that may run now, those of others being moot.
func (l *Ledger) Quarantines() []Quarantine {
	out := []Quarantine{}
	for _, a := range l.asides {
		if l.mayRun(a.version) {
			out = append(out, Quarantine{a.digest, a.group, a.rule, a.version, a.why, a.at, l.resumers(&a.standing), l.missing(&a.standing)})
		}
	}
	return out
}

// mayRun reports whether a group may run the bundle as things stand. As long as
// nothing is live groups run what their configuration names.
func (l *Ledger) mayRun(bundle string) bool {
	if l.glass != nil && l.glass.standby.plan.Field("bundle") == bundle {
		return true
	}
	if c := l.rollout(); c != nil && c.plan.Field("bundle") == bundle {
		return true
	}
	return l.live.Bundle == bundle || l.live.Bundle == none
}

// aside returns the quarantine with the digest, nil when none is known.
func (l *Ledger) aside(digest string) *aside {
	if i := slices.IndexFunc(l.asides, func(a *aside) bool { return a.digest == digest }); i >= 0 {
		return l.asides[i]
	}
	return nil
}

// admitLift judges a resume that names a quarantine.
func (l *Ledger) admitLift(a *aside, s Statement, r receipt) (func(time.Time), error) {
	if !l.mayRun(a.version) {
		return nil, fmt.Errorf("rule %s is put aside in the version %s, which does not run any more", a.rule, a.version)
	}
	return l.admitEnd(&a.standing, s, r)
}

// takeBegun takes in that the engine put a rule aside. It takes two people to
// end that, so nobody is asked to prove it.
func takeBegun(l *Ledger, e audit.Stored, r audit.Record) error {
	var b struct{ Decision, Env, Group, Rule, Version, Why string }
	if err := readBody(e, &b); err != nil {
		return err
	}
	l.asides = slices.DeleteFunc(l.asides, func(a *aside) bool { return a.is(b.Group, b.Rule, b.Version) })
	if len(l.asides) == maxAside {
		moot := slices.IndexFunc(l.asides, func(a *aside) bool { return !l.mayRun(a.version) })
		l.asides = slices.Delete(l.asides, max(moot, 0), max(moot, 0)+1)
	}
	l.asides = append(l.asides, &aside{standing{digest: TextDigest(r.Bytes), by: e.Actor, why: plain(b.Why)[0], at: e.Time, seq: l.seq,
		said: map[string]receipt{}}, b.Group, b.Rule, b.Version})
	return nil
}

// takeLifted takes in that the engine evaluates a rule again.
func takeLifted(l *Ledger, e audit.Stored, _ audit.Record) error {
	var b struct {
		By                                []string
		Env, Group, Reason, Rule, Version string
	}
	if err := readBody(e, &b); err != nil {
		return err
	}
	i := slices.IndexFunc(l.asides, func(a *aside) bool { return a.is(b.Group, b.Rule, b.Version) })
	if i < 0 {
		return fmt.Errorf("rule %.64s of group %.64s is not put aside in %.64s", b.Rule, b.Group, b.Version)
	}
	if missing := l.missing(&l.asides[i].standing); missing > 0 {
		return fmt.Errorf("rule %.64s is lifted, and %d people more have to ask for it", b.Rule, missing)
	}
	l.asides = slices.Delete(l.asides, i, i+1)
	return nil
}
