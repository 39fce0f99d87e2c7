package engine

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/hyperjumptech/grule-rule-engine/ast"
	"github.com/hyperjumptech/grule-rule-engine/model"
)

// sandbox is everything a rule can reach: two roots that read one situation,
// one that holds what was derived from it, and the calls. It implements the
// evaluator's data context and refuses whatever else that interface offers.
// Nothing in it is found by reflection.
type sandbox struct {
	sit      situation
	supposed []Supposition // words that read otherwise than the situation says; none in a decision that counts
	budget

	// What the rule in evaluation did.
	absent   string // the unknown word that was read
	proposed []proposal
	vetoed   []veto
	noted    []string
	assigned []assignment

	nodes [4]model.ValueNode // F, C, D and the calls
	words []Word             // fields and methods
	leafs []leaf             // one for each slot: they read the row
	row   row
}

// proposal and veto are what a rule's calls ask for.
type (
	proposal struct {
		verb           actions.Verb
		member, reason string
	}
	veto struct {
		verb   actions.Verb
		reason string
	}
)

// errAbsent is returned to the evaluator when a rule reads an unknown word. It
// comes back flattened to text: the sandbox remembers which word it was.
var errAbsent = errors.New("unknown in this situation")

func newSandbox(s *slots) *sandbox {
	b := &sandbox{budget: newBudget(), words: s.words, leafs: make([]leaf, s.count()), row: newRow(s)}
	for i := range b.leafs {
		at := reflect.ValueOf(&b.row.nums[i])
		switch s.kind(i) {
		case Count:
			at = reflect.ValueOf(&b.row.ints[i])
		case Text:
			at = reflect.ValueOf(&b.row.texts[i])
		case Truth:
			at = reflect.ValueOf(&b.row.truth[i])
		}
		b.leafs[i] = leaf{refusing(s.of(i).Name), at.Elem()}
	}
	b.nodes = [4]model.ValueNode{newRoot("F", b), newRoot("C", b), newRoot(derivedRoot, b), newRoot("", b)}
	return b
}

// fill reads a situation.
func (b *sandbox) fill(s situation) {
	b.sit = s
	b.row.fill(&b.sit)
	b.start()
}

// clear forgets the situation, so that an idle instance keeps no fact alive.
func (b *sandbox) clear() {
	b.sit, b.supposed = situation{}, nil
	b.row.clear()
	b.start()
	b.begin()
}

// begin forgets what the last rule did.
func (b *sandbox) begin() {
	b.budget.begin()
	b.absent = ""
	b.proposed, b.vetoed, b.noted, b.assigned = nil, nil, nil, nil
}

// Get answers the three roots and the calls, and nothing else.
func (b *sandbox) Get(key string) model.ValueNode {
	b.step()
	switch key {
	case "F":
		return b.nodes[0]
	case "C":
		return b.nodes[1]
	case derivedRoot:
		return b.nodes[2]
	case "DEFUNC":
		return b.nodes[3]
	}
	return nil
}

var errSealed = errors.New("the context of a decision cannot be changed")

func (b *sandbox) Add(string, any) error         { return errSealed }
func (b *sandbox) AddJSON(string, []byte) error  { return errSealed }
func (b *sandbox) GetKeys() []string             { return nil }
func (b *sandbox) ResetVariableChangeCount()     {}
func (b *sandbox) IncrementVariableChangeCount() {}
func (b *sandbox) HasVariableChange() bool       { return false }
func (b *sandbox) Retract(string)                {}
func (b *sandbox) IsRetracted(string) bool       { return false }
func (b *sandbox) Retracted() []string           { return nil }
func (b *sandbox) Complete()                     {}
func (b *sandbox) IsComplete() bool              { return false }
func (b *sandbox) Reset()                        {}
func (b *sandbox) SetRuleEntry(*ast.RuleEntry)   {}
func (b *sandbox) GetRuleEntry() *ast.RuleEntry  { return nil }

// read returns the node of field i of the vocabulary, unless it is unknown.
func (b *sandbox) read(i int) (model.ValueNode, error) {
	b.step()
	if !b.row.known[i] {
		b.absent = b.words[i].Name
		return nil, errAbsent
	}
	return &b.leafs[i], nil
}

// method calls method i of the vocabulary on the fact.
func (b *sandbox) method(i int, args []reflect.Value) (reflect.Value, error) {
	b.step()
	if b.words[i].method == nil || len(args) != 1 || args[0].Kind() != reflect.String {
		return reflect.Value{}, fmt.Errorf("no method %s of %d arguments", b.words[i].Name, len(args))
	}
	metric := args[0].String()
	var effect *facts.Effect
	for k := range b.sit.fact.Effect {
		if b.sit.fact.Effect[k].Metric == metric {
			effect = &b.sit.fact.Effect[k]
		}
	}
	v := b.words[i].method(effect)
	if !v.known {
		b.absent = nameOfCall(b.words[i].Name, metric)
		return reflect.Value{}, errAbsent
	}
	return reflect.ValueOf(v.n), nil
}

// call performs a root call. The types of the arguments were checked when the
// rule was compiled; they are checked again because the answer is an act.
func (b *sandbox) call(name string, args []reflect.Value) (reflect.Value, error) {
	b.step()
	i := indexOf(calls[:], name)
	if i < 0 || len(args) != len(calls[i].Args) {
		return reflect.Value{}, fmt.Errorf("no function %s of %d arguments", name, len(args))
	}
	var s [3]string
	var n [3]float64
	for k, want := range calls[i].Args {
		switch {
		case want == Text && args[k].Kind() == reflect.String:
			s[k] = args[k].String()
		case want == Number && args[k].CanFloat():
			n[k] = args[k].Float()
		case want == Number && args[k].CanInt():
			n[k] = float64(args[k].Int())
		default:
			return reflect.Value{}, fmt.Errorf("argument %d of %s is a %s, want a %s", k+1, name, args[k].Kind(), want)
		}
	}
	switch name {
	case "Propose":
		verb := actions.Verb(s[0])
		if s[1] == "" && verb != actions.Notify {
			return reflect.Value{}, fmt.Errorf("%s is proposed by a fact about no member", s[0])
		}
		b.proposed = append(b.proposed, proposal{verb, s[1], s[2]})
	case "Veto":
		b.vetoed = append(b.vetoed, veto{actions.Verb(s[0]), s[1]})
	case "Note":
		b.noted = append(b.noted, s[0])
	case "Known":
		k := indexOf(b.words, s[0])
		return reflect.ValueOf(k >= 0 && b.row.known[k]), nil
	case "Max":
		return reflect.ValueOf(math.Max(n[0], n[1])), nil
	case "Min":
		return reflect.ValueOf(math.Min(n[0], n[1])), nil
	case "Abs":
		return reflect.ValueOf(math.Abs(n[0])), nil
	}
	return reflect.ValueOf(true), nil
}
