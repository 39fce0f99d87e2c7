package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

func TestSettle(t *testing.T) {
	rule := func(name string, salience int, calls ...string) Source {
		then := ""
		for _, c := range calls {
			if v, ok := strings.CutPrefix(c, "veto "); ok {
				then += `Veto("` + v + `", "` + name + ` says no"); `
			} else {
				then += `Propose("` + c + `", F.Member, "` + name + ` says so"); `
			}
		}
		return source(name, salience, "F.AgeSeconds < 9", then)
	}
	for _, tt := range []struct {
		name  string
		rules []Source
		want  string // verb by rules: reason, one intent after the other
		lost  string // verb of rule by winner: why
	}{
		{"one proposal stands", []Source{rule("aaa", 1, "drain")}, "drain by aaa: aaa says so", ""},
		{"the same verb is wanted once, with all reasons", []Source{rule("bbb", 1, "drain"), rule("aaa", 1, "drain"), rule("ccc", 2, "drain")},
			"drain by ccc aaa bbb: ccc says so; aaa says so; bbb says so", ""},
		{"a veto beats every proposal of its verb", []Source{rule("aaa", 9, "drain"), rule("bbb", 1, "veto drain"), rule("ccc", 2, "drain")},
			"", "drain of aaa by bbb: veto, drain of ccc by bbb: veto"},
		{"a veto leaves other verbs", []Source{rule("aaa", 9, "drain"), rule("bbb", 1, "veto drain"), rule("ccc", 2, "maint")},
			"maint by ccc: ccc says so", "drain of aaa by bbb: veto"},
		{"the higher salience wins", []Source{rule("aaa", 1, "drain"), rule("bbb", 2, "maint")},
			"maint by bbb: bbb says so", "drain of aaa by bbb: salience"},
		{"at equal salience the less invasive wins", []Source{rule("aaa", 2, "maint"), rule("bbb", 2, "drain")},
			"drain by bbb: bbb says so", "maint of aaa by bbb: class"},
		{"out and back exclude each other: a human is told", []Source{rule("aaa", 2, "drain"), rule("bbb", 2, "restore")},
			"notify by aaa: rules of equal salience disagree: drain by aaa, restore by bbb", "drain of aaa by : escalated, restore of bbb by : escalated"},
		{"out and back at different salience: the higher wins", []Source{rule("aaa", 2, "drain"), rule("bbb", 3, "restore")},
			"restore by bbb: bbb says so", "drain of aaa by bbb: salience"},
		{"a tie below the winner is no tie", []Source{rule("aaa", 2, "drain"), rule("bbb", 2, "restore"), rule("ccc", 3, "maint")},
			"maint by ccc: ccc says so", "drain of aaa by ccc: salience, restore of bbb by ccc: salience"},
		{"telling a human excludes nothing", []Source{rule("aaa", 1, "notify", "drain"), rule("bbb", 2, "notify")},
			"notify by bbb aaa: bbb says so; aaa says so, drain by aaa: aaa says so", ""},
		{"the same rule twice", []Source{rule("aaa", 1, "drain", "drain")}, "drain by aaa: aaa says so", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, mustCompile(t, tt.rules...), at(0), alarm("web-07"))
			if got := wants(d); got != tt.want {
				t.Errorf("wanted %q\n  want %q", got, tt.want)
			}
			if got := losses(d); got != tt.lost {
				t.Errorf("lost %q\nwant %q", got, tt.lost)
			}
		})
	}
}

func wants(d Decision) string {
	var out []string
	for _, w := range d.Wanted {
		out = append(out, string(w.Verb)+" by "+strings.Join(w.Rules, " ")+": "+w.Reason)
	}
	return strings.Join(out, ", ")
}

func losses(d Decision) string {
	var out []string
	for _, c := range d.Conflicts {
		out = append(out, string(c.Verb)+" of "+c.Lost+" by "+c.Winner+": "+c.Why)
	}
	return strings.Join(out, ", ")
}

func TestEvidenceOfATierThatIsNotAcceptedTakesNothingOut(t *testing.T) {
	p := mustCompile(t, source("aaa", 1, "F.AgeSeconds < 9", `Propose("drain", F.Member, "x"); Propose("notify", F.Member, "y");`))
	d := decide(t, p, at(0), alarm("web-07", func(f *facts.Fact) { f.Evidence.Tier = "T2" }))
	if got, want := wants(d), "notify by aaa: y"; got != want {
		t.Errorf("wanted %q, want %q", got, want)
	}
	if got, want := losses(d), "drain of aaa by : tier"; got != want {
		t.Errorf("lost %q, want %q", got, want)
	}
}

func TestEvidenceThatCertifiesTooLittleTakesNothingOut(t *testing.T) {
	const day = facts.Rate(24 * time.Hour)
	rate := func(r facts.Rate) *facts.Rate { return &r }
	for _, tt := range []struct {
		name      string
		demanded  *facts.Rate
		certified facts.Rate
		lost      string
	}{
		{"the declared rate is demanded when the pack does not say", nil, 30 * day, ""},
		{"less than declared is for people", nil, 29 * day, "drain of aaa by : ageing"},
		{"nothing certified is for people", nil, 0, "drain of aaa by : ageing"},
		{"the pack allows less", rate(day), day, ""},
		{"less than the pack allows is for people", rate(day), day - 1, "drain of aaa by : ageing"},
		{"the pack allows anything", rate(0), 0, ""},
		{"the pack demands more", rate(60 * day), 30 * day, "drain of aaa by : ageing"},
	} {
		p, err := Compile("h1:test", []Source{source("aaa", 1, "F.AgeSeconds < 9", `Propose("drain", F.Member, "x"); Propose("notify", F.Member, "y");`)},
			Allow{Verbs: []actions.Verb{actions.Drain, actions.Notify}, Tiers: []string{"T1"}, Certified: tt.demanded})
		if err != nil {
			t.Fatal(err)
		}
		d := decide(t, p, at(0), alarm("web-07", func(f *facts.Fact) { f.Evidence.Declared, f.Evidence.Certified = 30*day, tt.certified }))
		if got := losses(d); got != tt.lost {
			t.Errorf("%s: lost %q, want %q", tt.name, got, tt.lost)
		}
		if got := wants(d); !strings.Contains(got, "notify by aaa: y") {
			t.Errorf("%s: wanted %q: telling a human needs no certificate", tt.name, got)
		}
	}
}

func TestIntentsFollowFromTheDecision(t *testing.T) {
	d := decide(t, mustCompile(t, one("F.Ticks > 1")), at(1), alarm("web-07"))
	i := d.Intents()[0]
	if i.Decision != d.Digest() || i.Env != "test" || i.Group != "web" || i.Member != "web-07" || i.Rule != "rule_one" ||
		i.Verb != "drain" || i.Version != "h1:test" || i.V != 1 || !i.Time.Equal(t0) || !i.Expires.Equal(d.Expires.Time) ||
		len(i.Facts) != 1 || i.Facts[0] != d.Facts[0] || i.Reason != "because" {
		t.Errorf("intent = %+v of decision %s", i, d.Encode())
	}
	if s := i.Seen; s.Alarmed != 1 || s.Members != 10 || s.Present != 10 || s.Shift != "none" || !s.At.Equal(t0) {
		t.Errorf("seen = %+v, want the group of the fact", s)
	}
}
