package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// print shows a change to somebody who is about to answer it: who wants it and
// why, what is different from what is live, what was found about it, and what
// the gate says. All of it is escaped.
func (k *changeCase) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, escapeLine(fmt.Sprintf(format, args...)))
	}
	p := k.proposal
	line("proposal", "%s", k.digest)
	line("why", "%s", p.Field("why"))
	line("ticket", "%s", p.Field("ticket"))
	line("author", "%s; others who wrote parts: %s", who(k.register, p.Field("author")), p.Field("contributors"))
	line("kind", "%s", p.Field("kind"))
	line("environment", "%s", p.Field("env"))
	line("bundle", "%s, %d files, pack %s, mode %s; computed from the files", p.Field("bundle"), len(k.papers.bundle), k.pack.Name, k.pack.Mode)
	line("in place of", "%s, as sequence %s", p.Field("parent"), p.Field("seq"))
	line("rollout", "%s", k.rollout())
	line("in time", "from %s to %s", p.Field("not-before"), p.Field("expires"))
	line("back", "one person may go back within %s", p.Field("rollback-window"))
	line("evidence", "%s", k.evidence())
	line("signed by", "%s", k.signers())
	for i, reason := range k.verdict.Reasons {
		heading := ""
		if i == 0 {
			heading = "open"
		}
		line(heading, "%s", reason)
	}
	for _, text := range k.papers.later {
		if s, err := knowledge.ParseStatement(text.Text); err == nil {
			line("later", "%s by %s at %s: %s", cmp.Or(s.Field("decision"), string(s.Kind)), s.Field("person"), s.Field("time"), cmp.Or(s.Field("why"), s.Field("meaning")))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if k.dossier != nil {
		if err := printDossier(w, k.dossier); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	if p.Field("parent") == "none" {
		_, err := fmt.Fprint(w, "nothing is live: all of it is new\n\n")
		return err
	}
	if k.parent == nil {
		_, err := fmt.Fprintf(w, "what it would replace is not here to be compared with: %s\n\n", p.Field("parent"))
		return err
	}
	d, err := diffPacks(k.parent, &packBytes{k.pack, "proposed", k.papers.bundle})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, d.text()+"\n")
	return err
}

// signers says whose signatures count.
func (k *changeCase) signers() string {
	if k.verdict.Proposal != k.digest {
		return "nobody whose signature counts now"
	}
	return strings.Join(append([]string{k.proposal.Field("author") + " (author)"}, k.verdict.Approvers...), ", ")
}

// who returns a person's id and printed name.
func who(r *knowledge.Register, id string) string {
	if p, ok := r.Person(id); ok {
		return id + ", " + p.Name
	}
	return id + ", not in the register"
}

// rollout says which groups join when.
func (k *changeCase) rollout() string {
	var parts []string
	after := time.Duration(0)
	for _, s := range k.proposal.Rollout() {
		groups := "nothing is sent"
		switch {
		case s.Name == "all":
			groups = "every group"
		case s.Name != "shadow":
			for _, ring := range k.pack.Rings {
				if ring.Name == s.Name {
					groups = strings.Join(ring.Groups, " ")
				}
			}
		}
		parts = append(parts, fmt.Sprintf("%s after %s (%s)", s.Name, span(after), groups))
		after += s.Dwell
	}
	return strings.Join(parts, ", ")
}

// evidence says whether the dossier is here.
func (k *changeCase) evidence() string {
	if k.dossier == nil {
		return k.proposal.Field("evidence") + ", which is not here: read it where it is kept, and compare its digest"
	}
	return k.proposal.Field("evidence") + ", computed from the dossier"
}
