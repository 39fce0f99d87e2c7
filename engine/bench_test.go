package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchRules returns n rules of four thresholds each, of which a few in a hundred
// match.
func benchRules(n int) []Source {
	r := rand.New(rand.NewPCG(9, 10))
	words := []string{"F.Evidence", "F.Threshold", "F.Margin", "F.ForSeconds", "F.AgeSeconds", "C.QuietSeconds", "F.DeclaredPerHour", "F.CertifiedPerHour"}
	rules := make([]Source, n)
	for i := range rules {
		var parts []string
		for range 4 {
			parts = append(parts, fmt.Sprintf("%s %s %.2f1", words[r.IntN(len(words))], []string{"<", ">"}[r.IntN(2)], r.Float64()*9))
		}
		rules[i] = source(fmt.Sprintf("rule_%05d", i), i%7, strings.Join(parts, " && "), fmt.Sprintf(`Propose("drain", F.Member, "%d");`, i))
	}
	return rules
}

func BenchmarkHandle(b *testing.B) {
	r := newRig(b, Act, benchRules(5)...)
	f := alarm("web-07")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.Evidence.Epochs = i // another fact
		r.log.entries = r.log.entries[:0]
		if err := r.Handle(b.Context(), f, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	rules := benchRules(100)
	for b.Loop() {
		if _, err := Compile("h1:bench", rules, everything); err != nil {
			b.Fatal(err)
		}
	}
}
