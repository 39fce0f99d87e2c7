package main

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
)

var graphForms = []string{"text", "json", "svg"}

func rulesGraphCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "graph DIR",
		Short: "Show the strata of a pack's rules, and what each reads and writes",
		Long: `Show the strata of a pack's rules, and what each reads and writes: a rule that
reads a derived value is decided after those that write it. The SVG is one file
that needs no other.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, graphForms...); err != nil {
				return err
			}
			return graphPack(cmd.OutOrStdout(), args[0], output)
		},
	}
	outputFlag(cmd, &output, graphForms...)
	return cmd
}

// graphReport is what 'rules graph -o json' prints.
type graphReport struct {
	Edges []engine.GraphEdge `json:"edges"`
	Pack  string             `json:"pack"`
	Rules []engine.GraphRule `json:"rules"`
	V     string             `json:"version"`
}

func graphPack(w io.Writer, dir, output string) error {
	p, err := readPack(dir)
	if err != nil {
		return packError(dir, err)
	}
	g, err := engine.NewGraph(packSources(p))
	if err != nil {
		return packError(dir, err)
	}
	r := graphReport{Edges: g.Edges, Pack: p.Name, Rules: g.Rules, V: p.Digest}
	switch output {
	case "json":
		return printJSON(w, r)
	case "svg":
		_, err = io.WriteString(w, r.svg())
	default:
		_, err = io.WriteString(w, r.text())
	}
	return err
}

func (r *graphReport) text() string {
	var b strings.Builder
	stratum := -1
	for _, rule := range r.Rules {
		if rule.Stratum != stratum {
			stratum = rule.Stratum
			fmt.Fprintf(&b, "stratum %d\n", stratum)
		}
		fmt.Fprintf(&b, "  %s, salience %d\n", rule.Name, rule.Salience)
		fmt.Fprintf(&b, "    reads  %s\n", strings.Join(rule.Reads, ", "))
		if len(rule.Writes) > 0 {
			fmt.Fprintf(&b, "    writes %s\n", strings.Join(rule.Writes, ", "))
		}
		if len(rule.Effects) > 0 {
			fmt.Fprintf(&b, "    calls  %s\n", strings.Join(rule.Effects, ", "))
		}
	}
	for _, e := range r.Edges {
		fmt.Fprintf(&b, "%s -> %s by %s\n", e.From, e.To, e.Field)
	}
	return b.String()
}

// The measures of the drawing, in pixels.
const (
	graphBox    = 240 // width of a rule
	graphLine   = 16  // height of a line of text
	graphGap    = 120 // between strata, for the names of the values
	graphMargin = 20
)

// svg draws the strata as columns, from left to right.
func (r *graphReport) svg() string {
	type place struct{ x, y, height int }
	at := map[string]place{}
	next := map[int]int{} // of each stratum, where the next rule goes
	width, height := 0, 0
	var boxes, lines strings.Builder
	for _, rule := range r.Rules {
		texts := append([]string{fmt.Sprintf("salience %d", rule.Salience)}, rule.Effects...)
		for _, field := range rule.Writes {
			texts = append(texts, "writes "+field)
		}
		p := place{graphMargin + rule.Stratum*(graphBox+graphGap), graphMargin + next[rule.Stratum], (len(texts) + 2) * graphLine}
		at[rule.Name] = p
		next[rule.Stratum] += p.height + graphMargin
		width, height = max(width, p.x+graphBox+graphMargin), max(height, p.y+p.height+graphMargin)
		fmt.Fprintf(&boxes, "<g><title>reads %s</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>",
			html.EscapeString(strings.Join(rule.Reads, ", ")), p.x, p.y, graphBox, p.height)
		fmt.Fprintf(&boxes, "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>", p.x+8, p.y+graphLine+4, html.EscapeString(rule.Name))
		for i, s := range texts {
			fmt.Fprintf(&boxes, "<text x=\"%d\" y=\"%d\">%s</text>", p.x+8, p.y+(i+2)*graphLine+4, html.EscapeString(shorten(s, 36)))
		}
		boxes.WriteString("</g>\n")
	}
	for _, e := range r.Edges {
		from, to := at[e.From], at[e.To]
		x1, y1, x2, y2 := from.x+graphBox, from.y+from.height/2, to.x, to.y+to.height/2
		fmt.Fprintf(&lines, "<path d=\"M%d %d C%d %d %d %d %d %d\" marker-end=\"url(#head)\"/>", x1, y1, x1+60, y1, x2-60, y2, x2, y2)
		fmt.Fprintf(&lines, "<text class=\"field\" x=\"%d\" y=\"%d\">%s</text>\n", (x1+x2)/2, (y1+y2)/2-4, html.EscapeString(e.Field))
	}
	return fmt.Sprintf(graphSVG, width, height, html.EscapeString(r.Pack), lines.String(), boxes.String())
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n-3] + "..."
}

const graphSVG = `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img">
<title>rules of pack %s</title>
<style>
rect { fill: #f6f8fa; stroke: #57606a }
text { font: 12px sans-serif; fill: #24292f }
.name { font-weight: bold }
.field { text-anchor: middle; fill: #0550ae }
path { fill: none; stroke: #0550ae }
</style>
<defs><marker id="head" markerWidth="8" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0 0 L8 4 L0 8"/></marker></defs>
%s%s</svg>
`
