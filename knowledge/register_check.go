package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxRegisterLife forces somebody to look at who may do what at least once a
// year, a leap year included.
const maxRegisterLife = 366 * 24 * time.Hour

// floorPeople is the fewest people who approve a change or sign a register. It
// is compiled in: no register, flag or file lowers it.
const floorPeople = 2

// check returns an error unless under r it takes two people to start anything,
// and one lost key stops nobody but its owner.
func (r *Register) check() error {
	life := r.Expires.Sub(r.Time)
	switch {
	case r.Version == 0:
		return errors.New("version 0, want 1 or more")
	case (r.Version == 1) != (r.Previous == "-"):
		return fmt.Errorf("version %d with previous %s, want - in version 1 and nowhere else", r.Version, r.Previous)
	case life <= 0 || life > maxRegisterLife:
		return fmt.Errorf("holds for %v, want more than nothing and at most %v", life, maxRegisterLife)
	case r.RootThreshold < floorPeople:
		return fmt.Errorf("root-threshold %d, want at least %d", r.RootThreshold, floorPeople)
	case len(r.Policies) == 0:
		return errors.New("no environment, want at least one")
	case r.holders("root") < r.RootThreshold:
		return fmt.Errorf("%d people hold the role root, want at least root-threshold, %d", r.holders("root"), r.RootThreshold)
	}
	for i, p := range r.Policies {
		if slices.ContainsFunc(r.Policies[:i], func(q Policy) bool { return q.Env == p.Env }) {
			return fmt.Errorf("environment %s stands twice", p.Env)
		}
		if p.Approvals < floorPeople {
			return fmt.Errorf("environment %s: approvals=%d, want at least %d", p.Env, p.Approvals, floorPeople)
		}
		if n := r.holders("approver"); n <= p.Approvals {
			return fmt.Errorf("environment %s: %d approvers for approvals=%d, want at least one more, so that a lost key locks nobody out",
				p.Env, n, p.Approvals)
		}
	}
	return r.checkPeople()
}

// checkPeople returns an error unless each person has a place and keys of their
// own: a key that two people held would let one of them count as two.
func (r *Register) checkPeople() error {
	owner := map[string]string{}
	for i, p := range r.People {
		if i > 0 && r.People[i-1].ID >= p.ID {
			return fmt.Errorf("person %s follows %s, want people sorted by id, each once", p.ID, r.People[i-1].ID)
		}
		if len(p.Keys) == 0 {
			return fmt.Errorf("person %s has no key, want at least one", p.ID)
		}
		for j, k := range p.Keys {
			if j > 0 && p.Keys[j-1].String() >= k.String() {
				return fmt.Errorf("keys of %s, want them sorted, each once", p.ID)
			}
			material, err := k.material()
			if err != nil {
				return fmt.Errorf("person %s: %w", p.ID, err)
			}
			if other, taken := owner[string(material)]; taken {
				return fmt.Errorf("person %s has a key that %s has too, in this or another wrapping", p.ID, other)
			}
			owner[string(material)] = p.ID
		}
	}
	return nil
}
