package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/evenkeel/evenkeel/engine/backtest"
)

// The rows that a report for people shows; all are in that of -o json.
const (
	backtestRows     = 20
	backtestPageRows = 200
)

// backtestText writes a report for a terminal.
func backtestText(w io.Writer, r *backtest.Report) error {
	v := newBacktestView(r, backtestRows)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range v.Head {
		fmt.Fprintf(t, "%s\n", strings.Join(row, "\t"))
	}
	for _, table := range v.Tables {
		if len(table.Rows) == 0 {
			continue
		}
		fmt.Fprintf(t, "\n%s\n", strings.ToUpper(strings.Join(table.Columns, "\t")))
		for _, row := range table.Rows {
			fmt.Fprintf(t, "%s\n", strings.Join(row, "\t"))
		}
		if table.More > 0 {
			fmt.Fprintf(t, "and %d more\n", table.More)
		}
	}
	return t.Flush()
}

// backtestView is a report as people read it, whatever it is drawn on.
type backtestView struct {
	Pack   string
	Digest string
	Head   [][]string // what, how much
	Tables []backtestTable
}

// backtestTable is a table; its first column is text, the others are numbers.
type backtestTable struct {
	Title   string
	Columns []string
	Rows    [][]string
	More    int // rows that are left out
}

func newBacktestView(r *backtest.Report, rows int) *backtestView {
	v := &backtestView{Pack: r.Candidate.Pack, Digest: r.Digest()}
	v.head(r)
	v.Tables = append(v.Tables, packsTable(r), guardTable(r), rulesTable(r, rows), hoursTable(r, rows), targetsTable(r, rows))
	return v
}

func (v *backtestView) head(r *backtest.Report) {
	f := &r.Facts
	add := func(what, format string, args ...any) {
		v.Head = append(v.Head, []string{what, fmt.Sprintf(format, args...)})
	}
	add("evidence", "%s", v.Digest)
	add("candidate", "%s %s", r.Candidate.Pack, r.Candidate.Version)
	if r.Base != nil {
		add("base", "%s %s", r.Base.Pack, r.Base.Version)
	}
	add("facts", "%d decided upon, of %s in %s%s", f.Decided, count(f.Groups, "group"), count(f.Hours, "hour"), between(f.First, f.Last))
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(f.Kinds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, f.Kinds[kind]))
	}
	if len(kinds) > 0 {
		add("kinds", "%s", strings.Join(kinds, ", "))
	}
	add("not decided upon", "%d: %d handled before, %d out of date, %d of members too many, %d remembered only",
		f.Count-f.Decided, f.Duplicates, f.Late, f.Full, f.Past)
	add("digest of facts", "%s", f.Digest)
	add("build", "%s, vocabulary %d", r.Engine, r.Vocabulary)
	if d := r.Difference; d != nil {
		add("decisions", "%d added, %d removed, %d changed", d.Added, d.Removed, d.Changed)
		add("worst hour, base", "%s", worstWords(r.Base))
	}
	add("worst hour", "%s", worstWords(&r.Candidate))
	if r.Base != nil {
		add("numbers below", "of the base → of the candidate; one where they are the same")
	}
}

func between(first, last string) string {
	if first == "" {
		return ""
	}
	return ", " + first + " to " + last
}

func worstWords(s *backtest.Side) string {
	if s.Worst.Hour == "" {
		return "none: nothing was wanted"
	}
	return fmt.Sprintf("%s, %s taken out, %s", s.Worst.Hour, count(int(s.Worst.Acts), "member"), count(int(s.Worst.Intents), "intent"))
}

// pairs writes numbers of base and candidate: one, where they are the same.
func pairs(two bool, values ...[2]int64) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v[1])
		if two && v[0] != v[1] {
			out[i] = fmt.Sprintf("%d → %d", v[0], v[1])
		}
	}
	return out
}

func packsTable(r *backtest.Report) backtestTable {
	base := r.Base
	if base == nil {
		base = &backtest.Side{}
	}
	t := backtestTable{Title: "What the rules did", Columns: []string{"rules", "count"}}
	for _, x := range []struct {
		what string
		of   func(*backtest.Side) int64
	}{
		{"rules", func(s *backtest.Side) int64 { return int64(s.Rules) }},
		{"rules that never fired", func(s *backtest.Side) int64 { return int64(s.Silent) }},
		{"firings", func(s *backtest.Side) int64 { return s.Fired }},
		{"intents", func(s *backtest.Side) int64 { return s.Intents }},
		{"times a rule was undecided", func(s *backtest.Side) int64 { return s.Undecided }},
		{"times a rule could not be evaluated", func(s *backtest.Side) int64 { return s.RefusedRules }},
		{"times a rule was put aside", func(s *backtest.Side) int64 { return s.Aside }},
		{"evaluation steps", func(s *backtest.Side) int64 { return s.Steps }},
	} {
		t.Rows = append(t.Rows, append([]string{x.what}, pairs(r.Base != nil, [2]int64{x.of(base), x.of(&r.Candidate)})...))
	}
	return t
}

// guardTable says what the guard would have said.
func guardTable(r *backtest.Report) backtestTable {
	t := backtestTable{Title: "What the guard would have said", Columns: []string{"guard", "intents"}}
	add := func(words string, of func(*backtest.Side) map[string]int64) {
		all := maps.Clone(of(&r.Candidate))
		base := map[string]int64{}
		if r.Base != nil {
			base = of(r.Base)
			maps.Copy(all, base)
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			t.Rows = append(t.Rows, append([]string{words + name}, pairs(r.Base != nil, [2]int64{base[name], of(&r.Candidate)[name]})...))
		}
	}
	add("let through: ", func(s *backtest.Side) map[string]int64 { return s.Acts })
	add("held back by ", func(s *backtest.Side) map[string]int64 { return s.Refused })
	return t
}

// rulesTable shows the rules that differ first.
func rulesTable(r *backtest.Report, rows int) backtestTable {
	two := r.Base != nil
	t := backtestTable{Title: "Rules", Columns: []string{"rule", "firings", "in an hour, at least", "at most", "acts", "undecided"}}
	all := slices.Clone(r.Rules)
	slices.SortStableFunc(all, func(a, b backtest.Rule) int { return cmp.Compare(differs(b.Difference), differs(a.Difference)) })
	if two {
		t.Columns = append(t.Columns, "fires newly", "no more", "wants else")
	}
	for _, x := range cutRows(&t, all, rows) {
		b, c := x.Base, x.Candidate
		if b == nil {
			b = &backtest.Firings{}
		}
		if c == nil {
			c = &backtest.Firings{}
		}
		t.Rows = append(t.Rows, slices.Concat([]string{x.Rule}, pairs(two, [2]int64{b.Total, c.Total}, [2]int64{b.Low, c.Low},
			[2]int64{b.High, c.High}, [2]int64{b.Acts, c.Acts}, [2]int64{b.Undecided, c.Undecided}), differenceCells(two, x.Difference)))
	}
	return t
}

// hoursTable shows the hours that differ or want most, in their order.
func hoursTable(r *backtest.Report, rows int) backtestTable {
	two := r.Base != nil
	t := backtestTable{Title: "Hours", Columns: countColumns(two, "hour")}
	weight := func(h backtest.Hour) (int64, int64, int64) {
		return differs(h.Difference), h.Candidate.Acts, h.Candidate.Intents
	}
	all := slices.Clone(r.Hours)
	slices.SortStableFunc(all, func(a, b backtest.Hour) int {
		da, aa, ia := weight(a)
		db, ab, ib := weight(b)
		return cmp.Or(cmp.Compare(db, da), cmp.Compare(ab, aa), cmp.Compare(ib, ia))
	})
	shown := cutRows(&t, all, rows)
	slices.SortFunc(shown, func(a, b backtest.Hour) int { return cmp.Compare(a.Hour, b.Hour) })
	for _, h := range shown {
		t.Rows = append(t.Rows, countRow(two, h.Hour, h.Base, h.Candidate, h.Difference))
	}
	return t
}

func targetsTable(r *backtest.Report, rows int) backtestTable {
	two := r.Base != nil
	t := backtestTable{Title: "Members", Columns: countColumns(two, "group/member")}
	for _, x := range cutRows(&t, r.Targets, rows) {
		name := x.Group + "/" + x.Member
		if x.Member == "" {
			name = x.Group
		}
		t.Rows = append(t.Rows, countRow(two, name, x.Base, x.Candidate, x.Difference))
	}
	t.More += r.Unlisted
	return t
}

func countColumns(two bool, first string) []string {
	c := []string{first, "intents", "taken out", "held back"}
	if two {
		c = append(c, "added", "removed", "changed")
	}
	return c
}

func countRow(two bool, first string, base *backtest.Count, c backtest.Count, d backtest.Difference) []string {
	b := backtest.Count{}
	if base != nil {
		b = *base
	}
	return slices.Concat([]string{first}, pairs(two, [2]int64{b.Intents, c.Intents}, [2]int64{b.Acts, c.Acts},
		[2]int64{b.Refused, c.Refused}), differenceCells(two, d))
}

func differenceCells(two bool, d backtest.Difference) []string {
	if !two {
		return nil
	}
	return []string{fmt.Sprint(d.Added), fmt.Sprint(d.Removed), fmt.Sprint(d.Changed)}
}

func differs(d backtest.Difference) int64 { return d.Added + d.Removed + d.Changed }

// cutRows returns the first rows, and notes how many more there are.
func cutRows[T any](t *backtestTable, all []T, rows int) []T {
	t.More = max(len(all)-rows, 0)
	return all[:min(len(all), rows)]
}
