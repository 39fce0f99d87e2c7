package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/evenkeel/evenkeel/knowledge"
)

// waitReport is something that a person could sign now, and that waits for people.
type waitReport struct {
	About   string `json:"about"`   // one line
	Command string `json:"command"` // by which they sign it, but for who they are
	Digest  string `json:"digest"`
	Kind    string `json:"kind"` // approval or resume
}

// waits returns what waits for the person: changes that lack approvals of which
// theirs would be one, and stops and quarantines that lack their resume.
func (s *site) waits(id string) ([]waitReport, error) {
	out := []waitReport{}
	register, _, err := s.register()
	if err != nil {
		return nil, err
	}
	p, ok := register.Person(id)
	if !ok {
		return nil, &exitError{exitUsage, fmt.Errorf("%q is not in the people register", id), "'evenkeel people show' lists who is"}
	}
	if !p.Has("approver") {
		return out, nil
	}
	for _, c := range s.ledger.Changes(s.now) {
		wrote := append(strings.Split(c.Statement.Field("contributors"), ","), c.Statement.Field("author"))
		if c.Missing > 0 && !slices.Contains(over, c.State) && !slices.Contains(wrote, id) && !slices.Contains(c.Approvers, id) {
			out = append(out, waitReport{c.Statement.Field("author") + ": " + c.Statement.Field("why"), "evenkeel rules approve " + changeID(c.Digest),
				c.Digest, string(knowledge.Approval)})
		}
	}
	resume := func(digest, about string, missing int, resumed []string) {
		if missing > 0 && !slices.Contains(resumed, id) {
			out = append(out, waitReport{about, "evenkeel resume " + changeID(digest), digest, string(knowledge.Resume)})
		}
	}
	for _, x := range s.ledger.Stops() {
		resume(x.Digest, "stop of "+x.Scope+" by "+x.By+": "+x.Why, x.Missing, x.Resumed)
	}
	for _, q := range s.ledger.Quarantines() {
		resume(q.Digest, "rule "+q.Rule+" of group "+q.Group+" is put aside: "+q.Why, q.Missing, q.Resumed)
	}
	return out, nil
}

// printWaits prints what waits for a person. That something does is a condition
// that scripts ask for: it ends with exitUnmet.
func (s *site) printWaits(w io.Writer, output, id string) error {
	list, err := s.waits(id)
	if err != nil {
		return err
	}
	if output == "json" {
		err = printJSON(w, list)
	} else {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, x := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\n", x.Kind, x.Command, escapeLine(x.About))
		}
		err = t.Flush()
	}
	if err == nil && len(list) > 0 {
		err = &exitError{exitUnmet, fmt.Errorf("%s for %s to sign, or to reject", count(len(list), "paper"), id), ""}
	}
	return err
}
