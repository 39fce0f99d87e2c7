package engine

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var rivals = flag.String("rivals", "", "the program of testdata/rivals; empty: compare with the stock engine only")

// A comparison takes turns, so that what else the machine does falls on all alike.
const (
	compareTurns  = 5
	compareRounds = 3                     // of a turn; the median of all rounds counts
	compareRound  = 20 * time.Millisecond // least, so that the clock's steps do not count
)

// BenchmarkCompare takes the processor time in which this engine, the stock
// engine and others find the rules that match a fact, and says how many times
// longer the others take. All find the same rules, or it fails.
func BenchmarkCompare(b *testing.B) {
	for _, keyed := range []bool{false, true} {
		for _, n := range []int{100, 1000, 5000, 10000} {
			b.Run(fmt.Sprintf("rules=%d,keyed=%v", n, keyed), func(b *testing.B) {
				for b.Loop() {
					compareWorld(b, n, keyed)
				}
			})
		}
	}
}

// rivalResult is what a rival finds: the rules that match each fact, ascending,
// and the nanoseconds for a fact, one for each round.
type rivalResult struct {
	Matches [][]int
	NS      []float64
}

func compareWorld(b *testing.B, n int, keyed bool) {
	w := newSpeedWorld(n, keyed)
	situations := w.situations(b)
	p := mustCompile(b, w.rules...)
	in := p.acquire()
	kb := newSpeedStock(b, w)
	engines := []string{"ours", "stock"}
	if *rivals != "" {
		engines = append(engines, "clips")
		if n == 1000 {
			engines = append(engines, "cel", "expr")
		}
	}
	question := w.question(situations)
	took := map[string][]float64{}
	var want [][]int
	for range compareTurns {
		for _, engine := range engines {
			var r rivalResult
			switch engine {
			case "ours":
				r = compareTurn(situations, func(s situation, rule func(string)) { in.match(p, s, rule) })
			case "stock":
				r = compareTurn(situations, func(s situation, rule func(string)) { stockMatches(b, kb, s, rule) })
			default:
				r = askRival(b, engine, question)
			}
			if want == nil {
				want = r.Matches
			}
			if !slices.EqualFunc(r.Matches, want, slices.Equal) {
				b.Fatalf("%s finds %v, this engine %v", engine, r.Matches, want)
			}
			took[engine] = append(took[engine], r.NS...)
		}
	}
	ours := median(took["ours"])
	b.ReportMetric(0, "ns/op") // of this harness
	b.ReportMetric(ours, "ours-ns")
	for _, engine := range engines[1:] {
		b.ReportMetric(median(took[engine])/ours, engine+"-times")
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// compareTurn asks for the answers, and then for the time.
func compareTurn(all []situation, matches func(situation, func(rule string))) rivalResult {
	r := rivalResult{Matches: make([][]int, len(all))}
	for i, s := range all {
		matches(s, func(rule string) {
			var number int
			if _, err := fmt.Sscanf(rule, "rule_%d", &number); err == nil {
				r.Matches[i] = append(r.Matches[i], number)
			}
		})
		slices.Sort(r.Matches[i])
	}
	n := 0
	for range compareRounds {
		start, passes := processorTime(), 0
		for processorTime()-start < compareRound {
			for _, s := range all {
				matches(s, func(string) { n++ })
			}
			passes++
		}
		r.NS = append(r.NS, float64(processorTime()-start)/float64(passes*len(all)))
	}
	return r
}

// processorTime is that of this process, of its garbage collector too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no other error than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// question is a world as rivals read it.
func (w *speedWorld) question(all []situation) []byte {
	type fact struct {
		Member string
		Values []float64
	}
	var facts []fact
	for i := range all {
		f := fact{Member: w.facts[i].Member}
		for _, word := range speedWords {
			f.Values = append(f.Values, find(word).field(&all[i]).n)
		}
		facts = append(facts, f)
	}
	return must(json.Marshal(struct {
		When, Words []string
		Facts       []fact
	}{w.when, speedWords, facts}))
}

func askRival(b *testing.B, engine string, question []byte) rivalResult {
	c := exec.CommandContext(b.Context(), *rivals, engine)
	c.Stdin = bytes.NewReader(question)
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		b.Fatalf("%s: %v: %s", engine, err, complaint.String())
	}
	var r rivalResult
	if err := json.Unmarshal(out, &r); err != nil || len(r.NS) == 0 {
		b.Fatalf("%s: %d rounds, %v", engine, len(r.NS), err)
	}
	return r
}
