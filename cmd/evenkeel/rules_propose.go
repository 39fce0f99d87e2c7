package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// proposeOptions are the flags of rules propose.
type proposeOptions struct {
	paperOptions
	kind, contributors, ticket, why string
	rollout                         string
	dwell, life, window             time.Duration
	notBefore                       string
	study                           studyOptions
}

func rulesProposeCommand() *cobra.Command {
	o := &proposeOptions{}
	cmd := &cobra.Command{
		Use:   "propose DIR --as ID --key KEY --why TEXT",
		Short: "Propose that a pack go live, with what was found about it",
		Long: `Propose that a pack go live in place of what is live now. First it is studied:
checked, tested, mistakes are planted that its tests have to notice, and it is
played beside the live one on the facts of the daemon's log, or on those of
--facts. What was found is the dossier: it travels with the proposal, which names
its digest, and the rollout is held to it.

Then the statement is shown and signed. It goes live when as many people as the
people register asks for have signed it, first in shadow, then ring by ring, and
returns to what was live by itself when it does other than was found.

The rollout has the rings that pack.yaml declares, each for --dwell.`,
		Example: "  evenkeel rules propose packs/web -c evenkeel.yaml --as ana --key ~/.ssh/id_ed25519 --why 'drain black holes sooner'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.propose(cmd.Context(), o.speaker(cmd), args[0])
		},
	}
	o.flags(cmd)
	o.study.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.why, "why", "", "why, one line")
	f.StringVar(&o.ticket, "ticket", "-", "what it is filed under, one word")
	f.StringVar(&o.kind, "kind", "change", "change, rollback (passes a freeze), standby (for break-glass only) or policy")
	f.StringVar(&o.contributors, "contributors", "-", "ids of others who wrote parts of it, separated by commas: they cannot approve it")
	f.StringVar(&o.rollout, "rollout", "", "stages in place of the pack's rings, such as shadow=30m,ring1=1h,all=0s")
	f.DurationVar(&o.dwell, "dwell", 0, "time in each stage (default: the least that the register asks for)")
	f.DurationVar(&o.life, "expires-in", 24*time.Hour, "how long the proposal lives; its rollout has to be over by then")
	f.DurationVar(&o.window, "rollback-window", 72*time.Hour, "how long one person may go back after it went live")
	f.StringVar(&o.notBefore, "not-before", "", "time before which it does not begin, such as 2026-11-22T22:00:00Z (default: now)")
	return cmd
}

func (o *proposeOptions) propose(ctx context.Context, s *speaker, dir string) error {
	site, err := openSite(ctx, o.config, s.errout)
	if err != nil {
		return err
	}
	register, trust, err := site.register()
	if err != nil {
		return err
	}
	if _, err := o.person(register); err != nil {
		return err
	}
	s.site = site
	policy, ok := register.Policy(site.ledger.Env())
	if !ok {
		return &exitError{exitFailed, fmt.Errorf("the people register has no environment %s", site.config.Env), ""}
	}
	pack, err := readBothWays(dir)
	if err != nil {
		return err
	}
	site.rivals(s.out, o.kind)
	live := site.ledger.Live()
	dossier, err := o.study.study(ctx, site, dir, s.errout)
	if err != nil {
		return err
	}
	fields := map[string]string{"trust": trust, "env": site.ledger.Env(), "seq": fmt.Sprint(live.Seq + 1), "parent": live.Bundle,
		"bundle": pack.Digest, "kind": o.kind, "author": o.as, "contributors": o.contributors,
		"created": s.time(), "not-before": o.begin(s), "expires": stamp(s.now.Add(o.life)), "rollout": o.stages(pack.Pack, policy),
		"rollback-window": o.window.String(), "evidence": knowledge.TextDigest(dossier.Encode()), "ticket": o.ticket, "why": o.why, "nonce": randomID()}
	if err := o.preview(ctx, s, site, pack, dossier, fields); err != nil {
		return err
	}
	signed, err := s.say(ctx, knowledge.Proposal, fields, &parcel{bundle: pack.files, dossier: dossier.Encode()})
	if err != nil || signed.Text == nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "next    %d others sign: evenkeel rules approve %s -c %s\n", policy.Approvals, changeID(knowledge.TextDigest(signed.Text)), o.config)
	return err
}

func (o *proposeOptions) begin(s *speaker) string {
	if o.notBefore == "" {
		return s.time()
	}
	return o.notBefore
}

// stages returns the rollout: what was asked for, or shadow and the pack's rings.
func (o *proposeOptions) stages(p *knowledge.Pack, policy knowledge.Policy) string {
	if o.rollout != "" {
		return o.rollout
	}
	dwell := max(o.dwell, policy.MinDwell)
	stages := []string{"shadow=" + dwell.String()}
	for _, r := range p.Rings {
		stages = append(stages, r.Name+"="+dwell.String())
	}
	return strings.Join(append(stages, "all=0s"), ",")
}

// preview says what will be judged: what differs from what is live, and what was
// found. What the daemon would refuse is refused here, before anybody signs.
func (o *proposeOptions) preview(ctx context.Context, s *speaker, site *site, pack *packBytes, d *knowledge.Dossier, fields map[string]string) error {
	proposal, err := knowledge.NewStatement(knowledge.Proposal, fields)
	if err == nil {
		err = errors.Join(pack.CheckRollout(proposal), pack.CheckGroups(site.groups()))
	}
	if err != nil {
		return &exitError{exitRefused, err, ""}
	}
	if parent := fields["parent"]; parent != "none" {
		from, err := site.bothWays(parent)
		if err != nil {
			return err
		}
		if from != nil {
			diff, err := diffPacks(from, pack)
			if err != nil {
				return err
			}
			fmt.Fprintln(s.out, diff.text())
		}
	}
	if err := printDossier(s.out, d); err != nil {
		return err
	}
	_, err = io.WriteString(s.out, "\n")
	return err
}
