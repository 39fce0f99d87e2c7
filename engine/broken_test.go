package engine

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

// TestBrokenRulesAreNeverSilent breaks a good rule in 20 ways. Each is refused
// when it is proposed, or shows in the first decision.
func TestBrokenRulesAreNeverSilent(t *testing.T) {
	const good = `F.Kind == "imbalance" && F.Ticks >= 2 && F.Ratio("request_rate") > 1.5`
	if found := Survey([]Source{one(good)}, everything); len(found) > 0 {
		t.Fatalf("the rule that is broken below is broken: %v", found)
	}
	if got := verdict(decide(t, mustCompile(t, one(good)), at(0), alarm("web-07")), "rule_one"); got != "matched" {
		t.Fatalf("the rule that is broken below is %s", got)
	}
	unknown := func(f *facts.Fact) { f.Effect[0].Peers = "0" }
	for _, tt := range []struct {
		name, from, to string
		change         func(*facts.Fact)
		want           string // a code, or what the decision says
	}{
		{"a letter of a field", "F.Ticks", "F.Tick", nil, "E02"},
		{"a letter of a value", "imbalance", "imbalence", nil, "E06"},
		{"a letter of a method", "F.Ratio", "F.Rate", nil, "E02"},
		{"a letter of a metric: it is not among the effects", "request_rate", "requst_rate", nil, `undecided: F.Ratio("requst_rate")`},
		{"the root of a field", "F.Ticks", "C.Ticks", nil, "E02"},
		{"a field of another kind of fact", "F.Ticks >= 2", `F.Standing == "in"`, nil, "undecided: F.Standing"},
		{"a value that cannot be divided", "F.Ratio", "F.Ratio", unknown, `undecided: F.Ratio("request_rate")`},
		{"quotes around a number", ">= 2", `>= "2"`, nil, "E02"},
		{"no quotes around a value", `"imbalance"`, "imbalance", nil, "E02"},
		{"an assignment for a comparison", "==", "=", nil, "E05"},
		{"a point for a comma", "1.5", "1,5", nil, "E00"},
		{"a bound in another unit", "F.Ratio(\"request_rate\") > 1.5", "F.PValue > 5", nil, "E06"},
		{"two bounds exchanged", "F.Ticks >= 2", "F.Ticks > 9 && F.Ticks < 2", nil, "E06"},
		{"an equality of a measurement", "> 1.5", "== 1.5", nil, "E09"},
		{"an or among the ands", "&& F.Ratio", "|| F.Ratio", nil, "E03"},
		{"a parenthesis too many", "F.Ticks >= 2", "(F.Ticks >= 2", nil, "E00"},
		{"an operator too many", "&& F.Ticks", "&& && F.Ticks", nil, "E00"},
		{"a single ampersand", "&& F.Ticks", "& F.Ticks", nil, "E03"},
		{"a bound that everything passes", "F.Ticks >= 2", "F.Ticks >= 0", nil, "E07"},
		{"a part that is there twice", "F.Ticks >= 2", "F.Ticks >= 2 && F.Ticks >= 2", nil, "W11"},
		{"a letter that only looks like another", "F.Ticks", "F.Tiсks", nil, "E00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := one(strings.Replace(good, tt.from, tt.to, 1))
			found := Survey([]Source{s}, everything)
			got := ""
			if len(found) > 0 {
				got = string(found[0].Code)
			} else {
				fact := alarm("web-07")
				if tt.change != nil {
					tt.change(&fact)
				}
				got = verdict(decide(t, mustCompile(t, s), at(0), fact), "rule_one")
			}
			if got != tt.want {
				t.Errorf("%s: %s, want %s\n%v", s.Text, got, tt.want, found)
			}
		})
	}
}

// A word's range is read from its text: what the manual says is what the
// analysis uses.
func TestEveryRangeCanBeRead(t *testing.T) {
	for _, w := range Vocabulary() {
		if l, ok := rangeOf(&w); !ok || l.empty() {
			t.Errorf("range %q of %s cannot be read", w.Range, w.Name)
		}
	}
}

// Rules of derived values are sorted by who writes what others read.
func TestStrata(t *testing.T) {
	studies := func(texts ...string) []*study {
		var out []*study
		for _, text := range texts {
			toks, f := lex([]byte(text))
			if f != nil {
				t.Fatal(f)
			}
			g := &gate{w: &written{file: "rules/x.grl", text: []byte(text), tokens: toks}}
			if g.header(); g.w.then == 0 {
				t.Fatal(g.errs)
			}
			tr, err := grow(g.w, nil)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, &study{tree: tr, deeds: deedsOf(tr)})
		}
		return out
	}
	const sick, act = `rule sick { when F.Ticks > 3 then D.Sick = F.Ticks; }`, `rule act { when D.Sick > 4 then Propose("drain", F.Member, "x"); }`
	g, errs := arrange(studies(act, `rule worse { when D.Sick > 9 then D.Bad = 2; }`, sick, `rule last { when D.Bad > 1 && D.Sick > 1 then Note("x"); }`))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []string
	for _, r := range g.Rules {
		got = append(got, strings.Repeat(">", r.Stratum)+r.Name)
	}
	if s := strings.Join(got, " "); s != "sick >act >worse >>last" || len(g.Edges) != 4 {
		t.Errorf("strata %s, %d edges", s, len(g.Edges))
	}
	for name, tt := range map[string]struct {
		texts []string
		want  Code
	}{
		"a cycle of two":            {[]string{`rule aaa { when D.X > 1 then D.Y = 1; }`, `rule bbb { when D.Y > 1 then D.X = 1; }`}, e16},
		"a rule that reads its own": {[]string{`rule aaa { when D.X > 1 then D.X = 1; }`}, e16},
		"two writers":               {[]string{sick, strings.Replace(sick, "rule sick", "rule ill", 1)}, e05},
	} {
		if _, errs := arrange(studies(tt.texts...)); len(errs) != 1 || errs[0].Code != tt.want {
			t.Errorf("%s: found %v, want %s", name, errs, tt.want)
		}
	}
}

// Every mutant is another rule that the guard admits, and says what it is.
func TestMutants(t *testing.T) {
	o, err := NewOutline(source("rule_one", 1, `F.Ticks >= 2 && !(F.Margin > 1.5 || F.Kind == "absent")`, `Veto("drain", "x"); Note("y");`), everything)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range o.Mutants() {
		got = append(got, m.What)
	}
	want := `F.Ticks >= 2 is left out; !(F.Margin > 1.5 || F.Kind == "absent") is left out; && becomes || ahead of !(F.Margin > 1.5 || F.Kind == "absent"); ` +
		`F.Ticks >= 2 becomes F.Ticks > 2; 2 becomes 1; 2 becomes 3; the ! of !(F.Margin > 1.5 || F.Kind == "absent") is left out; ` +
		`F.Margin > 1.5 is left out; F.Kind == "absent" is left out; || becomes && ahead of F.Kind == "absent"; ` +
		`F.Margin > 1.5 becomes F.Margin >= 1.5; 1.5 becomes 1.4; 1.5 becomes 1.6; F.Kind == "absent" becomes F.Kind != "absent"; Veto("drain", "x") is left out`
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("mutants:\n%s\nwant\n%s", s, want)
	}
}
