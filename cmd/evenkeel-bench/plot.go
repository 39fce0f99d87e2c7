package main

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/facts/rival"
)

// Geometry of the plot, in its own units.
const (
	plotWidth, plotHeight = 760, 430
	plotLeft, plotRight   = 60, 560 // of the axes; names stand to the right
	plotTop, plotBottom   = 56, 370
	plotLine              = 17 // least distance of two names
	plotSeconds           = 30 // of delay; what is found later is off the plot
	plotEvery             = 5  // seconds from one tick of the axis to the next
)

// plotColours are of the methods in their order: Okabe and Ito's, which people
// with any kind of colour vision tell apart, without yellow, which is lost on
// white; light enough and dark enough for either background.
var plotColours = []string{"#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#8C6BB1"}

// plotStyle lets text and grid follow the reader's light or dark background,
// which is left transparent.
const plotStyle = `text{font:13px system-ui,sans-serif;fill:#333}.t{font-size:15px;font-weight:600}.s{fill:#777}
.g{stroke:#999;stroke-opacity:.3}.l{fill:none;stroke-width:2;stroke-linejoin:round}.m{stroke-width:3.5}
@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#aaa}}`

// powerPlot draws power against delay: for each method, the share of the faults
// that it had found so many seconds after their onset, as an SVG document that
// needs nothing else.
func powerPlot(c *rival.Comparison) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, "<title id=\"title\">Share of faults found, by seconds since their onset</title>\n<desc id=\"desc\">")
	for i, m := range c.Methods {
		if i > 0 {
			b.WriteString("; ")
		}
		escape(&b, fmt.Sprintf("%s %d of %d", m.Method, m.Found, m.Faults))
	}
	fmt.Fprintf(&b, "</desc>\n<style>%s</style>\n", plotStyle)
	plotAxes(&b, c)
	at := plotNames(c)
	for i, m := range c.Methods {
		colour, class := plotColours[i%len(plotColours)], "l"
		if i == 0 {
			class = "l m" // ours
		}
		fmt.Fprintf(&b, `<path class="%s" stroke="%s" d="%s"/>`+"\n", class, colour, powerSteps(m.Delays, m.Faults))
		end := plotY(foundWithin(m.Delays, plotSeconds), m.Faults)
		fmt.Fprintf(&b, `<path class="l" stroke="%s" d="M%d %.1fL%d %.1fh6"/>`, colour, plotRight, end, plotRight+12, at[i]-4)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f">`, plotRight+22, at[i])
		escape(&b, fmt.Sprintf("%s %d/%d", m.Method, m.Found, m.Faults))
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// plotAxes draws the title, the grid and what the axes mean.
func plotAxes(b *bytes.Buffer, c *rival.Comparison) {
	fmt.Fprintf(b, `<text class="t" x="%d" y="18">Share of faults found within a delay</text>`+"\n", plotLeft)
	fmt.Fprintf(b, `<text class="s" x="%d" y="36">%d faults in %d recordings; every method at one declared false alarm in %.3g epochs of %g s</text>`+"\n",
		plotLeft, c.Methods[0].Faults, c.Recordings, 1/c.Alpha, c.Epoch)
	for percent := 0; percent <= 100; percent += 20 {
		y := plotY(percent, 100)
		fmt.Fprintf(b, `<path class="g" d="M%d %.1fH%d"/><text class="s" x="%d" y="%.1f" text-anchor="end">%d %%</text>`+"\n",
			plotLeft, y, plotRight, plotLeft-8, y+4, percent)
	}
	for s := 0; s <= plotSeconds; s += plotEvery {
		fmt.Fprintf(b, `<text class="s" x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", plotX(float64(s)), plotBottom+20, s)
	}
	fmt.Fprintf(b, `<text class="s" x="%d" y="%d" text-anchor="middle">seconds from the onset of the fault to the first alarm of its member</text>`+"\n",
		(plotLeft+plotRight)/2, plotBottom+42)
}

func plotX(seconds float64) float64 {
	return plotLeft + seconds*(plotRight-plotLeft)/plotSeconds
}

func plotY(found, faults int) float64 {
	if faults == 0 {
		return plotBottom
	}
	return plotBottom - float64(found)*(plotBottom-plotTop)/float64(faults)
}

// foundWithin counts the delays, which ascend, of at most so many seconds.
func foundWithin(delays []float64, seconds float64) int {
	n, _ := slices.BinarySearchFunc(delays, seconds, func(d, limit float64) int {
		if d <= limit {
			return -1
		}
		return 1
	})
	return n
}

// powerSteps returns the path of the share found: a step at every delay.
func powerSteps(delays []float64, faults int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "M%d %d", plotLeft, plotBottom)
	for i, d := range delays[:foundWithin(delays, plotSeconds)] {
		fmt.Fprintf(&b, "H%.1fV%.1f", plotX(d), plotY(i+1, faults))
	}
	fmt.Fprintf(&b, "H%d", plotRight)
	return b.String()
}

// plotNames returns the baseline of each method's name: beside the end of its
// line, and below what stands there already.
func plotNames(c *rival.Comparison) []float64 {
	order, at := make([]int, len(c.Methods)), make([]float64, len(c.Methods))
	for i, m := range c.Methods {
		order[i] = i
		at[i] = plotY(foundWithin(m.Delays, plotSeconds), m.Faults) + 4
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(at[i], at[j]) })
	for n := 1; n < len(order); n++ {
		at[order[n]] = max(at[order[n]], at[order[n-1]]+plotLine)
	}
	// What was pushed below the axis goes up again, and pushes what is there.
	low := float64(plotBottom + 4)
	for n := len(order) - 1; n >= 0; n-- {
		at[order[n]] = min(at[order[n]], low)
		low = at[order[n]] - plotLine
	}
	return at
}

// escape writes text as character data.
func escape(b *bytes.Buffer, text string) {
	_ = xml.EscapeText(b, []byte(text)) // a buffer takes everything
}
