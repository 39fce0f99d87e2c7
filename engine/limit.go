package engine

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// limit is what a condition admits of one reading: an interval less some
// points, or a set of texts. The zero limit admits everything. A truth value is
// a text, true or false.
type limit struct {
	low, high         float64 // of a number; infinite: no bound
	lowOpen, highOpen bool    // the bound itself is not admitted
	except            []float64
	whole             bool // of integers

	texts  []string // of a text: those admitted, or with others those that are not; sorted
	others bool     // texts beyond those listed are admitted
	isText bool
}

// anyNumber admits every number.
func anyNumber(whole bool) limit {
	return limit{low: math.Inf(-1), high: math.Inf(1), whole: whole}
}

// truths admits one truth value.
func truths(v bool) limit {
	return limit{isText: true, texts: []string{strconv.FormatBool(v)}}
}

// bounded returns the numbers that stand in a relation to v.
func bounded(op string, v float64, whole bool) limit {
	l := anyNumber(whole)
	switch op {
	case "<":
		l.high, l.highOpen = v, true
	case "<=":
		l.high = v
	case ">":
		l.low, l.lowOpen = v, true
	case ">=":
		l.low = v
	case "==":
		l.low, l.high = v, v
	case "!=":
		l.except = []float64{v}
	}
	return l.rounded()
}

// rounded moves the bounds of integers to integers.
func (l limit) rounded() limit {
	if !l.whole {
		return l
	}
	if up := math.Ceil(l.low); up != l.low {
		l.low, l.lowOpen = up, false
	} else if l.lowOpen && !math.IsInf(l.low, 0) {
		l.low, l.lowOpen = l.low+1, false
	}
	if down := math.Floor(l.high); down != l.high {
		l.high, l.highOpen = down, false
	} else if l.highOpen && !math.IsInf(l.high, 0) {
		l.high, l.highOpen = l.high-1, false
	}
	for slices.Contains(l.except, l.low) && !math.IsInf(l.low, 0) {
		l.low++
	}
	for slices.Contains(l.except, l.high) && !math.IsInf(l.high, 0) {
		l.high--
	}
	return l
}

// and returns what both limits admit.
func (l limit) and(o limit) limit {
	if l.isText || o.isText {
		return l.andTexts(o)
	}
	if o.low > l.low || o.low == l.low && o.lowOpen {
		l.low, l.lowOpen = o.low, o.lowOpen
	}
	if o.high < l.high || o.high == l.high && o.highOpen {
		l.high, l.highOpen = o.high, o.highOpen
	}
	l.except = slices.Concat(l.except, o.except)
	l.whole = l.whole || o.whole
	return l.rounded()
}

func (l limit) andTexts(o limit) limit {
	out := limit{isText: true}
	switch {
	case l.others && o.others:
		out.others = true
		out.texts = slices.Concat(l.texts, o.texts)
	case l.others:
		out.texts = slices.DeleteFunc(slices.Clone(o.texts), func(s string) bool { return slices.Contains(l.texts, s) })
	case o.others:
		return o.andTexts(l)
	default:
		out.texts = slices.DeleteFunc(slices.Clone(l.texts), func(s string) bool { return !slices.Contains(o.texts, s) })
	}
	slices.Sort(out.texts)
	out.texts = slices.Compact(out.texts)
	return out
}

// admits says whether a number is admitted.
func (l limit) admits(v float64) bool {
	if v < l.low || v == l.low && l.lowOpen || v > l.high || v == l.high && l.highOpen {
		return false
	}
	return !slices.Contains(l.except, v) && (!l.whole || v == math.Trunc(v))
}

// empty says whether nothing is admitted.
func (l limit) empty() bool {
	if l.isText {
		return !l.others && len(l.texts) == 0
	}
	return l.low > l.high || l.low == l.high && (l.lowOpen || l.highOpen || slices.Contains(l.except, l.low))
}

// within says whether o admits everything that l does.
func (l limit) within(o limit) bool {
	if l.isText != o.isText {
		return false
	}
	if l.isText {
		admitted := func(s string) bool { return slices.Contains(o.texts, s) != o.others }
		switch {
		case !l.others:
			return !slices.ContainsFunc(l.texts, func(s string) bool { return !admitted(s) })
		default: // what o refuses, l must refuse
			return o.others && !slices.ContainsFunc(o.texts, func(s string) bool { return !slices.Contains(l.texts, s) })
		}
	}
	low := l.low > o.low || l.low == o.low && (l.lowOpen || !o.lowOpen)
	high := l.high < o.high || l.high == o.high && (l.highOpen || !o.highOpen)
	return low && high && !slices.ContainsFunc(o.except, func(v float64) bool { return !l.and(bounded("==", v, false)).empty() })
}

// rangeOf reads the range that the vocabulary gives a word: "≥ 0", "> 0",
// "> 0 to 1", "0 to 256", or nothing. What is none of these, as it says, admits
// every number.
func rangeOf(w *Word) (limit, bool) {
	l := anyNumber(w.Type == Count)
	from, to, both := strings.Cut(w.Range, " to ")
	if w.Range == "" {
		return l, true
	}
	for _, prefix := range []string{"> ", "≥ "} {
		if rest, ok := strings.CutPrefix(from, prefix); ok {
			from, l.lowOpen = rest, prefix == "> "
		}
	}
	low, ok := finite(from)
	l.low = low
	if both {
		high, okHigh := finite(to)
		l.high, ok = high, ok && okHigh
	} else {
		ok = ok && from != w.Range
	}
	if !ok {
		return anyNumber(w.Type == Count), false
	}
	return l, true
}

// finite reads a number.
func finite(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}
