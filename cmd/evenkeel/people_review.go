package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// reviewOptions are the flags of people review.
type reviewOptions struct {
	paperOptions
	meaning, out  string
	stolen, since string // a key that somebody else has
}

func peopleReviewCommand() *cobra.Command {
	o := &reviewOptions{}
	cmd := &cobra.Command{
		Use:   "review DIR --as ID [--key KEY -c FILE]",
		Short: "Say, and sign, that the register was read and is right",
		Long: `Say that the people register was read and is right. It lists everybody first: who
is enrolled twice under two names, no program can see. With --key the statement is
signed and sent; without, it is written to a file, to be signed elsewhere with
'evenkeel rules sign' and left in the daemon's inbox.

After a break-glass a review is owed within three days, by somebody other than who
broke it: that they looked at what was done, too. Nothing is done by the live rules
from then on until somebody has.

With --stolen one of the root people says that somebody else has had a key since
an instant: what it signed from then on counts no more, whatever it is dated, and
what is live by it does nothing from a day later on unless it was approved again.
Then 'evenkeel people remove --key' takes the key out of the register.`,
		Example: `  evenkeel people review registers --as cleo --key ~/.ssh/id_ed25519 -c evenkeel.yaml
  evenkeel people review registers --as ana -O review.txt
  evenkeel people review registers --as cleo --stolen ben.pub --since 2026-11-20T00:00:00Z --key id -c evenkeel.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.as == "" {
				return &exitError{exitUsage, errors.New("nobody is said to have read it"), "add --as ID"}
			}
			if err := o.declare(); err != nil {
				return err
			}
			return o.review(cmd.Context(), o.speaker(cmd), args[0])
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.trust, "trust", "", "digest of version 1, as pinned: sha256:… (default: that of the configuration)")
	cmd.Flags().StringVar(&o.meaning, "meaning", "I have read the register, and everybody in it is one person who belongs there", "what the signature means")
	cmd.Flags().StringVar(&o.stolen, "stolen", "", "file of a public key that somebody else has")
	cmd.Flags().StringVar(&o.since, "since", "", "with --stolen: since when, such as 2026-11-20T00:00:00Z")
	cmd.Flags().StringVarP(&o.out, "out", "O", "", "without --key: file to write (default: review-ID-DATE.txt)")
	return cmd
}

// declare makes the review one that says that a key is stolen, if that was asked.
func (o *reviewOptions) declare() error {
	if o.stolen == "" && o.since == "" {
		return nil
	}
	since, err := time.Parse(time.RFC3339, o.since)
	if o.stolen == "" || err != nil {
		return &exitError{exitUsage, fmt.Errorf("people review: key %q stolen since %q, want a file and a time", o.stolen, o.since), "add --stolen FILE.pub --since 2026-11-20T00:00:00Z"}
	}
	key, err := readPublicKey(o.stolen)
	if err != nil {
		return err
	}
	o.meaning = knowledge.CompromisedSince(key, since)
	return nil
}

func (o *reviewOptions) review(ctx context.Context, s *speaker, dir string) error {
	if o.trust == "" && o.config != "" {
		c, err := loadTrusted(o.config)
		if err != nil {
			return err
		}
		o.trust = c.Trust
	}
	if err := showPeople(s.out, dir, o.trust, s.now); err != nil {
		return err
	}
	chain, _, err := readRegisters(dir, o.trust)
	if err != nil {
		return err
	}
	register, digest := chain.Current()
	who, err := o.person(register)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	fields := map[string]string{"trust": digest, "person": who.ID, "name": who.Name, "meaning": o.meaning, "time": s.time()}
	if o.key == "" && !o.dryRun {
		return o.write(s, fields)
	}
	if o.config != "" {
		if s.site, err = openSite(ctx, o.config, s.errout); err != nil {
			return err
		}
	}
	signed, err := s.say(ctx, knowledge.Review, fields, nil)
	if err != nil || signed.Text == nil {
		return err
	}
	return s.next("")
}

// write writes the statement, for somebody to sign elsewhere.
func (o *reviewOptions) write(s *speaker, fields map[string]string) error {
	statement, err := knowledge.NewStatement(knowledge.Review, fields)
	if err != nil {
		return err
	}
	if o.out == "" {
		o.out = "review-" + o.as + "-" + s.now.Format("20060102") + ".txt"
	}
	if err := writeNew(o.out, statement.Render(), 0o644); err != nil {
		return fmt.Errorf("people review: %w", err)
	}
	_, err = fmt.Fprintf(s.out, "%s\n%s\n\nnext    evenkeel rules sign %s --key KEY\n", o.out, escapeText(statement.Render()), o.out)
	return err
}
