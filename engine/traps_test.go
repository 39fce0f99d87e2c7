package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// TestTraps holds what the rule language does otherwise than it reads, one line
// a trap: each is refused by a code, or has the value that is specified here.
func TestTraps(t *testing.T) {
	for _, tt := range []struct {
		name, when string
		want       string // a code, or what becomes of the rule
	}{
		// Expressions that the parser takes for equal.
		{"numbers that differ beyond six decimals are one to the parser", "F.Evidence < 0.000000001", "E00"},
		{"the same in a range of one rule", "F.Evidence > 0.00000001 && F.Evidence < 0.00000005", "E00"},
		{"the same near one", "F.Evidence > 0.99999995", "E00"},
		{"six decimals are kept apart", "F.Evidence > 0.999999 && F.Evidence < 9.120001", "matched"},
		{"a string that spells another expression: parentheses", `F.Score("x|y,E(EA(V(N:F)))") > 1`, "E00"},

		{"a string that spells another expression: a bar and a comma", `F.Member == "x|y,E"`, "not matched"},

		// Calls whose answer is kept.
		{"a method that changes the fact", "F.Bump() > 1", "E02"},
		{"a method of a root of one's own", `Act.Allowed("drain")`, "E02"},
		{"asking the engine to forget an answer", `Forget("F.Ticks")`, "E04"},
		{"telling the engine that a word changed", `Changed("F.Ticks")`, "E04"},
		{"a call that is the same in two parts of a condition", `F.Score("request_rate") > 4 && F.Score("request_rate") > 4.5`, "matched"},

		// What a rule can reach.
		{"an exported method of the fact's type", "F.ID() != F.Kind", "E02"},
		{"a method of a struct within", `F.Evidence.Score.Float() > 1`, "E04"},
		{"a field of a struct within", `F.Evidence.Score > 1`, "E04"},
		{"a field behind a pointer", `F.Outcome.Verb == "drain"`, "E04"},
		{"a method of a time", "F.Time.Year() > 2000", "E04"},
		{"a time", "F.Time == F.Onset", "E02"},
		{"times in order", "F.Time >= F.Onset", "E02"},
		{"an unexported method", "F.check() == 1", "E02"},
		{"an element of a map", `F.Labels["x"] == "y"`, "E17"},
		{"an element of a list", "F.Effect[9].Score > 1", "E17"},
		{"the rules' own memory", `DEFUNC.WorkingMemory.ID == "x"`, "E04"},
		{"a string that is replaced", `F.Kind.Replace("a", "b") == "x"`, "E04"},
		{"a string that is split", `F.Kind.Split("a") == "x"`, "E04"},
		{"the length of a string", "F.Kind.Len() > 3", "E04"},
		{"a log", `Log("x")`, "E04"},
		{"another rule switched off", `Retract("other")`, "E04"},
		{"the end of the run", "Complete()", "E04"},
		{"a built-in that reads the clock", "Now() > 1", "E04"},
		{"a built-in that makes a time", "MakeTime(2026, 1, 1, 0, 0, 0) > 1", "E04"},
		{"the rules themselves", `DEFUNC.Knowledge.Name == "x"`, "E04"},
		{"a method of a string literal", `"x".Repeat(1000) == "y"`, "E04"},
		{"a method of a string field", `F.Kind.Repeat(3) == "x"`, "E04"},
		{"a method of a number", "1.Abs() > 1", "E04"},
		{"a method of a result", `F.Score("x").Abs() > 1`, "E04"},
		{"a field of a result", `Max(1, 2).x > 1`, "E04"},
		{"a field of a field", "F.Time.Nanos > 1", "E04"},
		{"an unknown root", "G.Ticks > 1", "E02"},
		{"a bare name", "Ticks > 1", "E02"},
		{"a root by itself", "F == 1", "E02"},
		{"an unknown field", "F.ticks > 1", "E02"},
		{"an unexported name", "F.group_state > 1", "E02"},
		{"a field of the other root", "C.Ticks > 1", "E02"},
		{"an unknown function", "Sqrt(4) > 1", "E02"},
		{"an unknown method", `F.Delta("x") > 1`, "E02"},
		{"a method read as a field", "F.Score > 1", "E02"},
		{"a field called as a method", "F.Ticks() > 1", "E02"},
		{"a string method of the language", `F.Kind.HasPrefix("im")`, "E04"},
		{"a regular expression", `F.Member.MatchString("a+")`, "E04"},
		{"too few arguments", "Max(1) > 1", "E02"},
		{"too many arguments", "Abs(1, 2) > 1", "E02"},
		{"an argument of the wrong type", `Abs("x") > 1`, "E02"},
		{"a metric that is not a literal", "F.Score(F.Kind) > 1", "E02"},
		{"a metric that is no name", `F.Score("a b") > 1`, "E02"},
		{"a proposal in the condition", `Propose("drain", F.Member, "x")`, "E02"},
		{"an unknown field in Known", `Known("F.Nope")`, "E02"},

		// Values.
		{"division of integers is of real numbers", "F.Ticks / 2 > 2.4 && F.Ticks / 2 < 2.6", "matched"},
		{"division by zero", "F.Ticks / 0 > 1", "E08"},
		{"division by a field", "C.AlarmedMembers / C.Members > 0.3", "E08"},
		{"remainder", "F.Ticks % 2 == 1", "E03"},
		{"an integer above 2^53", "F.Ticks == 9007199254740993", "E00"},
		{"an unsigned number above 2^63", "F.Ticks > 9223372036854775808", "E00"},
		{"an integer compared with the float beside it", "F.Ticks == 9007199254740992.0", "E00"},
		{"remainder of zero", "F.Ticks % 0 == 1", "E03"},
		{"what is not a number", "F.Ratio(\"nothing\") > 1", `undecided: F.Ratio("nothing")`},
		{"the opposite of what is not a number", "!(F.Ratio(\"nothing\") > 1)", `undecided: F.Ratio("nothing")`},
		{"a string that is a number", "F.Kind == 5", "E02"},
		{"a string compared with a number", "F.Kind != 5", "E02"},
		{"a number compared with a string", `F.Ticks == "5"`, "E02"},
		{"strings in order", `F.Member > "web-01"`, "E02"},
		{"a truth value compared", `Known("F.Tier") == true`, "E02"},
		{"nil", "F.Member == nil", "E03"},
		{"a question for nil", "IsNil(F.Member)", "E02"},
		{"a question for nil of a number", "IsNil(F.Margin)", "E02"},
		{"nil on the left", "nil != F.Member", "E03"},
		{"an unknown field ahead of what holds", "F.Nope > 1 || true", "E02"},
		{"a left error loses the right side: undecided, and said", `F.Value("nope") > 1 || F.Ticks > 1`, `undecided: F.Value("nope")`},
		{"a right side that is not needed is not read", `F.Ticks > 1 || F.Value("nope") > 1`, "matched"},
		{"a field that is unknown in this fact", "F.Standing == \"in\"", "undecided: F.Standing"},
		{"minus in front of a field", "-F.Ticks < 1", "E00"},
		{"minus in front of a number", "F.Ticks > -5", "matched"},
		{"subtraction groups to the left", "F.Ticks - 3 - 2 == 0", "matched"},
		{"multiplication before addition", "2 + F.Ticks * 3 == 17", "matched"},
		{"bit and", "1 + F.Ticks & 2 == 3", "E03"},
		{"bit or", "F.Ticks | 2 == 3", "E03"},
		{"a chained comparison", "1 < F.Ticks < 3", "E02"},
		{"and and or without parentheses", `F.Ticks > 1 || F.Ticks > 2 && F.Kind == "absent"`, "E03"},
		{"or and and without parentheses", `F.Ticks > 1 && F.Kind == "absent" || F.Ticks > 2`, "E03"},
		{"and and or with parentheses", `F.Ticks > 1 || (F.Ticks > 2 && F.Kind == "absent")`, "matched"},
		{"a string and a fraction added", `F.Member + F.Margin == "v=0.100000"`, "E02"},
		{"bytes of no letter in a string", "F.Member == \"\xff\"", "E00"},
		{"a letter beyond ASCII in a string", `F.Member == "é"`, "E00"},
		{"strings added", `F.Kind + 1 == "imbalance1"`, "E02"},
		{"negation of a number", "!F.Ticks", "E02"},
		{"negation of a comparison", "!(F.Ticks > 100)", "matched"},
		{"negation of a truth value", `!Known("F.Standing")`, "matched"},
		{"a condition that is a number", "F.Ticks", "E02"},
		{"a condition that is a string", `"x"`, "E02"},
		{"a measurement compared by ==", "F.Margin == 1", "E09"},
		{"a count compared with a fraction", "F.Ticks == 2.5", "E09"},
		{"a count compared by ==", "F.Ticks == 5", "matched"},
		{"assignment instead of comparison", "F.Ticks = 5", "E05"},
		{"a value the field never has", `F.Kind == "imbalace"`, "E06"},
		{"the same with the sides swapped", `"alrm" != F.State`, "E06"},
		{"a condition that is always true", "true", "E07"},
		{"a part that is always true", "F.Ticks > 1 && 1 < 2", "E07"},
		{"an odd call of two numbers", "Max(1, 2) > 1", "E07"},
		{"the other measures", `Max(F.Margin, 1) > 2 && Min(F.Margin, 1) < 1.1 && Abs(F.Score("bytes_per_request")) > 4`, "matched"},
		{"more nodes than a rule may have", strings.TrimSuffix(strings.Repeat("F.Ticks*F.Ticks*F.Ticks*F.Ticks*F.Ticks>1&&", 16), "&&"), "E17"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile("h1:test", []Source{one(tt.when)}, everything)
			got := ""
			if err == nil {
				got = verdict(decide(t, p, at(0), alarm("web-07")), "rule_one")
			} else if e, ok := errors.AsType[*Error](err); ok {
				got = string(e.Code)
			}
			if got != tt.want {
				t.Errorf("%s: got %s (%v), want %s", tt.when, got, err, tt.want)
			}
		})
	}
}

// A word of the language is no name, in any case.
func TestWordsOfTheLanguageAreNoNames(t *testing.T) {
	for _, word := range []string{"When", "Then", "Rule", "Salience", "True", "False", "Nil"} {
		for _, name := range []string{word, strings.ToLower(word), strings.ToUpper(word)} {
			for what, s := range map[string]Source{"field": one("F." + name + " > 1"), "rule": source(name, 1, "F.Ticks > 1", `Note("x");`),
				"derived value": source("rule_one", 1, "F.Ticks > 1", "D."+name+" = 1;")} {
				if e := refusal(t, s); e.Code != e00 && e.Code != e18 && e.Code != e03 {
					t.Errorf("a %s named %s: %v, want E00, E03 or E18", what, name, e)
				}
			}
		}
	}
}

// Rules that are right by themselves and that the parser would take for each
// other are refused, or have the values that are written.
func TestRulesThatTheParserTakesForEqual(t *testing.T) {
	note := func(name, when string) Source { return source(name, 1, when, `Note("x");`) }
	set := func(name, value string) Source {
		return source(name, int(name[len(name)-1]), "F.Ticks > 1", "D.Confidence = "+value+";")
	}
	for _, tt := range []struct {
		name  string
		rules []Source
		want  string // a code, or the rules that match
	}{
		{"two numbers beyond six decimals", []Source{note("rule_1", "F.Evidence < 0.000000001"), note("rule_2", "F.Evidence < 0.0000001")}, "E00"},
		{"the same with the rules swapped", []Source{note("rule_2", "F.Evidence < 0.000000001"), note("rule_1", "F.Evidence < 0.0000001")}, "E00"},
		{"a range beyond six decimals", []Source{note("rule_1", "F.Evidence > 0.00000001 && F.Evidence < 0.00000005")}, "E00"},
		{"two numbers near one", []Source{note("rule_1", "F.Evidence > 0.9999999"), note("rule_2", "F.Evidence > 0.99999995")}, "E00"},
		{"two numbers that are set", []Source{set("rule_1", "0.0000001"), set("rule_2", "0.0000002")}, "E00"},
		{"two numbers that differ in the sixth decimal", []Source{note("rule_1", "F.Evidence > 9.120001"), note("rule_2", "F.Evidence > 9.119999")}, "rule_2"},
		{"two numbers that are set and differ in the sixth decimal", []Source{set("rule_1", "0.000001"), set("rule_2", "0.000002")}, "rule_2 rule_1"},
		{"a string that spells the call of another rule", []Source{note("rule_1", `F.Score("x") == 0`), note("rule_2", `F.Member == "E(FC(F,M(Score)))"`)}, "E00"},
		{"a number and a string of the same spelling", []Source{note("rule_1", "F.Ticks == 5"), note("rule_2", `F.Member == "5"`)}, "rule_1"},
		{"a whole number and its float", []Source{note("rule_1", "F.Ticks == 5"), note("rule_2", "F.Margin > 5")}, "rule_1"},
		{"a metric and a member of the same spelling", []Source{note("rule_1", `F.Score("request_rate") > 4`), note("rule_2", `F.Member == "request_rate"`)}, "rule_1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile("h1:test", tt.rules, allowDerived())
			got := ""
			if e, ok := errors.AsType[*Error](err); ok {
				got = string(e.Code)
			} else if err != nil {
				t.Fatal(err)
			} else {
				var names []string
				d := decide(t, p, at(0), alarm("web-07"))
				for _, m := range d.Matched {
					names = append(names, m.Rule)
				}
				if got = strings.Join(names, " "); len(d.Derived) > 0 && d.Derived[0].Value != "0.000002" {
					t.Errorf("derived %+v, want what rule_2 sets", d.Derived)
				}
			}
			if got != tt.want {
				t.Errorf("found %s (%v), want %s", got, err, tt.want)
			}
		})
	}
}

// What a decision shows of a rule is what was written, blanks and all: the
// parser keeps the text without any.
func TestDecisionsShowConditionsAsWritten(t *testing.T) {
	d := decide(t, mustCompile(t, one(`F.Kind == "imbalance" &&  F.Ticks-3 > 1`)), at(0), alarm("web-07"))
	if w := d.Matched[0].When; len(w) != 2 || w[0].If != `F.Kind == "imbalance"` || w[1].If != "F.Ticks - 3 > 1" {
		t.Errorf("conditions are shown as %+v", w)
	}
}

func TestConsequencesAreRestricted(t *testing.T) {
	for _, tt := range []struct {
		name, then, want string // code; empty: admitted
	}{
		{"a proposal", `Propose("drain", F.Member, "x");`, ""},
		{"a veto and a note", `Veto("drain", "x"); Note("y");`, ""},
		{"assignment to the fact", "F.Ticks = 5;", "E05"},
		{"replacing the fact", "F = 5;", "E05"},
		{"creating a variable", "Z = 5;", "E05"},
		{"adding to a field", "F.Ticks += 1;", "E05"},
		{"deleting another rule", `DEFUNC.Knowledge.RemoveRuleEntry("Good");`, "E04"},
		{"switching another rule off", `Retract("Other");`, "E04"},
		{"ending the run", "Complete();", "E04"},
		{"making the engine forget", `Forget("F.Ticks");`, "E04"},
		{"writing to a log", `Log("x");`, "E04"},
		{"telling the engine of a change", `Changed("F.Ticks");`, "E04"},
		{"a method of a root of one's own", `Act.Propose("drain", F.Member);`, "E02"},
		{"a method that changes the fact", "F.Bump();", "E02"},
		{"a method of the fact", "F.Encode();", "E02"},
		{"a field within the fact", "F.Evidence.Ticks = 5;", "E04"},
		{"an element of the fact", "F.Effect[0] = 5;", "E17"},
		{"a statement without effect", "Max(1, 2);", "E02"},
		{"a field as a statement", "F.Ticks;", "E02"},
		{"another member than the fact's", `Propose("drain", "web-01", "x");`, "E02"},
		{"a verb that the pack does not permit", `Propose("weight", F.Member, "x");`, "E20"},
		{"a verb that is not one", `Propose("reboot", F.Member, "x");`, "E20"},
		{"a verb that is computed", `Propose(F.Verb, F.Member, "x");`, "E02"},
		{"a reason that is computed", `Propose("drain", F.Member, F.Kind);`, "E02"},
		{"too few arguments", `Propose("drain", F.Member);`, "E02"},
		{"a veto of telling a human", `Veto("notify", "x");`, "E20"},
		{"a veto of giving capacity back", `Veto("restore", "x");`, "E20"},
		{"no semicolon", `Note("x")`, "E00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile("h1:test", []Source{source("rule_one", 1, "F.Ticks > 1", tt.then)}, everything)
			got := ""
			if e, ok := errors.AsType[*Error](err); ok {
				got = string(e.Code)
			}
			if got != tt.want {
				t.Errorf("%s: got %q (%v), want %q", tt.then, got, err, tt.want)
			}
		})
	}
}

// A call whose text two rules share is made by both: the language's own method
// calls would be made once.
func TestSharedCallsAreMadeByEachRule(t *testing.T) {
	p := mustCompile(t, source("rule_a", 1, "F.Ticks > 1", `Note("same");`), source("rule_b", 1, "F.Ticks > 1", `Note("same");`))
	for range 3 {
		if d := decide(t, p, at(0), alarm("web-07")); len(d.Notes) != 2 {
			t.Fatalf("notes = %v, want one of each rule", d.Notes)
		}
	}
}

// Numbers that cannot be ordered never enter a decision.
func TestWhatIsNotANumberIsUnknown(t *testing.T) {
	p := mustCompile(t, source("high", 1, "F.Margin > 1", `Note("x");`), source("not_high", 1, "!(F.Margin > 1)", `Note("x");`),
		source("ratio", 1, `F.Ratio("request_rate") > 1`, `Note("x");`), source("certain", 1, "F.CertifiedPerHour < 1", `Note("x");`))
	d := decide(t, p, at(0), alarm("web-07", func(f *facts.Fact) {
		f.Evidence.Score, f.Evidence.Threshold, f.Evidence.Certified = "0", "0", 0 // 0/0, and no rate at all
		f.Effect[0].Peers = "0"                                                    // 212/0
	}))
	want := []Undecided{{"F.CertifiedPerHour", "certain"}, {"F.Margin", "high"}, {"F.Margin", "not_high"}, {`F.Ratio("request_rate")`, "ratio"}}
	if !slices.Equal(d.Undecided, want) || d.Matched != nil {
		t.Errorf("undecided = %v, matched = %v\nwant %v and none", d.Undecided, d.Matched, want)
	}
}

func TestEveryWordCanBeRead(t *testing.T) {
	for _, w := range Vocabulary() {
		if w.Doc == "" || w.Type == "" || (w.Type == Number || w.Type == Count) && w.Args == nil && w.Unit == "" {
			t.Errorf("%s lacks a type, a unit or a meaning", w.Name)
		}
		if w.Type == None {
			continue
		}
		read := w.Name
		if w.Args != nil {
			read += "(" + strings.TrimSuffix(strings.Repeat("%s, ", len(w.Args)), ", ") + ")"
			args := make([]any, len(w.Args))
			for i, a := range w.Args {
				args[i] = map[Type]string{Text: `"request_rate"`, Number: "F.Ticks"}[a]
				if w.Name == "Known" {
					args[i] = `"F.Kind"`
				}
			}
			read = fmt.Sprintf(read, args...)
		}
		condition := map[Type]string{Number: read + " > -1", Count: read + " >= 0", Text: read + ` != F.Verb || F.Ticks > 0`, Truth: read}[w.Type]
		if len(w.Values) > 0 {
			condition = fmt.Sprintf("%s == %q", read, w.Values[0])
		}
		mustCompile(t, one(condition))
	}
}

// What the evidence of a fact does not tell, as in those of older detectors,
// decides no rule.
func TestOptionalEvidenceMayBeUnknown(t *testing.T) {
	p := mustCompile(t, source("assured", 1, "F.AssuredPerHour <= 0.5", `Note("assured");`), source("strong", 1, "F.EValue >= 20", `Note("strong");`),
		source("rare", 1, "F.PValue <= 0.01", `Note("rare");`), source("own", 1, `F.Statistic == "own"`, `Note("own");`))
	unknown := []string{"F.AssuredPerHour", "F.EValue", "F.PValue", "F.Statistic"}
	d := decide(t, p, at(0), alarm("web-07"))
	var words []string
	for _, u := range d.Undecided {
		words = append(words, u.Field)
	}
	slices.Sort(words)
	if !slices.Equal(words, unknown) || d.Matched != nil {
		t.Errorf("undecided = %v, matched = %v; want %v and none", words, d.Matched, unknown)
	}
	d = decide(t, p, at(0), alarm("web-07", func(f *facts.Fact) {
		f.Evidence.Assured, f.Evidence.E, f.Evidence.P, f.Evidence.Statistic = facts.Rate(2*time.Hour), "20", "0.01", facts.StatisticOwn
	}))
	if len(d.Undecided) != 0 || len(d.Matched) != 4 {
		t.Errorf("undecided = %v, matched = %v; want none and all four", d.Undecided, d.Matched)
	}
}
