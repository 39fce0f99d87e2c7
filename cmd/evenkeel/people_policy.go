package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/knowledge"
)

func peoplePolicyCommand() *cobra.Command {
	var added bool
	cmd := peopleChange("policy DIR ENV SETTING=VALUE…", "Change what an environment asks of a change, or add an environment",
		"  evenkeel people policy registers prod-eu1 min-dwell=30m keys=hardware\n  evenkeel people policy registers prod-eu1 freeze=2026-12-20T00:00:00Z/2027-01-02T00:00:00Z\n  evenkeel people policy registers staging --new approvals=2",
		cobra.MinimumNArgs(2), func(_ *cobra.Command, next *nextRegister, args []string) error {
			if added {
				next.Policies = append(next.Policies, startPolicy(args[0], false))
			}
			return next.settle(args[0], args[1:])
		})
	cmd.Flags().BoolVar(&added, "new", false, "add the environment, with the settings of a first one where none is given")
	return cmd
}

// settle changes settings of an environment. They are read as a register is: a
// value that a register must not have is refused there.
func (n *nextRegister) settle(name string, settings []string) error {
	lines := strings.SplitAfter(string(n.Render()), "\n")
	var named []int
	for i, line := range lines {
		if strings.HasPrefix(line, "env "+name+"/") {
			named = append(named, i)
		}
	}
	if len(named) != 1 {
		var names []string
		for _, p := range n.Policies {
			names = append(names, p.Env)
		}
		return &exitError{exitFailed, fmt.Errorf("people policy: %d environments %q in the register, want one, of %s", len(named), name, strings.Join(names, ", ")), "--new adds one"}
	}
	words := strings.Fields(lines[named[0]])
	for _, s := range settings {
		key, _, ok := strings.Cut(s, "=")
		i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, key+"=") })
		if !ok || i < 0 || strings.ContainsAny(s, " \n") {
			return &exitError{exitUsage, fmt.Errorf("people policy: %q, want SETTING=VALUE of %s", s, strings.Join(words[2:], " ")), ""}
		}
		words[i] = s
	}
	lines[named[0]] = strings.Join(words, " ") + "\n"
	r, err := knowledge.ParseRegister([]byte(strings.Join(lines, "")))
	if err != nil {
		return &exitError{exitRefused, err, ""}
	}
	if slices.EqualFunc(r.Policies, n.was.Policies, func(a, b knowledge.Policy) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		return &exitError{exitUnmet, errors.New("people policy: nothing changes"), ""}
	}
	n.Register = r
	return nil
}
