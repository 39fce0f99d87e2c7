package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/knowledge"
)

// settled are the states of changes that make no other one stale any more.
var settled = append([]string{"live", "standby", "breakglass"}, over...)

// rivals tells whoever is about to propose which changes are under way: of those
// that name the same parent one can go live, and the others are stale then. A
// standby goes live by break-glass alone, and is in nobody's way.
func (s *site) rivals(w io.Writer, kind string) {
	if kind == "standby" {
		return
	}
	for _, c := range s.ledger.Changes(s.now) {
		if slices.Contains(settled, c.State) || c.Statement.Field("kind") == "standby" {
			continue
		}
		state := c.State
		if c.Stage != "" && c.Stage != c.State {
			state += " " + c.Stage
		}
		fmt.Fprintf(w, "note    change %s by %s is under way (%s): when it goes live yours is stale, and has to be proposed and approved again\n",
			changeID(c.Digest), c.Statement.Field("author"), state)
	}
}

// ended refuses an answer to a change that has ended, before anybody signs it.
func (s *site) ended(digest string) error {
	c, err := s.change(digest)
	if err != nil || !slices.Contains(over, c.State) {
		return err
	}
	return &exitError{exitRefused, fmt.Errorf("change %s is %s: %s", changeID(c.Digest), c.State, strings.Join(c.Reasons, "; ")), staleHint(c)}
}

// staleHint says how a change that is stale is proposed anew, "" for others.
func staleHint(c knowledge.Change) string {
	if c.State != "stale" {
		return ""
	}
	id := changeID(c.Digest)
	return fmt.Sprintf("propose it again on what is live now: evenkeel rules export %s change-%s && evenkeel rules propose change-%s/bundle --why TEXT", id, id[:8], id[:8])
}
