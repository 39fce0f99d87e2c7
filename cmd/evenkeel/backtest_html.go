package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/evenkeel/evenkeel/engine/backtest"
)

//go:embed backtest.html.tmpl
var backtestPage string

// backtestHTML writes a report as one page, which needs nothing from outside and
// no script.
func backtestHTML(w io.Writer, r *backtest.Report) error {
	page, err := template.New("backtest").Parse(backtestPage)
	if err != nil {
		return fmt.Errorf("rules backtest: page: %w", err)
	}
	return page.Execute(w, struct {
		*backtestView
		Difference *backtest.Difference
		Charts     []*backtestChart
	}{newBacktestView(r, backtestPageRows), r.Difference, []*backtestChart{
		newBacktestChart("Intents by hour", r, func(c *backtest.Count) int64 { return c.Intents }),
		newBacktestChart("Members that would have been taken out, by hour", r, func(c *backtest.Count) int64 { return c.Acts }),
	}})
}
