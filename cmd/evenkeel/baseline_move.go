package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts/detect"
)

func baselineExportCommand() *cobra.Command {
	var data, out string
	cmd := &cobra.Command{
		Use:   "export GROUP --data DIR [-O FILE]",
		Short: "Write the newest baseline of a group to a file",
		Long: `Write the newest baseline of a group, as it is kept: to a file, or to standard
output. Its digest is told on standard error.`,
		Example: "  evenkeel baseline export web --data /var/lib/evenkeel -O web.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, _, err := newestOf(cmd, data, args[0])
			if err != nil {
				return err
			}
			b := l.Encode()
			if out == "" {
				_, err = cmd.OutOrStdout().Write(b)
			} else {
				err = writeWhole(out, b, 0o600)
			}
			if err != nil {
				return fmt.Errorf("baselines: export: %w", err)
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "exported version %d of group %s, %s\n", l.Baseline.Version, l.Group, detect.LearntDigest(b))
			return err
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVarP(&out, "out", "O", "", "file to write to (default: standard output)")
	return cmd
}

func baselineImportCommand() *cobra.Command {
	var data, by string
	cmd := &cobra.Command{
		Use:   "import FILE --data DIR --by NAME",
		Short: "Make a file the newest baseline of its group, for a daemon that does not run",
		Long: `Make an exported file the newest baseline of the group that it is of: the daemon
takes it up at its next start. It is checked, must be of the same environment,
and is recorded in the log, so that the daemon must not be running. Whether it
fits the configuration of the group is seen at the start: what does not is
refused there, and the file before it is taken.

The name is recorded and not proven: nothing is signed.`,
		Example: "  evenkeel baseline import web.json --data /var/lib/evenkeel --by ana",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkData(data), checkName(by)); err != nil {
				return err
			}
			l, f, err := importBaseline(cmd.Context(), args[0], data, strings.TrimSpace(by))
			if err != nil {
				return baselineError(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "imported version %d of group %s as %s: it is taken up at the next start\n", l.Baseline.Version, l.Group, f.name)
			return err
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVar(&by, "by", "", "who imports it")
	return cmd
}

// checkName returns an error unless a person was named, on one line.
func checkName(by string) error {
	if name := strings.TrimSpace(by); name == "" || len(name) > maxLine || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return &exitError{exitUsage, fmt.Errorf("name %.40q, want one line", by), "add --by NAME"}
	}
	return nil
}

// importBaseline keeps what a file holds as the newest of its group, and then
// records it: what nobody has recorded was not there before either.
func importBaseline(ctx context.Context, file, data, by string) (l *detect.Learnt, f baselineFile, err error) {
	l, digest, err := readLearnt(file)
	if err != nil {
		hint := "export it again"
		if errors.Is(err, os.ErrNotExist) {
			hint = "give a file that 'evenkeel baseline export' wrote"
		}
		return nil, f, &exitError{exitFailed, err, hint}
	}
	env, err := (&stopOptions{data: data}).env()
	if err != nil {
		return nil, f, err
	}
	if env != l.Env {
		return nil, f, &exitError{exitRefused, fmt.Errorf("baselines: import %s: it is of environment %s, want %s", file, l.Env, env), "what was learnt elsewhere is not health here"}
	}
	log, err := openAudit(data, env, time.Now)
	if err != nil {
		return nil, f, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if f, err = newBaselineStore(data, l.Group).save(l); err != nil {
		return nil, f, err
	}
	_, err = log.Append(ctx, audit.Entry{Type: typeImported, Actor: "operator:" + by, Body: importedBody{digest, filepath.Base(file), versionOf(l.Group, l, f.name)}})
	return l, f, err
}

const typeImported = "baseline.imported"

// importedBody is that of its entry; keys sorted.
type importedBody struct {
	Digest  string      `json:"digest"` // of the bytes
	From    string      `json:"from"`   // name of the file that was given
	Version versionBody `json:"version"`
}
