package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine/backtest"
	"github.com/evenkeel/evenkeel/knowledge"
)

// backtestForms are the forms of output of 'rules backtest'.
var backtestForms = []string{"text", "json", "html"}

// backtestOptions are the flags of 'rules backtest'.
type backtestOptions struct {
	against, store string
	facts          string
	log            auditSource
	since, until   string
	recordings     []string
	detect         detectOptions
	learning       string // flag of detect that was given, if any
	output, out    string
}

func rulesBacktestCommand() *cobra.Command {
	o := backtestOptions{detect: detectOptions{output: "jsonl"}}
	cmd := &cobra.Command{
		Use:   "backtest DIR",
		Short: "Say what a pack, or two, would have decided on recorded facts",
		Long: `Decide upon recorded facts with a pack, and with --against beside another one, and
report what differs: decisions by rule, hour and member; acts that the guard would
have let through, and which limit held the others back; the worst hour; and for
each rule how often it fires in an hour.

The facts are those of a file (--facts), of the log of a data directory (--data),
or what the detectors find in recordings (--recording). Each group is decided upon
in the order of its facts, at their own time, in mode act. An act that is let
through succeeds, but no fact tells the rules of it: outcomes are those that were
recorded.

The report names the packs, the facts and the build, and is the same bytes
wherever it is made. Its digest, that of the output of -o json, is what a proposal
names as its evidence. Where there is no fact to decide upon there is no report, and
the exit code is 1.`,
		Example: `  evenkeel rules backtest packs/web --facts facts.jsonl
  evenkeel rules backtest packs/web --against packs/web-live --data /var/lib/evenkeel --since 2026-11-08T00:00:00Z
  evenkeel rules backtest packs/web --against h1:6a2… --data /var/lib/evenkeel -o html --out report.html
  evenkeel rules backtest packs/web --recording 'faulty*.csv.gz' --calibrate 'healthy*.csv.gz' -o json --out evidence.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"calibrate", "alpha", "epoch", "warmup", "tick"} {
				if cmd.Flags().Changed(name) {
					o.learning = name
				}
			}
			return o.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	outputFlag(cmd, &o.output, backtestForms...)
	f := cmd.Flags()
	f.StringVar(&o.against, "against", "", "base to compare with: the directory of a pack, or its version h1:…")
	f.StringVar(&o.store, "store", "", "data directory that keeps the version h1:… (default: that of --data)")
	f.StringVar(&o.facts, "facts", "", "file of facts, one a line, as 'evenkeel detect -o jsonl' prints them; gzip allowed")
	o.log.flags(cmd)
	f.StringVar(&o.since, "since", "", "with --data: first entry, its number or a time like 2026-11-22T05:50:00Z; the day before is remembered")
	f.StringVar(&o.until, "until", "", "with --data: last entry, its number or a time")
	f.StringArrayVar(&o.recordings, "recording", nil, "recordings: names or patterns, separated by commas (repeatable)")
	o.detect.learnFlags(cmd)
	f.StringVar(&o.out, "out", "", "write the report to this file")
	return cmd
}

func (o *backtestOptions) check() error {
	if err := checkOutput(o.output, backtestForms...); err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{o.facts != "", o.log.data != "", len(o.recordings) > 0} {
		if is {
			given++
		}
	}
	var err error
	switch {
	case given != 1:
		err = fmt.Errorf("rules backtest: %d of --facts, --data and --recording are given, want one", given)
	case o.log.data == "" && (o.since != "" || o.until != "" || o.log.key != ""):
		err = errors.New("rules backtest: --since, --until and --key are about a log, and need --data")
	case len(o.recordings) == 0 && o.learning != "":
		err = fmt.Errorf("rules backtest: --%s is about recordings, and needs --recording", o.learning)
	default:
		return nil
	}
	return &exitError{exitUsage, err, "see 'evenkeel rules backtest --help'"}
}

func (o *backtestOptions) run(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	candidate, err := backtestPack(dir)
	if err != nil {
		return err
	}
	var base *backtest.Pack
	if o.against != "" {
		p, err := o.base()
		if err != nil {
			return err
		}
		base = &p
	}
	report, err := o.play(ctx, candidate, base, stderr)
	if err != nil {
		return err
	}
	if report.Facts.Decided == 0 { // nothing was put to the pack, so the report is evidence of nothing
		return &exitError{exitFailed, fmt.Errorf("rules backtest: %d facts, none to decide upon: there is no report", report.Facts.Count),
			"give more facts, or with --data another --since and --until"}
	}
	return o.write(report, stdout, stderr)
}

// play plays a pack, and another beside it unless base is nil, over the facts
// that the flags name.
func (o *backtestOptions) play(ctx context.Context, candidate backtest.Pack, base *backtest.Pack, stderr io.Writer) (*backtest.Report, error) {
	bar := newProgress(stderr)
	feed, done, err := o.feed(ctx, bar, stderr)
	if err != nil {
		return nil, err
	}
	c := backtest.Config{Engine: buildVersion(), Candidate: candidate, Base: base}
	c.Facts = func(ctx context.Context, take func(backtest.Recorded) error) error {
		return feed(ctx, func(r backtest.Recorded) error {
			bar.count()
			return take(r)
		})
	}
	bar.begin()
	report, err := backtest.Run(ctx, c)
	bar.end()
	if err = errors.Join(err, done()); err != nil {
		return nil, o.explain(ctx, err)
	}
	return report, nil
}

// explain gives the error of a run its exit code.
func (o *backtestOptions) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, errors.New("rules backtest: interrupted: there is no report"), ""}
	}
	if o.log.data != "" {
		return o.log.explain(err)
	}
	return err
}

// write prints the report, or writes it to its file and says so. The digest goes
// where it is not among the bytes that it is of.
func (o *backtestOptions) write(r *backtest.Report, stdout, stderr io.Writer) error {
	var b bytes.Buffer
	var err error
	switch o.output {
	case "json":
		b.Write(r.Encode())
	case "html":
		err = backtestHTML(&b, r)
	default:
		err = backtestText(&b, r)
	}
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := os.WriteFile(o.out, b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("rules backtest: %w", err)
		}
		_, err = fmt.Fprintf(stdout, "evidence %s\nreport   %s\n", r.Digest(), o.out)
		return err
	}
	if _, err := stdout.Write(b.Bytes()); err != nil || o.output == "text" {
		return err
	}
	_, err = fmt.Fprintf(stderr, "evidence %s\n", r.Digest())
	return err
}

// backtestPack reads a pack to be decided by.
func backtestPack(dir string) (backtest.Pack, error) {
	p, err := readPack(dir)
	if err != nil {
		return backtest.Pack{}, packError(dir, err)
	}
	out, err := playable(p)
	if err != nil {
		return out, packError(dir, err)
	}
	return out, nil
}

// playable returns a pack as a backtest plays it.
func playable(p *knowledge.Pack) (out backtest.Pack, err error) {
	out.Name = p.Name
	if out.Program, err = compilePack(p); err == nil {
		out.Limits, err = packLimits(p)
	}
	return out, err
}

// base reads the pack to compare with: a directory, or a version that the store
// of a data directory keeps.
func (o *backtestOptions) base() (backtest.Pack, error) {
	if !strings.HasPrefix(o.against, "h1:") {
		return backtestPack(o.against)
	}
	kept := cmp.Or(o.store, o.log.data)
	if kept == "" {
		return backtest.Pack{}, &exitError{exitUsage, fmt.Errorf("rules backtest: version %.60s is kept in a data directory, and none is given", o.against),
			"add --store DIR, or give the directory of the pack"}
	}
	p, err := store{kept}.pack(o.against)
	if err != nil {
		return backtest.Pack{}, &exitError{exitFailed, fmt.Errorf("rules backtest: %w", err), "give the directory of the pack instead"}
	}
	return playable(p)
}
