package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/knowledge"
)

// resumeMeaning is what a resume says unless its signer says something else.
const resumeMeaning = "I know why it was stopped, and the cause is gone"

// minDigits is how many digits of a digest name what stands: as of a change.
const minDigits = 8

// open reads the log for a command that somebody signs, and returns them as the
// register has them.
func (o *stopOptions) open(cmd *cobra.Command) (*speaker, knowledge.Person, error) {
	err := o.paperOptions.check(cmd)
	if err == nil && (o.data != "" || len(o.by) > 0) {
		err = &exitError{exitUsage, errors.New("--data and --by are of the form that nobody signs"), "leave them out, or -c"}
	}
	if err != nil {
		return nil, knowledge.Person{}, err
	}
	s := o.speaker(cmd)
	site, err := openSite(cmd.Context(), o.config, s.errout)
	if err != nil {
		return nil, knowledge.Person{}, err
	}
	s.site = site
	register, _, err := site.register()
	if err != nil {
		return nil, knowledge.Person{}, err
	}
	who, err := o.person(register)
	return s, who, err
}

// signStop signs a stop of a scope and sends it.
func (o *stopOptions) signStop(cmd *cobra.Command, scope string) error {
	if o.reason == "" {
		return &exitError{exitUsage, errors.New("no reason given"), "add --reason TEXT"}
	}
	s, who, err := o.open(cmd)
	if err != nil {
		return err
	}
	if name, of := strings.CutPrefix(scope, "group/"); of && !slices.Contains(s.site.groups(), name) {
		return &exitError{exitUsage, fmt.Errorf("%s names no group %q", o.config, name), "it stops one of: " + strings.Join(s.site.groups(), " ")}
	}
	_, trust := s.site.ledger.Chain().Current()
	return s.sayAlone(cmd.Context(), knowledge.Stop, map[string]string{"trust": trust, "env": s.site.ledger.Env(), "scope": scope,
		"person": who.ID, "why": o.reason, "time": s.time(), "nonce": randomID()})
}

// signResume shows what stands, signs that it is to end, and sends that.
func (o *stopOptions) signResume(cmd *cobra.Command, id string) error {
	if id == "" {
		return &exitError{exitUsage, errors.New("it is not said which stop"), "'evenkeel rules status' prints the digest of each"}
	}
	s, who, err := o.open(cmd)
	if err != nil {
		return err
	}
	x, err := s.site.stands(id)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s\n\n", escapeLine(x.text))
	file := filepath.Join(s.site.config.Data, stopFile)
	if _, err := os.Lstat(file); x.scope == string(actions.Everything) && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(s.errout, "evenkeel: warning: %s still asks for a stop: everything stays stopped until it is removed\n", file)
	}
	meaning := o.reason
	if meaning == "" {
		meaning = resumeMeaning
	}
	_, trust := s.site.ledger.Chain().Current()
	return s.sayAlone(cmd.Context(), knowledge.Resume, map[string]string{"stop": x.digest, "trust": trust, "env": s.site.ledger.Env(),
		"person": who.ID, "name": who.Name, "meaning": meaning, "time": s.time()})
}

// sayAlone says what is a paper by itself, and how to see what became of it.
func (s *speaker) sayAlone(ctx context.Context, kind knowledge.Kind, fields map[string]string) error {
	signed, err := s.say(ctx, kind, fields, nil)
	if err != nil || len(signed.Text) == 0 {
		return err
	}
	return s.next("")
}

// standingStop is what a resume may name.
type standingStop struct {
	digest string
	scope  string // "" of a quarantine
	text   string // for people
}

// stands returns the stop or quarantine whose digest begins with id.
func (s *site) stands(id string) (standingStop, error) {
	var found []standingStop
	short := "sha256:" + strings.TrimPrefix(id, "sha256:")
	fits := func(digest string) bool {
		return len(short) >= len("sha256:")+minDigits && strings.HasPrefix(digest, short)
	}
	for _, x := range s.ledger.Stops() {
		if fits(x.Digest) {
			r := reportStop(x)
			found = append(found, standingStop{x.Digest, x.Scope, "stopped  " + r.text()})
		}
	}
	for _, q := range s.ledger.Quarantines() {
		if fits(q.Digest) {
			r := reportQuarantine(q)
			found = append(found, standingStop{q.Digest, "", "put aside  " + r.text()})
		}
	}
	if len(found) != 1 {
		return standingStop{}, &exitError{exitUnmet, fmt.Errorf("%d stops and quarantines that stand begin with %.80q, want one", len(found), id),
			fmt.Sprintf("'evenkeel rules status' lists them; give at least %d digits", minDigits)}
	}
	return found[0], nil
}
