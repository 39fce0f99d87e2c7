package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

// parameter returns one of the tests' parameters: a text when it is in quotes.
func parameter(name, value string) Parameter {
	p := Parameter{Word: Word{Name: "P." + name, Type: Number, Unit: "1", Doc: "of a test"}, Value: value}
	if text, ok := strings.CutPrefix(value, `"`); ok {
		p.Type, p.Unit, p.Value = Text, "", strings.TrimSuffix(text, `"`)
	}
	return p
}

func allowParameters() Allow {
	allow := everything
	allow.Derived = diagnoses
	allow.Parameters = []Parameter{parameter("Ticks", "5"), parameter("Low", "0.8"), parameter("Below", "-4.4"), parameter("Zero", "0"),
		parameter("Metric", `"bytes_per_request"`), parameter("Why", `"does less than its peers"`), parameter("Verb", `"drain"`)}
	return allow
}

// TestParametersAreConstants has one line for each place in which a parameter
// may stand, and each in which it may not.
func TestParametersAreConstants(t *testing.T) {
	for _, tt := range []struct {
		name, when, then string
		want             string // of the survey
	}{
		{"a threshold", "F.Ticks >= P.Ticks", "", ""},
		{"on the left side", "P.Ticks <= F.Ticks", "", ""},
		{"below zero", "F.Score(\"x\") < P.Below", "", ""},
		{"subtracted though below zero", "F.Margin -P.Below > P.Ticks", "", ""},
		{"subtracted", "F.Ticks - P.Ticks >= P.Ticks", "", ""},
		{"subtracted from a sum", "(F.Ticks + 1)-P.Ticks >= P.Ticks", "", ""},
		{"a metric", "F.Ratio(P.Metric) < P.Low", "", ""},
		{"an argument", "Max(F.Margin, P.Low) > 1 && Abs(P.Below) < F.Margin", "", ""},
		{"the value of a derived one", "F.Ticks >= P.Ticks", "D.Confidence = P.Low; D.Diagnosis = \"slow\";", ""},
		{"a reason", "F.Ticks >= P.Ticks", `Propose("drain", F.Member, P.Why);`, ""},
		{"a verb", "F.Ticks >= P.Ticks", "Propose(P.Verb, F.Member, P.Why);", ""},
		{"in a text it is a text", `F.Member != "P.Nope"`, "", ""},

		{"an unknown name", "F.Margin > 1 && F.Ticks >= P.Nope", "", "3:28 E02"},
		{"a name in lower case", "F.Ticks >= P.ticks", "", "3:12 E02"},
		{"the root by itself", "F.Ticks >= P", "", "3:12 E02"},
		{"called", "F.Ticks >= P.Ticks()", "", "3:12 E02"},
		{"torn apart", "F.Ticks >= P. Ticks", "", "3:12 E00"},
		{"torn apart by a comment", "F.Ticks >= P./* */Ticks", "", "3:12 E00"},
		{"over two lines", "F.Ticks >= P\n.Ticks", "", "3:12 E00"},
		{"a field of it", "F.Ticks >= P.Ticks.More", "", "3:19 E04"},
		{"a sign ahead", "F.Margin > -P.Low", "", "3:12 E03"},
		{"a sign ahead of what is below zero", "F.Margin > (-P.Below)", "", "3:13 E03"},
		{"assigned", "F.Ticks > 1", "P.Ticks = 3;", "5:9 E05"},
		{"asked for", `Known("P.Ticks")`, "", "3:7 E02"},
		{"a number where a text stands", "F.Member == P.Ticks", "", "3:10 E02"},
		{"a text where a number stands", "F.Ticks >= P.Metric", "", "3:9 E02"},
		{"a text outside the closed set", "F.Kind == P.Metric", "", "3:8 E06"},
		{"a metric that is no name", "F.Ratio(P.Why) < 1", "", "3:9 E02"},
		{"a measurement compared by ==", "F.Margin == P.Low", "", "3:10 E09"},
		{"division by one that is zero", "F.Ticks / P.Zero > 1", "", "3:11 E08"},
		{"division by one that is not", "F.Ticks / P.Low > 1", "", ""},
		{"nothing but parameters", "P.Ticks > P.Low", "", "3:1 E07"},
		{"a switch", "P.Zero == 1 && F.Ticks > 1", "", "3:1 E07"},
		{"always true for its value", "F.Ticks >= P.Zero", "", "3:1 E07"},
		{"never true for its value", "F.Ticks < P.Zero", "", "3:1 E06"},
		{"a range of nothing", "F.Ticks > P.Ticks && F.Ticks < 3", "", "3:22 E06"},
		{"a part that follows", "F.Ticks > P.Ticks && F.Ticks > 3", "", "3:22 W11"},
		{"a verb that is not permitted", "F.Ticks > 1", "Propose(P.Metric, F.Member, P.Why);", "5:9 E20"},
		{"a syntax error behind one on the line", "F.Ticks > P.Ticks && && F.Margin > 1", "", "3:22 E00"},
		{"a syntax error behind a longer one", "F.Ratio(P.Metric) < P.Low && && F.Ticks > 1", "", "3:30 E00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			then := tt.then
			if then == "" {
				then = `Propose("drain", F.Member, "because");`
			}
			s := source("rule_one", 1, tt.when, then)
			found := Survey([]Source{s}, allowParameters())
			if got := codes(found); got != tt.want {
				t.Errorf("Survey finds %s, want %s\n%v", got, tt.want, found)
			}
			if _, err := Compile("h1:test", []Source{s}, allowParameters()); err != nil && tt.want == "" {
				t.Errorf("Compile: %v", err)
			}
		})
	}
}

func TestParametersBetweenRulesAreAnalysed(t *testing.T) {
	found := Survey([]Source{
		source("start", 9, "F.Ratio(P.Metric) < P.Low", `Propose("drain", F.Member, "x");`),
		source("end", 9, `F.Ratio("bytes_per_request") >= 0.8`, `Propose("restore", F.Member, "x");`),
		source("again", 5, `F.Ratio("bytes_per_request") < 0.8`, `Propose("drain", F.Member, "x");`),
	}, allowParameters())
	if got := codes(found); got != "1:6 W11, 1:6 W15" {
		t.Errorf("found %s: %v", got, found)
	}
}

func TestParametersAreRestricted(t *testing.T) {
	ok := parameter("Fine", "1")
	for name, of := range map[string][]Parameter{
		"declared twice":                         {ok, ok},
		"a name without the root":                {{Word: Word{Name: "Fine", Type: Number}, Value: "1"}},
		"a name in lower case":                   {parameter("fine", "1")},
		"a number that the parser would merge":   {parameter("Fine", "0.0000001")},
		"a number in another spelling":           {parameter("Fine", "1.50")},
		"a number with an exponent":              {parameter("Fine", "1e3")},
		"a number above 2^53":                    {parameter("Fine", "9007199254740993")},
		"minus zero":                             {parameter("Fine", "-0")},
		"a blank after the sign":                 {parameter("Fine", "- 1")},
		"no number":                              {parameter("Fine", "")},
		"an expression":                          {parameter("Fine", "1 + 1")},
		"a name":                                 {parameter("Fine", "F.Ticks")},
		"a number and a comment":                 {parameter("Fine", "1//")},
		"a text that ends in a comment":          {parameter("Fine", `"x"//"`)},
		"a text that ends early":                 {parameter("Fine", `"x" || "y"`)},
		"a text with a parenthesis":              {parameter("Fine", `"E(x"`)},
		"a text of many bytes":                   {parameter("Fine", `"`+strings.Repeat("x", maxParameterBytes+1)+`"`)},
		"a truth value":                          {{Word: Word{Name: "P.Fine", Type: Truth}, Value: "true"}},
		"more than there may be":                 make([]Parameter, maxParameters+1),
		"a text of a declared set, which is not": {{Word: Word{Name: "P.Fine", Type: Text, Values: []string{"a"}}, Value: "a"}},
	} {
		allow := everything
		allow.Parameters = of
		if _, err := Compile("h1:test", nil, allow); err == nil {
			t.Errorf("%s: Compile = nil, want an error", name)
		}
	}
}

var saidParameter = regexp.MustCompile(`P\.[A-Za-z0-9]+ \(([^)]*)\)`)

// parameterised returns rules in which each literal of the conditions is a
// parameter.
func parameterised(t *testing.T, rules []Source) ([]Source, []Parameter) {
	t.Helper()
	names, all := map[string]string{}, []Parameter(nil)
	out := make([]Source, len(rules))
	for i, s := range rules {
		w, errs := guard(s)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		var text bytes.Buffer
		from := 0
		for k := w.when; k < w.then; k++ {
			x := w.tokens[k]
			if x.kind != number && x.kind != textToken {
				continue
			}
			value, at := x.literal(), x.pos
			if w.signed(k) {
				value, at = "-"+value, w.tokens[k-1].pos
			}
			if names[value] == "" {
				p := parameter(fmt.Sprintf("N%03d", len(all)), value)
				names[value], all = p.Name, append(all, p)
			}
			text.Write(s.Text[from:at])
			text.WriteString(names[value])
			from = x.end
		}
		text.Write(s.Text[from:])
		out[i] = Source{s.Name, text.Bytes()}
	}
	return out, all
}

// textToken is the kind of a text token, whose name a variable has above.
const textToken = text

// TestParametersDecideAsLiterals compiles rules twice: as they are, and with a
// parameter for each of their literals. Index, filter and evaluator have to say
// the same of both.
func TestParametersDecideAsLiterals(t *testing.T) {
	r := maker{rand.New(rand.NewPCG(21, 22))}
	var rules []Source
	for i := range 60 {
		s := source(fmt.Sprintf("rule_%02d", i), i%5, r.condition(2), fmt.Sprintf(`Propose("drain", F.Member, "rule %d");`, i))
		if _, err := Compile("h1:test", []Source{s}, everything); err == nil {
			rules = append(rules, s)
		}
	}
	named, all := parameterised(t, rules)
	if len(rules) < 30 || len(all) < 20 {
		t.Fatalf("%d rules with %d literals are too few to tell", len(rules), len(all))
	}
	allow := everything
	allow.Parameters = all
	plain := mustCompile(t, rules...)
	p, err := Compile("h1:test", named, allow)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.rules {
		if !reflect.DeepEqual(p.rules[i].parts, plain.rules[i].parts) {
			t.Errorf("the index of %s knows other parts: %+v, want %+v", p.rules[i].name, p.rules[i].parts, plain.rules[i].parts)
		}
	}
	w := newSpeedWorld(1, false)
	matched := 0
	for i, f := range w.facts {
		m := NewMemory("test", "web", Act)
		apply(t, m, f)
		want, err := plain.Decide(w.now[i], m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Decide(w.now[i], m)
		if err != nil {
			t.Fatal(err)
		}
		matched += len(got.Matched)
		for _, x := range got.Matched {
			for k := range x.When {
				x.When[k].If = saidParameter.ReplaceAllString(x.When[k].If, "$1")
			}
		}
		if a, b := got.Encode(), want.Encode(); !bytes.Equal(a, b) {
			t.Fatalf("decision with parameters\n%s\nwith literals\n%s", a, b)
		}
	}
	if matched < 100 {
		t.Errorf("%d matches are too few to tell", matched)
	}
}

func TestParametersAreTold(t *testing.T) {
	p, err := Compile("h1:test", []Source{source("rule_one", 1, "F.Ticks >= P.Ticks && F.Score(P.Metric) >= P.Below",
		`Propose("drain", F.Member, P.Why);`)}, allowParameters())
	if err != nil {
		t.Fatal(err)
	}
	d := decide(t, p, at(0), alarm("web-07"))
	want := []Conjunct{{"F.Ticks >= P.Ticks (5)", "5"}, {`F.Score(P.Metric ("bytes_per_request")) >= P.Below (-4.4)`, "-4.4"}}
	if len(d.Matched) != 1 || !reflect.DeepEqual(d.Matched[0].When, want) {
		t.Errorf("matched = %+v, want %+v", d.Matched, want)
	}
	if got := wants(d); got != "drain by rule_one: does less than its peers" {
		t.Errorf("wanted %q", got)
	}
	if i := indexOf(p.Vocabulary(), "P.Ticks"); i < 0 {
		t.Error("the program's vocabulary lacks P.Ticks")
	}
}

func TestParametersInAnOutline(t *testing.T) {
	s := source("rule_one", 1, `F.Ticks >= P.Ticks && F.Score(P.Metric) < P.Below`, `Veto("drain", P.Why);`)
	o, err := NewOutline(s, allowParameters())
	if err != nil {
		t.Fatal(err)
	}
	bounds := o.Bounds()
	if len(bounds) != 2 || bounds[0].At != 5 || bounds[0].Step != 1 || bounds[1].At != -4.4 || bounds[1].Step != 0.1 ||
		bounds[1].Metric != "bytes_per_request" || bounds[1].Column != 23 {
		t.Errorf("bounds = %+v", bounds)
	}
	var what []string
	for _, m := range o.Mutants() {
		what = append(what, m.What)
		if _, err := Compile("h1:test", []Source{m.Source}, allowParameters()); err != nil {
			t.Errorf("mutant %q: %v\n%s", m.What, err, m.Source.Text)
		}
	}
	want := `F.Ticks >= 5 is left out; F.Score("bytes_per_request") < -4.4 is left out; ` +
		`&& becomes || ahead of F.Score("bytes_per_request") < -4.4; F.Ticks >= P.Ticks (5) becomes F.Ticks > 5; ` +
		`5 becomes 4; 5 becomes 6; F.Score(P.Metric ("bytes_per_request")) < P.Below (-4.4) becomes F.Score("bytes_per_request") <= -4.4; ` +
		`-4.4 becomes -4.5; -4.4 becomes -4.3; Veto("drain", "does less than its peers") is left out`
	if got := strings.Join(what, "; "); got != want {
		t.Errorf("mutants:\n%s\nwant\n%s", got, want)
	}
	p := must(Compile("h1:test", []Source{s}, allowParameters()))
	asked := must(p.Ask(o, at(0), situated(t, alarm("web-07")), nil))
	if a, parts := asked.All, asked.Parts; a != No || *parts[0] != Yes || *parts[1] != No {
		t.Errorf("Ask = %v, %v, %v, want no, yes and no", a, *parts[0], *parts[1])
	}
}

// situated returns a memory to which a fact was applied.
func situated(t *testing.T, f facts.Fact) *Memory {
	m := NewMemory("test", "web", Act)
	apply(t, m, f)
	return m
}

func TestParametersAreLaidOutAndDrawnByName(t *testing.T) {
	s := source("rule_one", 1, "F.Ticks>=P.Ticks", `Note(P.Why);`)
	out, err := Format(s)
	if err != nil || !strings.Contains(string(out), "F.Ticks >= P.Ticks\n") {
		t.Errorf("Format = %s, %v", out, err)
	}
	g, err := NewGraph([]Source{s})
	if want := []string{"F.Ticks", "P.Ticks", "P.Why"}; err != nil || !reflect.DeepEqual(g.Rules[0].Reads, want) {
		t.Errorf("graph = %+v, %v, want it to read %v", g, err, want)
	}
}

// FuzzParameter: whatever the value, it is refused, or the parser is given one
// literal that reads the same.
func FuzzParameter(f *testing.F) {
	for _, s := range []string{"5", "-4.4", "0.0000001", "-0", "1 + 1", "1//", `a" || "b`, "slow", ""} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, value string, isText bool) {
		p := Parameter{Word: Word{Name: "P.Value", Type: Number}, Value: value}
		s := source("rule_one", 1, "F.Ticks - P.Value > 1 && F.Margin > P.Value", `Note("x");`)
		if isText {
			p.Type = Text
			s = source("rule_one", 1, `F.Member != P.Value`, `Note("x");`)
		}
		allow := everything
		allow.Parameters = []Parameter{p}
		if err := checkParameters(allow.Parameters); err != nil {
			return
		}
		if _, err := Compile("h1:test", []Source{s}, allow); err != nil {
			t.Fatalf("parameter %q is admitted, and not compiled: %v", value, err)
		}
		w, errs := read(s, constantsOf(allow.Parameters))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		again, fault := lex(w.grl())
		if fault != nil || len(again) != len(w.tokens) {
			t.Fatalf("parameter %q: the parser is given %q", value, w.grl())
		}
		for i := range again {
			if again[i].kind != w.tokens[i].kind || again[i].text != w.tokens[i].text {
				t.Fatalf("parameter %q: token %d is %q, want %q", value, i, again[i].text, w.tokens[i].text)
			}
		}
	})
}
