package detect

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on slow evidence.
const (
	// maxReference is how many of its own epochs a member is ranked among:
	// what 43 days of hours give.
	maxReference = 1024
	// maxReferences bounds the references of all members together, to 32 MiB.
	maxReferences = 1 << 22
	// maxEvidence keeps evidence finite while a member stays sick. Anything
	// above a limit says the same.
	maxEvidence = 1e100
)

// sequential is T3, the slow evidence: what no single epoch shows, but many
// epochs together do. It holds for one baseline version; a new one resets it.
//
// Each member's peak is ranked among those of its own earlier epochs since the
// reset. If epochs are exchangeable, the rank r_e is uniform on 1 … e and
// independent of r_1 … r_{e−1}: all e! orders are equally likely, and to each
// belongs one r_1 … r_e, of which there are as many. It is the conformal p-value
// r_e/e in the online mode, whose reference grows, with ties broken by the hash.
// A reference that stays as it was gives ranks that depend on each other, and
// breaks what follows. On the ranks each bet plays the Shiryaev-Roberts
// e-detector
//
//	R_e = (1 + R_{e−1})·e(r_e),  R_0 = 0,
//
// and R is the mean over the bets. In health R_e − e does not grow on average,
// so that R reaches a level L within T epochs with a probability of at most
// T/L, and after L epochs or more on average.
//
// The e-detectors of several members cannot simply be averaged: what one
// member's rank does is independent of its own past, but not of the others',
// and each R is good at times that its own member tells, not at times that the
// others tell. The union bound holds for any dependence between members: with
// the level 2·n·A for each, n the number of members seen since the reset,
//
//	P(any alarm in T epochs) ≤ T/(2A), so that the mean time to one is ≥ A
//
// epochs; with n = 1 the level A gives that alone.
//
// Sources: J. Shin, A. Ramdas, A. Rinaldo: E-detectors: a nonparametric
// framework for sequential change detection, arXiv:2203.03532 (abstract). V.
// Vovk: Cross-conformal e-prediction, arXiv:2001.05989 (introduction: smoothed
// online p-values err independently). Y. J. Choe, A. Ramdas: Combining evidence
// across filtrations, arXiv:2402.09698 (abstract: e-processes of different
// filtrations cannot be averaged).
type sequential struct {
	mean    float64 // A: epochs to a false alarm, on average at least; > 0
	bets    bets
	members []sequence // by name
}

// sequence is the evidence against one member.
type sequence struct {
	member    string
	reference []float64 // its peaks so far, ascending
	r         [betCount]float64
}

// slow is what the evidence says about the member that it is strongest
// against: there is an alarm when r reaches level. With no member r is 0.
type slow struct {
	member   string
	r, level float64
}

func (s slow) alarm() bool { return s.r > 0 && s.r >= s.level }

// observe takes in the peaks of one epoch, at most one a member. Who has none,
// because the member was away, loses and gains nothing.
// Cost: O(log m) compares and O(m) moves a member, m ≤ maxReference its epochs.
func (q *sequential) observe(epoch []memberPeak) {
	for _, c := range epoch {
		i, found := slices.BinarySearchFunc(q.members, c.member, sequence.compare)
		if !found {
			if len(q.members) == facts.MaxMembers { // names come and go: begin anew
				q.reset()
				i = 0
			}
			q.members = slices.Insert(q.members, i, sequence{member: c.member})
		}
		q.bet(&q.members[i], c.peak)
	}
}

// bet plays one round against a member. A reference that is full begins anew:
// orders within disjoint stretches of an exchangeable sequence are independent.
func (q *sequential) bet(s *sequence, p peak) {
	if len(s.reference) >= min(maxReference, maxReferences/len(q.members)) {
		s.reference = s.reference[:0]
	}
	at, above := place(s.reference, p)
	e := q.bets.place(above+1, len(s.reference)+1)
	for b := range s.r {
		s.r[b] = min((1+s.r[b])*e[b], maxEvidence)
	}
	s.reference = slices.Insert(s.reference, at, p.score)
}

// place returns where p belongs in the ascending reference, and how many peaks
// are above it, of those that equal it a share that its tie-break decides.
func place(reference []float64, p peak) (at, above int) {
	at, _ = slices.BinarySearch(reference, p.score)
	end := at
	for end < len(reference) && reference[end] == p.score {
		end++
	}
	equal, _ := bits.Mul64(p.tie, uint64(end-at+1)) // uniform on 0 … end−at
	return at, len(reference) - end + int(equal)
}

// worst returns the strongest evidence, of equals the first by name.
func (q *sequential) worst() slow {
	out := slow{level: q.level()}
	for i := range q.members {
		if r := meanOf(q.members[i].r); r > out.r {
			out.member, out.r = q.members[i].member, r
		}
	}
	return out
}

// of returns what the evidence says about a member, and among how many epochs
// its peaks are ranked.
func (q *sequential) of(member string) (s slow, epochs int) {
	s = slow{member: member, level: q.level()}
	if i, found := slices.BinarySearchFunc(q.members, member, sequence.compare); found {
		s.r, epochs = meanOf(q.members[i].r), len(q.members[i].reference)
	}
	return s, epochs
}

// level returns what the evidence against one member has to reach.
func (q *sequential) level() float64 {
	if len(q.members) < 2 {
		return q.mean
	}
	return 2 * float64(len(q.members)) * q.mean
}

// restart sets the evidence against a member to zero, as after its alarm. What
// it was compared with stays.
func (q *sequential) restart(member string) {
	if i, found := slices.BinarySearchFunc(q.members, member, sequence.compare); found {
		q.members[i].r = [betCount]float64{}
	}
}

// reset forgets everything: a new baseline version begins.
func (q *sequential) reset() { q.members = nil }

func (s sequence) compare(member string) int { return cmp.Compare(s.member, member) }
