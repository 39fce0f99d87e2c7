package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/audit"
)

const (
	auditBodyWidth  = 100     // of the short body in a table
	maxAuditLast    = 100_000 // entries that --last keeps in memory
	auditTimeLayout = "2006-01-02T15:04:05.000Z"
)

func auditTime(t time.Time) string { return t.UTC().Format(auditTimeLayout) }

// auditShow is one call of "evenkeel audit show".
type auditShow struct {
	source   auditSource
	types    []string
	from, to string
	last     int
	output   string
}

func auditShowCommand() *cobra.Command {
	var s auditShow
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print entries of the log",
		Example: `  evenkeel audit show --data /var/lib/evenkeel --last 20
  evenkeel audit show --data /var/lib/evenkeel --type action --from 2026-11-22T05:50:00Z
  evenkeel audit show --data ./copy -o jsonl > entries.jsonl    # as stored, one a line`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	s.source.flags(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&s.types, "type", nil, "only these types; 'action' includes action.sent, action.result, … (repeatable)")
	f.StringVar(&s.from, "from", "", "first entry: its number, or a time like 2026-11-22T05:50:00Z")
	f.StringVar(&s.to, "to", "", "last entry: its number, or a time")
	f.IntVar(&s.last, "last", 0, "only the last N of what the other flags select")
	f.StringVarP(&s.output, "output", "o", "table", "table, or jsonl: the entries exactly as stored")
	return cmd
}

func (s *auditShow) run(ctx context.Context, w io.Writer) error {
	if err := checkOutput(s.output, "table", "jsonl"); err != nil {
		return err
	}
	if s.last < 0 || s.last > maxAuditLast {
		return &exitError{exitUsage, fmt.Errorf("--last %d, want 1 to %d", s.last, maxAuditLast), "select with --from instead"}
	}
	from, err := parseAuditBound("--from", s.from, auditBound{})
	if err != nil {
		return err
	}
	to, err := parseAuditBound("--to", s.to, auditBound{seq: math.MaxInt64 - 1})
	if err != nil {
		return err
	}
	r, err := s.source.open()
	if err != nil {
		return err
	}
	defer r.Close()
	buffered := bufio.NewWriter(w)
	p := auditPrinter{w: buffered, output: s.output}
	var kept []audit.Record // with --last: a ring
	next := 0
	err = r.Scan(ctx, from.seq, min(to.seq, r.Size()-1)+1, func(rec audit.Record) error {
		if rec.Time.Before(from.time) || !to.time.IsZero() && rec.Time.After(to.time) || !s.wants(rec) {
			return nil
		}
		switch {
		case s.last == 0:
			return p.print(rec)
		case len(kept) < s.last:
			kept = append(kept, rec)
		default:
			kept[next] = rec
			next = (next + 1) % s.last
		}
		return nil
	})
	for i := range kept {
		if perr := p.print(kept[(next+i)%len(kept)]); perr != nil && err == nil {
			err = perr
		}
	}
	if ferr := buffered.Flush(); err == nil {
		err = ferr
	}
	return s.source.explain(err)
}

// wants reports whether a record has one of the types asked for.
func (s *auditShow) wants(r audit.Record) bool {
	if len(s.types) == 0 {
		return true
	}
	e, err := audit.Decode(r.Bytes)
	if err != nil {
		return false
	}
	for _, t := range s.types {
		if e.Type == t || strings.HasPrefix(e.Type, t+".") {
			return true
		}
	}
	return false
}

// auditBound is an end of a range: an entry's number, or a time.
type auditBound struct {
	seq  int64
	time time.Time
}

func parseAuditBound(flag, s string, b auditBound) (auditBound, error) {
	if s == "" {
		return b, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n < math.MaxInt64 {
		b.seq = n
		return b, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return b, &exitError{exitUsage, fmt.Errorf("%s %q, want the number of an entry or a time like 2026-11-22T05:50:00Z", flag, s), ""}
	}
	b.time = t
	return b, nil
}

// auditPrinter writes records as they come.
type auditPrinter struct {
	w       io.Writer
	output  string
	started bool
}

func (p *auditPrinter) print(r audit.Record) error {
	if p.output == "jsonl" {
		_, err := p.w.Write(append(r.Bytes[:len(r.Bytes):len(r.Bytes)], '\n'))
		return err
	}
	const row = "%-8v %-24s %-16s %-14s %-14s %s\n"
	if !p.started {
		p.started = true
		if _, err := fmt.Fprintf(p.w, row, "SEQ", "TIME", "TYPE", "ACTOR", "CORR", "BODY"); err != nil {
			return err
		}
	}
	e, err := audit.Decode(r.Bytes)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.w, row, e.Seq, auditTime(e.Time), e.Type, short(e.Actor, 14), short(e.Corr, 14), short(string(e.Body), auditBodyWidth))
	return err
}

// short cuts s to width characters; a digest loses its prefix first. What could
// upset a terminal becomes a dot: the log holds words of strangers.
func short(s string, width int) string {
	r := []rune(strings.TrimPrefix(s, "sha256:"))
	if len(r) == 0 {
		return "-"
	}
	cut := len(r) > width
	if cut {
		r = r[:width-1]
	}
	for i, c := range r {
		if !unicode.IsPrint(c) {
			r[i] = '·'
		}
	}
	if cut {
		return string(r) + "…"
	}
	return string(r)
}
