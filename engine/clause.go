package engine

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// Clause is a part of a condition with what it said. A condition holds when all
// of its clauses do. Fields are in the order of the keys.
type Clause struct {
	Answer   string   `json:"answer"`             // yes, no, or unknown
	Bound    string   `json:"bound,omitempty"`    // of a comparison: what it is with
	Branches int      `json:"branches,omitempty"` // of which one is enough; Of is the nearest of them
	If       string   `json:"if"`                 // as written
	Margin   string   `json:"margin,omitempty"`   // of numbers: how far beyond the bound; below zero when it lacks so much
	Not      bool     `json:"not,omitempty"`      // it is asked that If does not hold
	Of       []Clause `json:"of,omitempty"`       // clauses of the branch that holds, that could not be decided, or that is nearest to it
	Unit     string   `json:"unit,omitempty"`     // of Value, Bound and Margin
	Unknown  string   `json:"unknown,omitempty"`  // the word that could not be read
	Value    string   `json:"value,omitempty"`    // what was compared, as a rule would write it

	derived bool // it reads a derived value
}

// Holds says whether the clause held.
func (c *Clause) Holds() bool { return c.Answer == answers[Yes] }

var answers = [...]string{No: "no", Yes: "yes", Unknown: "unknown"}

// lack is how far a condition is from holding.
type lack struct {
	failing  int     // parts that do not hold
	distance float64 // the sum of theirs
}

func (g lack) plus(o lack) lack { return lack{g.failing + o.failing, g.distance + o.distance} }

// bridged says whether a change of measurements would do.
func (g lack) bridged() bool { return !math.IsInf(g.distance, 1) }

// nearer says whether g is less far than o: first of all it can be bridged.
func (g lack) nearer(o lack) bool {
	if g.bridged() != o.bridged() {
		return g.bridged()
	}
	return g.failing < o.failing || g.failing == o.failing && g.distance < o.distance
}

// lack returns how far x is from being as wanted. Of alternatives the nearest
// counts.
func (e *evaluator) lack(x *term, want bool) lack {
	switch {
	case x.op == "!":
		return e.lack(x.kids[0], !want)
	case joins(x) && (x.op == "&&") == want:
		g := e.lack(x.kids[0], want)
		if !g.bridged() {
			return g // nothing brings it nearer
		}
		return g.plus(e.lack(x.kids[1], want))
	case joins(x):
		l, r := e.lack(x.kids[0], want), e.lack(x.kids[1], want)
		if r.nearer(l) {
			return r
		}
		return l
	}
	answer := e.ask(x)
	if answer == answerOf(want) {
		return lack{}
	}
	return lack{1, e.distance(x, answer)}
}

func joins(x *term) bool { return x.op == "&&" || x.op == "||" }

// distance returns how far a part is from holding: of numbers in the scale of
// their word, without one in that of the numbers themselves; 1 of a text, and of
// what is not known. Another kind of fact is infinitely far: no change of a
// measurement leads there.
func (e *evaluator) distance(x *term, a Answer) float64 {
	if !x.compares() {
		return 1
	}
	l, r := x.kids[0], x.kids[1]
	if l.name == "F.Kind" || r.name == "F.Kind" {
		return math.Inf(1)
	}
	if a == Unknown || e.isTextual(l) {
		return 1
	}
	n, m := e.value(l).n, e.value(r).n
	scale := max(math.Abs(n), math.Abs(m))
	if w := e.wordOf(x); w != nil && w.Scale > 0 {
		scale = w.Scale
	}
	if scale == 0 {
		scale = 1
	}
	return math.Abs(n-m) / scale
}

// wordOf returns the word of the vocabulary that is one side of a comparison,
// or nil.
func (e *evaluator) wordOf(x *term) *Word {
	for _, k := range x.kids {
		if w := e.tree.word(k.name); w != nil && (k.op == isWord || k.op == isCall && w.method != nil) {
			return w
		}
	}
	return nil
}

// clauses returns the parts that have to be as wanted for x to be.
func (e *evaluator) clauses(x *term, want bool) []Clause {
	switch {
	case x.op == "!":
		return e.clauses(x.kids[0], !want)
	case joins(x) && (x.op == "&&") == want:
		return append(e.clauses(x.kids[0], want), e.clauses(x.kids[1], want)...)
	case joins(x):
		return []Clause{e.alternatives(x, want)}
	}
	return []Clause{e.clause(x, want)}
}

// branch is one of several conditions of which one is enough.
type branch struct {
	x    *term
	want bool
}

// branches appends the branches of x, in the order of the text.
func branches(x *term, want bool, to []branch) []branch {
	switch {
	case x.op == "!":
		return branches(x.kids[0], !want, to)
	case joins(x) && (x.op == "||") == want:
		return branches(x.kids[1], want, branches(x.kids[0], want, to))
	}
	return append(to, branch{x, want})
}

// alternatives tells of the branch at which the evaluation ended, or of the one
// that was nearest.
func (e *evaluator) alternatives(x *term, want bool) Clause {
	all, answer := branches(x, want, nil), e.ask(x)
	i := slices.IndexFunc(all, func(b branch) bool { return answer == Unknown && e.ask(b.x) == Unknown })
	if i < 0 {
		i = 0
		for k := range all {
			if e.lack(all[k].x, all[k].want).nearer(e.lack(all[i].x, all[i].want)) {
				i = k
			}
		}
	}
	return Clause{Answer: answers[turned(answer, want)], Branches: len(all), If: e.bare(x), Not: !want,
		Of: e.clauses(all[i].x, all[i].want)}
}

// turned returns an answer as it is wanted.
func turned(a Answer, want bool) Answer {
	if want || a == Unknown {
		return a
	}
	return Yes - a
}

// clause tells of a part that is no && or ||.
func (e *evaluator) clause(x *term, want bool) Clause {
	c := Clause{Answer: answers[turned(e.ask(x), want)], If: e.bare(x), Not: !want}
	x.visit(func(y *term) {
		c.derived = c.derived || strings.HasPrefix(y.name, derivedRoot+".")
		if w := e.tree.word(y.name); y.op == isCall && (w == nil || w.method == nil) {
			return // of its arguments each is visited
		}
		if (y.op == isWord || y.op == isCall) && c.Unknown == "" && !e.value(y).known {
			c.Unknown = e.bare(y)
		}
	})
	if !x.compares() {
		return c
	}
	l, r, op := x.kids[0], x.kids[1], x.op
	if !want {
		op = opposite[op]
	}
	if l.op == isNumber || l.op == isText {
		l, r, op = r, l, mirrored[op]
	}
	a, b := e.value(l), e.value(r)
	if e.isTextual(l) {
		c.Value, c.Bound = quoted(a), quoted(b)
		return c
	}
	c.Value, c.Bound = decimalOf(a), decimalOf(b)
	if w := e.wordOf(x); w != nil {
		c.Unit = w.Unit
	}
	if a.known && b.known {
		c.Margin = string(facts.Number(margin(op, a.n, b.n)))
	}
	return c
}

// margin returns how far beyond the bound a value is.
func margin(op string, v, bound float64) float64 {
	switch op {
	case "<", "<=":
		return bound - v
	case ">", ">=":
		return v - bound
	case "!=":
		return math.Abs(v - bound)
	}
	return -math.Abs(v - bound)
}

func quoted(v value) string {
	if !v.known {
		return ""
	}
	return strconv.Quote(v.s)
}

func decimalOf(v value) string {
	if !v.known {
		return ""
	}
	return string(facts.Number(v.n))
}
