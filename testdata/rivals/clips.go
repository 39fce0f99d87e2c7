package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clipsResult asserts each fact, which finds the rules that match, and retracts it
// again. CLIPS measures itself by its own clock, which is that of its process.
// Rules run for the answer only, not for the time.
func clipsResult(w *world) (*result, error) {
	dir, err := os.MkdirTemp("", "rivals")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	rules, batch := filepath.Join(dir, "rules.clp"), filepath.Join(dir, "batch.clp")
	if err := os.WriteFile(rules, []byte(clipsRules(w)), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(batch, []byte(clipsBatch(rules)), 0o600); err != nil {
		return nil, err
	}
	c := exec.Command("clips", "-f2", batch)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("clips: %w: %.200s", err, out.String())
	}
	return readClips(out.String(), w)
}

// clipsRules writes a template, the rules and the facts. The member is the first
// slot, so that rules about one member share a node.
func clipsRules(w *world) string {
	var b strings.Builder
	b.WriteString("(defglobal ?*fact* = 0)\n(deftemplate fact (slot F_Member)")
	for _, word := range w.Words {
		fmt.Fprintf(&b, " (slot %s)", flat(word))
	}
	b.WriteString(")\n")
	for i, when := range w.When {
		fmt.Fprintf(&b, "(defrule rule-%d (fact", i)
		for _, c := range comparisons(when) {
			if c.op == "==" {
				fmt.Fprintf(&b, " (%s %s)", c.word, c.literal)
			} else {
				fmt.Fprintf(&b, " (%s ?%s&:(%s ?%s %s))", c.word, c.word, c.op, c.word, c.literal)
			}
		}
		fmt.Fprintf(&b, ") => (printout t \"match \" ?*fact* \" %d\" crlf))\n", i)
	}
	var answer, round strings.Builder
	for i, f := range w.Facts {
		fmt.Fprintf(&b, "(deffunction fact-%d () (assert (fact (F_Member %q)", i, f.Member)
		for k, v := range f.Values {
			fmt.Fprintf(&b, " (%s %s)", flat(w.Words[k]), number(v))
		}
		b.WriteString(")))\n")
		fmt.Fprintf(&answer, " (bind ?*fact* %d) (bind ?f (fact-%d)) (run) (retract ?f)\n", i, i)
		fmt.Fprintf(&round, " (retract (fact-%d))\n", i)
	}
	fmt.Fprintf(&b, "(deffunction answer ()\n%s)\n(deffunction pass ()\n%s)\n", answer.String(), round.String())
	return b.String()
}

func clipsBatch(rules string) string {
	return fmt.Sprintf(`(load* %q)
(deffunction timed ()
  (bind ?start (time)) (bind ?passes 0)
  (while (< (- (time) ?start) %g) (pass) (bind ?passes (+ ?passes 1)))
  (printout t "seconds " (/ (- (time) ?start) ?passes) crlf))
(answer)
(loop-for-count %d (timed))
(exit)
`, rules, roundTime.Seconds(), rounds)
}

func readClips(out string, w *world) (*result, error) {
	r := &result{Matches: make([][]int, len(w.Facts))}
	for line := range strings.Lines(out) {
		var fact, rule int
		var seconds float64
		if n, _ := fmt.Sscanf(line, "match %d %d", &fact, &rule); n == 2 && fact >= 0 && fact < len(w.Facts) {
			r.Matches[fact] = append(r.Matches[fact], rule)
		} else if n, _ := fmt.Sscanf(line, "seconds %g", &seconds); n == 1 {
			r.NS = append(r.NS, seconds*1e9/float64(len(w.Facts)))
		} else {
			return nil, fmt.Errorf("clips: says %.200q", line)
		}
	}
	if len(r.NS) != rounds {
		return nil, fmt.Errorf("clips: %d rounds, want %d", len(r.NS), rounds)
	}
	return r, nil
}
