package main

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

func TestStatusSaysWhatWaitsForAPerson(t *testing.T) {
	d := newDesktop(t)
	waits := func(code int, want, person string) {
		t.Helper()
		d.run(t, code, want, "rules", "status", "-c", d.config, "--waits-for", person)
	}
	waits(exitDone, "", "ben")
	waits(exitUsage, "not in the people register", "mallory")
	d.clock = time.Now().UTC().Truncate(time.Second)
	p := d.proposal(t, d.pack(t, "the first"), nil)
	d.take(t, p)
	approve := "approval  evenkeel rules approve " + changeID(knowledge.TextDigest(p.statements[0].Text)) + "  ana: a better threshold"
	waits(exitDone, "", "ana") // who wrote it
	waits(exitUnmet, approve, "ben")
	d.take(t, d.answer(t, "ben", "approve", p))
	waits(exitDone, "", "ben")
	waits(exitUnmet, "1 paper for cleo", "cleo")
	stop, digest := d.stop(t, "ana", "group/web-a")
	d.take(t, stop)
	d.aside(t, "web-b", "slow_member", "h1:configured")
	waits(exitUnmet, "evenkeel resume "+changeID(digest)+"  stop of group/web-a by ana: it drains too much", "ben")
	waits(exitUnmet, "rule slow_member of group web-b is put aside", "ana")
	d.take(t, d.resume(t, "ben", digest))
	waits(exitUnmet, "1 paper for ben", "ben")
	waits(exitUnmet, "3 papers for cleo", "cleo")
	d.run(t, exitUsage, "answered from the log", "rules", "status", "--from", "http://127.0.0.1:1", "--waits-for", "ana")
}
