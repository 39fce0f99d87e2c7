package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

// explainOptions is one call of "evenkeel explain".
type explainOptions struct {
	source auditSource
	packs  []string
	not    []string
	whatIf []string
	output string
}

func explainCommand() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain DECISION",
		Short: "Say why a decision was made, why not another, and what came of it",
		Long: `Say why a decision was made, why not another, and what came of it: from the
metrics that a fact rests on to the outcome of the act.

DECISION is the number of its entry in the log, or of an entry of its story, or
the first digits of the digest of the decision, of its fact or of an act. It is
not told but made again: the facts of the log are remembered as they were, the
rules decide once more, and the bytes must be those recorded. Where they are not,
this says so and exits with 1. So the pack that decided is needed, and no other:
from --pack, from the bundles in the data directory, or that of 'evenkeel demo'.

Rules that nearly matched are those with the fewest parts that do not hold, and
then those that lack least; one of another kind of fact is never near.

Nothing is locked or changed, so a running daemon's directory may be looked at.`,
		Example: `  evenkeel explain 4711 --data /var/lib/evenkeel --pack packs/web
  evenkeel explain 9f3ac0 --data ./copy --pack packs/web --not slow_member
  evenkeel explain 4711 --data ./copy --pack packs/web --what-if F.Ticks=5 --what-if 'F.Ratio(latency_ms)=1.6'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(o.output, "text", "json"); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	o.source.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.packs, "pack", nil, "directory of the pack that decided (repeatable)")
	f.StringArrayVar(&o.not, "not", nil, "why nothing came of this rule (repeatable)")
	f.StringArrayVar(&o.whatIf, "what-if", nil, "what if a word had read otherwise: F.X=V (repeatable)")
	outputFlag(cmd, &o.output, "text", "json")
	return cmd
}

func (o *explainOptions) run(ctx context.Context, what string, w io.Writer) error {
	known, err := readPrograms(o.packs, o.source.data)
	if err != nil {
		return err
	}
	r, err := o.source.open()
	if err != nil {
		return err
	}
	defer r.Close()
	seq, err := findDecision(ctx, r, what)
	if err != nil {
		return o.source.explain(err)
	}
	var e explained
	err = engine.Revisit(ctx, r, seq, seq+1, func(m engine.Moment) error {
		return o.explain(m, known, &e)
	})
	if err != nil {
		return o.source.explain(err)
	}
	if e.story, err = readChain(ctx, r, seq, e.decision.Intents()); err != nil {
		return o.source.explain(err)
	}
	if o.output == "json" {
		err = printJSON(w, e.report())
	} else {
		err = e.print(w)
	}
	if err == nil && e.differs != nil {
		err = &exitError{exitFailed, errors.New("explain: made again, the decision is another: " + e.differs.String()),
			"run 'evenkeel audit verify' on the log; if it is as it was written, another build of evenkeel wrote it"}
	}
	return err
}

// explained is a decision with all that is to be said of it.
type explained struct {
	seq      int64
	decision engine.Decision // as recorded
	fact     facts.Fact      // that it is about
	recorded []byte
	why      *engine.Explanation
	differs  *difference // nil: made again, it is the same
	suppose  []engine.Supposition
	would    *engine.Explanation // nil: nothing is supposed
	story    chain
}

// explain decides again, as it was and as it would be.
func (o *explainOptions) explain(m engine.Moment, known *programs, e *explained) error {
	p, err := known.version(m.Decision.Version)
	if err != nil {
		return fmt.Errorf("explain entry %d: %w", m.Seq, err)
	}
	e.seq, e.decision, e.fact, e.recorded = m.Seq, m.Decision, m.Fact, m.Recorded
	now, q := m.Decision.Clock.Time, engine.Question{Rules: o.not}
	for _, rule := range o.not {
		if !slices.Contains(p.Rules(), rule) {
			return &exitError{exitUsage, fmt.Errorf("explain: --not %s: the pack that decided has no such rule", rule),
				"'evenkeel rules graph DIR' lists the rules of a pack"}
		}
	}
	for _, s := range o.whatIf {
		x, err := p.Suppose(s)
		if err != nil {
			return &exitError{exitUsage, err, "'evenkeel rules vocabulary' lists the words with their types and ranges"}
		}
		e.suppose = append(e.suppose, x)
	}
	if e.why, err = p.Explain(now, m.Memory, q); err != nil {
		return err
	}
	again, err := p.Again(&m.Decision, m.Memory)
	if err != nil {
		return err
	}
	e.differs = firstDifference(m.Recorded, again.Encode())
	if len(e.suppose) > 0 {
		q.Suppose = e.suppose
		e.would, err = p.Explain(now, m.Memory, q)
	}
	return err
}

// explainReport is what -o json prints; keys sorted.
type explainReport struct {
	After       []json.RawMessage   `json:"after"`             // entries of the story, as stored
	Differs     *difference         `json:"differs,omitempty"` // made again, it was another
	Entry       int64               `json:"entry"`             // of the decision
	Explanation *engine.Explanation `json:"explanation"`       // of the decision, made again
	Fact        json.RawMessage     `json:"fact"`              // its entry, as stored
	Recorded    json.RawMessage     `json:"recorded"`          // the decision
	V           int                 `json:"v"`                 // 1
	WhatIf      *whatIfReport       `json:"what_if,omitempty"` // what was supposed
}

type whatIfReport struct {
	Changes     []string            `json:"changes"`
	Explanation *engine.Explanation `json:"explanation"`
	Suppose     []string            `json:"suppose"`
}

func (e *explained) report() explainReport {
	r := explainReport{After: rawEntries(e.story.after), Differs: e.differs, Entry: e.seq, Explanation: e.why, Fact: e.story.fact.Bytes, Recorded: e.recorded, V: 1}
	if e.would != nil {
		r.WhatIf = &whatIfReport{Changes: decisionChanges(&e.why.Decision, &e.would.Decision), Explanation: e.would}
		for _, s := range e.suppose {
			r.WhatIf.Suppose = append(r.WhatIf.Suppose, s.String())
		}
	}
	return r
}

func rawEntries(all []audit.Record) []json.RawMessage {
	out := make([]json.RawMessage, len(all))
	for i := range all {
		out[i] = all[i].Bytes
	}
	return out
}
