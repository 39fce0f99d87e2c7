package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// slots are the values that the rules of a program read: one for each word,
// and after them one for each method with its metric. Only those are read from
// a situation. They do not change after [Compile].
type slots struct {
	words   []Word // fields and methods of the vocabulary, then derived values
	reads   []int  // fields that rules read
	told    []int  // fields of C, which a decision tells
	calls   []methodCall
	metrics map[string][]int // metric → its slots
	ranges  []limit          // of the derived values
}

// methodCall is a method of the fact with its metric, as rules call it.
type methodCall struct {
	word   int
	metric string
	name   string // as a decision names it
	absent value  // what it answers when the metric is not among the effects
}

func newSlots(derived []Word) *slots {
	s := &slots{words: slices.Concat(fields[:], derived), metrics: map[string][]int{}}
	for i := range s.words {
		if strings.HasPrefix(s.words[i].Name, "C.") {
			s.told = append(s.told, i)
		}
	}
	for i := range derived {
		l, _ := rangeOf(&derived[i]) // it was checked
		s.ranges = append(s.ranges, l)
	}
	return s
}

func (s *slots) count() int { return len(s.words) + len(s.calls) }

// word returns the slot of a field or derived value that a rule reads, or -1.
func (s *slots) word(name string) int {
	i := indexOf(s.words, name)
	if i < 0 || s.words[i].Args != nil {
		return -1
	}
	if i < len(fields) && !slices.Contains(s.reads, i) {
		s.reads = append(s.reads, i)
	}
	return i
}

// call returns the slot of a method with its metric, or -1.
func (s *slots) call(name, metric string) int {
	i := indexOf(s.words, name)
	if i < 0 || s.words[i].method == nil {
		return -1
	}
	for _, at := range s.metrics[metric] {
		if s.calls[at-len(s.words)].word == i {
			return at
		}
	}
	at := s.count()
	s.calls = append(s.calls, methodCall{i, metric, nameOfCall(name, metric), s.words[i].method(nil)})
	s.metrics[metric] = append(s.metrics[metric], at)
	return at
}

// nameOfCall returns how a decision names a method with its metric.
func nameOfCall(method, metric string) string { return fmt.Sprintf("%s(%q)", method, metric) }

// name returns how a decision names what a slot reads.
func (s *slots) name(slot int) string {
	if slot < len(s.words) {
		return s.words[slot].Name
	}
	return s.calls[slot-len(s.words)].name
}

// of returns the word that a slot reads.
func (s *slots) of(slot int) *Word {
	if slot < len(s.words) {
		return &s.words[slot]
	}
	return &s.words[s.calls[slot-len(s.words)].word]
}

// kind returns the type of a slot's value.
func (s *slots) kind(slot int) Type { return s.of(slot).Type }

// certain says whether a slot is known in every situation.
func (s *slots) certain(slot int) bool { return slot < len(s.words) && s.words[slot].certain }

// derived says whether a slot is a derived value.
func (s *slots) derived(slot int) bool { return len(fields) <= slot && slot < len(s.words) }

// admits says whether a derived value may be a number.
func (s *slots) admits(slot int, v float64) bool { return s.ranges[slot-len(fields)].admits(v) }

// row is what the slots read in one situation. Of each slot the list of its
// type is used; a count is in nums too.
type row struct {
	slots *slots
	nums  []float64
	ints  []int64
	texts []string
	truth []bool
	known []bool
	set   []int // slots of methods that differ from what they answer without the metric
}

func newRow(s *slots) row {
	n := s.count()
	r := row{slots: s, nums: make([]float64, n), ints: make([]int64, n), texts: make([]string, n),
		truth: make([]bool, n), known: make([]bool, n)}
	for k := range s.calls {
		r.put(len(s.words)+k, s.calls[k].absent)
	}
	return r
}

func (r *row) put(slot int, v value) {
	r.known[slot], r.nums[slot], r.ints[slot], r.texts[slot], r.truth[slot] = v.known, v.n, int64(v.n), v.s, v.n != 0
}

// fill reads a situation. No derived value is known yet.
func (r *row) fill(s *situation) {
	for _, i := range r.slots.reads {
		r.put(i, r.slots.words[i].field(s))
	}
	for k := range s.fact.Effect {
		r.effect(&s.fact.Effect[k])
	}
}

func (r *row) effect(e *facts.Effect) {
	for _, at := range r.slots.metrics[e.Metric] {
		r.put(at, r.slots.words[r.slots.calls[at-len(r.slots.words)].word].method(e))
		r.set = append(r.set, at)
	}
}

// clear forgets the situation.
func (r *row) clear() {
	clear(r.texts)
	clear(r.known[len(fields):len(r.slots.words)])
	for _, at := range r.set {
		r.put(at, r.slots.calls[at-len(r.slots.words)].absent)
	}
	r.set = r.set[:0]
}
