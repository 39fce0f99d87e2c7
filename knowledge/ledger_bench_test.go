package knowledge

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// BenchmarkAuthorise asks for an act by what is live, and by what is in its
// first ring, when many changes are known.
func BenchmarkAuthorise(b *testing.B) {
	w := newTown(b)
	w.live("one")
	for range maxOfAuthor - 2 {
		w.must(w.propose("three", nil))
	}
	for _, stage := range []string{"live", "ring"} {
		name := "one"
		if stage == "ring" {
			name = "two"
			w.begin("two", map[string]string{"author": "bob", "expires": formatTime(w.now.Add(100 * time.Hour))}, "carol", "dave")
			w.due(30*time.Minute, "ring")
		}
		pack := bundle(name)
		b.Run(stage, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := w.l.Authorise(pack, "web", "drain", w.now); !v.Accepted {
					b.Fatal(v.Reasons)
				}
			}
		})
	}
}

// BenchmarkAcceptApproval judges one approval that comes in.
func BenchmarkAcceptApproval(b *testing.B) {
	w := newTown(b)
	p := w.propose("one", nil)
	w.must(p)
	a := w.approve(p, "bob", nil)
	for b.Loop() {
		if _, err := w.l.Accept(a, w.now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApplyOfOthers applies an entry that is none of the ledger's.
func BenchmarkApplyOfOthers(b *testing.B) {
	w := newTown(b)
	r := record(b, audit.Entry{Type: "decision", Actor: "engine", Body: map[string]any{"x": "0123456789"}}, townName, 1, w.now)
	b.ReportAllocs()
	for b.Loop() {
		r.Seq++
		if err := w.l.Apply(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDue asks what is due when nothing is, and many changes are open.
func BenchmarkDue(b *testing.B) {
	w := newTown(b)
	for range maxOfAuthor {
		w.must(w.propose("one", nil))
	}
	for b.Loop() {
		if s, ok := w.l.Due(w.now); ok {
			b.Fatal(s)
		}
	}
}
