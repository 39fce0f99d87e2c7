package knowledge

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// samples is a value of each field.
var samples = map[string]string{
	"trust": TextDigest(nil), "proposal": TextDigest([]byte("p")), "stop": TextDigest([]byte("s")), "checkpoint": TextDigest([]byte("c")),
	"evidence": TextDigest([]byte("e")), "env": prodEnv, "seq": "42", "parent": liveH1, "bundle": liveH1, "kind": "change", "author": "alice",
	"contributors": "bob,carol", "created": "2026-11-22T05:00:00Z", "not-before": "2026-11-22T05:59:00Z", "expires": "2026-11-23T06:00:00Z",
	"rollout": "shadow=30m,ring1=1h30m,all=0s", "rollback-window": "72h", "ticket": "CHG-1234", "why": "Čapek’s pool: 2 < 3",
	"nonce": "00112233445566778899aabbccddeeff", "person": "carol", "name": "Carol Čapek", "decision": "reject", "meaning": "I read it",
	"time": "2026-11-22T05:51:46Z", "scope": "group/web", "life": "30m", "first": "0", "last": "1048575",
}

func sample(t testing.TB, kind Kind) Statement {
	t.Helper()
	fields := map[string]string{}
	for _, f := range grammar[kind] {
		fields[f.name] = samples[f.name]
	}
	s, err := NewStatement(kind, fields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryKindIsRenderedAsItIsParsed(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(grammar)) {
		s := sample(t, kind)
		text := s.Render()
		again, err := ParseStatement(text)
		if err != nil || string(again.Render()) != string(text) || again.Kind != kind {
			t.Errorf("parse and render %s = %q, %v, want %q", kind, again.Render(), err, text)
		}
		for _, f := range grammar[kind] {
			if got := again.Field(f.name); got != samples[f.name] {
				t.Errorf("%s: Field(%s) = %q, want %q", kind, f.name, got, samples[f.name])
			}
		}
	}
}

func TestStatementFields(t *testing.T) {
	p := sample(t, Proposal)
	if got, want := p.Rollout(), []Stage{{"shadow", 30 * time.Minute}, {"ring1", 90 * time.Minute}, {"all", 0}}; !slices.Equal(got, want) {
		t.Errorf("Rollout() = %v, want %v", got, want)
	}
	if got := p.Time("created"); !got.Equal(mustTime("2026-11-22T05:00:00Z")) {
		t.Errorf("Time(created) = %v", got)
	}
	if p.Number("seq") != 42 || p.Span("rollback-window") != 72*time.Hour || p.Kind.Namespace() != "proposal@evenkeel.v1" {
		t.Errorf("seq %d, window %v, namespace %s", p.Number("seq"), p.Span("rollback-window"), p.Kind.Namespace())
	}
	if p.Field("no such field") != "" || p.Number("why") != 0 || p.Span("why") != 0 || !p.Time("why").IsZero() {
		t.Error("a field that is not there or of another form has a value")
	}
}

// TestStatementsHaveOneForm edits a good text in every way that could show two
// people two statements under one signature, and wants each refused.
func TestStatementsHaveOneForm(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(grammar)) {
		text := string(sample(t, kind).Render())
		lines := strings.SplitAfter(text, "\n")
		edits := map[string]string{
			"nothing":                    "",
			"a line feed":                "\n",
			"no last line feed":          strings.TrimSuffix(text, "\n"),
			"a byte order mark":          "\ufeff" + text,
			"carriage returns":           strings.ReplaceAll(text, "\n", "\r\n"),
			"an empty line":              lines[0] + "\n" + strings.Join(lines[1:], ""),
			"an empty line at the end":   text + "\n",
			"another line at the end":    text + "why not\n",
			"a line twice":               lines[0] + lines[1] + strings.Join(lines[1:], ""),
			"a line missing":             lines[0] + strings.Join(lines[2:], ""),
			"the last line missing":      strings.Join(lines[:len(lines)-2], ""),
			"lines swapped":              lines[0] + lines[2] + lines[1] + strings.Join(lines[3:], ""),
			"a tab for the blank":        lines[0] + strings.Replace(lines[1], " ", "\t", 1) + strings.Join(lines[2:], ""),
			"two blanks":                 lines[0] + strings.Replace(lines[1], " ", "  ", 1) + strings.Join(lines[2:], ""),
			"a blank at the end":         strings.Replace(text, "\n", " \n", 1),
			"a blank at a field's end":   lines[0] + strings.Replace(lines[1], "\n", " \n", 1) + strings.Join(lines[2:], ""),
			"a blank at a start":         lines[0] + " " + strings.Join(lines[1:], ""),
			"a no-break blank at an end": lines[0] + strings.Replace(lines[1], "\n", "\u00a0\n", 1) + strings.Join(lines[2:], ""),
			"an upper-case name":         lines[0] + strings.ToUpper(lines[1][:1]) + lines[1][1:] + strings.Join(lines[2:], ""),
			"a name without a value":     lines[0] + strings.Fields(lines[1])[0] + "\n" + strings.Join(lines[2:], ""),
			"a bidirectional override":   lines[0] + strings.Replace(lines[1], " ", " \u202e", 1) + strings.Join(lines[2:], ""),
			"a zero-width blank":         lines[0] + strings.Replace(lines[1], " ", " \u200b", 1) + strings.Join(lines[2:], ""),
			"a line separator":           strings.TrimSuffix(text, "\n") + "\u2028x\n",
			"a paragraph separator":      strings.TrimSuffix(text, "\n") + "\u2029x\n",
			"a null byte":                strings.TrimSuffix(text, "\n") + "\x00\n",
			"a next-line character":      strings.TrimSuffix(text, "\n") + "\u0085x\n",
			"bytes that are not UTF-8":   strings.TrimSuffix(text, "\n") + "\xff\n",
			"version 2":                  strings.Replace(text, " v1\n", " v2\n", 1),
			"another product":            strings.Replace(text, "evenkeel", "evenkee1", 1),
			"another kind's first line":  strings.Replace(text, "evenkeel "+string(kind), "evenkeel register", 1),
			"more than 16 KiB":           strings.Replace(text, "\n", strings.Repeat("x", MaxTextBytes)+"\n", 1),
		}
		for name, edited := range edits {
			if s, err := ParseStatement([]byte(edited)); err == nil {
				t.Errorf("%s with %s = %q, want an error", kind, name, s.Render())
			} else if !strings.HasPrefix(err.Error(), "knowledge: ") {
				t.Errorf("%s with %s: error %q, want it to begin with the package", kind, name, err)
			}
		}
	}
}

func TestFieldsAreRefused(t *testing.T) {
	for field, values := range map[string][]string{
		"trust":           {"-", "sha256:", "sha256:" + strings.Repeat("A", 64), "sha256:" + strings.Repeat("0", 63), "sha512:" + strings.Repeat("0", 64)},
		"env":             {"prod", "prod/1", "PROD/" + strings.Repeat("0", 32), "/" + strings.Repeat("0", 32), prodEnv + "0", "p d/" + strings.Repeat("0", 32)},
		"seq":             {"-1", "+1", "042", "0x2a", "4.2", "1e3", "9007199254740992", "٤٢", "42 "},
		"parent":          {"None", "-", "h1:", "h2:" + liveH1[3:], liveH1[:len(liveH1)-1], "h1:" + strings.Repeat("A", 42) + "B=", liveH1 + "="},
		"bundle":          {"none", "-", liveH1[3:]},
		"kind":            {"Change", "changes", "-", "сhange"},
		"author":          {"Alice", "-", "аlice", "alice,bob", "1alice", strings.Repeat("a", 65)},
		"contributors":    {"carol,bob", "bob,bob", "bob,", ",bob", "bob, carol", "alice -", "-,bob"},
		"created":         {"2026-11-22T05:00:00+00:00", "2026-11-22T05:00:00.0Z", "2026-11-22 05:00:00Z", "2026-11-22T05:00Z", "2026-02-30T05:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22t05:00:00z", "1763787600", "-"},
		"rollout":         {"-", "shadow", "shadow=", "shadow=-1m", "shadow=+1m", "shadow=1m,", "shadow=1m,shadow=1m", "shadow=1m, all=0s", "Shadow=1m", "shadow=1", "shadow=1m;all=0s", "=1m"},
		"rollback-window": {"72", "-72h", "+72h", "72 h", "-", "∞", "9999999999h"},
		"evidence":        {"-", "none"},
		"ticket":          {"CHG 1234"},
		"nonce":           {"-", strings.Repeat("0", 31), strings.Repeat("0", 33), strings.Repeat("G", 32), strings.Repeat("A", 32)},
		"why":             {"", " x", "x ", "x\ny", "x\ry", "x\ty", "x\u2028y", "x\u2029y", "x\u0085y", "x\u200by", "x\u2066y", "x\U000e0041y"},
	} {
		for _, v := range values {
			fields := maps.Clone(sample(t, Proposal).values)
			fields[field] = v
			if s, err := NewStatement(Proposal, fields); err == nil {
				t.Errorf("%s %q = %q, want an error", field, v, s.Field(field))
			}
		}
	}
	if _, err := NewStatement(Proposal, map[string]string{"decision": "approve"}); err == nil {
		t.Error("NewStatement with a field that the kind has not = nil, want an error")
	}
	if _, err := NewStatement("wish", nil); err == nil {
		t.Error("NewStatement of a kind that there is not = nil, want an error")
	}
}

func TestErrorsOfStatementsNameLineFoundAndWanted(t *testing.T) {
	text := strings.Replace(string(sample(t, Proposal).Render()), "seq 42", "seq 042", 1)
	_, err := ParseStatement([]byte(text))
	const want = `knowledge: proposal: line 4: found "042", want seq: a number without sign or leading zero`
	if err == nil || err.Error() != want {
		t.Errorf("ParseStatement = %v, want %s", err, want)
	}
}

func FuzzParseStatement(f *testing.F) {
	for kind := range grammar {
		f.Add(sample(f, kind).Render())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseStatement(text)
		if err != nil {
			return
		}
		if string(s.Render()) != string(text) {
			t.Fatalf("%q is rendered as %q", text, s.Render())
		}
		if again, err := NewStatement(s.Kind, s.values); err != nil || string(again.Render()) != string(text) {
			t.Fatalf("NewStatement of %q = %q, %v", text, again.Render(), err)
		}
	})
}
