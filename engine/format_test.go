package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a rule on one line", `rule rule_one{when F.Ticks>1 then Note("x");}`,
			"rule rule_one {\n  when\n    F.Ticks > 1\n  then\n    Note(\"x\");\n}\n"},
		{"a header with everything", "rule   rule_one\n\"what it is for\"   salience - 5 { when F.Ticks>-1 then Note(\"x\");Note(\"y\"); }",
			"rule rule_one \"what it is for\" salience -5 {\n  when\n    F.Ticks > -1\n  then\n    Note(\"x\");\n    Note(\"y\");\n}\n"},
		{"the author's lines, with the operator at their end", "rule rule_one { when F.Ticks > 1\n&& (F.Margin > 2 ||\nF.Margin\n< 1) then Note(\"x\"); }",
			"rule rule_one {\n  when\n    F.Ticks > 1 &&\n    (F.Margin > 2 ||\n      F.Margin < 1)\n  then\n    Note(\"x\");\n}\n"},
		{"a parenthesis on lines of its own", "rule rule_one { when F.Ticks > 1 && (\nF.Margin > 2 || F.Margin < 1) then Note(\"x\"); }",
			"rule rule_one {\n  when\n    F.Ticks > 1 && (\n      F.Margin > 2 || F.Margin < 1\n    )\n  then\n    Note(\"x\");\n}\n"},
		{"arguments on lines of their own", "rule rule_one { when F.Ticks > 1 then Propose(\"drain\",\nF.Member,\n\"x\"); }",
			"rule rule_one {\n  when\n    F.Ticks > 1\n  then\n    Propose(\"drain\",\n      F.Member,\n      \"x\");\n}\n"},
		{"comments ahead, with one empty line", "\n\n//  a  \n\n\n\n// b\nrule rule_one { when F.Ticks > 1 then Note(\"x\"); }",
			"//  a\n\n// b\nrule rule_one {\n  when\n    F.Ticks > 1\n  then\n    Note(\"x\");\n}\n"},
		{"comments everywhere", "/* a */ rule /* b */ rule_one { // c\n// d\nwhen // e\nF.Ticks > 1 // f\n&& F.Margin /* g */ > 2 && // h\n  // i\nF.Margin < 9\n// j\nthen\n// k\nNote(\"x\"); // l\n// m\n} // n\n// o",
			"/* a */ rule /* b */ rule_one { // c\n  // d\n  when // e\n    F.Ticks > 1 // f\n    && F.Margin /* g */ > 2 && // h\n    // i\n    F.Margin < 9\n    // j\n  then\n    // k\n    Note(\"x\"); // l\n    // m\n} // n\n// o\n"},
		{"negations, signs and calls", "rule rule_one { when ! ( F.Ticks>1 )&&!Known ( \"F.Tier\" )&&Max ( F.Margin , - 1 )-1>- 2 then Note(\"x\"); }",
			"rule rule_one {\n  when\n    !(F.Ticks > 1) && !Known(\"F.Tier\") && Max(F.Margin, -1) - 1 > -2\n  then\n    Note(\"x\");\n}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Format(Source{"rules/rule_one.grl", []byte(tt.text)})
			if err != nil || string(got) != tt.want {
				t.Errorf("Format = %v\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
}

// The rules that are shipped are laid out as Format lays them out.
func TestShippedRulesAreFormatted(t *testing.T) {
	var files []string
	for _, dir := range []string{"../testdata/packs/*/rules/*.grl", "../cmd/evenkeel/packs/*/rules/*.grl"} {
		found, err := filepath.Glob(dir)
		if err != nil || len(found) == 0 {
			t.Fatalf("no rules in %s: %v", dir, err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Format(Source{name, b})
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: Format = %v\n%s", name, err, got)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("rule rule_one { // c\n// d\nwhen // e\nF.Ticks > 1 // f\n&& F.Margin /* g */ > 2 then Note(\"x\"); }")
	f.Add("/**//**/rule rule_one{when(/*\n*/(F.Ticks>1/**/)\n)then//\nNote(//\n\"x\");}//")
	f.Fuzz(func(t *testing.T, text string) {
		s := Source{"rules/rule_one.grl", []byte(text)}
		once, err := Format(s)
		if err != nil {
			return
		}
		twice, err := Format(Source{s.Name, once})
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("Format is not idempotent: %v\n%q\n%q\n%q", err, text, once, twice)
		}
	})
}
