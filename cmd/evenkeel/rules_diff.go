package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

func rulesDiffCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what is different between two packs, in words and in text",
		Long: `Say what is different between two packs: what may be done, limits, rules and
tests in words, and then the text. What lets more through is called looser.
Characters outside ASCII, which may look like others or turn a line around, are
written as their numbers.

Exit code 0 when the packs are the same byte for byte, 3 when they differ.`,
		Example: "  evenkeel rules diff live/web web",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			from, err := readBothWays(args[0])
			if err != nil {
				return err
			}
			to, err := readBothWays(args[1])
			if err != nil {
				return err
			}
			r, err := diffPacks(from, to)
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), output)
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// packBytes is a pack, and the bytes that it was read from.
type packBytes struct {
	*knowledge.Pack
	dir   string
	files map[string][]byte
}

func readBothWays(dir string) (*packBytes, error) {
	p, err := readPack(dir)
	if err != nil {
		return nil, packError(dir, err)
	}
	files, err := knowledge.ReadBundle(os.DirFS(dir))
	if err != nil {
		return nil, packError(dir, err)
	}
	digest, err := knowledge.BundleDigest(files)
	if err == nil && digest != p.Digest {
		err = fmt.Errorf("rules diff: %s changed while it was read: try again", dir)
	}
	return &packBytes{p, dir, files}, err
}

// packDiff is what 'rules diff' prints. Its text is escaped.
type packDiff struct {
	Changes []packChange `json:"changes"`
	From    packName     `json:"from"`
	Text    []string     `json:"text"`
	To      packName     `json:"to"`
	V       int          `json:"v"`
}

type packName struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
}

// packChange is one difference in words.
type packChange struct {
	Part string `json:"part"` // mode, verb, limit, rule, …
	Name string `json:"name"` // of the thing that changed; empty: there is one only
	What string `json:"what"`
	// Looser says that more may come of it: "looser", "tighter", or nothing when
	// it cannot be told from the change alone.
	Looser string `json:"looser,omitempty"`
}

// diffPacks compares two packs.
func diffPacks(from, to *packBytes) (*packDiff, error) {
	r := &packDiff{V: 1, From: packName{from.Name, from.Digest}, To: packName{to.Name, to.Digest}, Changes: []packChange{}, Text: []string{}}
	r.manifest(from.Pack, to.Pack)
	if err := r.rules(from.Pack, to.Pack); err != nil {
		return nil, err
	}
	r.tests(from.Pack, to.Pack)
	names := slices.Collect(maps.Keys(from.files))
	for name := range to.files {
		if _, ok := from.files[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		text := diff.Diff("a/"+name, from.files[name], "b/"+name, to.files[name])
		for line := range bytes.Lines(text) {
			r.Text = append(r.Text, escapeLine(strings.TrimSuffix(string(line), "\n")))
		}
	}
	return r, nil
}

func (r *packDiff) print(w io.Writer, output string) (err error) {
	if output == "json" {
		err = printJSON(w, r)
	} else {
		_, err = io.WriteString(w, r.text())
	}
	if err == nil && r.From != r.To {
		err = &exitError{exitUnmet, fmt.Errorf("rules diff: %s and %s differ", r.From.Version, r.To.Version), ""}
	}
	return err
}

func (r *packDiff) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "from  %s %s\nto    %s %s\n", r.From.Pack, r.From.Version, r.To.Pack, r.To.Version)
	if r.From == r.To {
		return b.String() + "the same, byte for byte\n"
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range r.Changes {
		note := c.What
		if c.Looser != "" {
			note += " (" + c.Looser + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.Part, escapeLine(c.Name), escapeLine(note))
	}
	_ = t.Flush() // into memory
	b.WriteString("\n")
	for _, line := range r.Text {
		b.WriteString(line + "\n")
	}
	return b.String()
}
