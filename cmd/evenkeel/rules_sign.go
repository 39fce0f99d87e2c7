package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evenkeel/evenkeel/knowledge"
)

// signOptions are the flags of rules sign.
type signOptions struct {
	key, out string
	yes      bool
}

func rulesSignCommand() *cobra.Command {
	var o signOptions
	cmd := &cobra.Command{
		Use:   "sign FILE --key KEY",
		Short: "Sign a statement or a people register",
		Long: `Sign a statement or a people register with your own ssh key, after showing
what is signed. KEY is a private key, or a public key (.pub) whose private half
ssh-agent holds; hardware keys (sk-) sign through the agent and wait to be touched.

The signature is written beside the text and is the one that
'ssh-keygen -Y sign -n KIND@evenkeel.v1 -f KEY FILE' makes; either will do. A text
that the gate would not read is not signed.`,
		Example: "  evenkeel rules sign change-42/approval-bob.txt --key ~/.ssh/id_ed25519_sk.pub",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.key == "" {
				return &exitError{exitUsage, errors.New("rules sign: no key given"), "add --key FILE"}
			}
			return o.sign(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0])
		},
	}
	cmd.Flags().StringVar(&o.key, "key", "", "file of the private key, or of the public key that ssh-agent holds")
	cmd.Flags().StringVarP(&o.out, "out", "O", "", "file to write (default: FILE.KEY.sig, KEY the beginning of the key's digest)")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "sign without asking, for scripts")
	return cmd
}

func (o *signOptions) sign(in io.Reader, stdout, stderr io.Writer, file string) (err error) {
	text, err := readFile(file, knowledge.MaxTextBytes)
	if err != nil {
		return fmt.Errorf("rules sign: %w", err)
	}
	source := knowledge.KeySource{Agent: os.Getenv("SSH_AUTH_SOCK"), Passphrase: passphraseFrom(in, stderr)}
	signer, err := source.Open(o.key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, signer.Close()) }()
	fmt.Fprintf(stdout, "%s\n%s\n\nsha256  %s\nkey     %s\n", file, escapeText(text), knowledge.TextDigest(text), signer.Key())
	if !o.yes {
		if err := confirm(in, stdout, "sign exactly this? (yes/no) "); err != nil {
			return err
		}
	}
	armoured, err := signer.Sign(text)
	if err != nil {
		return err
	}
	out := o.out
	if out == "" {
		sum := sha256.Sum256([]byte(signer.Key().String()))
		out = file + "." + hex.EncodeToString(sum[:4]) + ".sig"
	}
	if err := writeNew(out, armoured, 0o644); err != nil {
		return fmt.Errorf("rules sign: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "signed  %s\n", out)
	return err
}

// escapeText returns a text for people who are about to sign it.
func escapeText(text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		b.WriteString("  | " + escapeLine(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// escapeLine returns a line with each character outside ASCII written as its
// number, so that a letter of another alphabet does not pass for the one it looks
// like, and none turns the line around. Tabs stay.
func escapeLine(line string) string {
	var b strings.Builder
	for _, r := range line {
		if (r < ' ' || r > '~') && r != '\t' {
			fmt.Fprintf(&b, "<%U>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// confirm asks a question at the terminal and returns an error unless the answer
// is yes.
func confirm(in io.Reader, out io.Writer, question string) error {
	if _, ok := terminal(in); !ok {
		return &exitError{exitUsage, errors.New("standard input is no terminal: nobody can be asked"), "add --yes, or ask at a terminal"}
	}
	fmt.Fprint(out, question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer := strings.TrimSpace(line); answer != "yes" {
		return &exitError{exitRefused, fmt.Errorf("answered %q, want yes: nothing was signed", answer), ""}
	}
	return nil
}

// passphraseFrom returns a function that asks for a passphrase at the terminal
// and does not show what is typed.
func passphraseFrom(in io.Reader, out io.Writer) func(file string) ([]byte, error) {
	return func(file string) ([]byte, error) {
		fd, ok := terminal(in)
		if !ok {
			return nil, errors.New("standard input is no terminal: add the key to ssh-agent and give the .pub file")
		}
		fmt.Fprintf(out, "passphrase of %s: ", file)
		passphrase, err := term.ReadPassword(fd)
		fmt.Fprintln(out)
		return passphrase, err
	}
}

// terminal returns the descriptor of a terminal.
func terminal(in io.Reader) (int, bool) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}
