package detect

import "math"

const (
	// maxSamples bounds the ticks of a warm-up that are kept of a member; a
	// longer warm-up is sampled evenly.
	maxSamples = 128
	// minSamples is the least a member needs to be fitted by itself.
	minSamples = 8
	// slopeSD is how far the slopes of members that are meant to be alike are
	// expected to differ from 1. A warm-up in which the load hardly moved
	// says nothing about the slope, and must not.
	slopeSD = 0.06
	// scaleSamples is the weight, in samples, of the group's scale in a
	// member's own.
	scaleSamples = 40
	// outlier is the distance, in robust standard deviations, beyond which a
	// sample is left out of the second fit.
	outlier = 4
	// madSD makes a median absolute deviation a standard deviation (normal).
	madSD = 1.4826
)

// cell is what one member's one feature is in health:
//
//	z = (y − a − g·mu)·precision/s
//
// with mu the median of the peers (see Residuals in the package documentation). z has
// robust standard deviation 1 in health, whatever the load.
type cell struct{ a, g, inverse float64 } // inverse is 1/s

// alike is the cell of a member that nothing is known of but the group's scale.
func alike(scale float64) cell { return cell{g: 1, inverse: 1 / scale} }

// z returns the normalised residual, NaN when y or mu is missing.
func (c *cell) z(y, mu, precision float64) float64 {
	return (y - c.a - float64(c.g*mu)) * precision * c.inverse
}

// sample is one tick of one member's one feature in the warm-up.
type sample struct{ y, mu, precision float64 }

// fit is a cell before its scale is drawn to the group's.
type fit struct {
	a, g, s float64
	n       int // samples used; below minSamples the rest is without meaning
}

// fitCell returns the offset, the slope and the scale of one member's one
// feature from its samples; those with NaN are left out.
//
// g is least squares of y on mu, drawn to 1 by the prior N(1, slopeSD²), once
// over all samples and once without those whose residual is beyond outlier
// MADs; a is the mean residual of the kept; s is the robust scale of the
// precision-weighted residuals, max(1.4826 MAD, 0.2 sd), of all. So a restart
// or a burst in the warm-up moves neither.
//
// work has room for as many numbers as samples. Cost: O(n log n), no allocation.
func fitCell(samples []sample, work []float64) fit {
	f := fit{g: 1}
	kept := func(sample) bool { return true }
	for range 2 {
		f.g = slope(samples, kept)
		work = work[:0]
		for _, x := range samples {
			if x.seen() {
				work = append(work, x.y-float64(f.g*x.mu))
			}
		}
		if f.n = len(work); f.n < minSamples {
			return f
		}
		mid := medianOf(work)
		for i, e := range work {
			work[i] = math.Abs(e - mid)
		}
		g, limit := f.g, outlier*madSD*medianOf(work)
		kept = func(x sample) bool { return limit == 0 || math.Abs(x.y-float64(g*x.mu)-mid) <= limit }
	}
	var n, total float64
	for _, x := range samples {
		if x.seen() && kept(x) {
			n++
			total += x.y - float64(f.g*x.mu)
		}
	}
	f.a = total / n
	n, total, work = 0, 0, work[:0]
	for _, x := range samples {
		if !x.seen() {
			continue
		}
		r := (x.y - f.a - float64(f.g*x.mu)) * x.precision
		work = append(work, math.Abs(r))
		if kept(x) {
			n++
			total += float64(r * r)
		}
	}
	f.s = max(madSD*medianOf(work), 0.2*math.Sqrt(total/n))
	return f
}

func (x sample) seen() bool { return !math.IsNaN(x.y) && !math.IsNaN(x.mu) }

// slope returns the least-squares slope of y on mu with the prior N(1, slopeSD²).
func slope(samples []sample, kept func(sample) bool) float64 {
	var n, sx, sd float64
	for _, x := range samples {
		if x.seen() && kept(x) {
			n++
			sx += x.mu
			sd += x.y - x.mu
		}
	}
	if n < 2 {
		return 1
	}
	var sxx, sxd, sdd float64
	for _, x := range samples {
		if x.seen() && kept(x) {
			dx, dd := x.mu-sx/n, x.y-x.mu-sd/n
			sxx += float64(dx * dx)
			sxd += float64(dx * dd)
			sdd += float64(dd * dd)
		}
	}
	if sxx == 0 {
		return 1
	}
	noise := max(0, sdd-sxd*sxd/sxx) / n // what a line leaves
	return 1 + sxd/(sxx+noise/(slopeSD*slopeSD))
}

// cell returns the fitted cell with its scale drawn to the group's, and not
// below floor.
func (f fit) cell(group, floor float64) cell {
	if f.n < minSamples {
		return alike(max(group, floor))
	}
	n := float64(f.n)
	s := math.Sqrt((float64(n*f.s*f.s) + float64(scaleSamples*group*group)) / (n + scaleSamples))
	return cell{a: f.a, g: f.g, inverse: 1 / max(s, floor)}
}
