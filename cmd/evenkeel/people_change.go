package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

// nextRegister is the version of a people register that is being written, and
// the one that it follows.
type nextRegister struct {
	*knowledge.Register
	dir string
	was *knowledge.Register
}

// peopleChange makes a command that writes the next version of a register.
func peopleChange(use, short, example string, args cobra.PositionalArgs, change func(cmd *cobra.Command, next *nextRegister, args []string) error) *cobra.Command {
	var trust string
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: short + `.

It writes the next version of the register to DIR, for people to sign: as many
root people as the version before asks for, none of whom it changes, as many of
its own, and every key that is new. Each reads it and signs it:

  evenkeel rules sign DIR/000N.txt --key KEY

A register that changes voids every proposal that is not live yet: they name the
one before.`,
		Example: example,
		Args:    args,
		RunE: func(cmd *cobra.Command, args []string) error {
			next, err := openNext(args[0], trust, time.Now().UTC().Truncate(time.Second))
			if err != nil {
				return err
			}
			if err := change(cmd, next, args[1:]); err != nil {
				return err
			}
			return next.write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&trust, "trust", "", "digest of version 1, as pinned: sha256:…")
	return cmd
}

// openNext returns a copy of the register in force, as its next version.
func openNext(dir, trust string, now time.Time) (*nextRegister, error) {
	chain, _, err := readRegisters(dir, trust)
	if err != nil {
		return nil, err
	}
	r, digest := chain.Current()
	next := *r
	next.Version, next.Previous, next.Time, next.Expires = r.Version+1, digest, now, now.Add(registerLife)
	next.People, next.Policies = slices.Clone(r.People), slices.Clone(r.Policies)
	return &nextRegister{Register: &next, dir: dir, was: r}, nil
}

// readRegisters reads and verifies the versions in a directory. Without trust
// the first is believed, and pinned is false.
func readRegisters(dir, trust string) (chain *knowledge.Chain, pinned bool, err error) {
	texts, err := readTexts(dir)
	if err != nil {
		return nil, false, err
	}
	if pinned = trust != ""; !pinned {
		trust = knowledge.TextDigest(texts[0].Text)
	}
	if first := knowledge.TextDigest(texts[0].Text); pinned && first != trust {
		return nil, false, &exitError{exitFailed, fmt.Errorf("people: %s begins with %s, want the trusted %s", dir, first, trust),
			"one of them is another site's: what is trusted is the digest of version 1, as 'evenkeel people init' printed it"}
	}
	chain, err = knowledge.ReadChain(trust, texts)
	if err != nil {
		return nil, false, &exitError{exitFailed, err, "every version is signed as 'evenkeel people add --help' says, with 'evenkeel rules sign'"}
	}
	return chain, pinned, nil
}

// readTexts reads the versions in a directory, at least one.
func readTexts(dir string) ([]knowledge.SignedText, error) {
	texts, err := knowledge.ReadSignedTexts(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("registers %s: %w", dir, err)
	}
	if len(texts) == 0 {
		return nil, &exitError{exitFailed, fmt.Errorf("registers %s: no register", dir), "'evenkeel people init' begins one"}
	}
	return texts, nil
}

// write writes the version, unless it does not hold, and says what is to come.
func (n *nextRegister) write(w io.Writer) error {
	text := n.Render()
	if _, err := knowledge.ParseRegister(text); err != nil {
		return &exitError{exitRefused, err, ""}
	}
	file := filepath.Join(n.dir, fmt.Sprintf("%04d.txt", n.Version))
	if err := writeNew(file, text, 0o644); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n\nregister  %s\nsigned by %d root people of version %d whom it leaves as they are, %d of its own, and every new key:\nevenkeel rules sign %s --key KEY\n",
		file, escapeText(text), knowledge.TextDigest(text), n.was.RootThreshold, n.was.Version, n.RootThreshold, file)
	return err
}

// person returns the place of a person, or an error that names those there are.
func (n *nextRegister) person(id string) (int, error) {
	i := slices.IndexFunc(n.People, func(p knowledge.Person) bool { return p.ID == id })
	if i < 0 {
		var ids []string
		for _, p := range n.People {
			ids = append(ids, p.ID)
		}
		return 0, &exitError{exitFailed, fmt.Errorf("people: %q is not in the register, want one of %s", id, strings.Join(ids, ", ")), ""}
	}
	return i, nil
}

func peopleAddCommand() *cobra.Command {
	var name, roles string
	var keys []string
	cmd := peopleChange("add DIR ID [--name NAME --roles ROLES] --key FILE.pub…", "Enrol a person, or give one another key",
		"  evenkeel people add registers dora --name 'Dora Diaz' --roles author,approver --key dora.pub",
		cobra.ExactArgs(2), func(_ *cobra.Command, next *nextRegister, args []string) error {
			id := args[0]
			enrolled := slices.ContainsFunc(next.People, func(p knowledge.Person) bool { return p.ID == id })
			switch {
			case len(keys) == 0:
				return &exitError{exitUsage, errors.New("people add: no key given"), "add --key FILE.pub"}
			case enrolled && (name != "" || roles != ""):
				return &exitError{exitUsage, fmt.Errorf("people add: %s is in the register already", id), "leave out --name and --roles to add a key"}
			case !enrolled && (name == "" || roles == ""):
				return &exitError{exitUsage, fmt.Errorf("people add: %s is new, want a printed name and roles", id), "add --name 'NAME' --roles author,approver,operator,root"}
			}
			for _, file := range keys {
				key, err := readPublicKey(file)
				if err != nil {
					return err
				}
				next.People = enrol(next.People, knowledge.Person{ID: id, Name: name, Roles: strings.Split(roles, ",")}, key)
			}
			return nil
		})
	cmd.Flags().StringVar(&name, "name", "", "printed name of a new person")
	cmd.Flags().StringVar(&roles, "roles", "", "roles of a new person, of author,approver,operator,root")
	cmd.Flags().StringArrayVar(&keys, "key", nil, "file of a public key; may be given again")
	return cmd
}

func peopleRemoveCommand() *cobra.Command {
	var keyFile string
	cmd := peopleChange("remove DIR ID [--key FILE.pub]", "Remove a person, or one key of theirs",
		"  evenkeel people remove registers ben\n  evenkeel people remove registers ana --key lost.pub",
		cobra.ExactArgs(2), func(_ *cobra.Command, next *nextRegister, args []string) error {
			i, err := next.person(args[0])
			if err != nil {
				return err
			}
			if keyFile == "" {
				next.People = slices.Delete(next.People, i, i+1)
				return nil
			}
			key, err := readPublicKey(keyFile)
			if err != nil {
				return err
			}
			p := &next.People[i]
			left := slices.DeleteFunc(slices.Clone(p.Keys), func(k knowledge.Key) bool { return k.String() == key.String() })
			if len(left) == len(p.Keys) {
				return &exitError{exitFailed, fmt.Errorf("people remove: %s has no key %s", p.ID, key), "'evenkeel people show' lists them"}
			}
			p.Keys = left
			return nil
		})
	cmd.Flags().StringVar(&keyFile, "key", "", "file of the public key to remove, in place of the person")
	return cmd
}
