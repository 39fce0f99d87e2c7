package knowledge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const packYAML = `name: web
vocabulary: 1
mode: act
verbs: [drain, restore]
tiers: [T1]
limits:
  max_out: 10%
  cooldown: 10m
`

const testsYAML = `rule: rule_one
tests:
  - name: it fires
    fires: true
    want: [drain]
`

// pack returns a good pack with one file replaced, or removed when text is "-".
func pack(name, text string) fstest.MapFS {
	fsys := fstest.MapFS{
		"pack.yaml":           {Data: []byte(packYAML)},
		"README.md":           {Data: []byte("# web\n")},
		"rules/rule_one.grl":  {Data: []byte("rule rule_one { when F.Ticks > 1 then Note(\"x\"); }\n")},
		"tests/rule_one.yaml": {Data: []byte(testsYAML)},
	}
	if text == "-" {
		delete(fsys, name)
	} else if name != "" {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestDerivedValuesAreRead(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", packYAML+`derived:
  Diagnosis: {type: text, values: [black_hole, slow], doc: what is wrong}
  Confidence: {type: number, unit: "1", range: 0 to 1, doc: how sure it is}
`))
	want := []Derived{{Name: "Diagnosis", Type: "text", Values: []string{"black_hole", "slow"}, Doc: "what is wrong"},
		{Name: "Confidence", Type: "number", Unit: "1", Range: "0 to 1", Doc: "how sure it is"}}
	if err != nil || !reflect.DeepEqual(p.Derived, want) {
		t.Errorf("ReadPack = %+v (%v), want %+v", p, err, want)
	}
}

// parameter returns a pack.yaml with one parameter.
func parameter(line string) string { return packYAML + "parameters:\n  " + line + "\n" }

func TestParametersAreRead(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", packYAML+`parameters:
  SlowTicks: {value: 5, unit: ticks, range: 1 to 60, doc: how long a member is slow}
  Below:
    value: -4.4
    unit: "1"
    range: -10 to 0
    doc: a score
  Metric: {value: latency_ms, doc: what is compared}
  Digits: {value: "5", doc: a text of one digit}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Parameter{{Name: "SlowTicks", Type: "number", Value: "5", Unit: "ticks", Range: "1 to 60", Doc: "how long a member is slow"},
		{Name: "Below", Type: "number", Value: "-4.4", Unit: "1", Range: "-10 to 0", Doc: "a score"},
		{Name: "Metric", Type: "text", Value: "latency_ms", Doc: "what is compared"},
		{Name: "Digits", Type: "text", Value: "5", Doc: "a text of one digit"}}
	for i := range p.Parameters {
		p.Parameters[i].at = nil
	}
	if !reflect.DeepEqual(p.Parameters, want) {
		t.Errorf("parameters = %+v\nwant %+v", p.Parameters, want)
	}
}

func TestUnreadParametersAreToldWithTheirPlace(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: 1 to 60, doc: x}\n  Metric: {value: latency_ms, doc: x}")))
	if err != nil {
		t.Fatal(err)
	}
	if errs := p.Unread([]string{"F.Ticks", "P.Metric", "P.Ticks"}); len(errs) > 0 {
		t.Errorf("Unread = %v, want none", errs)
	}
	errs := p.Unread([]string{"F.Ticks", "P.Metric"})
	if want := "pack.yaml:10:10: parameters: no rule reads P.Ticks, want it read or left out"; len(errs) != 1 || errs[0].Error() != want ||
		!strings.HasSuffix(errs[0].Excerpt(), "\n           ^") {
		t.Errorf("Unread = %v\n%s\nwant %s", errs, errs[0].Excerpt(), want)
	}
}

func TestCriticalRulesAreRead(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", packYAML+"critical: [rule_one]\n"))
	if err != nil || !slices.Equal(p.Critical, []string{"rule_one"}) {
		t.Errorf("ReadPack = %+v (%v), want rule_one critical", p, err)
	}
}

func TestWhatATestDerivesIsRead(t *testing.T) {
	p, err := ReadPack(pack("tests/rule_one.yaml", testsYAML+"    fact: {member: \"\", cohort: rack-1}\n    derives: {Diagnosis: slow, Confidence: 1.5, Room: }\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := p.Tests[0]
	if want := map[string]string{"Diagnosis": "slow", "Confidence": "1.5", "Room": ""}; !reflect.DeepEqual(got.Derives, want) || got.Fact.Cohort != "rack-1" {
		t.Errorf("test = %+v, want it to derive %v", got, want)
	}
}

func TestReadPack(t *testing.T) {
	p, err := ReadPack(pack("", ""))
	if err != nil {
		t.Fatal(err)
	}
	limits := defaultLimits()
	fact := defaultFact()
	want := &Pack{Name: "web", Mode: "act", Verbs: []string{"drain", "restore"}, Tiers: []string{"T1"}, Certified: Declared, Limits: limits, Readme: "# web\n",
		Rules:  []File{{"rules/rule_one.grl", []byte("rule rule_one { when F.Ticks > 1 then Note(\"x\"); }\n")}},
		Tests:  []Test{{File: "tests/rule_one.yaml", Line: 3, Rule: "rule_one", Name: "it fires", Fact: fact, Fires: true, Want: []string{"drain"}}},
		Digest: p.Digest}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("ReadPack = %+v\nwant %+v", p, want)
	}
}

// TestDigest compares with the digest that the command of the package comment
// printed for the same files (GNU coreutils 9.1).
func TestDigest(t *testing.T) {
	p, err := ReadPack(pack("", ""))
	if err != nil {
		t.Fatal(err)
	}
	if want := "h1:MKs2WHoXwY2rRoVDQ5zytmChI1vgogFhrmtzbsitAsE="; p.Digest != want {
		t.Errorf("Digest = %s, want %s", p.Digest, want)
	}
	for name := range pack("", "") {
		fsys := pack("", "")
		fsys[name].Data = append(fsys[name].Data, '\n')
		other, err := ReadPack(fsys)
		if err != nil {
			t.Fatal(err)
		}
		if other.Digest == p.Digest {
			t.Errorf("a byte more in %s leaves the digest as it was", name)
		}
	}
}

func TestReadPackRefuses(t *testing.T) {
	limit := func(line string) string { return strings.Replace(packYAML, "  cooldown: 10m\n", "  "+line+"\n", 1) }
	for _, tt := range []struct {
		name, file, text string
		want             string
	}{
		{"no pack.yaml", "pack.yaml", "-", "pack.yaml: is missing"},
		{"no README.md", "README.md", "-", "README.md: is missing"},
		{"a file without a place", "rules/notes.txt", "x", "rules/notes.txt: has no place in a pack, want pack.yaml, README.md, rules/*.grl and tests/*.yaml"},
		{"a hidden file", ".git", "x", ".git: has no place"},
		{"a directory without a place", "data/x.yaml", "x", "data: a directory that has no place"},
		{"a directory below the rules", "rules/more/rule_two.grl", "x", "rules/more: a directory that has no place"},
		{"a file that is too large", "rules/rule_two.grl", strings.Repeat("x", maxFileBytes+1), "rules/rule_two.grl: more than 65536 bytes"},
		{"an empty file", "pack.yaml", "", "pack.yaml:1:1: found"},
		{"not YAML", "pack.yaml", "name: [", "pack.yaml:1:7: not YAML"},
		{"two documents", "pack.yaml", packYAML + "---\nname: x\n", "pack.yaml:1:1: found 2 documents, want one"},
		{"a list", "pack.yaml", "- name\n", "pack.yaml:1:1: pack: found a list, want keys and values"},
		{"a tab", "pack.yaml", "name:\tweb\n", "pack.yaml:1:1: found a control character"},
		{"a rate without a unit", "pack.yaml", packYAML + "certified: 1/30\n", `pack.yaml:9:12: certified: found "1/30", want declared, none or a rate such as 1/30d`},
		{"an unknown key", "pack.yaml", packYAML + "owner: me\n", `pack.yaml:9:1: pack: unknown key "owner", want one of name, vocabulary, mode, verbs, tiers, certified, critical, derived, parameters, rings, limits`},
		{"a key twice", "pack.yaml", packYAML + "name: web\n", "pack.yaml:9:1: pack: key name is there twice"},
		{"a missing key", "pack.yaml", strings.Replace(packYAML, "mode: act\n", "", 1), "pack.yaml:1:1: pack: key mode is missing"},
		{"another vocabulary", "pack.yaml", strings.Replace(packYAML, "vocabulary: 1", "vocabulary: 2", 1), `pack.yaml:2:13: vocabulary: found "2", want 1`},
		{"an unknown mode", "pack.yaml", strings.Replace(packYAML, "act", "armed", 1), `pack.yaml:3:7: mode: found "armed", want one of observe, suggest, act`},
		{"an unknown verb", "pack.yaml", strings.Replace(packYAML, "restore", "reboot", 1), `pack.yaml:4:16: verbs: found "reboot"`},
		{"a verb twice", "pack.yaml", strings.Replace(packYAML, "restore", "drain", 1), `pack.yaml:4:16: verbs: found "drain"`},
		{"a name in capitals", "pack.yaml", strings.Replace(packYAML, "name: web", "name: Web", 1), `pack.yaml:1:7: name: found "Web"`},
		{"an anchor", "pack.yaml", strings.Replace(packYAML, "name: web", "name: &a web", 1), "pack.yaml:1:7: name: found an anchor or alias, want a plain value"},
		{"an unknown limit", "pack.yaml", limit("max_outs: 10%"), `pack.yaml:8:3: limits: unknown key "max_outs"`},
		{"a share without its unit", "pack.yaml", limit("panic: 30"), `pack.yaml:8:10: limits.panic: found "30", want 1% to 100%`},
		{"a time without its unit", "pack.yaml", limit("hold: 24"), `pack.yaml:8:9: limits.hold: found "24", want a time with its unit from 1s to 720h0m0s, such as 90s or 10m`},
		{"more than half out", "pack.yaml", strings.Replace(packYAML, "10%", "51%", 1), `pack.yaml:7:12: limits.max_out: found "51%", want 1% to 50%`},
		{"none healthy", "pack.yaml", limit("min_healthy: 0"), `pack.yaml:8:16: limits.min_healthy: found "0", want a whole number from 1 to 16384`},
		{"an octal count", "pack.yaml", limit("attempts: 02"), `pack.yaml:8:13: limits.attempts: found "02"`},
		{"a derived value without a type", "pack.yaml", packYAML + "derived:\n  Sure: {doc: x}\n", "pack.yaml:10:9: derived.Sure: key type is missing"},
		{"a derived value without a meaning", "pack.yaml", packYAML + "derived:\n  Sure: {type: truth}\n", "derived.Sure: key doc is missing"},
		{"a derived value of another type", "pack.yaml", packYAML + "derived:\n  Sure: {type: bool, doc: x}\n", `derived.Sure.type: found "bool", want one of number, count, text, truth`},
		{"a derived value in lower case", "pack.yaml", packYAML + "derived:\n  sure: {type: truth, doc: x}\n", `derived: found "sure", want a name`},
		{"a derived value twice", "pack.yaml", packYAML + "derived:\n  Sure: {type: truth, doc: x}\n  Sure: {type: truth, doc: x}\n", "want different plain names"},
		{"a derived number of a list", "pack.yaml", packYAML + "derived:\n  Sure: {type: number, doc: x, values: [a]}\n", "derived.Sure: found values of a number, want them for a text only"},
		{"a derived text with a value twice", "pack.yaml", packYAML + "derived:\n  Sure: {type: text, doc: x, values: [a, a]}\n", `derived.Sure.values: found "a", want different words`},
		{"a critical rule that is not there", "pack.yaml", packYAML + "critical: [rule_two]\n", `pack.yaml:9:12: critical: found "rule_two", want different names of rules of this pack`},
		{"a critical rule twice", "pack.yaml", packYAML + "critical: [rule_one, rule_one]\n", `pack.yaml:9:22: critical: found "rule_one"`},
		{"critical rules as a mapping", "pack.yaml", packYAML + "critical: {rule_one: yes}\n", "critical: found a mapping, want a list of at most 24"},
		{"a derived number of a range in words", "pack.yaml", packYAML + "derived:\n  Sure: {type: number, doc: x, range: at least 0}\n", `derived.Sure.range: found "at least 0", want a range such as 0 to 1, ≥ 0 or > 0`},
		{"a derived number of one number", "pack.yaml", packYAML + "derived:\n  Sure: {type: number, doc: x, range: 5}\n", `derived.Sure.range: found "5"`},
		{"a derived number of a range upside down", "pack.yaml", packYAML + "derived:\n  Sure: {type: number, doc: x, range: 5 to 1}\n", `derived.Sure.range: found "5 to 1"`},
		{"a derived number of two bounds in one", "pack.yaml", packYAML + "derived:\n  Sure: {type: number, doc: x, range: \"> ≥ 0\"}\n", `derived.Sure.range: found "> ≥ 0"`},
		{"a derived text of a range", "pack.yaml", packYAML + "derived:\n  Sure: {type: text, doc: x, range: 0 to 1}\n", "derived.Sure: found a range of a text, want it for a number or count only"},
		{"derived values as a list", "pack.yaml", packYAML + "derived: [Sure]\n", "derived: found a list, want at most 24 keys and values"},
		{"parameters as a list", "pack.yaml", packYAML + "parameters: [Ticks]\n", "pack.yaml:9:13: parameters: found a list, want at most 256 keys and values"},
		{"a parameter in lower case", "pack.yaml", parameter("ticks: {value: 5, unit: ticks, range: 1 to 9, doc: x}"), `pack.yaml:10:10: parameters: found "ticks", want a name`},
		{"a parameter twice", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: 1 to 9, doc: x}\n  Ticks: {value: 5, unit: ticks, range: 1 to 9, doc: x}"), `pack.yaml:11:3: parameters: found "Ticks", want different plain names`},
		{"a parameter without its value", "pack.yaml", parameter("Ticks: {unit: ticks, range: 1 to 9, doc: x}"), "pack.yaml:10:10: parameters.Ticks: key value is missing"},
		{"a parameter without its unit", "pack.yaml", parameter("Ticks: {value: 5, range: 1 to 9, doc: x}"), "pack.yaml:10:10: parameters.Ticks: key unit is missing, want one such as seconds"},
		{"a parameter without its range", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, doc: x}"), "parameters.Ticks: key range is missing, want one such as 1 to 60"},
		{"a parameter without a meaning", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: 1 to 9}"), "parameters.Ticks: key doc is missing"},
		{"a parameter with a default", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: 1 to 9, doc: x, default: 4}"), `parameters.Ticks: unknown key "default", want one of value, unit, range, doc`},
		{"a parameter above its range", "pack.yaml", parameter("Ticks: {value: 10, unit: ticks, range: 1 to 9, doc: x}"), "pack.yaml:10:10: parameters.Ticks: found the value 10, want 1 to 9 ticks"},
		{"a parameter below its range", "pack.yaml", parameter("Low: {value: -4.5, unit: \"1\", range: -4.4 to 9, doc: x}"), "found the value -4.5, want -4.4 to 9 1"},
		{"a range upside down", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: 9 to 1, doc: x}"), `found the range "9 to 1", want two numbers such as 1 to 60, the lower one first`},
		{"a range of one number", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: 5 to 5, doc: x}"), `found the range "5 to 5"`},
		{"a range of one side", "pack.yaml", parameter("Ticks: {value: 5, unit: ticks, range: at least 1, doc: x}"), `found the range "at least 1"`},
		{"a range with its unit", "pack.yaml", parameter("Ticks: {value: 5, unit: s, range: 1s to 9s, doc: x}"), `found the range "1s to 9s"`},
		{"a number with its unit", "pack.yaml", parameter("Ticks: {value: 5s, unit: seconds, range: 1 to 9, doc: x}"), `found the unit "seconds" and the range "1 to 9" of the text "5s", want them for a number`},
		{"a number in quotes", "pack.yaml", parameter("Ticks: {value: \"5\", unit: ticks, range: 1 to 9, doc: x}"), "a number stands without quotes"},
		{"a number of seven decimals", "pack.yaml", parameter("Low: {value: 0.0000001, unit: x, range: 0 to 9, doc: x}"), `pack.yaml:10:16: parameters.Low.value: found "0.0000001", want a decimal number in its shortest spelling`},
		{"a number that is not in its shortest spelling", "pack.yaml", parameter("Low: {value: 0.80, unit: x, range: 0 to 9, doc: x}"), `found "0.80", want a decimal number in its shortest spelling`},
		{"a number with an exponent", "pack.yaml", parameter("Low: {value: 1e3, unit: x, range: 0 to 9, doc: x}"), `parameters.Low`},
		{"a number in hexadecimal", "pack.yaml", parameter("Low: {value: 0x10, unit: x, range: 0 to 99, doc: x}"), `found "0x10", want a decimal number`},
		{"a number in octal", "pack.yaml", parameter("Low: {value: 010, unit: x, range: 0 to 99, doc: x}"), `found "010", want a decimal number`},
		{"a number above 2^53", "pack.yaml", parameter("Low: {value: 9007199254740993, unit: x, range: 0 to 99, doc: x}"), `found "9007199254740993", want a decimal number`},
		{"minus zero", "pack.yaml", parameter("Low: {value: -0, unit: x, range: 0 to 99, doc: x}"), `found "-0", want a decimal number`},
		{"no number", "pack.yaml", parameter("Low: {value: .nan, unit: x, range: 0 to 99, doc: x}"), "parameters.Low.value: found"},
		{"a truth value", "pack.yaml", parameter("On: {value: true, doc: x}"), `parameters.On.value: found "true", want a number or a text`},
		{"a list of values", "pack.yaml", parameter("On: {value: [1], doc: x}"), `parameters.On.value: found a list, want a number or a text`},
		{"a text with a quote", "pack.yaml", parameter("On: {value: 'a\"b', doc: x}"), `parameters.On.value: found "a\"b", want a text of 1 to 64 printable characters`},
		{"a text with a parenthesis", "pack.yaml", parameter("On: {value: a(b, doc: x}"), `parameters.On.value: found "a(b", want a text`},
		{"a text of no characters", "pack.yaml", parameter(`On: {value: "", doc: x}`), `parameters.On.value: found "", want a text`},
		{"a text in another alphabet", "pack.yaml", parameter(`On: {value: "é", doc: x}`), `parameters.On.value: found "é", want a text`},
		{"a text of many characters", "pack.yaml", parameter("On: {value: " + strings.Repeat("x", 65) + ", doc: x}"), `want a text of 1 to 64`},
		{"no cooldown", "pack.yaml", limit("cooldown: 0s"), `pack.yaml:8:13: limits.cooldown: found "0s"`},
		{"a choice that is none", "pack.yaml", limit("after_hold: forget"), `pack.yaml:8:15: limits.after_hold: found "forget", want restore or escalate`},
		{"verify longer than hold", "pack.yaml", limit("hold: 2s"), "pack.yaml:7:3: limits: found settle 200ms, verify 5s, hold 2s, want each at most the next"},
		{"brackets in brackets", "pack.yaml", "name: " + strings.Repeat("[", 9), "pack.yaml:1:1: more than 8 collections opened at once"},

		{"a key of the long form", "pack.yaml", "? name\n: web\n", "pack.yaml:1:1: found a key of the form"},

		{"a test of no rule", "tests/rule_one.yaml", strings.Replace(testsYAML, "rule: rule_one\n", "", 1), "tests/rule_one.yaml:1:1: tests: key rule is missing"},
		{"a test without a name", "tests/rule_one.yaml", strings.Replace(testsYAML, "name: it fires\n    ", "", 1), "tests/rule_one.yaml:3:5: test: key name is missing"},
		{"a test that says nothing", "tests/rule_one.yaml", strings.Replace(testsYAML, "    fires: true\n", "", 1), "tests/rule_one.yaml:3:5: test: key fires is missing"},
		{"two tests of one name", "tests/rule_one.yaml", testsYAML + testsYAML[22:], `tests/rule_one.yaml:6:11: name: found "it fires", want a name that no other test of the file has`},
		{"like a test that is not there", "tests/rule_one.yaml", testsYAML + "    like: it misses\n", `tests/rule_one.yaml:6:11: like: found "it misses", want the name of a test above`},
		{"a derived value of a list", "tests/rule_one.yaml", testsYAML + "    derives: {Sure: [a]}\n", "tests/rule_one.yaml:6:21: derives.Sure: found a list, want a plain value"},
		{"a derived value that is an empty text", "tests/rule_one.yaml", testsYAML + "    derives: {Sure: \"\"}\n", `derives.Sure: found "", want a value, or nothing at all`},
		{"derived values as a list", "tests/rule_one.yaml", testsYAML + "    derives: [Sure]\n", "derives: found a list, want at most 24 keys and values"},
		{"a derived value twice", "tests/rule_one.yaml", testsYAML + "    derives: {Sure: a, Sure: b}\n", "derives: found \"Sure\", want different plain names"},
		{"an unknown kind", "tests/rule_one.yaml", testsYAML + "    fact: {kind: alert}\n", `tests/rule_one.yaml:6:18: kind: found "alert", want one of imbalance`},
		{"a number that is none", "tests/rule_one.yaml", testsYAML + "    fact: {score: 1e3}\n", `tests/rule_one.yaml:6:19: score: found "1e3", want a decimal number such as 4.2`},
		{"an effect without peers", "tests/rule_one.yaml", testsYAML + "    fact: {effect: {latency_ms: {value: 1, score: 2}}}\n", "tests/rule_one.yaml:6:33: effect.latency_ms: key peers is missing"},
		{"a rate without its unit", "tests/rule_one.yaml", testsYAML + "    fact: {certified: 30}\n", `tests/rule_one.yaml:6:23: certified: found "30", want a rate such as 1/30d, or none`},
		{"a fact of later", "tests/rule_one.yaml", testsYAML + "    fact: {ago: 3s}\n", `tests/rule_one.yaml:6:12: fact: unknown key "ago"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadPack(pack(tt.file, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadPack = %v\nwant %s", err, tt.want)
			}
			if _, ok := errors.AsType[Errors](err); !ok {
				t.Errorf("ReadPack = %T, want Errors", err)
			}
		})
	}
}

func TestErrorShowsTheLine(t *testing.T) {
	_, err := ReadPack(pack("pack.yaml", strings.Replace(packYAML, "10%", "10", 1)))
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("ReadPack = %v, want an *Error", err)
	}
	if got, want := e.Excerpt(), "    max_out: 10\n             ^"; got != want {
		t.Errorf("Excerpt() =\n%s\nwant\n%s", got, want)
	}
}

func TestEveryErrorIsReported(t *testing.T) {
	fsys := pack("pack.yaml", strings.Replace(packYAML, "mode: act", "mode: on\nmoode: on", 1))
	fsys["tests/rule_one.yaml"].Data = []byte("rule: 1\n")
	_, err := ReadPack(fsys)
	var got []string
	for _, e := range err.(Errors) {
		got = append(got, fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column))
	}
	if want := "pack.yaml:3:7 pack.yaml:4:1 tests/rule_one.yaml:1:7 tests/rule_one.yaml:1:1"; strings.Join(got, " ") != want {
		t.Errorf("errors at %s, want %s\n%v", got, want, err)
	}
}

func TestSymbolicLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	for name, f := range pack("", "") {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, f.Data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "rule_two.grl")
	if err := errors.Join(os.WriteFile(outside, []byte("x"), 0o600), os.Symlink(outside, filepath.Join(dir, "rules/rule_two.grl"))); err != nil {
		t.Fatal(err)
	}
	_, err := ReadPack(os.DirFS(dir))
	if err == nil || !strings.Contains(err.Error(), "rules/rule_two.grl: is not a regular file") {
		t.Errorf("ReadPack = %v, want the link refused", err)
	}
	if err := os.Remove(filepath.Join(dir, "rules/rule_two.grl")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPack(os.DirFS(dir)); err != nil {
		t.Errorf("ReadPack = %v, want nil without the link", err)
	}
}

func TestFileSystemErrorsArePassedOn(t *testing.T) {
	if _, err := ReadPack(os.DirFS(filepath.Join(t.TempDir(), "none"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadPack = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestATestLikeAnother(t *testing.T) {
	p, err := ReadPack(pack("tests/rule_one.yaml", `rule: rule_one
tests:
  - name: first
    before:
      - {kind: outcome, ago: 600s, verb: drain, result: dry run}
    after: 2s
    fact:
      ticks: 2
      effect:
        a: {value: 1, peers: 2, score: -3}
        b: {value: 4, peers: 5, score: 6}
    fires: true
  - name: second
    fires: false
    fact: {member: "", effect: {a: {value: 1.5}, b: }}
    like: first
    lacks: F.Standing
`))
	if err != nil {
		t.Fatal(err)
	}
	first, second := p.Tests[0], p.Tests[1]
	if want := map[string]TestEffect{"a": {"1", "2", "-3"}, "b": {"4", "5", "6"}}; !reflect.DeepEqual(first.Fact.Effects, want) {
		t.Errorf("effects of the first = %v, want %v", first.Fact.Effects, want)
	}
	want := Test{File: "tests/rule_one.yaml", Line: 13, Rule: "rule_one", Name: "second", Fact: first.Fact, After: 2 * time.Second, Want: []string{}, Lacks: "F.Standing"}
	want.Fact.Member, want.Fact.Effects = "", map[string]TestEffect{"a": {"1.5", "2", "-3"}}
	want.Before = []TestFact{defaultFact()}
	want.Before[0].Kind, want.Before[0].Ago, want.Before[0].Result = "outcome", 10*time.Minute, "dry run"
	if !reflect.DeepEqual(second, want) {
		t.Errorf("second = %+v\nwant %+v", second, want)
	}
}

func FuzzReadPack(f *testing.F) {
	f.Add([]byte(packYAML), []byte(testsYAML))
	f.Add([]byte(parameter("Ticks: {value: 5, unit: ticks, range: 1 to 9, doc: x}\n  Metric: {value: latency_ms, doc: x}")), []byte(testsYAML))
	f.Add([]byte("name: &a [*a]\n"), []byte("rule: x\ntests: [{name: a, like: a}]\n"))
	f.Add([]byte("? a\n: b\n"), []byte("!!map {}\n"))
	f.Add([]byte("a: |\n  b\n"), []byte("--- \n...\n"))
	f.Fuzz(func(t *testing.T, packText, testText []byte) {
		fsys := pack("", "")
		fsys["pack.yaml"].Data, fsys["tests/rule_one.yaml"].Data = packText, testText
		p, err := ReadPack(fsys)
		if err == nil {
			if p.Name == "" || !strings.HasPrefix(p.Digest, "h1:") || p.Limits.MaxOut < 1 || p.Limits.MaxOut > 50 {
				t.Fatalf("ReadPack took %+v", p)
			}
			return
		}
		of, ok := errors.AsType[Errors](err)
		if !ok || len(of) == 0 {
			t.Fatalf("ReadPack = %v, want Errors", err)
		}
		for _, e := range of {
			_ = e.Excerpt()
		}
	})
}
