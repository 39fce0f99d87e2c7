package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// outputFlag adds -o to a command, with the forms that it has.
func outputFlag(cmd *cobra.Command, to *string, forms ...string) {
	cmd.Flags().StringVarP(to, "output", "o", forms[0], strings.Join(forms, ", "))
}

// checkOutput refuses a form of output that the command does not have.
func checkOutput(s string, forms ...string) error { return oneOf("output", s, forms...) }

// oneOf refuses a word on the command line that is not among those wanted.
func oneOf(what, word string, wanted ...string) error {
	if !slices.Contains(wanted, word) {
		return &exitError{exitUsage, fmt.Errorf("%s %q, want %s", what, word, strings.Join(wanted, " or ")), "see --help"}
	}
	return nil
}

// printJSON writes v as one object, indented for people.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
