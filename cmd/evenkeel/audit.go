package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/audit"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read, verify and prove the audit log",
		Long: `Read, verify and prove the audit log of a data directory, or of a copy of one.

Nothing is locked or changed, so a running daemon may be looked at. The files
are audit-*.db, and audit.pub: the key that the log is verified with. Whoever
relies on the log keeps that key, and now and then a checkpoint, on another
machine, and passes them with --key and --seen.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditShowCommand(), auditVerifyCommand(), auditProveCommand())
	return cmd
}

// auditSource names a log and the key it is read with.
type auditSource struct{ data, key string }

func (s *auditSource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.data, "data", "", "data directory that holds the log, or a copy of it")
	cmd.Flags().StringVar(&s.key, "key", "", "file with the log's verifier key (default: audit.pub in the data directory)")
}

func (s *auditSource) open() (*audit.Reader, error) {
	if s.data == "" {
		return nil, &exitError{exitUsage, errors.New("audit: no data directory given"), "add --data DIR"}
	}
	key, err := s.keyText()
	if err != nil {
		return nil, err
	}
	r, err := audit.OpenReader(s.data, key)
	if err != nil {
		return nil, s.explain(err)
	}
	return r, nil
}

// keyText returns the key that was asked for; empty means that of the log.
func (s *auditSource) keyText() (string, error) {
	if s.key == "" {
		return "", nil
	}
	return readSmall(s.key)
}

// explain gives an error of package audit its exit code and the next step.
func (s *auditSource) explain(err error) error {
	switch {
	case errors.Is(err, audit.ErrTampered), errors.Is(err, audit.ErrProof):
		return &exitError{exitTampered, err, "keep a copy of the directory as it is, and compare with a backup or, with --seen, a checkpoint kept elsewhere"}
	case errors.Is(err, os.ErrPermission):
		return &exitError{exitFailed, err, "run it as the user of the daemon, or on a copy"}
	case errors.Is(err, os.ErrNotExist):
		hint := "give the data directory of 'evenkeel serve', or a copy of its audit-*.db and audit.pub"
		if found, globErr := filepath.Glob(filepath.Join(s.data, "*", "audit-*.db")); globErr == nil && len(found) > 0 {
			hint = "there is a log in " + filepath.Dir(found[0])
		}
		return &exitError{exitFailed, err, hint}
	}
	return err
}

func auditVerifyCommand() *cobra.Command {
	var s auditSource
	var seen, output string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every entry, hash and signature of the log",
		Long: `Check the log from the stored bytes: every entry's form, number and time, every
hash of the Merkle tree, every checkpoint's signature, every file's length. The
exit code is 7 when any of it is not as it was written. Bytes in pages that a
file does not use are no part of the log, and are not looked at.

A log cannot show that it was put back to an older state of itself: pass a
checkpoint that was seen before, and the log must be a continuation of it.`,
		Example: `  evenkeel audit verify --data /var/lib/evenkeel
  evenkeel audit verify --data ./copy --key audit.pub --seen checkpoint.txt -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return s.verify(cmd.Context(), cmd.OutOrStdout(), seen, output)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&seen, "seen", "", "file with a signed checkpoint of this log, seen before")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (s *auditSource) verify(ctx context.Context, out io.Writer, seen, output string) error {
	var checkpoint []byte
	if seen != "" {
		text, err := readSmall(seen)
		if err != nil {
			return err
		}
		checkpoint = []byte(text)
	}
	report := audit.Report{Findings: []audit.Finding{}}
	r, err := s.open()
	if err == nil {
		defer r.Close()
		report, err = r.Verify(ctx, checkpoint)
	}
	if err != nil && !errors.Is(err, audit.ErrTampered) {
		return s.explain(err)
	}
	if err != nil && len(report.Findings) == 0 { // too damaged to be opened
		report.Findings = append(report.Findings, audit.Finding{Entry: -1, What: err.Error()})
	}
	if werr := writeReport(out, report, output); werr != nil {
		return werr
	}
	if err != nil {
		return s.explain(err)
	}
	return nil
}

func writeReport(w io.Writer, r audit.Report, output string) error {
	if output == "json" {
		return json.NewEncoder(w).Encode(struct {
			audit.Report
			V int `json:"v"`
		}{r, 1})
	}
	verdict := "verified: every entry is as it was written"
	if !r.Verified {
		verdict = "TAMPERED OR DAMAGED"
	}
	_, err := fmt.Fprintf(w, "entries  %d\n", r.Entries)
	if r.Entries > 0 && err == nil {
		_, err = fmt.Fprintf(w, "from     %s\nto       %s\n", auditTime(r.First), auditTime(r.Last))
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "files    %d\nroot     %s\norigin   %s\nkey      %s\nverdict  %s\n", r.Files, r.Root, r.Origin, r.Key, verdict)
	}
	for _, f := range r.Findings {
		if err == nil {
			_, err = fmt.Fprintf(w, "finding  %s: %s\n", f.File, f.What)
		}
	}
	return err
}

func auditProveCommand() *cobra.Command {
	var s auditSource
	var check, out, output string
	cmd := &cobra.Command{
		Use:   "prove SEQ",
		Short: "Write the proof that an entry is in the log, or check one",
		Long: `Write the proof that an entry is in the log, as a C2SP tlog-proof that carries
the entry itself. With --check it reads such a proof and checks it with nothing
but the log's key; the exit code is 7 when it does not hold.`,
		Example: `  evenkeel audit prove 4711 --data /var/lib/evenkeel -O 4711.tlog-proof
  evenkeel audit prove --check 4711.tlog-proof --key audit.pub`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			if check != "" && len(args) == 0 {
				return s.check(cmd.OutOrStdout(), check, output)
			}
			if check != "" || len(args) == 0 {
				return &exitError{exitUsage, errors.New("audit: prove: want the number of an entry, or --check FILE"), "see 'evenkeel audit prove --help'"}
			}
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || seq < 0 {
				return &exitError{exitUsage, fmt.Errorf("audit: prove %q: want the number of an entry", args[0]), "'evenkeel audit show' lists them"}
			}
			return s.prove(cmd.OutOrStdout(), seq, out, output)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&check, "check", "", "proof to check")
	cmd.Flags().StringVarP(&out, "out", "O", "", "file to write the proof to (default: standard output)")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (s *auditSource) prove(stdout io.Writer, seq int64, out, output string) error {
	r, err := s.open()
	if err != nil {
		return err
	}
	defer r.Close()
	if seq >= r.Size() {
		return &exitError{exitFailed, fmt.Errorf("audit: prove entry %d: the log has %d entries", seq, r.Size()), "'evenkeel audit show --last 1' shows the newest"}
	}
	proof, err := r.Prove(seq)
	if err != nil {
		return s.explain(err)
	}
	if out != "" {
		return os.WriteFile(out, proof, 0o644)
	}
	if output == "json" {
		return json.NewEncoder(stdout).Encode(struct {
			Proof string `json:"proof"`
			Seq   int64  `json:"seq"`
			V     int    `json:"v"`
		}{string(proof), seq, 1})
	}
	_, err = stdout.Write(proof)
	return err
}

func (s *auditSource) check(w io.Writer, file, output string) error {
	if s.key == "" && s.data == "" {
		return &exitError{exitUsage, errors.New("audit: check proof: no key given"), "add --key audit.pub"}
	}
	keyFile := s.key
	if keyFile == "" {
		keyFile = filepath.Join(s.data, "audit.pub")
	}
	key, err := readSmall(keyFile)
	if err != nil {
		return err
	}
	proof, err := readSmall(file)
	if err != nil {
		return err
	}
	p, err := audit.CheckProof([]byte(proof), key)
	if err != nil {
		return &exitError{exitTampered, err, "make sure that the key is that of this log, and get the proof again"}
	}
	if output == "json" {
		return json.NewEncoder(w).Encode(struct {
			Entry    json.RawMessage `json:"entry"`
			Key      string          `json:"key"`
			Origin   string          `json:"origin"`
			Root     string          `json:"root"`
			Size     int64           `json:"size"`
			V        int             `json:"v"`
			Verified bool            `json:"verified"`
		}{p.Record.Bytes, p.Key, p.Origin, p.Root, p.Size, 1, true})
	}
	_, err = fmt.Fprintf(w, "entry    %d of %d\norigin   %s\nkey      %s\nroot     %s\nverdict  verified: the signed log holds this entry\n%s\n",
		p.Record.Seq, p.Size, p.Origin, p.Key, p.Root, p.Record.Bytes)
	return err
}

// maxSmallFile bounds keys, checkpoints and proofs: the largest proof has about
// 110 KiB.
const maxSmallFile = 256 << 10

// readSmall reads a key, a checkpoint or a proof.
func readSmall(path string) (string, error) {
	b, err := readFile(path, maxSmallFile)
	if err != nil {
		return "", fmt.Errorf("audit: read %s: %w: want a key, a checkpoint or a proof", path, err)
	}
	return string(b), nil
}
