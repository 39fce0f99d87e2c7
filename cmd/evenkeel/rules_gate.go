package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// gateOptions are the flags of rules gate.
type gateOptions struct {
	trust, env                    string
	registers, bundle, statements string // directories
	active                        string
	seq                           uint64
	now, since                    string
	output                        string
}

func rulesGateCommand() *cobra.Command {
	var o gateOptions
	cmd := &cobra.Command{
		Use:   "gate --trust DIGEST --env ENV --registers DIR --bundle DIR --statements DIR",
		Short: "Judge from plain files whether a bundle may go live",
		Long: `Judge from plain files whether a bundle may go live, with the function that
the daemon uses. It needs no daemon, no network and no key.

  registers/   0001.txt, 0002.txt, …: the versions of the people register
  statements/  *.txt, in any order: proposals, approvals, withdrawals, rollbacks
  bundle/      the files that would go live

Beside each text are its signatures as 'ssh-keygen -Y sign' writes them, named
after it: 0001.txt.alice.sig. What does not count is named in the reasons.

Exit code 0: accepted, 1: refused, 2: wrong usage.`,
		Example: "  evenkeel rules gate --trust sha256:96ff… --env prod-eu1/5f0c… --registers registers --bundle web --statements change-42 --active h1:AAAA… --seq 41",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := o.question()
			if err != nil {
				return err
			}
			return o.judge(cmd.OutOrStdout(), q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.trust, "trust", "", "digest of version 1 of the people register, as pinned: sha256:…")
	f.StringVar(&o.env, "env", "", "environment, NAME/ID")
	f.StringVar(&o.registers, "registers", "", "directory of the people register's versions")
	f.StringVar(&o.bundle, "bundle", "", "directory of the bundle")
	f.StringVar(&o.statements, "statements", "", "directory of the statements")
	f.StringVar(&o.active, "active", "none", "digest of the bundle now live, h1:…")
	f.Uint64Var(&o.seq, "seq", 0, "sequence of the bundle now live")
	f.StringVar(&o.since, "since", "", "when the bundle now live went live, RFC 3339: a rollback by one person needs it")
	f.StringVar(&o.now, "now", "", "time at which to judge, RFC 3339 (default: the clock)")
	outputFlag(cmd, &o.output, "text", "json")
	return cmd
}

// question makes a question of the flags; the papers are still to be read.
func (o *gateOptions) question() (knowledge.Question, error) {
	for _, f := range []struct{ name, value string }{{"trust", o.trust}, {"env", o.env}, {"registers", o.registers},
		{"bundle", o.bundle}, {"statements", o.statements}, {"active", o.active}} {
		if f.value == "" {
			return knowledge.Question{}, &exitError{exitUsage, errors.New("rules gate: no " + f.name + " given"), "add --" + f.name}
		}
	}
	if err := checkOutput(o.output, "text", "json"); err != nil {
		return knowledge.Question{}, err
	}
	q := knowledge.Question{Trust: o.trust, Env: o.env, Active: o.active, Seq: o.seq, Now: time.Now()}
	var err error
	if o.now != "" {
		q.Now, err = time.Parse(time.RFC3339, o.now)
	}
	if err == nil && o.since != "" {
		q.Since, err = time.Parse(time.RFC3339, o.since)
	}
	if err != nil {
		return knowledge.Question{}, &exitError{exitUsage, fmt.Errorf("rules gate: %w", err), "give a time like 2026-11-22T06:00:00Z"}
	}
	return q, nil
}

// judge reads the papers and prints the verdict. Papers that cannot be read are
// a reason to refuse like any other.
func (o *gateOptions) judge(w io.Writer, q knowledge.Question) error {
	v := knowledge.Verdict{Reasons: []string{}, Approvers: []string{}}
	if err := o.read(&q); err != nil {
		v.Reasons = append(v.Reasons, err.Error())
	} else {
		v = knowledge.Judge(q)
	}
	var err error
	if o.output == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		err = e.Encode(v)
	} else {
		err = printVerdict(w, q, v)
	}
	if err == nil && !v.Accepted {
		err = &exitError{exitFailed, fmt.Errorf("rules gate: bundle %s refused", o.bundle), ""}
	}
	return err
}

func (o *gateOptions) read(q *knowledge.Question) error {
	files, err := knowledge.ReadBundle(os.DirFS(o.bundle))
	if err != nil {
		return fmt.Errorf("bundle %s: %w", o.bundle, err)
	}
	if q.Bundle, err = knowledge.BundleDigest(files); err != nil {
		return err
	}
	if q.Registers, err = knowledge.ReadSignedTexts(os.DirFS(o.registers)); err != nil {
		return fmt.Errorf("registers %s: %w", o.registers, err)
	}
	if q.Statements, err = knowledge.ReadSignedTexts(os.DirFS(o.statements)); err != nil {
		return fmt.Errorf("statements %s: %w", o.statements, err)
	}
	return nil
}

// printVerdict writes a verdict for people, the answer first.
func printVerdict(w io.Writer, q knowledge.Question, v knowledge.Verdict) error {
	answer := "refused"
	if v.Accepted {
		answer = "accepted"
	}
	or := func(s, none string) string {
		if s == "" {
			return none
		}
		return s
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "verdict\t%s\n", answer)
	fmt.Fprintf(t, "environment\t%s\n", q.Env)
	fmt.Fprintf(t, "bundle\t%s\n", or(q.Bundle, "could not be read"))
	fmt.Fprintf(t, "in place of\t%s, sequence %d\n", q.Active, q.Seq)
	fmt.Fprintf(t, "at\t%s\n", stamp(q.Now))
	fmt.Fprintf(t, "proposal\t%s\n", or(v.Proposal, "none"))
	if v.Proposal != "" {
		fmt.Fprintf(t, "why\t%s\n", v.Plan.Field("why"))
	}
	fmt.Fprintf(t, "approved by\t%s\n", or(strings.Join(v.Approvers, ", "), "nobody"))
	for i, reason := range v.Reasons {
		heading := ""
		if i == 0 {
			heading = "because"
			if v.Accepted {
				heading = "not counted"
			}
		}
		fmt.Fprintf(t, "%s\t%s\n", heading, reason)
	}
	return t.Flush()
}
