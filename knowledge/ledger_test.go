package knowledge

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// TestChangeGoesLiveByItsRings is the life of a change when all goes well.
func TestChangeGoesLiveByItsRings(t *testing.T) {
	w := newTown(t)
	if w.l.Env() != prodEnv || w.l.Live().Bundle != none {
		t.Fatalf("a new town has env %s, live %+v", w.l.Env(), w.l.Live())
	}
	p := w.propose("one", map[string]string{"rollout": "shadow=30m,ring1=20m,ring2=10m,all=0s"})
	w.must(p)
	if c := w.state(p); c.State != "proposed" || c.Missing != 2 {
		t.Errorf("a proposal is %s with %d missing, want proposed, 2", c.State, c.Missing)
	}
	w.must(w.approve(p, "bob", nil))
	if c := w.state(p); c.Missing != 1 || !slices.Equal(c.Approvers, []string{"bob"}) {
		t.Errorf("after one approval %d missing, approvers %v", c.Missing, c.Approvers)
	}
	w.due(time.Minute)
	w.wantMay("one", false, "runs the bundle none")
	w.must(w.approve(p, "carol", nil))
	w.wantState(p, "approved", "")
	w.due(0, "shadow")
	w.wantState(p, "shadow", "")
	w.wantRuns("one", none, none, none)
	w.wantMay("one", false, "runs the bundle none")
	w.due(29 * time.Minute)
	w.due(time.Minute, "ring")
	w.wantRuns("one", "one", none, none)
	w.wantMay("one", true, "")
	w.due(20*time.Minute, "ring")
	w.wantRuns("one", "one", "one", none)
	w.replay()
	w.due(10*time.Minute, "activated")
	w.wantRuns("one", "one", "one", "one")
	w.wantState(p, "live", "")
	live := w.l.Live()
	if live.Bundle != bundle("one").Digest || live.Seq != 1 || live.Parent != none || live.Proposal != w.state(p).Digest || !live.Since.Equal(w.now) {
		t.Errorf("live = %+v", live)
	}
	v := w.may("one")
	if !v.Accepted || !slices.Equal(v.Approvers, []string{"bob", "carol"}) || v.Proposal != live.Proposal || v.Plan.Field("ticket") != "CHG-1" {
		t.Errorf("Authorise = %+v", v)
	}
	q := w.live("two")
	w.wantState(p, "superseded", "by "+w.state(q).Digest)
	w.wantMay("one", false, "runs the bundle")
	w.replay()
	if got := w.l.Changes(w.now); len(got) != 2 || got[0].Digest != w.state(q).Digest {
		t.Errorf("Changes are not the newest first: %+v", got)
	}
}

// TestGateAnswersAsTheLedger puts each change to the gate as a stranger would.
func TestGateAnswersAsTheLedger(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	w.must(p, w.approve(p, "bob", nil))
	digest := w.state(p).Digest
	if v := w.l.Verdict(digest, w.now); v.Accepted {
		t.Errorf("one approval: %+v", v)
	}
	w.must(w.approve(p, "carol", nil))
	if v := w.l.Verdict(digest, w.now); !v.Accepted {
		t.Errorf("two approvals: %+v", v)
	}
	w.steps()
	w.due(30*time.Minute, "ring")
	w.due(30*time.Minute, "activated")
	w.live("two")
	q, err := w.l.Question(digest, w.now)
	if err != nil || len(q.Statements) != 3 || q.Active != none || q.Seq != 0 {
		t.Fatalf("Question = %+v, %v", q, err)
	}
	if v := Judge(q); !v.Accepted {
		t.Errorf("the gate refuses what was live: %+v", v)
	}
	if v := w.l.Verdict(TextDigest(nil), w.now); v.Accepted || len(v.Reasons) == 0 {
		t.Errorf("Verdict of nothing = %+v", v)
	}
	short := digest[len("sha256:") : len("sha256:")+8]
	if c, err := w.l.Change(short, w.now); err != nil || c.Digest != digest {
		t.Errorf("Change(%s) = %v, %v", short, c.Digest, err)
	}
	if _, err := w.l.Change(short[:7], w.now); err == nil {
		t.Error("seven digits stand for a change")
	}
}

func TestScheduledChangeWaitsForItsTime(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", map[string]string{"not-before": formatTime(w.now.Add(2 * time.Hour))})
	w.must(p, w.approve(p, "bob", nil), w.approve(p, "carol", nil))
	w.due(0, "scheduled")
	c := w.state(p)
	if c.State != "scheduled" || !c.Until.Equal(w.now.Add(2*time.Hour)) {
		t.Errorf("change = %+v, want it scheduled", c)
	}
	w.due(time.Hour)
	w.due(time.Hour, "shadow")
	w.replay()
}

func TestRollbackByOnePersonIsEverywhereAtOnce(t *testing.T) {
	w := newTown(t)
	w.live("one")
	p := w.live("two")
	w.wait(time.Hour)
	back := w.about(Rollback, p, "dave", w.back("one"))
	w.must(back)
	if v := w.l.Verdict(TextDigest(back.Text), w.now); !v.Accepted {
		t.Errorf("the gate answers of a rollback to be carried out %+v", v)
	}
	w.due(0, "rolledback")
	w.wantRuns("two", "one", "one", "one")
	w.wantMay("one", true, "")
	w.wantState(p, "undone", "by "+TextDigest(back.Text))
	if live := w.l.Live(); live.Seq != 3 || live.Proposal != TextDigest(back.Text) || live.Parent != bundle("two").Digest {
		t.Errorf("live = %+v", live)
	}
	if v := w.l.Verdict(w.l.Live().Proposal, w.now); !v.Accepted || v.Plan.Kind != Rollback || !slices.Equal(v.Approvers, []string{"dave"}) {
		t.Errorf("the gate answers of the rollback %+v", v)
	}
	w.replay()
	w.live("three")
	w.wantMay("three", true, "")
}

// TestLedgerOfARealLog puts every kind of entry into a log on disk, and folds
// what comes out of it.
func TestLedgerOfARealLog(t *testing.T) {
	w := newTown(t)
	w.live("one")
	p := w.live("two")
	standby := w.standby()
	stop := w.sign(Stop, "erin", map[string]string{"scope": "group/db"})
	w.must(stop, w.sign(Resume, "bob", map[string]string{"stop": TextDigest(stop.Text)}), w.sign(Review, "erin", nil),
		w.sign(Archive, "bob", map[string]string{"checkpoint": TextDigest(nil), "first": "0", "last": "9"}),
		w.shatter(standby, "dave", nil))
	w.refused(SignedText{Name: "x<&>\u2028.txt", Text: []byte("\xff")}, "want the first line")
	w.due(0, "breakglass.opened")
	w.due(time.Hour, "breakglass.closed")
	w.must(w.about(Rollback, p, "dave", w.back("one")))
	w.due(0, "rolledback")
	if err := w.append(w.l.Verdict(TextDigest(p.Text), w.now).Entry("start", none, 0)); err != nil {
		t.Fatal(err)
	}
	i := 0
	log, err := audit.Open(t.TempDir(), audit.Options{Origin: "evenkeel/test/audit", Env: townName, Now: func() time.Time { return w.log[i].Time }})
	if err != nil {
		t.Fatal(err)
	}
	again := NewLedger(w.l.trust, townName)
	for ; i < len(w.made); i++ {
		records, err := log.Append(t.Context(), w.made[i])
		if err != nil || !bytes.Equal(records[0].Bytes, w.log[i].Bytes) {
			t.Fatalf("Append(%+v) = %+v, %v, want %s", w.made[i], records, err, w.log[i].Bytes)
		}
		if err := again.Apply(records[0]); err != nil {
			t.Errorf("Apply = %v", err)
		}
	}
	i--
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	if got := shapeOf(again, w.now); !reflect.DeepEqual(got, w.shape()) {
		t.Errorf("the ledger of the log on disk is %+v, want %+v", got, w.shape())
	}
}

// back returns the fields of a rollback of what is live to a bundle.
func (w *town) back(name string) map[string]string {
	live := w.l.Live()
	return map[string]string{"bundle": bundle(name).Digest, "parent": live.Bundle, "seq": itoa(live.Seq + 1)}
}
