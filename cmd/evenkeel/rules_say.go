package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// about are the lines in which a statement repeats its proposal.
var about = []string{"trust", "env", "seq", "parent", "bundle"}

// sayOptions are the flags of the commands that answer a proposal.
type sayOptions struct {
	paperOptions
	from string
}

// answerCommand makes a command that shows a change and signs an answer to it.
func answerCommand(use, short, long, example string, answer func(s *speaker, o *sayOptions, k *changeCase, who knowledge.Person) (knowledge.Kind, map[string]string)) *cobra.Command {
	o := &sayOptions{}
	cmd := &cobra.Command{
		Use:   use + " [CHANGE] --as ID --key KEY",
		Short: short,
		Long: short + `. What is signed is computed from the very files, and shown before.

` + long + `

CHANGE is the beginning of the proposal's digest. With --from no log is read: the
papers are those that somebody handed over, a folder or a zip archive as
'evenkeel rules export' writes it, or those that a daemon answers on
http://HOST:PORT, its console.listen or a tunnel to it. They are verified under
--trust, or the trust of the configuration; what does not hold exits with 7. What
is signed goes back to that daemon, unless --via says otherwise.

Exit code 0 when it was signed and sent, also when others have to sign still; 4
when it is refused, by the daemon or because it would not count; 6 when no daemon
answers; 7 when the papers are not what they say.`,
		Example: example,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			if id == "" && o.from == "" {
				return &exitError{exitUsage, errors.New("no change given"), "'evenkeel rules status' lists them"}
			}
			s := o.speaker(cmd)
			s.answerTo(o.from)
			k, err := o.openCase(cmd.Context(), id, o.from, s.errout)
			if err != nil {
				return err
			}
			who, err := o.person(k.register)
			if err != nil {
				return err
			}
			if err := k.print(s.out); err != nil {
				return err
			}
			kind, fields := answer(s, o, k, who)
			s.site = k.site
			return s.answer(cmd.Context(), k, kind, fields)
		},
	}
	o.flags(cmd)
	o.fromFlags(cmd, &o.from)
	return cmd
}

// fromFlags adds the flags of commands that read a change from elsewhere.
func (o *paperOptions) fromFlags(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "folder or zip archive with the papers, or http://HOST:PORT of the daemon, in place of the log")
	cmd.Flags().StringVar(&o.trust, "trust", "", "with --from: digest of the register that is pinned (default: that of the configuration)")
}

// answerTo sends what is signed to the daemon that was asked, unless it is said
// where to.
func (s *speaker) answerTo(from string) {
	if remote(from) && s.via == "" {
		s.via = from
	}
}

// answer signs an answer to a change that was shown, sends it, and says whose
// turn it is.
func (s *speaker) answer(ctx context.Context, k *changeCase, kind knowledge.Kind, fields map[string]string) error {
	if k.site != nil {
		if err := k.site.ended(k.digest); err != nil {
			return err
		}
	}
	if fields["decision"] != "reject" && kind != knowledge.Withdrawal {
		if err := k.bySomebody(); err != nil {
			return err
		}
	}
	if fields["decision"] == "approve" {
		if err := k.mayApprove(s.as); err != nil {
			return err
		}
	}
	signed, err := s.say(ctx, kind, fields, nil)
	if err != nil || signed.Text == nil {
		return err
	}
	if fields["decision"] != "approve" {
		return s.next("")
	}
	k.papers.statements = append(k.papers.statements, signed)
	k.judge(s.now)
	return s.next(k.wanted())
}

// mayApprove returns why somebody's approval would not count.
func (k *changeCase) mayApprove(id string) error {
	others := k.others()
	if slices.Contains(others, id) {
		return nil
	}
	p := k.proposal
	why := id + " is no approver"
	switch {
	case slices.Contains(k.verdict.Approvers, id):
		why = id + " has approved it already"
	case id == p.Field("author") || slices.Contains(strings.Split(p.Field("contributors"), ","), id):
		why = id + " wrote it, or a part of it"
	}
	hint := "nobody's approval is wanted any more"
	if len(others) > 0 {
		hint = "ask one of " + strings.Join(others, ", ")
	}
	return &exitError{exitRefused, errors.New(why + ": want a different person"), hint}
}

// others returns the people whose approval would count and is not there yet.
func (k *changeCase) others() []string {
	policy, _ := k.register.Policy(k.proposal.Field("env"))
	barred := append(strings.Split(k.proposal.Field("contributors"), ","), k.verdict.Approvers...)
	if !policy.AuthorCounts {
		barred = append(barred, k.proposal.Field("author"))
	}
	var may []string
	for _, p := range k.register.People {
		if p.Has("approver") && !slices.Contains(barred, p.ID) {
			may = append(may, p.ID)
		}
	}
	return may
}

// wanted says whose approvals a change wants, as far as its papers know.
func (k *changeCase) wanted() string {
	policy, _ := k.register.Policy(k.proposal.Field("env"))
	missing := int(policy.Approvals) - len(k.verdict.Approvers)
	if missing <= 0 {
		return "approved by " + strings.Join(k.verdict.Approvers, " and ") + ", and begins when it may"
	}
	return fmt.Sprintf("%d more must approve it, of %s", missing, strings.Join(k.others(), ", "))
}

// approval returns the fields of an answer to a proposal.
func (k *changeCase) approval(s *speaker, who knowledge.Person, decision, meaning string) map[string]string {
	fields := k.repeat()
	maps.Copy(fields, map[string]string{"person": who.ID, "name": who.Name, "decision": decision, "meaning": meaning, "time": s.time()})
	return fields
}

// repeat returns the lines in which an answer repeats the proposal.
func (k *changeCase) repeat() map[string]string {
	fields := map[string]string{"proposal": k.digest}
	for _, name := range about {
		fields[name] = k.proposal.Field(name)
	}
	return fields
}

func rulesApproveCommand() *cobra.Command {
	var meaning string
	cmd := answerCommand("approve", "Sign that a change may go live", "It takes effect when as many people as the people register asks for have signed, and\nnone of them wrote any part of the change.",
		"  evenkeel rules approve 3fa41b02 -c evenkeel.yaml --as ben --key ~/.ssh/id_ed25519_sk.pub",
		func(s *speaker, _ *sayOptions, k *changeCase, who knowledge.Person) (knowledge.Kind, map[string]string) {
			return knowledge.Approval, k.approval(s, who, "approve", meaning)
		})
	cmd.Flags().StringVar(&meaning, "meaning", "I have read the rules and the report and approve them for this environment", "what the signature means, one line")
	return cmd
}

func rulesRejectCommand() *cobra.Command {
	var why string
	cmd := answerCommand("reject", "Sign that a change must not go live, or must not go on", "One approver ends a change; one that is being rolled out returns to what was live.",
		"  evenkeel rules reject 3fa41b02 -c evenkeel.yaml --as ben --key id --why 'the threshold is a guess'",
		func(s *speaker, _ *sayOptions, k *changeCase, who knowledge.Person) (knowledge.Kind, map[string]string) {
			return knowledge.Approval, k.approval(s, who, "reject", why)
		})
	cmd.Flags().StringVar(&why, "why", "", "why, one line")
	return cmd
}

func rulesWithdrawCommand() *cobra.Command {
	var why string
	cmd := answerCommand("withdraw", "Take a proposal of one's own back", "One that is being rolled out returns to what was live.",
		"  evenkeel rules withdraw 3fa41b02 -c evenkeel.yaml --as ana --key id --why 'found a better way'",
		func(s *speaker, _ *sayOptions, k *changeCase, who knowledge.Person) (knowledge.Kind, map[string]string) {
			return knowledge.Withdrawal, map[string]string{"proposal": k.digest, "trust": k.proposal.Field("trust"), "env": k.proposal.Field("env"),
				"person": who.ID, "why": why, "time": s.time()}
		})
	cmd.Flags().StringVar(&why, "why", "", "why, one line")
	return cmd
}

func rulesBreakglassCommand() *cobra.Command {
	var why, life string
	cmd := answerCommand("breakglass", "Let a standby bundle run for a while, which two people approved before", "One approver does it; everybody is told, and somebody has to look at it afterwards.",
		"  evenkeel rules breakglass 77ab03c1 -c evenkeel.yaml --as ben --key id --life 1h --why 'the live rules drain too little'",
		func(s *speaker, _ *sayOptions, k *changeCase, who knowledge.Person) (knowledge.Kind, map[string]string) {
			fields := k.repeat()
			// It is carried out in place of what is live now, whatever was when it was proposed.
			maps.Copy(fields, map[string]string{"seq": fmt.Sprint(k.live.Seq + 1), "parent": k.live.Bundle,
				"person": who.ID, "name": who.Name, "life": life, "why": why, "time": s.time()})
			return knowledge.Breakglass, fields
		})
	cmd.Flags().StringVar(&why, "why", "", "why, one line")
	cmd.Flags().StringVar(&life, "life", "1h", "how long")
	return cmd
}
