package detect

import (
	"math"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// shrink is the number of requests' worth of the group's own baseline ratio
// that is added to every ratio: with fewer requests than that, a ratio says
// little (see Features in the package documentation).
const shrink = 5

// binding finds the terms of the features in frames of one set of metrics.
type binding struct {
	metrics                   []string // of the frames; shared with them
	num, den                  []boundTerm
	admin, up, weight, uptime int   // columns, or -1
	balancer, page            []int // columns of the balancer's metrics, and of all others
	sent, refused             boundTerm
}

// boundTerm is a term as columns of a frame.
type boundTerm struct {
	columns []int
	growth  int // column of the gauge, or -1
}

func bind(features []feature, metrics []string) *binding {
	column := func(name string) int {
		if i, ok := slices.BinarySearch(metrics, name); ok {
			return i
		}
		return -1
	}
	bindTerm := func(t term) boundTerm {
		b := boundTerm{growth: column(t.lessGrowth)}
		for _, m := range t.sum {
			if i := column(m); i >= 0 {
				b.columns = append(b.columns, i)
			}
		}
		return b
	}
	b := &binding{metrics: metrics, admin: column(facts.MetricAdmin), up: column(facts.MetricUp),
		weight: column(metricWeight), uptime: column(metricUptime),
		sent: bindTerm(sum("hx_stot")), refused: bindTerm(sum(refused...))}
	for i, m := range metrics {
		if strings.HasPrefix(m, balancerPrefix) {
			b.balancer = append(b.balancer, i)
		} else {
			b.page = append(b.page, i)
		}
	}
	for _, f := range features {
		b.num = append(b.num, bindTerm(f.num))
		b.den = append(b.den, bindTerm(f.den))
	}
	return b
}

// at returns the term's value in a member's row, NaN when none of its metrics
// was seen. last is the gauge's reading of the tick before, NaN when there was
// none, and becomes this tick's.
func (b *boundTerm) at(row []float64, last *float64) float64 {
	total := math.NaN()
	for _, c := range b.columns {
		v := row[c]
		switch {
		case math.IsNaN(v):
		case math.IsNaN(total):
			total = v
		default:
			total += v
		}
	}
	if b.growth >= 0 {
		now := row[b.growth]
		if grown := now - *last; !math.IsNaN(grown) && !math.IsNaN(total) {
			total = max(0, total-grown)
		}
		*last = now
	}
	return total
}

// measure returns a feature's value y, dimensionless, NaN when it was not
// seen. rho is the group's own baseline of num/den, 0 when there is none.
// weight is the member's share of traffic relative to others', above 0.
func (f *feature) measure(num, den, weight, rho float64) float64 {
	switch f.form {
	case formRate:
		return log1p(num / weight)
	case formLevel, formScale:
		return log1p(num)
	case formTime:
		if !(den > 0) {
			return math.NaN()
		}
		return log1p(num)
	case formShare:
		return ratio(num, den, rho)
	case formAmount:
		if rho > 0 {
			return math.Log(max(ratio(num, den, rho)/rho, tiny))
		}
		return log1p(ratio(num, den, 0))
	default:
		if f.den.sum == nil {
			return num
		}
		if !(den > 0) {
			return math.NaN()
		}
		return num / den
	}
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
		return math.Sqrt(max(den, 0) + shrink)
	case formShare: // binomial, with half a request more in each outcome
		n := max(den, 0) + shrink
		p := (float64(min(max(mu, 0), 1)*n) + 0.5) / (n + 1)
		return math.Sqrt(n / float64(p*(1-p)))
	default:
		return 1
	}
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

// log1p is log(1+x), extended as an odd function below zero so that no finite
// number is lost.
func log1p(x float64) float64 {
	if x < 0 {
		return -math.Log(1 - x)
	}
	return math.Log(1 + x)
}
