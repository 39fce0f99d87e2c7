package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// papers are the statements that a register's people have signed, judged under
// one environment's policy.
type papers struct {
	register *Register
	policy   Policy
	kept     []paper  // sorted by digest
	notes    []string // what does not count, and why; sorted
}

// paper is a statement that its signer may make and has signed.
type paper struct {
	Statement
	digest string
}

// sift keeps the statements whose signatures hold, and notes the others.
func sift(r *Register, policy Policy, texts []SignedText) *papers {
	p := &papers{register: r, policy: policy}
	for _, t := range texts {
		if s, err := p.read(t); err != nil {
			p.notes = append(p.notes, fmt.Sprintf("%q does not count: %s", t.Name, strings.TrimPrefix(err.Error(), "knowledge: ")))
		} else {
			p.kept = append(p.kept, paper{s, TextDigest(t.Text)})
		}
	}
	slices.SortFunc(p.kept, func(a, b paper) int { return strings.Compare(a.digest, b.digest) })
	slices.Sort(p.notes)
	return p
}

func (p *papers) read(t SignedText) (Statement, error) {
	if t.fault != nil {
		return Statement{}, t.fault
	}
	s, err := ParseStatement(t.Text)
	if err != nil {
		return Statement{}, err
	}
	// Saying no is the safe direction: no policy on keys hinders it.
	strict := p.policy.Hardware
	switch s.Kind {
	case Proposal:
		return s, p.signed(t, s, s.Field("author"), "author", strict)
	case Approval:
		strict = strict && s.Field("decision") == "approve"
		return s, p.signed(t, s, s.Field("person"), "approver", strict)
	case Withdrawal:
		return s, p.signed(t, s, s.Field("person"), "", false)
	case Rollback:
		return s, p.signed(t, s, s.Field("person"), "approver", strict)
	}
	return Statement{}, fmt.Errorf("the gate has no use for a statement of kind %s", s.Kind)
}

// signed returns an error unless the person, who must hold the role if there is
// one, signed the text with a key of theirs, and the printed name is theirs.
func (p *papers) signed(t SignedText, s Statement, id, role string, hardware bool) error {
	who, ok := p.register.Person(id)
	if !ok {
		return fmt.Errorf("%s is not in the register", id)
	}
	if role != "" && !who.Has(role) {
		return fmt.Errorf("%s does not hold the role %s", id, role)
	}
	if name, has := s.values["name"]; has && name != who.Name {
		return fmt.Errorf("name %q, want %q as the register has it", name, who.Name)
	}
	held, notes := t.signers(s.Kind.Namespace(), who.Keys)
	for _, k := range held {
		if !hardware || k.Hardware() {
			return nil
		}
		notes = append(notes, "signed by a key in software, the policy wants hardware")
	}
	return errors.New(strings.Join(notes, "; "))
}

// yes returns the people whose approval of the proposal counts, sorted, and why
// others' does not. People are counted, never keys or statements. An approval
// counts when it was made between the proposal and the instant end, which both
// clocks may miss by the skew.
func (p *papers) yes(of paper, end instant) (people, uncounted []string) {
	people = []string{}
	for _, a := range p.kept {
		if a.Kind != Approval || a.Field("decision") != "approve" {
			continue
		}
		id := a.Field("person")
		if why := p.no(of, a, end); why != "" {
			uncounted = append(uncounted, "the approval by "+id+" does not count: "+why)
		} else if !slices.Contains(people, id) {
			people = append(people, id)
		}
	}
	slices.Sort(people)
	slices.Sort(uncounted)
	return people, slices.Compact(uncounted)
}

// no says why an approval does not count for the proposal, "" when it does.
func (p *papers) no(of, a paper, end instant) string {
	if a.Field("proposal") != of.digest {
		return "it is for another proposal"
	}
	for _, f := range about {
		if a.Field(f.name) != of.Field(f.name) {
			return fmt.Sprintf("it says %s %s, the proposal %s", f.name, a.Field(f.name), of.Field(f.name))
		}
	}
	contributors, _ := readPeople(of.Field("contributors"))
	switch id, at := a.Field("person"), a.Time("time"); {
	case slices.Contains(contributors, id):
		return id + " wrote a part of the change"
	case id == of.Field("author") && !p.policy.AuthorCounts:
		return id + " is the author"
	case at.After(end.Time.Add(clockSkew)):
		return "it was made at " + formatTime(at) + ", after " + end.name
	case at.Before(of.Time("created").Add(-clockSkew)):
		return "it was made at " + formatTime(at) + ", before the proposal"
	case at.After(of.Time("expires")):
		return "it was made at " + formatTime(at) + ", after the proposal expired"
	}
	return ""
}
