// Command rivals finds the rules that match facts with another rule engine, and
// says how long that takes. The comparison of package engine runs it: see README.md.
//
// Usage: rivals cel|expr|clips < WORLD > RESULT, both JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// world is rules and facts. A condition joins comparisons of a word with a number,
// or of F.Member with a text, by &&; blanks stand between all tokens.
type world struct {
	When  []string // the condition of each rule
	Words []string // that have numbers
	Facts []fact
}

type fact struct {
	Member string
	Values []float64 // one for each word
}

// result is what an engine found: the numbers of the rules that match each fact,
// ascending, and the nanoseconds of processor time for a fact, one for each round.
type result struct {
	Matches [][]int
	NS      []float64
}

const (
	rounds    = 3
	roundTime = 20 * time.Millisecond // least, so that the clock's steps do not count
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "rivals:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	engines := map[string]func(*world) (*result, error){"cel": celResult, "expr": exprResult, "clips": clipsResult}
	if len(args) != 1 || engines[args[0]] == nil {
		return fmt.Errorf("engine %q, want cel, expr or clips", args)
	}
	var w world
	if err := json.NewDecoder(os.Stdin).Decode(&w); err != nil {
		return err
	}
	r, err := engines[args[0]](&w)
	if err != nil {
		return err
	}
	for _, m := range r.Matches {
		slices.Sort(m)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// comparison is a part of a condition.
type comparison struct{ word, op, literal string }

// comparisons takes a condition apart. Words get a _ for the point, numbers a
// point.
func comparisons(when string) []comparison {
	var out []comparison
	for part := range strings.SplitSeq(when, " && ") {
		f := strings.Fields(part)
		if !strings.HasPrefix(f[2], `"`) {
			f[2] = decimal(f[2])
		}
		out = append(out, comparison{flat(f[0]), f[1], f[2]})
	}
	return out
}

func flat(word string) string { return strings.ReplaceAll(word, ".", "_") }

// decimal writes a number so that every engine takes it for a fraction.
func decimal(s string) string {
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func number(v float64) string { return decimal(strconv.FormatFloat(v, 'f', -1, 64)) }

// expression writes a condition as CEL and expr both read it.
func expression(when string) string {
	var parts []string
	for _, c := range comparisons(when) {
		parts = append(parts, c.word+" "+c.op+" "+c.literal)
	}
	return strings.Join(parts, " && ")
}

// measure asks for each fact which rules match, once for the answer and then for
// the time.
func measure(facts int, matches func(fact int, rule func(int)) error) (*result, error) {
	r := &result{Matches: make([][]int, facts)}
	for i := range facts {
		if err := matches(i, func(rule int) { r.Matches[i] = append(r.Matches[i], rule) }); err != nil {
			return nil, err
		}
	}
	n := 0
	for range rounds {
		start, passes := processorTime(), 0
		for processorTime()-start < roundTime {
			for i := range facts {
				if err := matches(i, func(int) { n++ }); err != nil {
					return nil, err
				}
			}
			passes++
		}
		r.NS = append(r.NS, float64(processorTime()-start)/float64(passes*facts))
	}
	return r, nil
}

// processorTime is that of this process, of its garbage collector too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no other error than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
