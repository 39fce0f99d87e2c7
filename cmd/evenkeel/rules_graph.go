package main

import (
	"fmt"
	"html"
	"io"
	"iter"
	"maps"
	"slices"
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
	graphValue  = 140 // width of a derived value
	graphReach  = 60  // of a line between a rule and a value
	graphGap    = graphValue + 2*graphReach
	graphMargin = 20
)

// graphPlace is where a box of the drawing is.
type graphPlace struct{ x, y, width, height int }

// svg draws the strata as columns, from left to right, and each derived value
// once, between the rules that write it and those that read it.
func (r *graphReport) svg() string {
	at := map[string]graphPlace{}
	next := map[int]int{} // of each stratum, where the next rule goes
	width, height := 0, 0
	var boxes, lines strings.Builder
	for _, rule := range r.Rules {
		texts := append([]string{fmt.Sprintf("salience %d", rule.Salience)}, rule.Effects...)
		for _, field := range rule.Writes {
			if !slices.ContainsFunc(r.Edges, func(e engine.GraphEdge) bool { return e.Field == field }) {
				texts = append(texts, "writes "+field+", which nobody reads")
			}
		}
		p := graphPlace{graphMargin + rule.Stratum*(graphBox+graphGap), graphMargin + next[rule.Stratum], graphBox, (len(texts) + 2) * graphLine}
		at[rule.Name] = p
		next[rule.Stratum] += p.height + graphMargin
		width, height = max(width, p.x+graphBox+graphMargin), max(height, p.y+p.height+graphMargin)
		fmt.Fprintf(&boxes, "<g><title>reads %s</title>", html.EscapeString(strings.Join(rule.Reads, ", ")))
		p.box(&boxes, append([]string{rule.Name}, texts...))
		boxes.WriteString("</g>\n")
	}
	for field, p := range r.values(height) {
		at[field] = p
		width = max(width, p.x+graphValue+graphMargin)
		boxes.WriteString(`<g class="value">`)
		p.box(&boxes, []string{field})
		boxes.WriteString("</g>\n")
	}
	drawn := map[string]bool{}
	for _, e := range r.Edges {
		for _, ends := range [][2]string{{e.From, e.Field}, {e.Field, e.To}} {
			if line := at[ends[0]].to(at[ends[1]]); !drawn[line] {
				drawn[line] = true
				lines.WriteString(line)
			}
		}
	}
	return fmt.Sprintf(graphSVG, width, height, html.EscapeString(r.Pack), lines.String(), boxes.String())
}

// values places each derived value that somebody reads to the right of the last
// stratum that writes it, those of one column evenly over the height.
func (r *graphReport) values(height int) iter.Seq2[string, graphPlace] {
	stratum, column := map[string]int{}, map[string]int{}
	for _, rule := range r.Rules {
		stratum[rule.Name] = rule.Stratum
	}
	for _, e := range r.Edges {
		column[e.Field] = max(column[e.Field], stratum[e.From])
	}
	return func(yield func(string, graphPlace) bool) {
		fields := slices.Sorted(maps.Keys(column))
		for i, field := range fields {
			of, before := 0, 0
			for j, other := range fields {
				if column[other] == column[field] {
					of++
					if j < i {
						before++
					}
				}
			}
			p := graphPlace{graphMargin + column[field]*(graphBox+graphGap) + graphBox + graphReach,
				height * (before + 1) / (of + 1), graphValue, 2 * graphLine}
			if !yield(field, p) {
				return
			}
		}
	}
}

// box draws a box with lines of text, the first of which is its name.
func (p graphPlace) box(w io.Writer, texts []string) {
	fmt.Fprintf(w, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>", p.x, p.y, p.width, p.height)
	class := ` class="name"`
	for i, s := range texts {
		fmt.Fprintf(w, "<text%s x=\"%d\" y=\"%d\">%s</text>", class, p.x+8, p.y+(i+1)*graphLine+4, html.EscapeString(shorten(s, p.width/7)))
		class = ""
	}
}

// to draws a line from a box to another one on its right.
func (p graphPlace) to(q graphPlace) string {
	x1, y1, x2, y2 := p.x+p.width, p.y+p.height/2, q.x, q.y+q.height/2
	half := (x2 - x1) / 2
	return fmt.Sprintf("<path d=\"M%d %d C%d %d %d %d %d %d\" marker-end=\"url(#head)\"/>\n", x1, y1, x1+half, y1, x2-half, y2, x2, y2)
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
.value rect { fill: #ddf4ff; stroke: #0550ae }
path { fill: none; stroke: #8c959f }
</style>
<defs><marker id="head" markerWidth="8" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0 0 L8 4 L0 8"/></marker></defs>
%s%s</svg>
`
