package detect

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

const (
	// identityShare is the share of the identity in a covariance: it bounds
	// what a direction in which nothing moved in health can weigh.
	identityShare = 0.1
	// normaliser is the quantile of a window's statistic in health that counts
	// as 1: far enough out that windows share the false alarms fairly, near
	// enough to be estimated.
	normaliser = 0.99
	// minQuantile is the number of values below which a quantile is not
	// believed and the one of the window before is taken.
	minQuantile = 50
)

// law is what a group's residuals are like in health: their ranks, feature by
// feature, and the covariance of the scores' window means. It does not change
// once made.
type law struct {
	windows  []int
	features []string
	ranks    []*ranks
	forms    []quadratic // one a window
	gaps     []int       // longest that each feature was missing, in ticks
}

// quadratic is the whitened quadratic form of one window (see Statistic in
// the package documentation),
//
//	S = sqrt(W'·Σ⁻¹·W)/q
//
// of the window sums W·length.
type quadratic struct {
	// root is lower triangular, with |root·sums| = S: the inverse of the
	// Cholesky factor of Σ, over length·q, padded with zeros to a multiple of
	// rootRows rows. Its rows are in blocks of rootRows; a block is its square
	// tiles from left to right, each column by column, the last without the
	// zeros above the diagonal.
	root []float64
	// inverse is Σ⁻¹/(length·q)², so that sums'·inverse·sums = S².
	inverse *mat.SymDense
	typical float64 // median of S in health
}

// rootRows is the number of rows in a block of quadratic.root: as many as there
// are registers for, so that independent sums run side by side.
const rootRows = 4

// Numbers in a tile of quadratic.root: a square one, and one on the diagonal.
const (
	fullTile     = rootRows * rootRows
	diagonalTile = rootRows * (rootRows + 1) / 2
)

// stat returns S for window sums. Cost: d²/2 multiplications, no allocation.
// The order of summation is fixed, and no product is fused with a sum.
func (q *quadratic) stat(sums []float64) float64 {
	var tail [rootRows]float64
	whole := len(sums) - len(sums)%rootRows
	for k, x := range sums[whole:] {
		tail[k%rootRows] = x
	}
	total, root := 0.0, q.root
	for done := 0; done < len(sums); done += rootRows {
		var a, b, c, d float64
		x := sums[:done]
		for at := 0; at+3 < len(x) && len(root) > fullTile; at += rootRows { // the second is for the compiler
			y0, y1, y2, y3 := x[at], x[at+1], x[at+2], x[at+3]
			r := root[:fullTile:fullTile]
			a += float64(r[0]*y0) + float64(r[4]*y1) + (float64(r[8]*y2) + float64(r[12]*y3))
			b += float64(r[1]*y0) + float64(r[5]*y1) + (float64(r[9]*y2) + float64(r[13]*y3))
			c += float64(r[2]*y0) + float64(r[6]*y1) + (float64(r[10]*y2) + float64(r[14]*y3))
			d += float64(r[3]*y0) + float64(r[7]*y1) + (float64(r[11]*y2) + float64(r[15]*y3))
			root = root[fullTile:]
		}
		y, r := &tail, (*[diagonalTile]float64)(root)
		if done < whole {
			y = (*[rootRows]float64)(sums[done:])
		}
		a += float64(r[0] * y[0])
		b += float64(r[1]*y[0]) + float64(r[4]*y[1])
		c += float64(r[2]*y[0]) + float64(r[5]*y[1]) + float64(r[7]*y[2])
		d += float64(r[3]*y[0]) + float64(r[6]*y[1]) + (float64(r[8]*y[2]) + float64(r[9]*y[3]))
		root = root[diagonalTile:]
		total += float64(a*a) + float64(b*b) + (float64(c*c) + float64(d*d))
	}
	return math.Sqrt(total)
}

// learnLaw returns the law of the residuals in the traces, which have the
// given features. Cost: O(ticks·members·windows·d²).
func learnLaw(windows []int, features []string, traces []*trace) (*law, error) {
	l := &law{windows: windows, features: features, gaps: make([]int, len(features))}
	for k := range features {
		var h histogram
		for _, t := range traces {
			h.merge(t.histogram(k))
		}
		l.ranks = append(l.ranks, newRanks(&h))
	}
	for _, t := range traces {
		for k, ticks := range t.longestGaps() {
			l.gaps[k] = max(l.gaps[k], ticks)
		}
	}
	d := len(features)
	moments := make([]moments, len(windows))
	for j := range moments {
		moments[j].sum = mat.NewSymDense(d, nil)
	}
	for _, t := range traces {
		t.walk(l, func(j int, sums []float64) { moments[j].add(sums, windows[j]) })
	}
	for j := range windows {
		q, err := newQuadratic(covariance(moments, windows, j), windows[j])
		if err != nil {
			return nil, err
		}
		l.forms = append(l.forms, q)
	}
	l.normalise(traces)
	return l, nil
}

// normalise scales each form so that its quantile in health is 1.
func (l *law) normalise(traces []*trace) {
	values := make([][]float64, len(l.windows))
	for _, t := range traces {
		t.walk(l, func(j int, sums []float64) { values[j] = append(values[j], l.forms[j].stat(sums)) })
	}
	high, typical := math.Sqrt(float64(len(l.features))), 1.0
	for j, v := range values {
		if len(v) >= minQuantile || j == 0 && len(v) > 0 {
			slices.Sort(v)
			high = max(stat.Quantile(normaliser, stat.Empirical, v, nil), 1)
			typical = max(median(v)/high, 0.1)
		}
		f := &l.forms[j]
		f.typical = typical
		for i := range f.root {
			f.root[i] /= high
		}
		f.inverse.ScaleSym(1/(high*high), f.inverse)
	}
}

// moments are the second moments of one window's means. Their mean is zero in
// health by construction, and a persistent offset of a member is spread, not
// mean: it is what a later offset has to be told from.
type moments struct {
	sum *mat.SymDense
	n   float64
}

func (m *moments) add(sums []float64, length int) {
	m.n++
	m.sum.SymRankOne(m.sum, 1/float64(length*length), mat.NewVecDense(len(sums), sums))
}

// covariance returns Σ of window j: its second moments, drawn to those of the
// single tick (scaled to the same trace) as far as there are fewer independent
// windows than features; then a share of the identity, and no variance below
// the one that independent standard scores have.
func covariance(m []moments, windows []int, j int) *mat.SymDense {
	d := m[0].sum.SymmetricDim()
	first, out := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
	first.ScaleSym(1/max(m[0].n, 1), m[0].sum)
	scale, trust := 1.0, 0.0
	for i := 1; i <= j; i++ { // a window without data inherits the trace of the one before
		if t := mat.Trace(first); m[i].n > 0 && t > 0 {
			scale = mat.Trace(m[i].sum) / m[i].n / t
		}
	}
	if j > 0 {
		independent := m[j].n / float64(windows[j])
		trust = independent / (independent + float64(d))
	}
	out.ScaleSym((1-trust)*scale, first)
	if trust > 0 {
		own := mat.NewSymDense(d, nil)
		own.ScaleSym(trust/m[j].n, m[j].sum)
		out.AddSym(out, own)
	}
	identity := identityShare * mat.Trace(out) / float64(d)
	out.ScaleSym(1-identityShare, out)
	for k := range d {
		out.SetSym(k, k, max(out.At(k, k)+identity, 1/float64(windows[j])))
	}
	return out
}

// newQuadratic returns the form of a covariance, not yet normalised.
func newQuadratic(sigma *mat.SymDense, length int) (quadratic, error) {
	var c mat.Cholesky
	if !c.Factorize(sigma) {
		return quadratic{}, fmt.Errorf("detect: covariance of window %d is not positive definite, want finite residuals", length)
	}
	d := sigma.SymmetricDim()
	var lower mat.TriDense
	c.LTo(&lower)
	inverse, root := mat.NewSymDense(d, nil), mat.NewTriDense(d, mat.Lower, nil)
	if err := c.InverseTo(inverse); err != nil {
		return quadratic{}, fmt.Errorf("detect: covariance of window %d: %w", length, err)
	}
	if err := root.InverseTri(&lower); err != nil {
		return quadratic{}, fmt.Errorf("detect: covariance of window %d: %w", length, err)
	}
	q := quadratic{inverse: inverse}
	n := float64(length)
	inverse.ScaleSym(1/(n*n), inverse)
	for first := 0; first < d; first += rootRows {
		for col := range first + rootRows {
			for row := max(first, col); row < first+rootRows; row++ {
				v := 0.0
				if row < d {
					v = root.At(row, col) / n
				}
				q.root = append(q.root, v)
			}
		}
	}
	return q, nil
}
