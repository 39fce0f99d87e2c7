package main

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts/bus"
	"github.com/evenkeel/evenkeel/knowledge"
)

var stopTrials = flag.Int("stop-trials", 2, "trials of each way to stop, as in 'go test -run TestStopTakesEffect -v -stop-trials 150 -timeout 1h'")

// TestStopTakesEffect stops a running loop by each way there is, while intents
// come one after the other, and logs how long after the stop was sent none of them
// passes the stop and the approvals any more. Intents that wait or are tried again are
// the matter of TestAStopReachesIntentsOnTheDesk and of package actions.
func TestStopTakesEffect(t *testing.T) {
	file := func(t *testing.T, w *town, _ *parcel) {
		if err := writeWhole(filepath.Join(w.data, stopFile), []byte("by ana: smoke\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inbox := func(t *testing.T, w *town, p *parcel) { w.drop(t, "stop-"+randomID(), p) }
	lone := func(t *testing.T, w *town, p *parcel) {
		s := p.statements[0]
		for name, text := range map[string][]byte{s.Name: s.Text, s.Name + ".ana.sig": s.Signatures[0]} {
			if err := os.WriteFile(filepath.Join(w.data, inboxDir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	console := func(t *testing.T, w *town, p *parcel) {
		if status, answer := w.post(t, archiveMedia, packed(t, p)); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	onBus := func(t *testing.T, w *town, p *parcel) {
		b := packed(t, p)
		if err := w.loop.bus.PublishPaper(t.Context(), "stop", strings.TrimPrefix(knowledge.TextDigest(b), "sha256:"), b); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		down bool // the broker
		send func(t *testing.T, w *town, p *parcel)
	}{
		{"by the file", false, file},
		{"by a parcel in the inbox", false, inbox},
		{"by a lone paper in the inbox", false, lone},
		{"to the console", false, console},
		{"on the bus", false, onBus},
		{"by the file, the broker down", true, file},
		{"by a parcel in the inbox, the broker down", true, inbox},
		{"to the console, the broker down", true, console},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &town{office: newOffice(t), fleet: newFleet(), data: t.TempDir()}
			w.take(t, &parcel{registers: []knowledge.SignedText{w.register}})
			w.fleet.pause = 20 * time.Millisecond
			var b *broker
			if tt.down {
				b = newBroker(t)
			}
			w.loop, w.story, w.end = testLoop(t, w.fleet, func(c *loopConfig) {
				if c.Data, c.Env, c.Trust = w.data, "fra1", w.trust; tt.down {
					c.Bus = bus.Config{URL: b.url()}
				}
			})
			digest := w.activate(t)
			if tt.down {
				b.kill(t)
				t.Cleanup(func() { b.start(t) }) // it is killed again at the end
			}
			took := make([]time.Duration, *stopTrials)
			for i := range took {
				took[i] = w.stopOnce(t, digest, tt.send)
			}
			slices.Sort(took)
			at := func(share float64) time.Duration {
				return took[int(share*float64(len(took)-1))].Round(100 * time.Microsecond)
			}
			t.Logf("%d stops took effect after %v at the median, %v for 99 in 100, %v at most", len(took), at(0.5), at(0.99), at(1))
		})
	}
}

// stopOnce stops, and returns how long after that the first intent was refused,
// which is after the last that passed. Then it resumes.
func (w *town) stopOnce(t *testing.T, digest string, send func(*testing.T, *town, *parcel)) time.Duration {
	t.Helper()
	eventually(t, "intents pass", func() bool { return w.passes(t, digest) })
	p := w.stop(t, "all")
	begun := time.Now()
	send(t, w, p)
	eventually(t, "no intent passes", func() bool { return !w.passes(t, digest) })
	took := time.Since(begun)
	for range 3 {
		if w.passes(t, digest) {
			t.Error("an intent passes after the stop took effect")
		}
	}
	w.resume(t)
	return took
}

// passes hands an intent to the guard, and reports whether it came past the stop
// and the approvals, to the limits of pace if not to the machine.
func (w *town) passes(t *testing.T, digest string) bool {
	t.Helper()
	now := w.fleet.clock().UTC().Truncate(time.Microsecond)
	o, err := w.loop.guard.Submit(t.Context(), actions.Intent{Decision: "sha256:d", Env: "fra1", Expires: now.Add(time.Minute), Group: "web",
		Member: "m01", Reason: "r", Rule: "black_hole", Seen: actions.Seen{At: now}, Time: now, V: 1, Verb: actions.Drain, Version: digest})
	if err != nil {
		t.Fatal(err)
	}
	return o.Result != actions.Refused || !slices.Contains([]string{"stop", "unapproved", "stale"}, o.Limit)
}

// resume has ben and cleo end every stop.
func (w *town) resume(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(w.data, stopFile)); err != nil {
		t.Fatal(err)
	}
	g := w.loop.governance.governor
	var stops []knowledge.StopRecord
	eventually(t, "the stop is known", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		stops = g.ledger.Stops()
		return len(stops) > 0
	})
	for _, s := range stops {
		for _, person := range []string{"ben", "cleo"} {
			w.now()
			if status, answer := w.post(t, archiveMedia, packed(t, w.office.resume(t, person, s.Digest))); status != 200 {
				t.Fatalf("%d %s", status, answer)
			}
		}
	}
}
