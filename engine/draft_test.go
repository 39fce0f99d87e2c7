package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// variants returns versions of a rule, first such as are right, then such as are
// wrong or doubtful, alone or beside variants of other rules.
func variants(r *rand.Rand, name string) (out []Source, right int) {
	for range 3 {
		for _, s := range sound(name, r) {
			s.Text = bytes.Replace(s.Text, []byte(ruleNameOf(s)), []byte(name), 1)
			s.Name = "rules/" + name + ".grl"
			out = append(out, s)
		}
	}
	right = len(out)
	bound := 20 + r.IntN(3)
	for _, d := range []struct{ when, then string }{
		{"F.Ticks > > 1", aNote}, {"F.Tocks > 1", aNote}, {"F.Ticks > 5 && F.Ticks < 3", aNote},
		{fmt.Sprintf("F.Ticks > %d", bound), aDrain}, {fmt.Sprintf("F.Ticks <= %d", bound), aRestore}, {fmt.Sprintf("F.Margin > %d", bound), aMaint},
		{"F.Ticks > 3", `D.Diagnosis = "slow";`}, {`D.Diagnosis == "slow"`, "D.Strikes = 3;"}, {"D.Strikes > 3", `D.Diagnosis = "slow";`},
	} {
		out = append(out, source(name, 5+r.IntN(2), d.when, d.then))
	}
	return out, right
}

func ruleNameOf(s Source) string {
	return strings.TrimSuffix(strings.TrimPrefix(s.Name, "rules/"), ".grl")
}

// TestDraftSaysWhatSurveyAndCompileSay changes, adds and removes rules at random,
// and turns back to what was before.
func TestDraftSaysWhatSurveyAndCompileSay(t *testing.T) {
	const files, versions = 14, 60
	r := rand.New(rand.NewPCG(41, 42))
	var choices [files][]Source
	var right [files]int
	for i := range choices {
		choices[i], right[i] = variants(r, fmt.Sprintf("rule_%02d", i))
	}
	narrow, wide := allowDerived(), allowDerived()
	narrow.Verbs = narrow.Verbs[:1]
	var d Draft
	version, found, refused := [files]int{}, 0, 0
	for n := range versions {
		for range 1 + r.IntN(3) {
			i := r.IntN(files)
			version[i] = r.IntN(right[i]+1) - 1 // -1: left out
			if r.IntN(8) == 0 {
				version[i] = right[i] + r.IntN(len(choices[i])-right[i])
			}
		}
		var rules []Source
		for i, k := range version {
			if k >= 0 {
				rules = append(rules, choices[i][k])
			}
		}
		r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		allow := wide
		if n%9 == 8 {
			allow = narrow
		}
		if n%4 > 0 { // a version may be compiled without having been surveyed
			got, want := d.Survey(rules, allow), Survey(rules, allow)
			if got.Error() != want.Error() {
				t.Fatalf("version %d:\n%v\nwant\n%v", n, got, want)
			}
			found += len(got)
		}
		got, gotErr := d.Compile("h1:draft", rules, allow)
		want, wantErr := Compile("h1:draft", rules, allow)
		if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Fatalf("version %d: error %v, want %v", n, gotErr, wantErr)
		}
		if wantErr != nil {
			refused++
			continue
		}
		if a, b := decide(t, got, at(0), alarm("web-07")), decide(t, want, at(0), alarm("web-07")); !slices.Equal(a.Encode(), b.Encode()) {
			t.Fatalf("version %d: decision\n%s\nwant\n%s", n, a.Encode(), b.Encode())
		}
	}
	if found < versions || refused < versions/10 || refused > versions*9/10 {
		t.Errorf("%d findings, %d of %d versions refused: the versions say too little", found, refused, versions)
	}
}

// changing returns versions of n rules: each differs from the one before in one
// rule.
func changing(n int) func() []Source {
	w := newSpeedWorld(n, true)
	i := 0
	return func() []Source {
		i++
		s := &w.rules[i*7919%n]
		s.Text = []byte(fmt.Sprintf("// change %d\n%s", i, w.rules[i*7919%n].Text))
		return w.rules
	}
}

// BenchmarkChange takes the time from a change of one rule of a version to what
// there is to say about it, and to a program. The first version is not counted.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("rules=%d/check", n), func(b *testing.B) {
			next := changing(n)
			var d Draft
			d.Survey(next(), everything)
			for b.Loop() {
				d.Survey(next(), everything)
			}
		})
		b.Run(fmt.Sprintf("rules=%d/rebuild", n), func(b *testing.B) {
			next := changing(n)
			var d Draft
			must(d.Compile("h1:bench", next(), everything))
			for b.Loop() {
				must(d.Compile("h1:bench", next(), everything))
			}
		})
		b.Run(fmt.Sprintf("rules=%d/build", n), func(b *testing.B) {
			next := changing(n)
			for b.Loop() {
				must(Compile("h1:bench", next(), everything))
			}
		})
	}
}

// BenchmarkOverlap takes what a decision costs that finds no idle instance: the
// copies of the rules that it judges.
func BenchmarkOverlap(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			w := newSpeedWorld(n, true)
			p := mustCompile(b, w.rules...)
			<-p.free // taken by a decision that does not end
			all := w.situations(b)
			for i := 0; b.Loop(); i++ {
				must(p.Decide(all[i%len(all)].now, all[i%len(all)].mem))
				<-p.free
			}
		})
	}
}

// BenchmarkSwap takes the time to put another program in force.
func BenchmarkSwap(b *testing.B) {
	w := newSpeedWorld(1000, true)
	r := newRig(b, Act, w.rules...)
	programs := []*Program{mustCompile(b, w.rules...), mustCompile(b, w.rules...)}
	longest := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if err := r.Load("web", programs[i%2], Act); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(start))
	}
	b.ReportMetric(float64(longest), "longest-ns")
}
