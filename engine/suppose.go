package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Supposition is a word that reads otherwise than it does: what if it were so?
// It is made by [Program.Suppose].
type Supposition struct {
	word   *Word
	metric string // of a method
	value  value
	text   string // as it was asked
}

// String returns the supposition as it was asked: F.Ticks=5.
func (s Supposition) String() string { return s.text }

// Suppose reads a supposition: a word of the program's vocabulary, =, and a value
// of its type and within its range. A text may do without quotes, and so may the
// metric of a method.
//
//	F.Ticks=5   F.Tier=T1   D.Sure=true   F.Ratio(bytes_per_request)=0.5
//
// That word alone reads otherwise. Words that tell of the same measurement, such
// as F.Evidence and F.Margin, are supposed one by one.
func (p *Program) Suppose(text string) (Supposition, error) {
	name, said, ok := strings.Cut(text, "=")
	if name = strings.TrimSpace(name); !ok || len(text) > maxStringBytes {
		return Supposition{}, fmt.Errorf("engine: suppose %.64q: want a word, = and a value, such as F.Ticks=5", text)
	}
	s := Supposition{text: text}
	word, inside, method := strings.Cut(name, "(")
	if i := indexOf(p.slots.words, word); i >= 0 {
		s.word = &p.slots.words[i]
	}
	if s.word == nil || method != (s.word.method != nil) || method && !strings.HasSuffix(inside, ")") {
		return Supposition{}, fmt.Errorf("engine: suppose %q: no word %q, want one such as F.Ticks or F.Score(\"METRIC\")", text, name)
	}
	if method {
		s.metric = strings.Trim(strings.TrimSuffix(inside, ")"), `"`)
		if err := facts.CheckName("metric", s.metric); err != nil {
			return Supposition{}, fmt.Errorf("engine: suppose %q: %w", text, err)
		}
	}
	v, want := s.word.parse(strings.Trim(strings.TrimSpace(said), `"`))
	if want != "" {
		return Supposition{}, fmt.Errorf("engine: suppose %q: %s is a %s, want %s", text, word, s.word.Type, want)
	}
	s.value = v
	return s, nil
}

// parse reads a value of the word, or says what it wants.
func (w *Word) parse(s string) (v value, want string) {
	switch w.Type {
	case Text:
		if w.Values != nil && !slices.Contains(w.Values, s) {
			return v, "one of " + strings.Join(w.Values, ", ")
		}
		return str(s), ""
	case Truth:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return v, "true or false"
		}
		return value{n: float64(answerOf(b)), known: true}, ""
	}
	n, err := strconv.ParseFloat(s, 64)
	if v = num(n); err != nil || !v.known {
		return v, "a number"
	}
	if w.Type == Count && (n != math.Trunc(n) || math.Abs(n) > maxInteger) {
		return v, "a whole number"
	}
	if l, ok := rangeOf(w); ok && !l.admits(n) {
		return v, "a value in the range " + w.Range
	}
	return v, ""
}

// suppose lets words read what is supposed, and says so in the decision.
func (b *sandbox) suppose(d *Decision) {
	for i := range b.supposed {
		s := &b.supposed[i]
		b.row.suppose(s)
		said := s.word.say(s.value)
		if strings.HasPrefix(s.word.Name, derivedRoot+".") {
			d.Derived = append(d.Derived, Derived{Field: s.word.Name, Value: said}) // no rule set it
		}
		if field, ok := strings.CutPrefix(s.word.Name, "C."); ok {
			d.Context[field] = said
		}
		if s.word.Name == "C.Mode" {
			d.Mode = Mode(said)
		}
	}
}

// suppose lets the slots of a word read what is supposed.
func (r *row) suppose(s *Supposition) {
	word := indexOf(r.slots.words, s.word.Name)
	if s.word.method == nil {
		if r.slots.derived(word) || slices.Contains(r.slots.reads, word) {
			r.put(word, s.value)
		}
		return
	}
	for _, at := range r.slots.metrics[s.metric] {
		if r.slots.calls[at-len(r.slots.words)].word == word {
			r.put(at, s.value)
			r.set = append(r.set, at)
		}
	}
}

// supposedFact returns the fact with the evidence that is supposed: what takes
// capacity away is judged by it besides the rules.
func (b *sandbox) supposedFact() *facts.Fact {
	if len(b.supposed) == 0 || b.sit.fact.Evidence == nil {
		return b.sit.fact
	}
	f, e := *b.sit.fact, *b.sit.fact.Evidence
	f.Evidence = &e
	for _, s := range b.supposed {
		switch s.word.Name {
		case "F.Tier":
			e.Tier = s.value.s
		case "F.CertifiedPerHour":
			e.Certified = perHour(s.value.n)
		case "F.DeclaredPerHour":
			e.Declared = perHour(s.value.n)
		}
	}
	return &f
}

// perHour returns the rate of so many false alarms an hour.
func perHour(n float64) facts.Rate {
	return facts.Rate(min(float64(time.Hour)/n, math.MaxInt64/2))
}
