package main

import (
	"strings"
	"testing"
)

func TestNobodySignsWithoutAName(t *testing.T) {
	signs := []string{"--as", "ben", "--key", "key"}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nobody", []string{"approve", "0123abcd"}, "nobody is said to sign"},
		{"no key", []string{"approve", "0123abcd", "--as", "ben"}, "no key given"},
		{"a proposal without a reason", append([]string{"propose", "."}, signs...), "no reason given"},
		{"a rejection without a reason", append([]string{"reject", "0123abcd"}, signs...), "no reason given"},
		{"a withdrawal without a reason", append([]string{"withdraw", "0123abcd"}, signs...), "no reason given"},
		{"a break-glass without a reason", append([]string{"breakglass", "0123abcd"}, signs...), "no reason given"},
		{"a rollback without a reason", append([]string{"rollback"}, signs...), "no reason given"},
		{"an approval of nothing", append([]string{"approve"}, signs...), "no change given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			code := run(t.Context(), append([]string{"rules"}, tt.args...), &out, &out)
			if code != exitUsage || !strings.Contains(out.String(), tt.want) || !strings.Contains(out.String(), "evenkeel: hint: ") {
				t.Errorf("rules %v = %d:\n%s\nwant %d, %q and a hint", tt.args, code, out.String(), exitUsage, tt.want)
			}
		})
	}
}
