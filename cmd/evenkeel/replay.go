package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
)

// maxShownDecisions bounds the decisions that a replay lists because they
// differ; all are counted.
const maxShownDecisions = 20

// replayOptions is one call of "evenkeel replay".
type replayOptions struct {
	source   auditSource
	from, to string
	packs    []string
	output   string
}

func replayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Make the decisions of the log again, and compare them byte for byte",
		Long: `Make the decisions of the log again, and compare them byte for byte with what is
recorded. The exit code is 0 when all are the same and 1 when any is not.

Each decision is made by the pack that made it: from --pack, from the bundles in
the data directory, or that of 'evenkeel demo'. Decisions of a pack that is not
there are made by the first of --pack instead: they are counted, and listed where
they come out otherwise.

What was remembered is read from the log too, from the last start of the daemon
before --from on, so a stretch at its end may take as long as all of it.`,
		Example: `  evenkeel replay --data /var/lib/evenkeel --pack packs/web
  evenkeel replay --data ./copy --pack packs/web --from 2026-11-22T05:50:00Z --to 2026-11-22T06:10:00Z
  evenkeel replay --data ./copy --pack packs/web-next -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(o.output, "text", "json"); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.source.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "first entry: its number, or a time like 2026-11-22T05:50:00Z")
	f.StringVar(&o.to, "to", "", "last entry: its number, or a time")
	f.StringArrayVar(&o.packs, "pack", nil, "directory of a pack (repeatable)")
	outputFlag(cmd, &o.output, "text", "json")
	return cmd
}

func (o *replayOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	known, err := readPrograms(o.packs, o.source.data)
	if err != nil {
		return err
	}
	from, to, err := parseStretch(o.from, o.to)
	if err != nil {
		return err
	}
	r, err := o.source.open()
	if err != nil {
		return err
	}
	defer r.Close()
	p := &replay{programs: known, report: replayReport{Differences: []replayed{}, V: 1}}
	if len(known.named) > 0 {
		p.report.Instead = known.named[0].Digest
	}
	if p.report.From, p.report.To, err = stretch(ctx, r, from, to); err == nil {
		err = p.all(ctx, r, newMeter(stderr, "entries"))
	}
	if err != nil {
		return o.source.explain(err)
	}
	if o.output == "json" {
		err = printJSON(stdout, p.report)
	} else {
		err = p.report.print(stdout)
	}
	if n := p.report.Different + p.report.Otherwise; err == nil && n > 0 {
		err = &exitError{exitFailed, fmt.Errorf("replay: %d of %s differ", n, count(p.report.Decisions, "decision")), "'evenkeel explain ENTRY' shows one"}
	}
	return err
}

// parseStretch reads the ends of a stretch of the log.
func parseStretch(from, to string) (a, b auditBound, err error) {
	if a, err = parseAuditBound("--from", from, auditBound{}); err != nil {
		return a, b, err
	}
	b, err = parseAuditBound("--to", to, auditBound{seq: math.MaxInt64 - 1})
	return a, b, err
}

// stretch returns the entries of a stretch: from inclusive, to exclusive.
func stretch(ctx context.Context, r *audit.Reader, from, to auditBound) (a, b int64, err error) {
	a, b = min(from.seq, r.Size()), min(to.seq+1, r.Size())
	if !from.time.IsZero() {
		a, err = engine.FirstSince(ctx, r, r.Size(), from.time)
	}
	if err == nil && !to.time.IsZero() {
		b, err = engine.FirstSince(ctx, r, r.Size(), to.time.Add(1))
	}
	switch {
	case err != nil:
	case from.seq > 0 && from.seq >= r.Size(): // what compares nothing must not look like what found no difference
		err = &exitError{exitUsage, fmt.Errorf("replay: --from %d, and the log ends with entry %d", from.seq, r.Size()-1), ""}
	case a > b:
		err = &exitError{exitUsage, fmt.Errorf("replay: the stretch ends before it begins: entries %d to %d", a, b-1), ""}
	}
	return a, b, err
}

// replay makes decisions again.
type replay struct {
	programs *programs
	report   replayReport
}

// replayReport is what a replay found; keys sorted.
type replayReport struct {
	Decisions   int        `json:"decisions"`
	Different   int        `json:"different"`         // made by the pack that made them, of other bytes
	Differences []replayed `json:"differences"`       // the first of them and of those that want something else
	From        int64      `json:"from"`              // entry
	Instead     string     `json:"instead,omitempty"` // the pack that makes the decisions of unknown packs
	Other       int        `json:"other"`             // made by Instead
	Otherwise   int        `json:"otherwise"`         // of them those that want or conclude something else
	Same        int        `json:"same"`              // byte for byte
	To          int64      `json:"to"`                // entry, exclusive
	V           int        `json:"v"`                 // 1
}

// replayed is a decision that came out otherwise.
type replayed struct {
	Changes []string    `json:"changes,omitempty"` // made by another pack
	Differs *difference `json:"differs,omitempty"` // made by its own
	Entry   int64       `json:"entry"`
}

func (p *replay) all(ctx context.Context, r *audit.Reader, m *meter) error {
	defer m.end()
	total := p.report.To - p.report.From
	return engine.Revisit(ctx, r, p.report.From, p.report.To, func(x engine.Moment) error {
		m.at(x.Seq-p.report.From, total)
		return p.one(x)
	})
}

func (p *replay) one(x engine.Moment) error {
	p.report.Decisions++
	program, unknown := p.programs.version(x.Decision.Version)
	if unknown != nil {
		if p.report.Instead == "" {
			return fmt.Errorf("replay entry %d: %w", x.Seq, unknown)
		}
		var err error
		if program, err = p.programs.version(p.report.Instead); err != nil {
			return err
		}
	}
	d, err := program.Again(&x.Decision, x.Memory)
	if err != nil {
		return err
	}
	if unknown != nil {
		p.report.Other++
		if changes := decisionChanges(&x.Decision, &d); len(changes) > 0 {
			p.report.Otherwise++
			p.note(replayed{Entry: x.Seq, Changes: changes})
		}
		return nil
	}
	if diff := firstDifference(x.Recorded, d.Encode()); diff != nil {
		p.report.Different++
		p.note(replayed{Entry: x.Seq, Differs: diff})
		return nil
	}
	p.report.Same++
	return nil
}

func (p *replay) note(r replayed) {
	if len(p.report.Differences) < maxShownDecisions {
		p.report.Differences = append(p.report.Differences, r)
	}
}

func (r *replayReport) print(w io.Writer) error {
	var errs []error
	say := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		errs = append(errs, err)
	}
	for _, x := range r.Differences {
		if x.Differs != nil {
			say("entry %d DIFFERS at %s", x.Entry, x.Differs)
			continue
		}
		say("entry %d would be another:", x.Entry)
		for _, c := range x.Changes {
			say("  %s", c)
		}
	}
	if more := r.Different + r.Otherwise - len(r.Differences); more > 0 {
		say("… and %s more", count(more, "decision"))
	}
	if r.From == r.To {
		say("entries    none")
	} else {
		say("entries    %d to %d", r.From, r.To-1)
	}
	say("decisions  %d", r.Decisions)
	say("same       %d byte for byte", r.Same)
	say("different  %d", r.Different)
	if r.Other > 0 {
		say("by others  %d made by packs that are not there; %s would decide %d of them otherwise", r.Other, r.Instead, r.Otherwise)
	}
	verdict := "identical: every decision is what its pack decides"
	switch {
	case r.Decisions == 0:
		verdict = "no decision in these entries"
	case r.Different > 0:
		verdict = "DIFFERENT"
	case r.Other > 0:
		verdict = "made by another pack"
	}
	say("verdict    %s", verdict)
	return errors.Join(errs...)
}
