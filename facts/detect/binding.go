package detect

import (
	"math"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

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
	growth  int  // column of the gauge, or -1
	none    bool // the feature has no such term: nobody reads it
}

func bind(features []feature, metrics []string) *binding {
	column := func(name string) int {
		if i, ok := slices.BinarySearch(metrics, name); ok {
			return i
		}
		return -1
	}
	bindTerm := func(t term) boundTerm {
		b := boundTerm{growth: column(t.lessGrowth), none: t.sum == nil}
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
	total := b.total(row)
	if b.growth < 0 {
		return total
	}
	return b.settled(total, row, last)
}

// total returns the sum of those of the term's metrics that were seen.
func (b *boundTerm) total(row []float64) float64 {
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
	return total
}

// settled returns total less the growth of the gauge.
func (b *boundTerm) settled(total float64, row []float64, last *float64) float64 {
	now := row[b.growth]
	if grown := now - *last; !math.IsNaN(grown) && !math.IsNaN(total) {
		total = max(0, total-grown)
	}
	*last = now
	return total
}

// readTile is how many rows of a frame are read for one feature after another:
// so few that they stay in the nearest cache, so many that turning from rows to
// columns costs little.
const readTile = 32

// read sets num and den, metric-major with n members to a feature, to the
// features' terms in the frame, of which row r is of members[rows[r]]; and the
// number that a member misses of the first so many features expected.
// Cost: O(rows·features), no allocation.
func (b *binding) read(f *facts.Frame, rows []int, members []*member, num, den []float64, expected int) {
	n := len(members)
	for first := 0; first < len(rows); first += readTile {
		tile := rows[first:min(first+readTile, len(rows))]
		for _, i := range tile {
			members[i].missing = 0
		}
		for k := range b.num {
			num, den := num[k*n:(k+1)*n], den[k*n:(k+1)*n]
			b.num[k].read(num, f, first, tile)
			b.den[k].read(den, f, first, tile)
			if b.num[k].growth >= 0 {
				for r, i := range tile {
					num[i] = b.num[k].settled(num[i], f.Row(first+r), &members[i].lastNum[k])
				}
			}
			if b.den[k].growth >= 0 {
				for r, i := range tile {
					den[i] = b.den[k].settled(den[i], f.Row(first+r), &members[i].lastDen[k])
				}
			}
			for _, i := range tile {
				if math.IsNaN(num[i]) && k < expected {
					members[i].missing++
				}
			}
		}
	}
}

// read sets x[rows[r]] to the term's sum in row first+r of the frame.
func (b *boundTerm) read(x []float64, f *facts.Frame, first int, rows []int) {
	if b.none {
		return
	}
	if len(b.columns) != 1 {
		for r, i := range rows {
			x[i] = b.total(f.Row(first + r))
		}
		return
	}
	at := first*len(f.Metrics) + b.columns[0]
	for _, i := range rows {
		x[i] = f.Values[at]
		at += len(f.Metrics)
	}
}
