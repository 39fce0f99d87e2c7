package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// rollbackOptions are the flags of rules rollback.
type rollbackOptions struct {
	paperOptions
	from, why string
}

func rulesRollbackCommand() *cobra.Command {
	o := &rollbackOptions{}
	cmd := &cobra.Command{
		Use:   "rollback --as ID --key KEY --why TEXT",
		Short: "Go back to what was live before, within the window that was approved",
		Long: `Go back to what was live before the live bundle, within the window that two
people approved with it. One approver suffices, and all groups go back at once.

With --from no log is read: the daemon at http://HOST:PORT is asked for the change
that is live, and its papers are verified.`,
		Example: `  evenkeel rules rollback -c evenkeel.yaml --as cleo --key id --why 'it drains healthy members'
  evenkeel rules rollback --from http://127.0.0.1:8420 --trust sha256:… --as cleo --key id --why 'it drains healthy members'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.rollback(cmd.Context(), o.speaker(cmd))
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.why, "why", "", "why, one line")
	f.StringVar(&o.from, "from", "", "http://HOST:PORT of the daemon to ask, in place of the log")
	f.StringVar(&o.trust, "trust", "", "with --from: digest of the register that is pinned (default: that of the configuration)")
	return cmd
}

// undoable is what is live, and can be undone.
type undoable struct {
	register         *knowledge.Register
	trust, env       string
	proposal, parent string
	live             liveReport
}

func (o *rollbackOptions) rollback(ctx context.Context, s *speaker) (err error) {
	var u undoable
	switch {
	case o.from == "":
		u, err = o.here(ctx, s)
	case remote(o.from):
		s.answerTo(o.from)
		u, err = o.there(ctx)
	default:
		return &exitError{exitUsage, fmt.Errorf("--from %q, want http://HOST:PORT", o.from), ""}
	}
	if err != nil {
		return err
	}
	who, err := o.person(u.register)
	if err != nil {
		return err
	}
	if u.parent == nothingLive {
		return &exitError{exitUnmet, fmt.Errorf("live is %s, and nothing was before it", u.live.Bundle), "'evenkeel stop' stops all acts"}
	}
	fmt.Fprintf(s.out, "live  %s since %s\nback  to %s\n\n", u.live.Bundle, escapeLine(u.live.Since), u.parent)
	signed, err := s.say(ctx, knowledge.Rollback, map[string]string{"proposal": u.proposal, "trust": u.trust, "env": u.env,
		"seq": fmt.Sprint(u.live.Seq + 1), "parent": u.live.Bundle, "bundle": u.parent,
		"person": who.ID, "name": who.Name, "why": o.why, "time": s.time()}, nil)
	if err != nil || signed.Text == nil {
		return err
	}
	return s.next("")
}

// here reads what is live from the log.
func (o *rollbackOptions) here(ctx context.Context, s *speaker) (u undoable, err error) {
	if s.site, err = openSite(ctx, o.config, s.errout); err != nil {
		return u, err
	}
	if u.register, u.trust, err = s.site.register(); err != nil {
		return u, err
	}
	u.env, u.live = s.site.ledger.Env(), reportStatus(s.site.ledger, s.now, false).Live
	if u.live.Seq == 0 {
		return u, errNothingToUndo
	}
	c, err := s.site.ledger.Change(u.live.Proposal, s.now)
	if err != nil { // what made it live is no proposal
		return u, undone(u.live.Bundle)
	}
	u.proposal, u.parent = c.Digest, c.Statement.Field("parent")
	return u, nil
}

// there asks a daemon what is live, and verifies the papers of it.
func (o *rollbackOptions) there(ctx context.Context) (u undoable, err error) {
	live, err := fetchLive(ctx, o.from)
	if err != nil {
		return u, err
	}
	if live.Seq == 0 {
		return u, errNothingToUndo
	}
	k, err := o.handedCase(ctx, live.Proposal, o.from)
	if errors.Is(err, errNoSuch) {
		return u, undone(oneLine([]byte(live.Bundle)))
	}
	if err != nil {
		return u, err
	}
	p := k.proposal
	if live.Bundle != p.Field("bundle") || live.Seq != p.Number("seq") {
		return u, lied(o.from, fmt.Errorf("live is %s as sequence %d, and the change that is said to have done that says %s as %s",
			oneLine([]byte(live.Bundle)), live.Seq, p.Field("bundle"), p.Field("seq")))
	}
	return undoable{k.register, k.trust, p.Field("env"), k.digest, p.Field("parent"), live}, k.bySomebody()
}

// errNothingToUndo refuses a rollback of nothing.
var errNothingToUndo = &exitError{exitUnmet, errors.New("nothing is live yet"), "'evenkeel stop' stops all acts"}

// undone refuses a second rollback in a row.
func undone(bundle string) error {
	return &exitError{exitUnmet, fmt.Errorf("live is %s, to which somebody has gone back already", bundle), "the way on is another proposal"}
}
