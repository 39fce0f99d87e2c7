package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

var diagnoses = []Word{
	{Name: "D.Diagnosis", Type: Text, Values: []string{"black_hole", "slow"}, Doc: "what is wrong with the member"},
	{Name: "D.Confidence", Type: Number, Unit: "1", Range: "0 to 1", Doc: "how sure the diagnosis is"},
	{Name: "D.Sure", Type: Truth, Doc: "whether it is sure enough to act"},
	{Name: "D.Strikes", Type: Count, Unit: "ticks", Doc: "how often it was seen"},
	{Name: "D.Who", Type: Text, Doc: "whom it is about"},
}

func allowDerived() Allow {
	allow := everything
	allow.Derived = diagnoses
	return allow
}

func diagnose(t testing.TB, rules ...Source) *Program {
	t.Helper()
	p, err := Compile("h1:test", rules, allowDerived())
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return p
}

// pair is a diagnosis in two strata: what is wrong, and what to do about it.
func pair() []Source {
	return []Source{
		source("act", 1000, `D.Sure && D.Diagnosis == "black_hole" && D.Confidence >= 0.5`, `Propose("drain", F.Member, "black hole");`),
		source("sure", 500, `Known("D.Confidence") && D.Confidence > 0.3`, `D.Sure = true;`),
		source("black_hole", 90, "F.Ticks >= 2", `D.Diagnosis = "black_hole"; D.Confidence = F.Margin / 4; D.Strikes = F.Ticks - 1;`),
		source("slow", 80, "F.Ticks >= 1", `D.Diagnosis = "slow"; D.Confidence = 0.1; D.Who = F.Member;`),
	}
}

func TestDiagnoseThenDecide(t *testing.T) {
	p := diagnose(t, pair()...)
	if got, want := strings.Join(p.Rules(), " "), "black_hole slow sure act"; got != want {
		t.Errorf("rules are evaluated in order %s, want %s", got, want)
	}
	d := decide(t, p, at(0), alarm("web-07"))
	want := []Derived{
		{Field: "D.Diagnosis", Rule: "black_hole", Value: "black_hole", Over: []string{"slow"}},
		{Field: "D.Confidence", Rule: "black_hole", Value: "0.542857", Over: []string{"slow"}},
		{Field: "D.Strikes", Rule: "black_hole", Value: "4"},
		{Field: "D.Who", Rule: "slow", Value: "web-07"},
		{Field: "D.Sure", Rule: "sure", Value: "true"},
	}
	if !reflect.DeepEqual(d.Derived, want) {
		t.Errorf("derived = %+v\nwant %+v", d.Derived, want)
	}
	if got := wants(d); got != "drain by act: black hole" {
		t.Errorf("wanted %q, want a drain by act", got)
	}
	if got := d.Encode(); !strings.Contains(string(got), `"derived":[{"field":"D.Diagnosis","over":["slow"],"rule":"black_hole","value":"black_hole"},`) {
		t.Errorf("the encoding lacks what was derived: %s", got)
	}
	// Nothing is left of it for the next decision.
	d = decide(t, p, at(0), alarm("web-08", func(f *facts.Fact) { f.Evidence.Ticks = 0 }))
	if d.Derived != nil || verdict(d, "act") != "undecided: D.Sure" || verdict(d, "sure") != "not matched" {
		t.Errorf("derived = %+v, act: %s, sure: %s; want none, undecided and not matched", d.Derived, verdict(d, "act"), verdict(d, "sure"))
	}
}

func TestOrderOfFilesDoesNotChangeWhatIsDerived(t *testing.T) {
	rules, random, want := pair(), rand.New(rand.NewPCG(3, 4)), ""
	for range 6 {
		random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		d := decide(t, diagnose(t, rules...), at(0), alarm("web-07"))
		if want == "" {
			want = string(d.Encode())
		}
		if got := string(d.Encode()); got != want {
			t.Fatalf("decision\n%s\nwant\n%s", got, want)
		}
	}
}

func TestSalienceOutranksStrata(t *testing.T) {
	p := diagnose(t, source("first", 1, "F.Ticks > 1", `D.Sure = true; Propose("maint", F.Member, "x");`),
		source("later", 2, "D.Sure", `Propose("drain", F.Member, "y");`))
	if got := wants(decide(t, p, at(0), alarm("web-07"))); got != "drain by later: y" {
		t.Errorf("wanted %q, want what the rule of higher salience proposes", got)
	}
}

func TestDerivedValuesAreRestricted(t *testing.T) {
	read := func(name, what string) Source { return source(name, 1, what, `Note("x");`) }
	set := func(name string, salience int, then string) Source {
		return source(name, salience, "F.Ticks > 1", then)
	}
	for _, tt := range []struct {
		name  string
		rules []Source
		want  string // code; empty: admitted
	}{
		{"set by one, read by another", []Source{set("aaa", 1, "D.Sure = F.Ticks > 2;"), read("bbb", "D.Sure")}, ""},
		{"read and set by none", []Source{read("bbb", "D.Sure")}, ""},
		{"set by two of different salience", []Source{set("aaa", 1, "D.Sure = true;"), set("bbb", 2, "D.Sure = false;")}, ""},
		{"set by two of equal salience", []Source{set("aaa", 1, "D.Sure = true;"), set("bbb", 1, "D.Sure = false;")}, "E05"},
		{"set earlier by the lower salience", []Source{set("aaa", 1, "D.Sure = true;"), set("bbb", 1, "D.Strikes = 1;"),
			source("ccc", 2, "D.Strikes > 0", "D.Sure = true;")}, "E05"},
		{"set twice by one rule", []Source{set("aaa", 1, "D.Sure = true; D.Sure = false;")}, "E05"},
		{"read by the rule that sets it", []Source{source("aaa", 1, "D.Strikes > 1", "D.Strikes = 2;")}, "E16"},
		{"read after then by the rule that sets it", []Source{set("aaa", 1, "D.Strikes = D.Strikes + 1;")}, "E16"},
		{"asked for by the rule that sets it", []Source{source("aaa", 1, `!Known("D.Sure")`, "D.Sure = true;")}, "E16"},
		{"a circle of two", []Source{source("aaa", 1, "D.Strikes > 1", "D.Sure = true;"), source("bbb", 1, "D.Sure", "D.Strikes = 2;")}, "E16"},
		{"a name that is not declared", []Source{set("aaa", 1, "D.Nope = true;")}, "E02"},
		{"a read of a name that is not declared", []Source{read("aaa", "D.Nope > 1")}, "E02"},
		{"a text set to a number", []Source{set("aaa", 1, "D.Who = 1;")}, "E02"},
		{"a number set to a text", []Source{set("aaa", 1, `D.Confidence = "1";`)}, "E02"},
		{"a count set to a fraction", []Source{set("aaa", 1, "D.Strikes = 1.5;")}, "E02"},
		{"a number set to a count", []Source{set("aaa", 1, "D.Confidence = F.Ticks;")}, ""},
		{"a truth value set to a number", []Source{set("aaa", 1, "D.Sure = 1;")}, "E02"},
		{"a text outside the declared", []Source{set("aaa", 1, `D.Diagnosis = "slwo";`)}, "E06"},
		{"a comparison with a text outside the declared", []Source{read("aaa", `D.Diagnosis == "slwo"`)}, "E06"},
		{"a number set outside its range", []Source{set("aaa", 1, "D.Confidence = 1.5;")}, "E06"},
		{"a number set to its bound", []Source{set("aaa", 1, "D.Confidence = 1;")}, ""},
		{"a negative number set outside its range", []Source{set("aaa", 1, "D.Confidence = -0.5;")}, "E06"},
		{"added to", []Source{set("aaa", 1, "D.Strikes += 1;")}, "E05"},
		{"set in the condition", []Source{source("aaa", 1, "D.Sure = true", `Note("x");`)}, "E05"},
		{"a root of its own", []Source{set("aaa", 1, "D = 1;")}, "E05"},
		{"the fact, under a name like it", []Source{set("aaa", 1, "F.D = 1;")}, "E05"},
		{"a field of a field", []Source{set("aaa", 1, "D.Who.Name = 1;")}, "E04"},
		{"a method", []Source{read("aaa", `D.Who("x") == "y"`)}, "E02"},
		{"a proposal as a value", []Source{set("aaa", 1, `D.Sure = Propose("drain", F.Member, "x");`)}, "E02"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile("h1:test", tt.rules, allowDerived())
			got := ""
			if e, ok := errors.AsType[*Error](err); ok {
				got = string(e.Code)
			}
			if got != tt.want || (err == nil) != (got == "") {
				t.Errorf("Compile = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCirclesAreNamed(t *testing.T) {
	_, err := Compile("h1:test", []Source{source("aaa", 1, "D.Strikes > 1", "D.Sure = true;"), source("bbb", 1, "D.Sure", "D.Strikes = 2;")}, allowDerived())
	if want := "circle: D.Strikes needs D.Sure needs D.Strikes"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("Compile = %v, want … %s", err, want)
	}
}

func TestDeclarationsAreChecked(t *testing.T) {
	many := make([]Word, maxDerived+1)
	for i := range many {
		many[i] = Word{Name: fmt.Sprintf("D.Value%d", i), Type: Number}
	}
	for _, tt := range []struct {
		name    string
		derived []Word
		want    string // part of the error; empty: admitted
	}{
		{"all types", diagnoses, ""},
		{"as many as fit", many[:maxDerived], ""},
		{"one more", many, "25 derived values, want at most 24"},
		{"a name without its root", []Word{{Name: "Sure", Type: Truth}}, `"Sure": want D.`},
		{"a name in lower case", []Word{{Name: "D.sure", Type: Truth}}, `"D.sure": want D.`},
		{"a name twice", []Word{{Name: "D.Sure", Type: Truth}, {Name: "D.Sure", Type: Count}}, "D.Sure is declared twice"},
		{"a type that is none", []Word{{Name: "D.Sure", Type: "bool"}}, `is a "bool", want number`},
		{"no value", []Word{{Name: "D.Sure", Type: None}}, "want number, count, text or truth"},
		{"a call", []Word{{Name: "D.Sure", Type: Truth, Args: []Type{Text}}}, "want number, count, text or truth"},
		{"a range that cannot be read", []Word{{Name: "D.Sure", Type: Number, Range: "at least 0"}}, `the range "at least 0", want one such as 0 to 1`},
		{"a range of no number", []Word{{Name: "D.Sure", Type: Number, Range: "1 to 0"}}, `the range "1 to 0"`},
		{"a range without an end", []Word{{Name: "D.Sure", Type: Number, Range: "0 to Inf"}}, `the range "0 to Inf"`},
		{"a range of a text", []Word{{Name: "D.Sure", Type: Text, Range: "0 to 1"}}, "a range for numbers and counts only"},
		{"a list of numbers", []Word{{Name: "D.Sure", Type: Number, Values: []string{"1"}}}, "values for texts only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile("h1:test", nil, Allow{Derived: tt.derived})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Compile = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestWhatIsNoValueIsNotSet(t *testing.T) {
	p := diagnose(t, source("inf", 3, "F.Ticks > 1", "D.Confidence = F.Evidence"+strings.Repeat(" * 1000000000000000", 21)+`; Note("x");`),
		source("outside", 2, "F.Ticks > 1", "D.Diagnosis = F.Kind;"),
		source("wraps", 2, "F.Ticks > 1", "D.Strikes = F.Epochs * 9007199254740992;"),
		source("absent", 2, "F.Ticks > 1", "D.Who = F.Result;"),
		source("above", 2, "F.Ticks > 1", "D.Confidence = F.Margin;"),
		source("second", 1, "F.Ticks > 1", "D.Confidence = 0.5;"))
	d := decide(t, p, at(0), alarm("web-07"))
	for rule, want := range map[string]string{"inf": "undecided: D.Confidence", "outside": "undecided: D.Diagnosis",
		"wraps": "undecided: D.Strikes", "above": "undecided: D.Confidence", "absent": "undecided: F.Result", "second": "matched"} {
		if got := verdict(d, rule); got != want {
			t.Errorf("rule %s: %s, want %s", rule, got, want)
		}
	}
	if want := []Derived{{Field: "D.Confidence", Rule: "second", Value: "0.5"}}; !reflect.DeepEqual(d.Derived, want) || d.Notes != nil {
		t.Errorf("derived = %+v, notes = %v; want %+v and no note of a rule that was not executed to its end", d.Derived, d.Notes, want)
	}
}

func TestVocabularyOfAProgramHasItsDerivedValues(t *testing.T) {
	p := diagnose(t, pair()...)
	if got, want := len(p.Vocabulary()), len(Vocabulary())+len(diagnoses); got != want || indexOf(p.Vocabulary(), "D.Sure") < 0 {
		t.Errorf("%d words, want %d with D.Sure among them", got, want)
	}
}

// What is wrong between rules is said once, and in the same words, by the
// survey of a proposal and by the compiler.
func TestSurveyAndCompileSayTheSameOfStrata(t *testing.T) {
	for _, rules := range [][]Source{
		{source("aaa", 1, "D.Strikes > 1", "D.Sure = true;"), source("bbb", 1, "D.Sure", "D.Strikes = 2;")},
		{source("aaa", 1, `!Known("D.Sure") && F.Ticks > 1`, "D.Sure = true;")},
		{source("aaa", 1, "F.Ticks > 1", "D.Sure = true;"), source("bbb", 1, "F.Ticks > 2", "D.Sure = false;")},
	} {
		_, err := Compile("h1:test", rules, allowDerived())
		found := Survey(rules, allowDerived())
		if err == nil || len(found) != 1 || found.Error() != err.Error() {
			t.Errorf("Survey = %v, Compile = %v; want one finding, the same", found, err)
		}
	}
}
