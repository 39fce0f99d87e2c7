package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/knowledge"
)

// changeReport is a change as the commands print it.
type changeReport struct {
	Approvers []string `json:"approvers"`
	Author    string   `json:"author"`
	Bundle    string   `json:"bundle"`
	Change    string   `json:"change"` // digest of the proposal
	Kind      string   `json:"kind"`
	Missing   int      `json:"missing"` // approvals
	Parent    string   `json:"parent"`
	Reasons   []string `json:"reasons"`
	Seq       uint64   `json:"seq"`
	Since     string   `json:"since"`
	Stage     string   `json:"stage,omitempty"`
	State     string   `json:"state"`
	Until     string   `json:"until,omitempty"`
	Why       string   `json:"why"`
}

func reportChange(c knowledge.Change) changeReport {
	s := c.Statement
	r := changeReport{Approvers: c.Approvers, Author: s.Field("author"), Bundle: s.Field("bundle"), Change: c.Digest, Kind: s.Field("kind"),
		Missing: c.Missing, Parent: s.Field("parent"), Reasons: append([]string{}, c.Reasons...), Seq: s.Number("seq"),
		Since: stamp(c.Since), Stage: c.Stage, State: c.State, Why: s.Field("why")}
	if !c.Until.IsZero() {
		r.Until = stamp(c.Until)
	}
	return r
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// statusReport is what 'rules status -o json' prints.
type statusReport struct {
	Changes     []changeReport `json:"changes"`
	Environment string         `json:"environment"`
	Live        liveReport     `json:"live"`
	Register    string         `json:"register"`
	Stops       []stopReport   `json:"stops"`
	V           int            `json:"v"`
}

type liveReport struct {
	Bundle   string `json:"bundle"`
	Observe  string `json:"observe,omitempty"` // nothing is done by it from then on
	Proposal string `json:"proposal,omitempty"`
	Seq      uint64 `json:"seq"`
	Since    string `json:"since,omitempty"`
	Tainted  string `json:"tainted,omitempty"`
}

type stopReport struct {
	By      string   `json:"by"`
	Digest  string   `json:"digest"`
	Missing int      `json:"missing"`
	Resumed []string `json:"resumed"`
	Scope   string   `json:"scope"`
	Since   string   `json:"since"`
	Why     string   `json:"why"`
}

func rulesStatusCommand() *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "status -c FILE",
		Short: "Say what is live, which changes are under way, and what is stopped",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printSite(cmd, file, output, func(s *site) error { return s.status(cmd.OutOrStdout(), output, false) })
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file of the daemon")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func printSite(cmd *cobra.Command, file, output string, print func(*site) error) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	s, err := openSite(cmd.Context(), file, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	return print(s)
}

func rulesHistoryCommand() *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "history [CHANGE] -c FILE",
		Short: "List the changes that were proposed, or all that the log says of one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printSite(cmd, file, output, func(s *site) error {
				if len(args) == 0 {
					return s.status(cmd.OutOrStdout(), output, true)
				}
				return s.story(cmd.Context(), cmd.OutOrStdout(), output, args[0])
			})
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file of the daemon")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// over are the states of changes that have ended.
var over = []string{"superseded", "rejected", "withdrawn", "expired", "stale", "halted", "undone"}

// status prints how things stand; ended says whether changes that ended are
// among them.
func (s *site) status(w io.Writer, output string, ended bool) error {
	r := statusReport{V: 1, Environment: s.ledger.Env(), Changes: []changeReport{}, Stops: []stopReport{}}
	_, r.Register = s.ledger.Chain().Current()
	live := s.ledger.Live()
	r.Live = liveReport{Bundle: live.Bundle, Seq: live.Seq, Proposal: live.Proposal, Tainted: live.Tainted}
	if !live.Since.IsZero() {
		r.Live.Since = stamp(live.Since)
	}
	if !live.Observe.IsZero() {
		r.Live.Observe = stamp(live.Observe)
	}
	for _, c := range s.ledger.Changes(s.now) {
		if ended || !slices.Contains(over, c.State) {
			r.Changes = append(r.Changes, reportChange(c))
		}
	}
	for _, x := range s.ledger.Stops() {
		r.Stops = append(r.Stops, stopReport{x.By, x.Digest, x.Missing, append([]string{}, x.Resumed...), x.Scope, stamp(x.Since), x.Why})
	}
	if output == "json" {
		return printJSON(w, r)
	}
	return r.print(w)
}

func (r *statusReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.Register == "" {
		_, err := fmt.Fprintln(w, "nobody can change rules yet: the log holds no people register, which 'evenkeel people submit' hands to the daemon")
		return err
	}
	fmt.Fprintf(t, "environment\t%s\nregister\t%s\nlive\t%s\n", r.Environment, r.Register, r.Live.text())
	for _, x := range r.Stops {
		fmt.Fprintf(t, "stopped\t%s by %s since %s: %s (%s; %d more to resume)\n", x.Scope, x.By, x.Since, escapeLine(x.Why), x.Digest, x.Missing)
	}
	if len(r.Changes) > 0 {
		fmt.Fprintf(t, "\nCHANGE\tSTATE\tSEQ\tAUTHOR\tAPPROVED BY\tUNTIL\tWHY\n")
	}
	for _, c := range r.Changes {
		state := c.State
		if c.State == "ring" {
			state = c.Stage
		}
		approved := strings.Join(c.Approvers, ",")
		if c.Missing > 0 {
			approved += fmt.Sprintf(" (%d missing)", c.Missing)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", changeID(c.Change), state, c.Seq, c.Author, strings.TrimSpace(approved), c.Until, escapeLine(c.Why))
	}
	return t.Flush()
}

func (l *liveReport) text() string {
	if l.Seq == 0 {
		return "nothing yet: groups that no ring has reached watch, and do nothing"
	}
	s := fmt.Sprintf("%s, sequence %d, since %s", l.Bundle, l.Seq, l.Since)
	if l.Tainted != "" {
		s += "; in doubt: " + l.Tainted
	}
	if l.Observe != "" {
		s += "; nothing is done by it from " + l.Observe + " on"
		if l.Tainted == "" {
			s += ", unless somebody else signs a review before: 'evenkeel people review'"
		}
	}
	return s
}

// storyEntry is an entry of the log about a change.
type storyEntry struct {
	Actor string          `json:"actor"`
	Body  json.RawMessage `json:"body"`
	Seq   int64           `json:"seq"`
	Time  string          `json:"time"`
	Type  string          `json:"type"`
}

// story prints what the log says of one change.
func (s *site) story(ctx context.Context, w io.Writer, output, id string) error {
	c, err := s.change(id)
	if err != nil {
		return err
	}
	entries := []storyEntry{}
	err = s.scan(ctx, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		if err == nil && (e.Corr == c.Digest || strings.Contains(string(e.Body), `"`+c.Digest+`"`)) {
			entries = append(entries, storyEntry{e.Actor, e.Body, r.Seq, stamp(r.Time), e.Type})
		}
		return err
	})
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON(w, struct {
			Change  changeReport `json:"change"`
			Entries []storyEntry `json:"entries"`
			V       int          `json:"v"`
		}{reportChange(c), entries, 1})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "ENTRY\tTIME\tWHAT\tBY\tDETAIL\n")
	for _, e := range entries {
		var d struct {
			Stage   string   `json:"stage"`
			Why     string   `json:"why"`
			Reasons []string `json:"reasons"`
			Verdict *bool    `json:"accepted"`
		}
		_ = json.Unmarshal(e.Body, &d) // what has no such words has no detail
		if d.Verdict != nil && *d.Verdict {
			d.Why = "accepted"
		}
		detail := strings.Join(slices.DeleteFunc(append([]string{d.Stage, d.Why}, d.Reasons...), func(s string) bool { return s == "" }), ": ")
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", e.Seq, e.Time, e.Type, e.Actor, escapeLine(detail))
	}
	return t.Flush()
}

func rulesShowCommand() *cobra.Command {
	var o paperOptions
	var from string
	cmd := &cobra.Command{
		Use:   "show [CHANGE] -c FILE",
		Short: "Show a change as those see it who are to approve it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			if id == "" && from == "" {
				return &exitError{exitUsage, errors.New("no change given"), "'evenkeel rules status' lists them"}
			}
			k, err := o.openCase(cmd.Context(), id, from, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return k.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", "", "configuration file of the daemon")
	cmd.Flags().StringVar(&from, "from", "", "folder or zip archive with the papers, in place of the log")
	cmd.Flags().StringVar(&o.trust, "trust", "", "with --from: digest of the register that is pinned (default: that of the configuration)")
	return cmd
}

func rulesExportCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export CHANGE DIR -c FILE",
		Short: "Write the papers of a change, and what they are about, to plain files",
		Long: `Write the people register, the statements with their signatures, the bundle and
the dossier of a change to DIR, which must not exist: what 'evenkeel rules gate'
judges and 'evenkeel rules approve --from' reads, and what ssh-keygen and
sha256sum verify without this program.`,
		Example: "  evenkeel rules export 3fa41b02 change-42 -c evenkeel.yaml",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(cmd.Context(), file, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return s.export(cmd.OutOrStdout(), args[0], args[1])
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file of the daemon")
	return cmd
}

func (s *site) export(w io.Writer, id, dir string) error {
	c, err := s.change(id)
	if err != nil {
		return err
	}
	p, err := s.parcel(c)
	if err != nil {
		return err
	}
	q, err := s.ledger.Question(c.Digest, s.now)
	if err != nil {
		return err
	}
	if err := p.write(dir); err != nil {
		return err
	}
	args := fmt.Sprintf("--trust %s --env %s --registers registers --bundle bundle --statements statements --active %s --seq %d --now %s\n",
		q.Trust, q.Env, q.Active, q.Seq, stamp(q.Now))
	_, err = fmt.Fprintf(w, "%s: %d registers, %d statements, %d files\njudge it: cd %s && evenkeel rules gate %s", dir, len(p.registers), len(p.statements), len(p.bundle), dir, args)
	return err
}
