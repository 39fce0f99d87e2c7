package detect

import "github.com/evenkeel/evenkeel/facts"

// Learn takes in a frame of the past, before the first that is observed: the
// detector learns from it as from any, but raises no alarm and tells nothing.
// What was wrong then is not wrong now, and nobody was there to end it.
//
// So nothing of the past is left out for what the detector itself would have
// thought of it. An epoch with a fault in it whose peak is above those of health
// raises the threshold: that costs power, and keeps the promise all the more
// (Bashari, Sesia and Romano prove it for realistic contamination that nobody
// contrived). One whose peak is below them would lower it. A change that stayed
// is learnt.
//
// Errors and cost: as [Detector.Observe], without the facts.
//
// Source: M. Bashari, M. Sesia, Y. Romano: Robust conformal outlier detection
// under contaminated reference data. ICML 2025, arXiv:2502.04807 (abstract).
func (d *Detector) Learn(f *facts.Frame) error {
	_, err := d.take(f, true)
	return err
}
