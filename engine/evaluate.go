package engine

import (
	"math"
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/facts"
)

// Answer is what a condition, or a part of it, says in a situation.
type Answer int

// The answers. Unknown means that a word was read which is unknown in the
// situation.
const (
	No Answer = iota
	Yes
	Unknown
)

// evaluator answers conditions as they are written, without the parser's trees:
// for tests of rules, which ask for each part, and as a second opinion on the
// driver. It reads the same words, from left to right, as far as is needed.
type evaluator struct {
	*tree
	sit   situation
	seen  map[*term]Answer  // of each part that was evaluated; nil: nobody asks
	words map[wordKey]value // that were read; beforehand those that the situation does not tell
}

// wordKey is a word, and if it is a method its metric.
type wordKey struct{ word, metric string }

// newEvaluator returns an evaluator of a situation, and of the derived values
// that are known.
func newEvaluator(t *tree, s situation, set map[string]value) *evaluator {
	e := &evaluator{tree: t, sit: s, seen: map[*term]Answer{}, words: make(map[wordKey]value, len(set))}
	for name, v := range set {
		e.words[wordKey{word: name}] = v
	}
	return e
}

func answerOf(v bool) Answer {
	if v {
		return Yes
	}
	return No
}

// ask answers a condition.
func (e *evaluator) ask(x *term) Answer {
	var out Answer
	switch {
	case x.op == "!":
		out = e.ask(x.kids[0])
		if out != Unknown {
			out = 1 - out
		}
	case x.op == "&&" || x.op == "||":
		out = e.ask(x.kids[0])
		if (out == Yes) == (x.op == "&&") && out != Unknown {
			out = e.ask(x.kids[1])
		}
	case x.compares():
		out = e.comparison(x)
	case x.name == "Known":
		out = answerOf(e.word(x.kids[0].name).known)
	case x.op == isWord:
		out = Unknown
		if v := e.word(x.name); v.known {
			out = answerOf(v.n != 0)
		}
	default:
		out = answerOf(x.name == "true")
	}
	if e.seen != nil {
		e.seen[x] = out
	}
	return out
}

func (e *evaluator) comparison(x *term) Answer {
	l := e.value(x.kids[0])
	if !l.known {
		return Unknown
	}
	r := e.value(x.kids[1])
	if !r.known {
		return Unknown
	}
	if x.kids[1].op != isNumber && e.isTextual(x.kids[0]) {
		return answerOf((l.s == r.s) == (x.op == "=="))
	}
	return answerOf(holds(x.op, l.n, r.n))
}

func holds(op string, l, r float64) bool {
	switch op {
	case "<":
		return l < r
	case "<=":
		return l <= r
	case ">":
		return l > r
	case ">=":
		return l >= r
	case "==":
		return l == r
	}
	return l != r
}

// value evaluates a number or text.
func (e *evaluator) value(x *term) value {
	switch x.op {
	case isNumber:
		v, err := strconv.ParseFloat(x.name, 64)
		return value{n: v, known: err == nil}
	case isText:
		return str(x.name)
	case isWord:
		return e.word(x.name)
	case isCall:
		return e.call(x)
	}
	l, r := e.value(x.kids[0]), e.value(x.kids[1])
	if !l.known || !r.known {
		return value{}
	}
	switch x.op {
	case "+":
		return num(l.n + r.n)
	case "-":
		return num(l.n - r.n)
	case "*":
		return num(l.n * r.n)
	}
	return num(l.n / r.n)
}

// word reads a field or a derived value.
func (e *evaluator) word(name string) value {
	r := wordKey{word: name}
	v, ok := e.words[r]
	if !ok {
		if w := find(name); w != nil && w.field != nil {
			v = w.field(&e.sit)
		}
		e.words[r] = v
	}
	return v
}

// method reads what a fact says of a metric.
func (e *evaluator) method(w *Word, metric string) value {
	r := wordKey{w.Name, metric}
	v, ok := e.words[r]
	if !ok {
		var effect *facts.Effect
		if i := slices.IndexFunc(e.sit.fact.Effect, func(f facts.Effect) bool { return f.Metric == metric }); i >= 0 {
			effect = &e.sit.fact.Effect[i]
		}
		v = w.method(effect)
		e.words[r] = v
	}
	return v
}

func (e *evaluator) call(x *term) value {
	w := find(x.name)
	if w == nil || len(x.kids) != len(w.Args) {
		return value{}
	}
	if w.method != nil {
		return e.method(w, x.kids[0].name)
	}
	var args [2]float64
	for i, k := range x.kids {
		v := e.value(k)
		if !v.known {
			return value{}
		}
		args[i] = v.n
	}
	switch x.name {
	case "Max":
		return num(math.Max(args[0], args[1]))
	case "Min":
		return num(math.Min(args[0], args[1]))
	case "Abs":
		return num(math.Abs(args[0]))
	}
	return value{}
}

// leaves returns the parts of a condition that are no && or || themselves.
func (t *tree) leaves() []*term {
	var out []*term
	var walk func(*term)
	walk = func(x *term) {
		if x.op == "&&" || x.op == "||" || x.op == "!" {
			for _, k := range x.kids {
				walk(k)
			}
			return
		}
		out = append(out, x)
	}
	walk(t.when)
	return out
}
