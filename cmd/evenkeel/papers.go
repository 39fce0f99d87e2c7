package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// paperOptions are the flags of the commands with which a person says something
// under their own name.
type paperOptions struct {
	config string
	trust  string
	as     string
	key    string
	via    string
	yes    bool
	dryRun bool

	keys []knowledge.Key // of the person, once known; a signature by another would not count
}

func (o *paperOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.config, "config", "c", "", "configuration file of the daemon: its env, data and trust are used")
	f.StringVar(&o.as, "as", "", "id of the person who signs")
	f.StringVar(&o.key, "key", "", "file of the private key, or of the public key that ssh-agent holds")
	o.viaFlag(cmd)
	f.BoolVar(&o.yes, "yes", false, "sign without asking, for scripts")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be signed, and sign nothing")
}

// viaFlag adds the flag that says how papers travel.
func (o *paperOptions) viaFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.via, "via", "", "how it travels: http or nats, as configured or with ://HOST:PORT, or a folder, to be handed on (default: the daemon's inbox)")
}

// check returns an error unless the command says who signs, with which key, and
// why, if it has a flag for that.
func (o *paperOptions) check(cmd *cobra.Command) error {
	why := cmd.Flags().Lookup("why")
	switch {
	case o.as == "":
		return &exitError{exitUsage, errors.New("nobody is said to sign"), "add --as ID"}
	case o.key == "" && !o.dryRun:
		return &exitError{exitUsage, errors.New("no key given"), "add --key FILE"}
	case why != nil && why.Value.String() == "":
		return &exitError{exitUsage, errors.New("no reason given"), "add --why TEXT"}
	}
	return nil
}

// person returns the one who signs, as the register has them. From then on only
// their keys will do.
func (o *paperOptions) person(r *knowledge.Register) (knowledge.Person, error) {
	p, ok := r.Person(o.as)
	if !ok {
		return p, &exitError{exitRefused, fmt.Errorf("%q is not in the people register", o.as), "'evenkeel people show' lists who is"}
	}
	o.keys = p.Keys
	return p, nil
}

// speaker is one command of one person under way: what they are about to sign is
// shown, signed, and sent with what belongs to it.
type speaker struct {
	*paperOptions
	in          io.Reader
	out, errout io.Writer
	now         time.Time // in whole seconds, as statements have it
	site        *site     // whose daemon will judge what is signed; nil: its log is not here
}

func (o *paperOptions) speaker(cmd *cobra.Command) *speaker {
	return &speaker{paperOptions: o, in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errout: cmd.ErrOrStderr(), now: time.Now().UTC().Truncate(time.Second)}
}

// time returns the time of the command as statements write it.
func (s *speaker) time() string { return stamp(s.now) }

// say makes a statement, shows it, asks, signs it, and sends it with the rest of
// the parcel. What the daemon would refuse is not sent: it would say so in its own
// log alone. It returns what was signed, without a text when nothing was.
func (s *speaker) say(ctx context.Context, kind knowledge.Kind, fields map[string]string, rest *parcel) (signed knowledge.SignedText, err error) {
	statement, err := knowledge.NewStatement(kind, fields)
	if err != nil {
		return signed, err
	}
	text := statement.Render()
	digest := knowledge.TextDigest(text)
	fmt.Fprintf(s.out, "%s\n\nsha256  %s\n", escapeText(text), digest)
	if s.dryRun {
		_, err := fmt.Fprintln(s.out, "nothing was signed")
		return signed, err
	}
	if signed, err = s.sign(kind, text); err != nil {
		return signed, err
	}
	if s.site != nil {
		if _, err := s.site.ledger.Accept(signed, s.now); err != nil {
			return signed, &exitError{exitRefused, err, "nothing was sent"}
		}
	}
	p := &parcel{statements: []knowledge.SignedText{signed}}
	if rest != nil {
		p.registers, p.bundle, p.dossier = rest.registers, rest.bundle, rest.dossier
	}
	where, err := s.send(ctx, string(kind), p)
	if err != nil {
		return signed, err
	}
	_, err = fmt.Fprintf(s.out, "%s  %s\nsent    %s\n", kind, digest, where)
	return signed, err
}

// next says what comes next, and where to look at it.
func (s *speaker) next(what string) error {
	command := ""
	switch {
	case s.config != "":
		command = "evenkeel rules status -c " + s.config
	case remote(s.via):
		command = "evenkeel rules status --from " + s.via
	case what == "":
		return nil
	}
	_, err := fmt.Fprintf(s.out, "next    %s\n", strings.Trim(what+"; "+command, "; "))
	return err
}

// sign asks, and signs a text that was shown.
func (s *speaker) sign(kind knowledge.Kind, text []byte) (signed knowledge.SignedText, err error) {
	source := knowledge.KeySource{Agent: os.Getenv("SSH_AUTH_SOCK"), Passphrase: passphraseFrom(s.in, s.errout)}
	signer, err := source.Open(s.key)
	if err != nil {
		return signed, err
	}
	defer func() { err = errors.Join(err, signer.Close()) }()
	if mine := func(k knowledge.Key) bool { return k.String() == signer.Key().String() }; s.keys != nil && !slices.ContainsFunc(s.keys, mine) {
		return signed, &exitError{exitRefused, fmt.Errorf("%s is not a key of %s", s.key, s.as), "the people register says which are; 'evenkeel people show' lists them"}
	}
	fmt.Fprintf(s.out, "key     %s\n", signer.Key())
	if !s.yes {
		if err := confirm(s.in, s.out, "sign exactly this? (yes/no) "); err != nil {
			return signed, err
		}
	}
	armoured, err := signer.Sign(text)
	if err != nil {
		return signed, err
	}
	return knowledge.SignedText{Name: paperName(kind, s.as, text), Text: text, Signatures: [][]byte{armoured}}, nil
}

// paperName names the file of a statement so that no other has its name.
func paperName(kind knowledge.Kind, person string, text []byte) string {
	return fmt.Sprintf("%s-%s-%s.txt", kind, person, changeID(knowledge.TextDigest(text)))
}

// changeID returns the beginning of a digest, enough to name a change or a paper.
func changeID(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(12, len(digest))]
}
