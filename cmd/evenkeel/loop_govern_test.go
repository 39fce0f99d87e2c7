package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/cmd/internal/console"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// town is a loop whose rules three people govern. They sign at the office.
type town struct {
	*office
	fleet *fleet
	data  string
	loop  *loop
	story *story
	end   func() error
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{office: newOffice(t), fleet: newFleet(), data: t.TempDir()}
	if got := w.take(t, &parcel{registers: []knowledge.SignedText{w.register}}); got.Result != resultTaken {
		t.Fatalf("the register at the office: %+v", got)
	}
	w.open(t)
	return w
}

func (w *town) open(t *testing.T) {
	t.Helper()
	w.loop, w.story, w.end = testLoop(t, w.fleet, func(c *loopConfig) { c.Data, c.Env, c.Trust = w.data, "fra1", w.trust })
}

// drop leaves a parcel in the loop's inbox.
func (w *town) drop(t *testing.T, name string, p *parcel) {
	t.Helper()
	if err := p.write(filepath.Join(w.data, inboxDir, name)); err != nil {
		t.Fatal(err)
	}
}

// now sets the clock of the people to the loop's.
func (w *town) now() { w.clock = w.fleet.clock().UTC().Truncate(time.Second) }

// runs returns what the group runs.
func (w *town) runs() startGroup {
	running, _ := w.loop.governance.turner.now()
	return running["web"]
}

// bundle returns the demo's pack, which has a ring for the group, with a line more.
func (w *town) bundle(t *testing.T) map[string][]byte {
	t.Helper()
	dir, err := fs.Sub(builtInPacks, "packs/demo")
	if err != nil {
		t.Fatal(err)
	}
	files, err := knowledge.ReadBundle(dir)
	if err != nil {
		t.Fatal(err)
	}
	files["README.md"] = append(slices.Clone(files["README.md"]), '\n') // another than the one that is configured
	return files
}

// activate takes a change of the rules from the proposal to all groups, through
// the inbox, and returns the bundle's digest.
func (w *town) activate(t *testing.T) string {
	t.Helper()
	w.drop(t, "1-register", &parcel{registers: []knowledge.SignedText{w.register}})
	w.now()
	p := w.proposal(t, w.bundle(t), map[string]string{"expires": stamp(w.clock.Add(100 * time.Hour))}) // the fleet's clock may run far ahead of us
	w.drop(t, "2-proposal", p)
	for _, person := range []string{"ben", "cleo"} {
		w.drop(t, "3-"+person, w.answer(t, person, "approve", p))
	}
	digest, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the approved rules act", func() bool { r := w.runs(); return r.Pack == digest && r.Mode == engine.Act && w.live() == digest })
	return digest
}

// live returns what finished its rollout.
func (w *town) live() string {
	g := w.loop.governance.governor
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ledger.Live().Bundle
}

// stop returns a stop that ana signed.
func (w *town) stop(t *testing.T, scope string) *parcel {
	t.Helper()
	w.now()
	return &parcel{statements: []knowledge.SignedText{w.signed(t, "ana", knowledge.Stop, map[string]string{"trust": w.trust, "env": w.env,
		"scope": scope, "person": "ana", "why": "smoke", "time": stamp(w.clock), "nonce": randomID()})}}
}

// post sends an archive to the console, and returns the status and the answer.
func (w *town) post(t *testing.T, media string, archive []byte) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+papersPath, bytes.NewReader(archive))
	r.Header.Set("Content-Type", media)
	answer := httptest.NewRecorder()
	w.loop.console().Handler().ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

func packed(t *testing.T, p *parcel) []byte {
	t.Helper()
	b, err := p.pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLoopRunsWhatTwoPeopleApproved(t *testing.T) {
	w := newTown(t)
	eventually(t, "a baseline", func() bool { return w.fleet.ticks() >= baselineTicks })
	w.fleet.do(func() { w.fleet.sick = 6 })
	eventually(t, "a drain is withheld while nothing is live", func() bool { return w.loop.engine.Stats().Withheld > 0 })
	if w.fleet.acts() > 0 || w.runs().Because != whyNothingLive {
		t.Fatalf("%d acts and running %+v before anything is live", w.fleet.acts(), w.runs())
	}
	digest := w.activate(t)
	eventually(t, "m07 is drained by them", func() bool { return w.story.outcomes(actions.Drain, actions.Done) > 0 })
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	n := types(verified(t, w.data))
	for _, typ := range []string{"register.accepted", "change.proposed", "change.approved", "activation.shadow", "activation.ring", "gate.verdict", "intent"} {
		if n[typ] == 0 {
			t.Errorf("no entry of type %s in %v", typ, n)
		}
	}
	if left, err := filepath.Glob(filepath.Join(w.data, inboxDir, "*")); err != nil || len(left) != 1 {
		t.Errorf("in the inbox %q, %v, want the folder of the refused alone", left, err)
	}

	w.open(t)
	if r := w.runs(); r.Pack != digest || r.Mode != engine.Act {
		t.Errorf("after a restart it runs %+v, want the approved rules", r)
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	dir, err := store{w.data}.bundleDir(digest)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "README.md")
	if err := os.WriteFile(file, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	if r := w.runs(); r.Mode != engine.Observe || r.Pack == digest {
		t.Errorf("with a changed file it runs %+v, want the configured rules in observe", r)
	}
	eventually(t, "it is said what was changed", func() bool {
		return slices.ContainsFunc(w.loop.report().Checks, func(c console.Check) bool {
			return c.Part == partRules("web") && !c.OK && strings.Contains(c.Detail, "were changed")
		})
	})
}

// TestSignedStopsComeByAnyWay stops by the bus and by the console: nothing is
// taken out any more, although the rules are approved.
func TestSignedStopsComeByAnyWay(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(t *testing.T, w *town, p *parcel)
	}{
		{"on the bus", func(t *testing.T, w *town, p *parcel) {
			b := packed(t, p)
			if err := w.loop.bus.PublishPaper(t.Context(), "stop", strings.TrimPrefix(knowledge.TextDigest(b), "sha256:"), b); err != nil {
				t.Fatal(err)
			}
		}},
		{"to the console", func(t *testing.T, w *town, p *parcel) {
			if status, answer := w.post(t, archiveMedia, packed(t, p)); status != http.StatusOK || !strings.Contains(answer, `"result":"taken"`) {
				t.Fatalf("%d %s, want it taken", status, answer)
			}
		}},
		{"in the inbox", func(t *testing.T, w *town, p *parcel) { w.drop(t, "stop-"+randomID(), p) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			eventually(t, "a baseline", func() bool { return w.fleet.ticks() >= baselineTicks })
			w.activate(t)
			tt.send(t, w, w.stop(t, "rule/black_hole"))
			tt.send(t, w, w.stop(t, "all"))
			eventually(t, "both stops are recorded", func() bool { return types(verified(t, w.data))["stop.signed"] == 2 })
			w.fleet.do(func() { w.fleet.sick = 6 })
			eventually(t, "the guard holds both", func() bool {
				notes := strings.Join(w.loop.report().Notes, "\n")
				return strings.Contains(notes, "by person:ana: smoke") && strings.Contains(notes, "'evenkeel rules status'")
			})
			eventually(t, "a drain is refused", func() bool { return w.loop.guard.Stats().Refusals["stop"] > 0 })
			if w.fleet.acts() > 0 {
				t.Errorf("%d acts, want none", w.fleet.acts())
			}
		})
	}
}

func TestConsoleTakesPapers(t *testing.T) {
	w := newTown(t)
	register := packed(t, &parcel{registers: []knowledge.SignedText{w.register}})
	forged := w.register
	forged.Text = append(slices.Clone(forged.Text), '\n')
	for _, tt := range []struct {
		name    string
		media   string
		archive []byte
		status  int
		want    string
	}{
		{"another kind of body", "text/plain", register, http.StatusUnsupportedMediaType, "want application/zip"},
		{"too much", archiveMedia, make([]byte, maxParcelBytes+1), http.StatusRequestEntityTooLarge, "too large"},
		{"no archive", archiveMedia, []byte("PK"), http.StatusUnprocessableEntity, "not a valid zip"},
		{"an archive without a paper", archiveMedia, packed(t, &parcel{bundle: w.bundle(t)}), http.StatusUnprocessableEntity, "holds no paper"},
		{"a register that nobody pinned", archiveMedia, packed(t, &parcel{registers: []knowledge.SignedText{forged}}), http.StatusUnprocessableEntity, "want the trusted"},
		{"the register", archiveMedia, register, http.StatusOK, `"result":"taken"`},
		{"the register again", archiveMedia, register, http.StatusOK, `"result":"known"`},
	} {
		if status, answer := w.post(t, tt.media, tt.archive); status != tt.status || !strings.Contains(answer, tt.want) {
			t.Errorf("%s: %d %s, want %d and %q", tt.name, status, answer, tt.status, tt.want)
		}
	}
	if n := types(verified(t, w.data)); n["paper.refused"] != 3 || n["register.accepted"] != 1 {
		t.Errorf("entries %v, want three refusals and the register", n)
	}
	if kept, err := filepath.Glob(filepath.Join(w.data, bundlesDir, "*")); err != nil || len(kept) > 0 {
		t.Errorf("kept %q, %v, want nothing that nobody signed for", kept, err)
	}
}

func TestConsoleOfALoopThatNobodyGovernsTakesNoPapers(t *testing.T) {
	w := &town{}
	w.loop, _, _ = testLoop(t, newFleet(), func(*loopConfig) {})
	if status, _ := w.post(t, archiveMedia, nil); status != http.StatusNotFound {
		t.Errorf("status %d, want none such", status)
	}
	if _, err := os.Stat(filepath.Join(w.loop.config.Data, inboxDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is an inbox: %v", err)
	}
}
