package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/actions"
)

// everything permits what a pack can permit.
var everything = Allow{
	Verbs: []actions.Verb{actions.Drain, actions.Maint, actions.Restore, actions.Notify},
	Tiers: []string{"T1"},
}

// source returns a rule file with the given condition and consequence.
func source(name string, salience int, when, then string) Source {
	return Source{"rules/" + name + ".grl", fmt.Appendf(nil, "rule %s salience %d {\nwhen\n%s\nthen\n%s\n}\n", name, salience, when, then)}
}

// one returns a rule file with the given condition that proposes a drain.
func one(when string) Source {
	return source("rule_one", 1, when, `Propose("drain", F.Member, "because");`)
}

// mustCompile compiles rules that are right.
func mustCompile(t testing.TB, rules ...Source) *Program {
	t.Helper()
	p, err := Compile("h1:test", rules, everything)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return p
}

// refusal returns the first error of compiling a rule that must be refused.
func refusal(t *testing.T, s Source) *Error {
	t.Helper()
	_, err := Compile("h1:test", []Source{s}, everything)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("Compile(%s) = %v, want an *Error", s.Text, err)
	}
	return e
}

func TestGuardRefuses(t *testing.T) {
	file := func(text string) Source { return Source{"rules/rule_one.grl", []byte(text)} }
	const head = "rule rule_one salience 1 { when "
	const tail = " then Note(\"x\"); }"
	for _, tt := range []struct {
		name string
		s    Source
		want string // place and code
	}{
		{"an empty file", file(""), "1:1 E00"},
		{"a comment only", file("// nothing\n"), "1:1 E00"},
		{"two rules in a file", file(head + "F.Ticks > 1" + tail + " " + head + "F.Ticks > 1" + tail), "1:61 E00"},
		{"something after the rule", file(head + "F.Ticks > 1" + tail + "\n;"), "2:1 E00"},
		{"no then", file(head + "F.Ticks > 1 }"), "1:45 E00"},
		{"no when", file("rule rule_one { then Note(\"x\"); }"), "1:17 E00"},
		{"two consequences", file(head + "F.Ticks > 1 then Note(\"x\"); then Note(\"y\"); }"), "1:61 E00"},
		{"a name that is not the file's", file("rule rule_two { when F.Ticks > 1" + tail), "1:6 E18"},
		{"a name of two letters", Source{"rules/ab.grl", []byte("rule ab { when F.Ticks > 1" + tail)}, "1:6 E18"},
		{"a name with a hyphen", file("rule my-rule { when F.Ticks > 1" + tail), "1:6 E18"},
		{"a name that begins with an underscore", file("rule _rule { when F.Ticks > 1" + tail), "1:6 E00"},
		{"a name that only looks like Latin letters", file("rule rulе_one { when F.Ticks > 1" + tail), "1:9 E00"},
		{"a reserved word in another case", file(head + "F.When > 1" + tail), "1:35 E00"},
		{"a salience that is not an integer", file("rule rule_one salience 1.5 { when F.Ticks > 1" + tail), "1:24 E00"},
		{"a salience in octal", file("rule rule_one salience 010 { when F.Ticks > 1" + tail), "1:24 E00"},
		{"a salience beyond its bound", file("rule rule_one salience 1000001 { when F.Ticks > 1" + tail), "1:24 E00"},
		{"an exponent", one("F.Evidence < 1e-9"), "3:14 E00"},
		{"a hexadecimal number", one("F.Ticks > 0x10"), "3:11 E00"},
		{"an octal number", one("F.Ticks > 010"), "3:11 E00"},
		{"a number that is not spelled canonically", one("F.Evidence > 0.50"), "3:14 E00"},
		{"a whole number with decimals", one("F.Evidence > 2.0"), "3:14 E00"},
		{"a number without its zero", one("F.Evidence > .5"), "3:14 E04"},
		{"an integer above 2^53", one("F.Ticks > 9007199254740993"), "3:11 E00"},
		{"a number beyond a float64", one("F.Ticks > 1" + strings.Repeat("0", 309)), "3:11 E00"},
		{"single quotes", one("F.Kind == 'alarm'"), "3:11 E00"},
		{"a string over two lines", one("F.Kind == \"a\nb\""), "3:11 E00"},
		{"a string with a backslash", one(`F.Kind == "a\nb"`), "3:13 E00"},
		{"a string with a parenthesis", one(`F.Kind == "a(b"`), "3:13 E00"},
		{"a string with a letter beyond ASCII", one(`F.Kind == "aé"`), "3:13 E00"},
		{"a string of 257 bytes", one(`F.Kind == "` + strings.Repeat("a", 257) + `"`), "3:11 E17"},
		{"an unterminated comment", one("F.Ticks > 1 /* F.Kind"), "3:13 E00"},
		{"a bidirectional override in a comment", one("F.Ticks > 1 // \u202e"), "3:16 E00"},
		{"a carriage return that hides a line", one("F.Ticks > 1 \x0b"), "3:13 E00"},
		{"unmatched parentheses", one("(F.Ticks > 1"), "6:1 E00"},
		{"a brace inside", one("{F.Ticks > 1"), "3:1 E00"},
		{"a character of no language", one("F.Ticks > 1 @"), "3:13 E00"},
		{"4,097 bytes", one("F.Ticks > 1" + strings.Repeat(" ", 4096)), "1:1 E17"},
		{"more than 512 tokens", one("F.Ticks > 1" + strings.Repeat(" + 1", 300)), "3:1016 E17"},
		{"65 comparisons", one("F.Ticks>1" + strings.Repeat("||F.Ticks>1", 64)), "3:712 E17"},
		{"17 parentheses", one(strings.Repeat("(", 17) + "F.Ticks>1" + strings.Repeat(")", 17)), "3:17 E17"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := refusal(t, tt.s)
			if got := fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Code); got != tt.want {
				t.Errorf("Compile = %v\nat %s, want %s", e, got, tt.want)
			}
		})
	}
}

func TestErrorsShowTheirPlace(t *testing.T) {
	e := refusal(t, one("\tF.Ticks > 1 && F.Tocks > 2"))
	if got, want := e.Error(), "rules/rule_one.grl:3:17: rule rule_one: E02 unknown field F.Tocks"; got != want {
		t.Errorf("Error() = %q\n        want %q", got, want)
	}
	if got, want := e.Excerpt(), "  \tF.Ticks > 1 && F.Tocks > 2\n  \t               ^"; got != want {
		t.Errorf("Excerpt() =\n%s\nwant\n%s", got, want)
	}
	if e.Hint == "" {
		t.Error("Hint is empty, want a next step")
	}
}

func TestCompileReportsEveryError(t *testing.T) {
	_, err := Compile("h1:test", []Source{
		source("rule_b", 1, "F.Nope > 1 && F.Kind > 2", `Propose("maint", F.Member, "x");`),
		source("rule_a", 2, "F.Evidence == 1", `Note("x");`),
	}, Allow{Verbs: []actions.Verb{actions.Drain}})
	var got []string
	for _, e := range err.(Errors) {
		got = append(got, fmt.Sprintf("%s:%d:%d %s", e.File, e.Line, e.Column, e.Code))
	}
	want := "rules/rule_a.grl:3:12 E09, rules/rule_b.grl:3:1 E02, rules/rule_b.grl:3:22 E02, rules/rule_b.grl:5:9 E20"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("Compile found %s\n           want %s", s, want)
	}
}

func TestSyntaxErrorsArePlacedInTheirFile(t *testing.T) {
	_, err := Compile("h1:test", []Source{
		source("rule_a", 5, "F.Ticks > 1", `Note("x");`),
		source("rule_b", 1, "F.Ticks > > 1", `Note("x");`),
	}, everything)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.File != "rules/rule_b.grl" || e.Line != 3 || e.Column != 11 || e.Code != e00 {
		t.Errorf("Compile = %v, want a syntax error at rules/rule_b.grl:3:11", err)
	}
}

func TestNamesThatDifferInCaseOnlyAreRefused(t *testing.T) {
	_, err := Compile("h1:test", []Source{
		source("rule_a", 1, "F.Ticks > 1", `Note("x");`), source("Rule_a", 1, "F.Ticks > 1", `Note("x");`),
	}, everything)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != e18 {
		t.Errorf("Compile = %v, want E18", err)
	}
}

func TestCommentsAndBlanksMeanNothing(t *testing.T) {
	p := mustCompile(t, Source{"rules/rule_one.grl", []byte(
		"/* a comment\n over two lines **/ rule rule_one // of one line\n\"a description\" salience -5 {when F.Ticks>-1/**/&&F.Kind==\"absent\"then Note(\"x\");}// the end")})
	if got := p.rules[0].salience; got != -5 {
		t.Errorf("salience = %d, want -5", got)
	}
	if got, want := strings.Join(p.rules[0].conjuncts, " | "), `F.Ticks > -1 | F.Kind == "absent"`; got != want {
		t.Errorf("conjuncts = %s, want %s", got, want)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`F.Kind == "imbalance" && F.Ticks >= 2`, `!(F.Ticks > 1 || Known("F.Tier"))`, `F.Score("a") * 2 < -1`,
		`Max(F.Margin, 1) > 0.5 /* x */`, `F.Next()[0]`, `"x".Repeat(3)`, `1 < 2 < 3`, `F == 1`, `- -1`, `F.Ticks > 010`, `a.b.c`, `((((`,
	} {
		f.Add(s, `Propose("drain", F.Member, "x");`)
		f.Add(`F.Ticks > 1`, s)
	}
	f.Fuzz(func(t *testing.T, when, then string) {
		s := source("rule_one", 1, when, then)
		_, found := guard(s)
		p, err := Compile("h1:fuzz", []Source{s}, everything)
		if len(found) > 0 && err == nil {
			t.Fatalf("the guard refused what Compile took: %v", found)
		}
		if err != nil {
			if _, ok := errors.AsType[Errors](err); !ok {
				t.Fatalf("Compile = %v, want Errors", err)
			}
			for _, e := range err.(Errors) {
				_ = e.Excerpt()
				if e.File != s.Name || e.Line < 1 || e.Column < 1 {
					t.Fatalf("%v has no place", e)
				}
			}
			return
		}
		m := NewMemory("test", "web", Act)
		apply(t, m, alarm("web-07"))
		if _, err := p.Decide(at(0), m); err != nil {
			t.Fatal(err)
		}
	})
}
