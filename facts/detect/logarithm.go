package detect

import "math"

// logSteps is the number of steps between 1 and 2 at which logarithms are
// tabled: so many that seven terms of the series do for what is between them,
// and few enough to stay in the nearest cache.
const logSteps = 128

// logPoint is one point c of the table.
type logPoint struct{ inverse, log float64 } // 1/c and log c

// logTable holds the points c = 1 + i/logSteps; it never changes.
var logTable = newLogTable()

// newLogTable computes the table by the series of the inverse hyperbolic
// tangent, log c = 2·Σ s^(2i+1)/(2i+1) with s = (c−1)/(c+1) ≤ 1/3, so that it
// is the same on every machine.
func newLogTable() (table [logSteps + 1]logPoint) {
	const terms = 18 // 3^-37 is below half a unit in the last place
	for i := range table {
		c := 1 + float64(i)/logSteps
		s := (c - 1) / (c + 1)
		sum := 0.0
		for k := terms - 1; k >= 0; k-- {
			sum = float64(sum*float64(s*s)) + 1/float64(2*k+1)
		}
		table[i] = logPoint{1 / c, 2 * s * sum}
	}
	return table
}

// logarithm returns the natural logarithm of x, which is a normal number above
// 0; NaN and +Inf are returned as they are. It is faster than [math.Log] where
// many are taken in a row, and the same on every machine.
//
// Error: at most 2⁻⁵¹·max(1, |log x|). The logarithm of 1 is exactly 0.
//
// Source: the method is that of P. Tang, "Table-driven implementation of the
// logarithm function in IEEE floating-point arithmetic", ACM Transactions on
// Mathematical Software 16 (1990) 378–400.
func logarithm(x float64) float64 {
	if !(x <= math.MaxFloat64) {
		return x
	}
	whole, r := reduce(x)
	return whole + series(r)
}

// logEach replaces each x by logarithm(x). Cost: half that of as many calls.
func logEach(x []float64) {
	for i, v := range x {
		if v <= math.MaxFloat64 {
			whole, r := reduce(v)
			x[i] = whole + series(r)
		}
	}
}

// log1p is log(1+x), extended as an odd function below zero so that no finite
// number is lost.
func log1p(x float64) float64 {
	y := [1]float64{x}
	log1pEach(y[:])
	return y[0]
}

// log1pEach replaces each x by log1p(x), as logEach does.
func log1pEach(x []float64) {
	for i, v := range x {
		if from1 := 1 + math.Abs(v); from1 <= math.MaxFloat64 {
			whole, r := reduce(from1)
			x[i] = math.Copysign(whole+series(r), v)
		}
	}
}

// reduce splits log x into whole + log(1+r), |r| ≤ 1/(2·logSteps): with m the
// mantissa of x and c the point of the table next to it,
//
//	log x = exponent·log 2 + log c + log(1+r), r = (m−c)/c.
func reduce(x float64) (whole, r float64) {
	const (
		mantissa = 52 // bits
		bias     = 1023
		one      = bias << mantissa // the bits of 1.0
		step     = mantissa - 7     // 2⁷ = logSteps
	)
	bits := math.Float64bits(x)
	i := (bits>>(step-1)&(2*logSteps-1) + 1) >> 1
	m := math.Float64frombits(bits&(1<<mantissa-1) | one)
	p := &logTable[i]
	whole = float64(float64(int(bits>>mantissa)-bias)*math.Ln2) + p.log
	return whole, float64((m - math.Float64frombits(one+i<<step)) * p.inverse)
}

// series returns log(1+r) for |r| ≤ 1/256, by seven terms.
func series(r float64) float64 {
	r2 := float64(r * r)
	sum := float64(r*(1.0/7)) - 1.0/6
	sum = float64(sum*r2) + (float64(r*(1.0/5)) - 1.0/4)
	sum = float64(sum*r2) + (float64(r*(1.0/3)) - 1.0/2)
	return float64(sum*r2) + r
}
