package main

import (
	"crypto/rand"
	"encoding/hex"
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

// The register that 'people init' writes: who founds it may do everything, until
// a later version says otherwise.
const (
	minFounders  = 3 // two approvers who did not write the change, and its author
	registerLife = 365 * 24 * time.Hour
	registerFile = "0001.txt"
	demoDwell    = 10 * time.Second // nobody who tries it out waits for longer
)

// initOptions are the flags of people init.
type initOptions struct {
	env      string
	founders []string
	hardware bool
	demo     bool
}

func peopleInitCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init DIR --env NAME --founder 'ID:PRINTED NAME:KEY.pub'…",
		Short: "Write version 1 of a people register, for its founders to sign",
		Long: `Write version 1 of a people register to DIR/0001.txt, for at least three
founders to sign. Each of them reads it and signs it on their own machine:

  evenkeel rules sign DIR/0001.txt --key ~/.ssh/id_ed25519

Once all signatures are beside it, 'evenkeel people show DIR' verifies it. Its
digest is then pinned by hand wherever rules are loaded: nothing trusts the first
register that it happens to see.

--demo makes three founders with keys of their own in DIR/keys, and signs for
them: to try it out, on one machine, in no time.`,
		Example: "  evenkeel people init registers --env prod-eu1 --founder 'ana:Ana Ames:ana.pub' --founder 'ben:Ben Bose:ben.pub' --founder 'cleo:Cleo Cruz:cleo.pub'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.init(cmd.OutOrStdout(), args[0], time.Now().UTC().Truncate(time.Second))
		},
	}
	cmd.Flags().StringVar(&o.env, "env", "", "name of the first environment")
	cmd.Flags().StringArrayVar(&o.founders, "founder", nil, "ID:PRINTED NAME:FILE, the file of the public key; once for each key")
	cmd.Flags().BoolVar(&o.hardware, "hardware", false, "proposals and approvals must be signed by hardware keys")
	cmd.Flags().BoolVar(&o.demo, "demo", false, "make founders and sign for them")
	return cmd
}

func (o *initOptions) init(w io.Writer, dir string, now time.Time) error {
	var people []knowledge.Person
	var err error
	if o.demo {
		if len(o.founders) > 0 || o.hardware {
			return &exitError{exitUsage, errors.New("people init: --demo makes its own founders"), "leave out --founder and --hardware"}
		}
		if o.env == "" {
			o.env = "demo"
		}
		if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
			return fmt.Errorf("people init: %w", err)
		}
		people, err = demoFounders(filepath.Join(dir, "keys"))
	} else {
		people, err = readFounders(o.founders)
	}
	if err != nil {
		return err
	}
	if o.env == "" || len(people) < minFounders {
		return &exitError{exitUsage, fmt.Errorf("people init: environment %q and %d founders, want a name and at least %d", o.env, len(people), minFounders),
			"add --env NAME and --founder 'ID:PRINTED NAME:KEY.pub' for each"}
	}
	policy := startPolicy(o.env, o.hardware)
	if o.demo {
		policy.MinDwell = demoDwell
	}
	text, err := firstRegister(policy, people, now)
	if err != nil {
		return fmt.Errorf("people init: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("people init: %w", err)
	}
	file := filepath.Join(dir, registerFile)
	if err := writeNew(file, text, 0o644); err != nil {
		return fmt.Errorf("people init: %w", err)
	}
	if o.demo {
		if err := signForAll(filepath.Join(dir, "keys"), file, text, people); err != nil {
			return err
		}
	}
	return o.tell(w, dir, text, policy.Env)
}

func (o *initOptions) tell(w io.Writer, dir string, text []byte, env string) error {
	file := filepath.Join(dir, registerFile)
	next := "each founder signs it now: evenkeel rules sign " + file + " --key KEY\nthen: evenkeel people show " + dir
	if o.demo {
		next = "signed by all, with keys in " + filepath.Join(dir, "keys") + "; verify it: evenkeel people show " + dir
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n\nenvironment  %s\ntrust        %s\n\n%s\npin it by hand on each host that loads rules, in evenkeel.yaml:\n\ntrust: %s\n",
		file, escapeText(text), env, knowledge.TextDigest(text), next, knowledge.TextDigest(text))
	return err
}

// firstRegister returns version 1 of a register with one environment.
func firstRegister(policy knowledge.Policy, people []knowledge.Person, now time.Time) ([]byte, error) {
	r := knowledge.Register{ID: randomID(), Version: 1, Previous: "-", Time: now, Expires: now.Add(registerLife), RootThreshold: 2,
		Policies: []knowledge.Policy{policy}, People: people}
	text := r.Render()
	_, err := knowledge.ParseRegister(text)
	return text, err
}

// startPolicy returns what a new environment asks of a change, until somebody
// asks for more.
func startPolicy(name string, hardware bool) knowledge.Policy {
	return knowledge.Policy{Env: name + "/" + randomID(), Approvals: 2, MaxAge: 7 * 24 * time.Hour, MinRings: 3,
		MinDwell: 10 * time.Minute, Hardware: hardware}
}

// randomID returns 16 random bytes in hexadecimal: two sites do not share it.
func randomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: see its documentation
	return hex.EncodeToString(b)
}

// readFounders reads 'ID:PRINTED NAME:FILE'; an id that comes again brings
// another key of the same person.
func readFounders(founders []string) ([]knowledge.Person, error) {
	var out []knowledge.Person
	for _, f := range founders {
		parts := strings.SplitN(f, ":", 3)
		if len(parts) != 3 {
			return nil, &exitError{exitUsage, fmt.Errorf("people init: founder %q, want ID:PRINTED NAME:FILE", f), ""}
		}
		key, err := readPublicKey(parts[2])
		if err != nil {
			return nil, err
		}
		out = enrol(out, founder(parts[0], parts[1]), key)
	}
	return out, nil
}

// founder returns a person who may do everything.
func founder(id, name string) knowledge.Person {
	return knowledge.Person{ID: id, Name: name, Roles: []string{"author", "approver", "operator", "root"}}
}

// readPublicKey reads the file of a public key, as ssh-keygen writes it.
func readPublicKey(file string) (knowledge.Key, error) {
	text, err := readFile(file, knowledge.MaxTextBytes)
	if err != nil {
		return knowledge.Key{}, fmt.Errorf("people: %w", err)
	}
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return knowledge.Key{}, &exitError{exitUsage, fmt.Errorf("people: %s is no public key", file), "give the .pub file"}
	}
	key, err := knowledge.ParseKey(words[0] + " " + words[1])
	if err != nil {
		return knowledge.Key{}, fmt.Errorf("people: %s: %w", file, err)
	}
	return key, nil
}

// enrol adds a key to a person, and the person if need be; all stay sorted. The
// keys that there were are not touched.
func enrol(people []knowledge.Person, who knowledge.Person, key knowledge.Key) []knowledge.Person {
	i := slices.IndexFunc(people, func(p knowledge.Person) bool { return p.ID == who.ID })
	if i < 0 {
		i = len(people)
		people = append(people, who)
	}
	people[i].Keys = append(slices.Clone(people[i].Keys), key)
	slices.SortFunc(people[i].Keys, func(a, b knowledge.Key) int { return strings.Compare(a.String(), b.String()) })
	slices.SortFunc(people, func(a, b knowledge.Person) int { return strings.Compare(a.ID, b.ID) })
	return people
}

// demoFounders makes three people with a key each, in files of the directory.
func demoFounders(dir string) ([]knowledge.Person, error) {
	var out []knowledge.Person
	for id, name := range map[string]string{"ana": "Ana Ames", "ben": "Ben Bose", "cleo": "Cleo Cruz"} {
		text, key, err := knowledge.NewKeyFile(id + "@demo")
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, id)
		if err := errors.Join(writeNew(file, text, 0o600), writeNew(file+".pub", []byte(key.String()+" "+id+"@demo\n"), 0o644)); err != nil {
			return nil, fmt.Errorf("people init: %w", err)
		}
		out = enrol(out, founder(id, name), key)
	}
	return out, nil
}

func signForAll(keys, file string, text []byte, people []knowledge.Person) error {
	for _, p := range people {
		signer, err := knowledge.KeySource{}.Open(filepath.Join(keys, p.ID))
		if err != nil {
			return err
		}
		armoured, err := signer.Sign(text)
		if err = errors.Join(err, signer.Close()); err != nil {
			return err
		}
		if err := writeNew(file+"."+p.ID+".sig", armoured, 0o644); err != nil {
			return fmt.Errorf("people init: %w", err)
		}
	}
	return nil
}
