package source

import (
	"regexp"
	"strings"
	"testing"
)

func TestParseSelectorRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, selector, want string
	}{
		{"nothing", "", `want the name of a metric, or NAME{label="value"}`},
		{"braces without a name", `{a="b"}`, "want the name of a metric"},
		{"braces without an end", `a{b="c"`, "want the name of a metric"},
		{"a label without quotes", `a{b=c}`, `found "b=c" in braces, want label="value"`},
		{"no operator of PromQL", `a{b=="c"}`, `found "b==\"c\"" in braces`},
		{"no comma", `a{b="c" d="e"}`, "in braces, want label="},
		{"a backslash", `a{b=~"5\d"}`, "and no backslash"},
		{"a regular expression that is none", `a{b=~"("}`, "label b: error parsing regexp"},
		{"too many labels", "a{" + strings.Repeat(`b="c",`, maxMatchers+1) + "}", "more than 8 labels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := parseSelector(tt.selector); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseSelector(%q): got %+v, %v; want an error with %q", tt.selector, s, err, tt.want)
			}
		})
	}
}

func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"a", "a:b{}", `a{b="c", d!~"e|f",}`, `a{b=~"["}`, "a{,}", "{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSelector(text)
		if err != nil {
			return
		}
		if !regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`).MatchString(s.name) || len(s.matchers) > maxMatchers {
			t.Errorf("parseSelector(%q) = %+v", text, s)
		}
		if again, err := parseSelector(s.String()); err != nil || again.name != s.name || len(again.matchers) != len(s.matchers) {
			t.Errorf("parseSelector(%q) = %+v, %v, want it as it was", s.String(), again, err)
		}
		s.matches(nil)
	})
}
