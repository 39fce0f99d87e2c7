package console

import (
	"strconv"
	"strings"
)

// Kind is how a metric moves.
type Kind string

// The kinds of metric.
const (
	Counter Kind = "counter" // only grows, until the process ends
	Gauge   Kind = "gauge"
)

// Metric is one number, or one for each value of its label.
type Metric struct {
	Name    string // with its unit; a counter ends in _total
	Help    string
	Kind    Kind
	Samples []Sample
}

// Sample is one value of a metric.
type Sample struct {
	Label, Text string // Label{"group", "web"}; an empty Label: none
	Value       float64
}

// One returns the only sample of a metric without a label.
func One[N ~int | ~int64 | ~uint64 | ~float64](v N) []Sample {
	return []Sample{{Value: float64(v)}}
}

var (
	helpEscape  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// appendMetrics appends the Prometheus text exposition format of all to b.
//
// Source: prometheus.io/docs/instrumenting/exposition_formats, text-based
// format, version 0.0.4.
func appendMetrics(b []byte, all []Metric) []byte {
	for _, m := range all {
		b = append(b, "# HELP "+m.Name+" "+helpEscape.Replace(m.Help)+"\n# TYPE "+m.Name+" "+string(m.Kind)+"\n"...)
		for _, s := range m.Samples {
			b = append(b, m.Name...)
			if s.Label != "" {
				b = append(b, "{"+s.Label+`="`+labelEscape.Replace(s.Text)+`"}`...)
			}
			b = append(b, ' ')
			b = strconv.AppendFloat(b, s.Value, 'g', -1, 64)
			b = append(b, '\n')
		}
	}
	return b
}
