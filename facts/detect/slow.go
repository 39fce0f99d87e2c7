package detect

// slowEvidence is T3 within a detector: what no single epoch shows, told at the
// close of an epoch, as an alarm that stands during the next one. It is about
// the peaks of the peer test, and begins anew with each baseline version.
//
// It needs no history to certify its share of alpha, and joins once the peer
// test could certify what is left to it.
type slowEvidence struct {
	part       float64 // share of alpha that it has when it joins
	joined     bool
	sequential sequential
	alarm      slow // that stands in the running epoch; level 0: none
}

// newSlowEvidence returns the slow evidence for the probability alpha·part of
// a false alarm in an epoch; none when part is 0.
func newSlowEvidence(alpha, part float64) slowEvidence {
	return slowEvidence{part: part, sequential: sequential{mean: 1 / (alpha * part)}}
}

// joins decides whether it raises alarms, when the peer test has m epochs and
// the share rest of alpha.
func (s *slowEvidence) joins(alpha, rest float64, m int) bool {
	const rounding = 1e-9
	s.joined = s.part > 0 && float64(m+1)*alpha*(rest-s.part) >= 1-rounding
	return s.joined
}

// alpha returns the probability of a false alarm in an epoch, on average over
// the time to one: 0 when it raises none.
func (s *slowEvidence) alpha() float64 {
	if !s.joined {
		return 0
	}
	return 1 / s.sequential.mean
}

// against reports whether the evidence stands against the named member, or
// against a group of two when the name is empty.
func (s *slowEvidence) against(member string) bool {
	return s.alarm.level > 0 && s.alarm.member == member
}

// gather takes the epoch that ends as evidence. Two members are one series:
// nothing tells them apart.
func (d *Detector) gather() {
	s := &d.slow
	cells := d.cells(peerTest)
	if len(d.judge.tracks) == 2 && len(cells) == 2 {
		cells = []memberPeak{{peak: d.whole(peerTest)}}
	}
	if s.part == 0 {
		return
	}
	s.sequential.observe(cells)
	s.alarm = slow{}
	if worst := s.sequential.worst(); s.joined && worst.alarm() {
		s.alarm = worst
		s.sequential.restart(worst.member)
	}
}
