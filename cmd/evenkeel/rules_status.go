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

// stamp writes a time as statements have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// statusReport is what 'rules status -o json' prints.
type statusReport struct {
	Changes     []changeReport `json:"changes"`
	Environment string         `json:"environment"`
	Live        liveReport     `json:"live"`
	Quarantines []asideReport  `json:"quarantines"`
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

func rulesStatusCommand() *cobra.Command {
	var file, from, output, person string
	cmd := &cobra.Command{
		Use:   "status -c FILE",
		Short: "Say what is live, which changes are under way, and what is stopped",
		Long: `Say what is live, which changes are under way, and what is stopped, from the log
of the data directory, every paper of which is verified. With --from a daemon is
asked: what it says is shown, and nothing of it is verified.

With --waits-for it lists what lacks a signature that this person could give:
approvals and resumes. Exit code 3 when there is something, 0 when nothing waits.`,
		Example: `  evenkeel rules status -c evenkeel.yaml
  evenkeel rules status --from http://127.0.0.1:8420 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if person != "" && from != "" {
				return &exitError{exitUsage, errors.New("--waits-for is answered from the log"), "give -c in place of --from"}
			}
			if person != "" {
				return printSite(cmd, file, output, func(s *site) error { return s.printWaits(cmd.OutOrStdout(), output, person) })
			}
			if from != "" {
				return printRemote(cmd, from, output)
			}
			return printSite(cmd, file, output, func(s *site) error { return s.status(cmd.OutOrStdout(), output, false) })
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file of the daemon")
	cmd.Flags().StringVar(&from, "from", "", "http://HOST:PORT of the daemon to ask, in place of the log")
	cmd.Flags().StringVar(&person, "waits-for", "", "list what waits for the signature of the person with this id")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// printRemote prints how things stand as a daemon tells it.
func printRemote(cmd *cobra.Command, from, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	if !remote(from) {
		return &exitError{exitUsage, fmt.Errorf("--from %q, want http://HOST:PORT", from), ""}
	}
	r, err := fetchStatus(cmd.Context(), from)
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON(cmd.OutOrStdout(), r)
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "as %s tells it, not verified\n", from); err != nil {
		return err
	}
	return r.print(cmd.OutOrStdout())
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
	r := reportStatus(s.ledger, s.now, ended)
	if output == "json" {
		return printJSON(w, r)
	}
	return r.print(w)
}

// reportStatus says how things stand; ended says whether changes that ended are
// among them.
func reportStatus(l *knowledge.Ledger, now time.Time, ended bool) statusReport {
	r := statusReport{V: 1, Environment: l.Env(), Changes: []changeReport{}, Quarantines: []asideReport{}, Stops: []stopReport{}}
	_, r.Register = l.Chain().Current()
	live := l.Live()
	r.Live = liveReport{Bundle: live.Bundle, Seq: live.Seq, Proposal: live.Proposal, Tainted: live.Tainted}
	if !live.Since.IsZero() {
		r.Live.Since = stamp(live.Since)
	}
	if !live.Observe.IsZero() {
		r.Live.Observe = stamp(live.Observe)
	}
	for _, c := range l.Changes(now) {
		if ended || !slices.Contains(over, c.State) {
			r.Changes = append(r.Changes, reportChange(c))
		}
	}
	for _, x := range l.Stops() {
		r.Stops = append(r.Stops, reportStop(x))
	}
	for _, q := range l.Quarantines() {
		r.Quarantines = append(r.Quarantines, reportQuarantine(q))
	}
	return r
}

// print writes the report as lines and a table. What it holds may come from
// anywhere: all of it is escaped.
func (r *statusReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.Register == "" {
		_, err := fmt.Fprintln(w, "nobody can change rules yet: the log does not hold the people register that is trusted, which 'evenkeel people submit' hands to the daemon")
		return err
	}
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = strings.ReplaceAll(escapeLine(cells[i]), "\t", " ")
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	row("environment", r.Environment)
	row("register", r.Register)
	row("live", r.Live.text())
	for _, x := range r.Stops {
		row("stopped", x.text())
	}
	for _, q := range r.Quarantines {
		row("put aside", q.text())
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
		row(changeID(c.Change), state, fmt.Sprint(c.Seq), c.Author, strings.TrimSpace(approved), c.Until, c.Why)
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
	if hint := staleHint(c); hint != "" {
		fmt.Fprintf(t, "\n%s\n", hint)
	}
	return t.Flush()
}
