package detect

// window holds the trailing sums of one member's scores v over each window, in
// ticks. The sums are exact: v is a multiple of 2⁻¹⁵ up to 2⁸ in size, which a
// float32 holds, and at most 256 of them are added, so that adding and taking
// away again leaves no error, however long it goes on.
type window struct {
	lengths []int     // ascending; shared
	ring    []float32 // the last lengths[len-1] vectors v, d numbers each
	sums    []float64 // len(lengths) × d
	seen    int       // ticks since the last restart
	at      int       // where the next vector goes in the ring
}

func newWindow(lengths []int, d int) window {
	return window{lengths: lengths, ring: make([]float32, lengths[len(lengths)-1]*d), sums: make([]float64, len(lengths)*d)}
}

// restart empties the windows.
func (w *window) restart() {
	w.seen, w.at = 0, 0
	clear(w.sums)
}

// exact rounds v, up to 2⁸ in size, to the grid on which sums are exact: the
// float64 next to 3·2³⁶ are 2⁻¹⁵ apart.
func exact(v float64) float64 {
	const far = 3 << 36
	return float64(v+far) - far
}

// add takes in the scores of one tick, which must be exact.
// Cost: 2·d additions a window.
func (w *window) add(v []float64) {
	d := len(v)
	for j, length := range w.lengths {
		sums := w.sums[j*d:][:len(v)]
		if w.seen < length {
			for k, x := range v {
				sums[k] += x
			}
			continue
		}
		from := w.at - length*d
		if from < 0 {
			from += len(w.ring)
		}
		old := w.ring[from : from+d]
		for k, x := range v[:len(old)] {
			sums[k] += x - float64(old[k])
		}
	}
	now := w.ring[w.at : w.at+d]
	for k, x := range v[:len(now)] {
		now[k] = float32(x)
	}
	if w.at += d; w.at == len(w.ring) {
		w.at = 0
	}
	w.seen++
}

// full reports whether window j has all its ticks.
func (w *window) full(j int) bool { return w.seen >= w.lengths[j] }

// sum returns the sums of window j, one a feature.
func (w *window) sum(j, d int) []float64 { return w.sums[j*d : (j+1)*d] }
