package main

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

func TestOfTwoChangesOneIsStale(t *testing.T) {
	d := newDesktop(t)
	d.clock = time.Now().UTC().Truncate(time.Second).Add(-30 * time.Second)
	s := &site{ledger: d.governor.ledger, store: d.governor.store, now: d.clock}
	rivals := func(kind string) string {
		var out strings.Builder
		s.rivals(&out, kind)
		return out.String()
	}
	if got := rivals("change"); got != "" {
		t.Errorf("with no change under way it says %q", got)
	}
	second := d.proposal(t, d.pack(t, "the second"), nil)
	d.take(t, second)
	if got := rivals("change"); !strings.Contains(got, "by ana is under way (proposed)") || strings.Count(got, "\n") != 1 || rivals("standby") != "" {
		t.Errorf("of a change under way it says %q, of a standby %q", got, rivals("standby"))
	}
	d.live(t, "the first")
	if got := rivals("change"); got != "" {
		t.Errorf("of what is live and what is stale it says %q", got)
	}
	id := changeID(knowledge.TextDigest(second.statements[0].Text))
	d.run(t, exitRefused, "evenkeel rules export "+id, d.by("ben", "rules", "approve", id)...)
	d.run(t, exitDone, "propose it again on what is live now", "rules", "history", id, "-c", d.config)
}
