package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Chain is the versions of a people register, from the first to the one in
// force, each signed by the people of the one before.
type Chain struct {
	Versions []*Register
	Digests  []string // of the versions
}

// ReadChain checks the versions of a people register, of which the first must
// have the digest trust. Version 1 is signed by every key in it. A later one
// names the one before by its digest and is signed by root-threshold root people
// of the version before whom it leaves as they are, by root-threshold root
// people of itself, and by every key that it gives to somebody. One version that
// fails fails the chain: which people are in force is never guessed.
func ReadChain(trust string, texts []SignedText) (*Chain, error) {
	if len(texts) == 0 {
		return nil, errors.New("knowledge: no people register, want version 1, whose digest is trusted")
	}
	if got := TextDigest(texts[0].Text); texts[0].fault == nil && got != trust {
		return nil, fmt.Errorf("knowledge: register %q: digest %s, want the trusted %s", texts[0].Name, got, trust)
	}
	c := &Chain{}
	for _, t := range texts {
		if err := c.add(t); err != nil {
			return nil, fmt.Errorf("knowledge: register %q: %s", t.Name, strings.TrimPrefix(err.Error(), "knowledge: register: "))
		}
	}
	return c, nil
}

// Current returns the last version, which is in force, and its digest.
func (c *Chain) Current() (*Register, string) {
	last := len(c.Versions) - 1
	if last < 0 {
		return nil, ""
	}
	return c.Versions[last], c.Digests[last]
}

func (c *Chain) add(t SignedText) error {
	if t.fault != nil {
		return t.fault
	}
	next, err := ParseRegister(t.Text)
	if err != nil {
		return err
	}
	if want := uint64(len(c.Versions) + 1); next.Version != want {
		return fmt.Errorf("version %d, want %d", next.Version, want)
	}
	before, digest := c.Current()
	if before != nil {
		if err := next.follows(before, digest); err != nil {
			return err
		}
	}
	held, notes := t.signers(registerNamespace, next.allKeys())
	if err := next.signedEnough(before, held); err != nil {
		return errors.New(strings.Join(append([]string{err.Error()}, notes...), "; "))
	}
	c.Versions = append(c.Versions, next)
	c.Digests = append(c.Digests, TextDigest(t.Text))
	return nil
}

const registerNamespace = "register@evenkeel.v1"

func (r *Register) allKeys() []Key {
	var all []Key
	for _, p := range r.People {
		all = append(all, p.Keys...)
	}
	return all
}

func (r *Register) follows(before *Register, digest string) error {
	switch {
	case r.Previous != digest:
		return fmt.Errorf("previous %s, want %s", r.Previous, digest)
	case r.ID != before.ID:
		return fmt.Errorf("id %s, want %s", r.ID, before.ID)
	case r.Time.Before(before.Time):
		return fmt.Errorf("time %s, want %s or later, when the version before was made", formatTime(r.Time), formatTime(before.Time))
	}
	return nil
}

// signedEnough returns an error unless the keys whose signatures hold can put r
// in the place of before, which is nil for version 1.
func (r *Register) signedEnough(before *Register, held []Key) error {
	signed := func(k Key) bool { return slices.ContainsFunc(held, k.equal) }
	own, old := uint64(0), uint64(0)
	for _, p := range r.People {
		was := Person{}
		if before != nil {
			was, _ = before.Person(p.ID)
		}
		for _, k := range p.Keys {
			if !was.owns(k) && !signed(k) {
				return fmt.Errorf("a new key of %s has not signed, want proof that somebody holds it", p.ID)
			}
		}
		if !slices.ContainsFunc(p.Keys, signed) {
			continue
		}
		if p.Has("root") {
			own++
		}
		if was.Has("root") && was.same(p) {
			old++
		}
	}
	if own < r.RootThreshold {
		return fmt.Errorf("signed by %d of its root people, want %d", own, r.RootThreshold)
	}
	if before != nil && old < before.RootThreshold {
		return fmt.Errorf("signed by %d root people of the version before who stay as they were, want %d", old, before.RootThreshold)
	}
	return nil
}
