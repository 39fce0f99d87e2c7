package main

import (
	"fmt"

	"github.com/evenkeel/evenkeel/engine/backtest"
)

// The measures of a chart, in pixels.
const (
	chartWidth  = 960
	chartHeight = 180
	chartLeft   = 56 // for the numbers of the axis
	chartTop    = 12
	chartBottom = 26 // for the names of the hours
	chartBins   = 96 // pairs of bars: more would be thinner than a line
)

// backtestChart is bars over hours, one or two beside each other.
type backtestChart struct {
	Title  string
	Width  int
	Height int
	Base   bool // there are two
	Bars   []chartBar
	Rules  []chartRule // lines across, with their number
	Ends   []chartEnd  // names of the first and the last hour
}

type chartBar struct {
	X, Y, W, H string
	Class      string // base or candidate
	Tip        string
}

type chartRule struct {
	Y, Text string
}

type chartEnd struct {
	X, Y, Anchor, Text string
}

// chartBin is some hours in a row, and the largest of their numbers.
type chartBin struct {
	first, last     string
	base, candidate int64
}

// newBacktestChart draws a number of each hour; where there are more hours than
// room, the largest of some in a row.
func newBacktestChart(title string, r *backtest.Report, of func(*backtest.Count) int64) *backtestChart {
	c := &backtestChart{Title: title, Width: chartWidth, Height: chartHeight, Base: r.Base != nil}
	bins := chartBinsOf(r, of)
	if len(bins) == 0 {
		return c
	}
	most := int64(1)
	for _, b := range bins {
		most = max(most, b.base, b.candidate)
	}
	bottom := chartHeight - chartBottom
	scale := float64(bottom-chartTop) / float64(most)
	step := float64(chartWidth-chartLeft) / float64(len(bins))
	for i, b := range bins {
		x := chartLeft + float64(i)*step
		if c.Base {
			c.bar("base", x+step*0.08, step*0.38, float64(b.base)*scale, b, b.base)
			c.bar("candidate", x+step*0.5, step*0.38, float64(b.candidate)*scale, b, b.candidate)
		} else {
			c.bar("candidate", x+step*0.12, step*0.76, float64(b.candidate)*scale, b, b.candidate)
		}
	}
	for _, n := range []int64{0, most / 2, most} {
		if n > 0 || len(c.Rules) == 0 {
			c.Rules = append(c.Rules, chartRule{fmt.Sprintf("%.1f", float64(bottom)-float64(n)*scale), fmt.Sprint(n)})
		}
	}
	y := fmt.Sprint(chartHeight - 8)
	c.Ends = append(c.Ends, chartEnd{fmt.Sprint(chartLeft), y, "start", bins[0].first})
	if last := bins[len(bins)-1].last; last != bins[0].first {
		c.Ends = append(c.Ends, chartEnd{fmt.Sprint(chartWidth), y, "end", last})
	}
	return c
}

func (c *backtestChart) bar(class string, x, w, h float64, b chartBin, n int64) {
	hours := b.first
	if b.last != b.first {
		hours += " to " + b.last + ", at most"
	}
	c.Bars = append(c.Bars, chartBar{X: fmt.Sprintf("%.1f", x), Y: fmt.Sprintf("%.1f", chartHeight-chartBottom-h), W: fmt.Sprintf("%.1f", w),
		H: fmt.Sprintf("%.1f", h), Class: class, Tip: fmt.Sprintf("%s: %s %d", hours, class, n)})
}

func chartBinsOf(r *backtest.Report, of func(*backtest.Count) int64) []chartBin {
	each := (len(r.Hours) + chartBins - 1) / chartBins
	var bins []chartBin
	for i := range r.Hours {
		h := &r.Hours[i]
		if i%each == 0 {
			bins = append(bins, chartBin{first: h.Hour})
		}
		b := &bins[len(bins)-1]
		b.last, b.candidate = h.Hour, max(b.candidate, of(&h.Candidate))
		if h.Base != nil {
			b.base = max(b.base, of(h.Base))
		}
	}
	return bins
}
