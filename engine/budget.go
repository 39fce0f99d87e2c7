package engine

import "errors"

// The bounds of what the evaluator does for one decision. They count look-ups,
// not time: a decision must not depend on the machine.
const (
	// maxSteps bounds the look-ups of one rule. A rule has at most [maxNodes]
	// nodes and no loops, so a rule that needs more is a defect of the
	// evaluator, not of the rule.
	maxSteps = 4 * maxNodes
	// maxDecisionSteps bounds the look-ups of all rules of a decision: 64 for
	// each of the largest version, of which the index leaves out most. They
	// take some tenths of a second.
	maxDecisionSteps = 64 * MaxRules
	// lookEvery is how many look-ups pass between two looks at whether there is
	// still time: some 20 µs.
	lookEvery = 64
)

// budget counts the look-ups of a decision.
type budget struct {
	limit, whole int             // look-ups of a rule, and of all that count
	done         <-chan struct{} // closed when there is no more time; nil: there is

	steps    int // of the rule in evaluation
	spent    int // of the rules before it, as far as they count
	unlooked int // since the last look at done
	exceeded bool
	late     bool
}

func newBudget() budget { return budget{limit: maxSteps, whole: maxDecisionSteps} }

// start forgets the decision before, and its deadline.
func (b *budget) start() {
	b.done, b.spent, b.unlooked, b.late = nil, 0, 0, false
}

// begin forgets what the rule before took.
func (b *budget) begin() { b.steps, b.exceeded = 0, false }

// count adds what the rule in evaluation took. Rules whose condition does not
// hold do not count: which of them come to the evaluator at all is a matter of
// index and filter, and must change no decision.
func (b *budget) count() { b.spent += b.steps }

// used says whether no further rule may be evaluated.
func (b *budget) used() bool { return b.spent > b.whole }

// step charges one look-up. The evaluator recovers the panic.
func (b *budget) step() {
	if err := b.charge(1); err != nil {
		panic(err)
	}
}

var (
	errSteps = errors.New("step budget exceeded")
	errTime  = errors.New("no time left")
)

// charge charges n look-ups.
func (b *budget) charge(n int) error {
	b.steps += n
	if b.steps > b.limit {
		b.exceeded = true
		return errSteps
	}
	if b.unlooked += n; b.unlooked < lookEvery && !b.late {
		return nil
	}
	b.unlooked = 0
	select {
	case <-b.done:
		b.late = true
		return errTime
	default:
		return nil
	}
}
