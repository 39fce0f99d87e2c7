package detect

import "math"

// shrink is the number of requests' worth of the group's own baseline ratio
// that is added to every ratio: with fewer requests than that, a ratio says
// little (see Features in the package documentation).
const shrink = 5

// measure returns a feature's value y, dimensionless, NaN when it was not
// seen. rho is the group's own baseline of num/den, 0 when there is none.
// weight is the member's share of traffic relative to others', above 0.
func (f *feature) measure(num, den, weight, rho float64) float64 {
	var y [1]float64
	f.values(y[:], []float64{num}, []float64{den}, []float64{weight}, rho)
	return y[0]
}

// values sets y to what [feature.measure] returns for each member of a group:
// num, den and weight hold one number a member, as y does.
// Cost: O(len(y)), no allocation.
func (f *feature) values(y, num, den, weight []float64, rho float64) {
	num, den, weight = num[:len(y)], den[:len(y)], weight[:len(y)]
	switch f.form {
	case formRate:
		for i := range y {
			y[i] = num[i] / weight[i]
		}
		log1pEach(y)
	case formLevel, formScale:
		copy(y, num)
		log1pEach(y)
	case formTime:
		for i := range y {
			y[i] = given(den[i] > 0, num[i])
		}
		log1pEach(y)
	case formShare:
		for i := range y {
			y[i] = ratio(num[i], den[i], rho)
		}
	case formAmount:
		if !(rho > 0) {
			for i := range y {
				y[i] = ratio(num[i], den[i], 0)
			}
			log1pEach(y)
			return
		}
		for i := range y {
			y[i] = max(ratio(num[i], den[i], rho)/rho, tiny)
		}
		logEach(y)
	default:
		if f.den.sum == nil {
			copy(y, num)
			return
		}
		for i := range y {
			y[i] = given(den[i] > 0, num[i]/den[i])
		}
	}
}

// given returns x when it is known, else NaN.
func given(known bool, x float64) float64 {
	if known {
		return x
	}
	return math.NaN()
}

// tiny keeps the logarithm of an amount finite when its metric is negative.
const tiny = 1e-9

// ratio returns (num + c·rho)/(den + c), c = shrink: num/den drawn to rho when
// few requests are behind it. NaN when either is missing or den is negative.
func ratio(num, den, rho float64) float64 {
	if !(den >= 0) {
		return math.NaN()
	}
	return (num + float64(shrink*rho)) / (den + shrink)
}

// precision returns the factor that makes a feature's noise alike at any load:
// the inverse of its standard deviation up to a constant, from the number of
// requests behind it, den, and the peers' value mu.
func (f *feature) precision(den, mu float64) float64 {
	switch f.form {
	case formRate, formLevel: // Poisson: var(log x) = 1/E x
		return math.Exp(float64(0.5 * min(max(mu, 0), 40)))
	case formAmount, formTime:
		return amountPrecision(den)
	case formShare:
		return sharePrecision(den, mu)
	default:
		return 1
	}
}

// precisions sets p to the precision of each member of a group, for a feature
// of which it is each member's own.
func (f *feature) precisions(p, den, mu []float64) {
	den, mu = den[:len(p)], mu[:len(p)]
	if f.form == formShare {
		for i := range p {
			p[i] = sharePrecision(den[i], mu[i])
		}
		return
	}
	for i := range p {
		p[i] = amountPrecision(den[i])
	}
}

// amountPrecision is that of a mean over den requests.
func amountPrecision(den float64) float64 {
	if !(den > 0) {
		den = 0
	}
	return math.Sqrt(den + shrink)
}

// sharePrecision is that of a binomial share mu of den requests, with half a
// request more in each outcome:
//
//	√(n/(p·(1−p))), p = (mu·n + 1/2)/(n+1).
func sharePrecision(den, mu float64) float64 {
	if !(den > 0) {
		den = 0
	}
	if mu < 0 {
		mu = 0
	} else if mu > 1 {
		mu = 1
	}
	n := den + shrink
	yes := float64(mu*n) + 0.5
	return (n + 1) * math.Sqrt(n/float64(yes*(n+1-yes)))
}

// own reports whether the precision depends on the member's own requests.
func (f *feature) own() bool {
	return f.form == formAmount || f.form == formTime || f.form == formShare
}

// unit turns a y back into the metric's own unit.
func (f *feature) unit(y, rho float64) float64 {
	switch f.form {
	case formRate, formLevel, formTime, formScale:
		if y < 0 {
			return 1 - math.Exp(-y)
		}
		return math.Exp(y) - 1
	case formAmount:
		if rho > 0 {
			return math.Exp(y) * rho
		}
		return math.Exp(y) - 1
	default:
		return y
	}
}

// floor is the smallest standard deviation that is believed, in units of
// y·precision at a typical precision: half a request, or a part of the value
// below which nothing is imbalance. It keeps a metric that never changed in
// the baseline from being infinitely telling.
func (f *feature) floor(precision float64) float64 {
	switch f.form {
	case formRate, formLevel, formAmount:
		return 0.5 / precision
	case formShare:
		return 0.5
	case formTime:
		return 0.01 * precision
	default:
		return 0.003
	}
}
