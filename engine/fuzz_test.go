package engine

import (
	"bytes"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// FuzzGuard gives the guard files of any bytes: what it admits is small, and has
// one syntax tree.
func FuzzGuard(f *testing.F) {
	for _, b := range bombs {
		f.Add(one(b.when).Text[:min(len(one(b.when).Text), 1<<12)])
	}
	for _, h := range heavy {
		f.Add(one(h.when).Text)
	}
	for _, s := range pair() {
		f.Add(s.Text)
	}
	f.Add([]byte("/* x */ rule rule_one \"x\" salience -1 {when!(F.Ticks>-1)then Note(\"x\");}// x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, found := guard(Source{"rules/rule_one.grl", text})
		for _, e := range found {
			if _ = e.Excerpt(); e.Line < 1 || e.Column < 1 {
				t.Fatalf("%v has no place", e)
			}
		}
		if len(found) > 0 {
			return
		}
		if len(text) > 4096 || len(w.tokens) > 512 || w.name != "rule_one" {
			t.Fatalf("the guard admits %d bytes, %d tokens of rule %q", len(text), len(w.tokens), w.name)
		}
		if x, err := grow(w, diagnoses); err == nil {
			_ = analyse(x)
		}
	})
}

// FuzzQuestion gives the process that parses proposed text any bytes, but for
// the bounds that hold its process.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`{"rules":[{"Name":"rules/rule_one.grl","Text":"cnVsZSBydWxlX29uZSB7IHdoZW4gRi5UaWNrcyA+IDEgdGhlbiBOb3RlKCJ4Iik7IH0="}],"verbs":["drain"],"tiers":["T1"]}`))
	f.Add([]byte(`{"rules":[{"Name":"","Text":null}],"certified":-1,"derived":[{"name":"D.X","type":"number","range":"0 to"}]}`))
	f.Add([]byte(`{"rules":null} {}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := readQuestion(bytes.NewReader(b))
		if err != nil {
			return
		}
		rules := q.Rules[:min(len(q.Rules), 8)] // what the bound on time is for
		var out bytes.Buffer
		q.Rules = rules
		if err := q.answer(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := readAnswer(out.Bytes(), rules); err != nil && !emptyPlace(rules) {
			t.Fatalf("the answer is not understood: %v\n%s", err, out.Bytes())
		}
	})
}

// emptyPlace says whether two of the files have one name: then nobody knows
// which one is meant.
func emptyPlace(rules []Source) bool {
	names := map[string]bool{}
	for _, s := range rules {
		names[s.Name] = true
	}
	return len(names) != len(rules)
}

// FuzzDecide lets the program and the other reader of rules judge conditions of
// any form over facts of any value.
func FuzzDecide(f *testing.F) {
	r := newMaker(51, 52)
	for range 40 {
		f.Add(r.condition(2), `D.Confidence = F.Margin / 4;`, uint64(r.Int64()), int64(time.Second))
	}
	f.Add(`D.Sure || !Known("D.Confidence")`, `D.Strikes = F.Ticks; D.Who = F.Member;`, uint64(1), int64(0))
	f.Add(`F.Severity == "critical"`, `Propose("drain", F.Member, "x");`, uint64(2), int64(-1))
	f.Fuzz(func(t *testing.T, when, then string, seed uint64, after int64) {
		rules := append(pair(), source("rule_one", 5, when, then))
		p, err := Compile("h1:fuzz", rules, allowDerived())
		if err != nil {
			return
		}
		now := at(time.Duration(after % int64(time.Hour)))
		m := newMaker(seed, 0).memory(t)
		d := must(p.Decide(now, m))
		if again := must(p.Again(&d, m)); !bytes.Equal(again.Encode(), d.Encode()) {
			t.Fatalf("decided again:\n%s\nwant\n%s", again.Encode(), d.Encode())
		}
		if len(d.Encode()) > maxFactEntry {
			t.Fatalf("a decision of %d bytes", len(d.Encode()))
		}
		o := must(NewOutline(rules[len(rules)-1], allowDerived()))
		a := must(p.Ask(o, now, m, nil))
		if a.Fires != (a.All == Yes) {
			t.Fatalf("%s: the program says %t, the reader %d\non %+v", when, a.Fires, a.All, m.fact)
		}
	})
}

// FuzzSituation lets rules of every word decide on any fact that decodes.
func FuzzSituation(f *testing.F) {
	for _, x := range []facts.Fact{alarm("web-07"), standingOf("web-07", "drain"), outcomeOf("web-07", "drain", "done"), somebodysEvent()} {
		b, err := x.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	var rules []Source
	for i, when := range []string{`F.Margin > 1 && F.ForSeconds >= 0`, `F.PValue < 0.5 && F.NegLog10P > 1`, `F.EValue > 1`, `F.Severity == "x" || F.Source == "y"`,
		`F.Standing != "in"`, `F.Result == "done" && F.AskedBy != "x"`, `F.Status == "ok"`, `F.Ratio("request_rate") > 1 && F.Score("request_rate") > 1`,
		`F.CertifiedPerHour < F.DeclaredPerHour`, `C.AlarmedMembers > 0 && C.QuietSeconds >= 0`, `F.Shift == "none" && F.Statistic == "own"`} {
		rules = append(rules, source("rule_"+string(rune('a'+i)), i, when, `Note("x");`))
	}
	p := must(Compile("h1:fuzz", rules, allowDerived()))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := facts.Decode(b)
		if err != nil {
			return
		}
		m := NewMemory(x.Env, x.Group, Act)
		if _, err := m.Apply(x, facts.Digest(b)); err != nil {
			t.Fatal(err)
		}
		d := must(p.Decide(x.Time.Time, m))
		if n := len(d.Matched) + len(d.Undecided) + len(d.Refused); n > len(rules) || len(d.Refused) > 0 {
			t.Fatalf("%d verdicts of %d rules, refused %v", n, len(rules), d.Refused)
		}
	})
}
