package engine

import (
	"fmt"
	"strings"
	"testing"
)

// codes returns the findings as "line:column code", in order.
func codes(found Errors) string {
	var out []string
	for _, e := range found {
		out = append(out, fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Code))
	}
	return strings.Join(out, ", ")
}

// TestConditionsAreAnalysed has one line for each way in which the parts of a
// condition can be at odds, and the neighbours of each that are right.
func TestConditionsAreAnalysed(t *testing.T) {
	for _, tt := range []struct {
		name, when, want string
	}{
		{"a range", "F.Margin > 3 && F.Margin < 5", ""},
		{"a range of nothing", "F.Margin > 5 && F.Margin < 3", "3:17 E06"},
		{"a range of one number", "F.Margin >= 3 && F.Margin <= 3", ""},
		{"an open range of one number", "F.Margin >= 3 && F.Margin < 3", "3:18 E06"},
		{"integers between two neighbours", "F.Ticks > 2 && F.Ticks < 3", "3:16 E06"},
		{"numbers between two neighbours", "F.Margin > 2 && F.Margin < 3", ""},
		{"a count that is excluded", "F.Ticks == 2 && F.Ticks != 2", "3:17 E06"},
		{"below the range of the word", "F.Ticks < 0", "3:1 E06"},
		{"above the range of the word", "F.PValue > 1.5", "3:1 E06"},
		{"at the end of the range", "F.PValue >= 1", ""},
		{"the whole range of the word", "F.Ticks >= 0", "3:1 E07"},
		{"the whole range, as one part", "F.Margin > 1 && F.PValue <= 1", "3:17 E07"},
		{"all numbers in two parts", "F.Ticks > 3 || F.Ticks <= 3", "3:1 E07"},
		{"nearly all numbers", "F.Margin > 3 || F.Margin < 3", ""},
		{"one text and another", `F.Kind == "absent" && F.Kind == "health"`, "3:23 E06"},
		{"one text or another", `F.Kind == "absent" || F.Kind == "health"`, ""},
		{"neither of two texts", `F.Kind != "absent" && F.Kind != "health"`, ""},
		{"not one text or not another", `F.Kind != "absent" || F.Kind != "health"`, "3:1 E07"},
		{"every text but those there are", `F.Shift != "none" && F.Shift != "up" && F.Shift != "down"`, "3:41 E06"},
		{"a text of no closed set", `F.Member != "web-01" && F.Member != "web-02"`, ""},
		{"two sides that exclude each other", "F.Evidence > F.Threshold && F.Threshold > F.Evidence", "3:29 E06"},
		{"two sides that do not", "F.Evidence > F.Threshold && F.Threshold * 2 > F.Evidence", ""},
		{"the same by other factors", "C.OutMembers * 10 >= C.Members * 3 && C.OutMembers * 20 < C.Members * 6", "3:39 E06"},
		{"sums against each other", "F.Ticks + 2 > 7 && 4 > F.Ticks - 1", "3:20 E06"},
		{"a part that follows", "F.Ticks > 5 && F.Ticks > 3", "3:16 W11"},
		{"a part that is there twice", `F.Ticks > 5 && F.Kind == "imbalance" && F.Ticks > 5`, "3:41 W11"},
		{"an excluded text that follows", `F.Kind == "absent" && F.Kind != "health"`, "3:23 W11"},
		{"an alternative that is included", "F.Ticks > 5 || F.Ticks > 7", "3:16 W11"},
		{"an alternative that only overlaps", "F.Ticks > 5 || (F.Ticks > 3 && F.Margin > 2)", ""},
		{"an alternative that is never true", "F.Margin > 2 || (F.Ticks > 5 && F.Ticks < 3)", "3:33 E06"},
		{"an alternative against the rest", `F.Kind == "absent" && (F.Margin > 2 || F.Kind == "health")`, "3:40 E06"},
		{"a negation", "!(F.Ticks > 3) && F.Ticks > 5", "3:19 E06"},
		{"a negation of alternatives", "!(F.Ticks > 3 || F.Margin > 2) && F.Ticks <= 3", "3:35 W11"},
		{"a word that is known not to be known", `!Known("F.Standing") && F.Standing == "in"`, "3:25 E06"},
		{"a word that is asked for first", `Known("F.Standing") && F.Standing == "in"`, ""},
		{"a measure of a word", "Abs(F.Margin) < 0", "3:1 E06"},
		{"scores of two metrics", `F.Score("a") > 1 && F.Score("b") < 1`, ""},
		{"a score against itself", `F.Score("a") > 1 && F.Score("a") < 1`, "3:21 E06"},
		{"65 alternatives", "(F.Ticks==1||F.Ticks==2||F.Ticks==3||F.Ticks==4||F.Ticks==5) && (F.Epochs==1||F.Epochs==2||F.Epochs==3||F.Epochs==4) && (C.Members==1||C.Members==2||C.Members==3||C.Members==4)", "3:1 W00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := Survey([]Source{one(tt.when)}, everything)
			if got := codes(found); got != tt.want {
				t.Errorf("%s: found %s, want %q\n%v", tt.when, got, tt.want, found)
			}
		})
	}
}

// TestRulesAreCompared has one line for each way in which two rules can be at
// odds.
func TestRulesAreCompared(t *testing.T) {
	const drain, maint, restore, notify = `Propose("drain", F.Member, "x");`, `Propose("maint", F.Member, "x");`,
		`Propose("restore", F.Member, "x");`, `Propose("notify", F.Member, "x");`
	type r struct {
		salience   int
		when, then string
	}
	for _, tt := range []struct {
		name string
		a, b r
		want string // of rule_a, then of rule_b
	}{
		{"different conditions", r{1, "F.Ticks > 5", drain}, r{1, "F.Margin > 2", drain}, ""},
		{"the same rule twice", r{1, "F.Ticks > 5", drain}, r{1, "F.Ticks >= 6", drain}, "b W11"},
		{"the same condition, another note", r{1, "F.Ticks > 5", `Note("x");`}, r{1, "F.Ticks > 5", `Note("y");`}, ""},
		{"a narrower one after", r{2, "F.Ticks > 5", drain}, r{1, "F.Ticks > 7", drain}, "b W10"},
		{"a narrower one that adds a note", r{2, "F.Ticks > 5", drain}, r{1, "F.Ticks > 7", drain + `Note("x");`}, ""},
		{"a narrower one of higher salience", r{2, "F.Ticks > 7", drain}, r{1, "F.Ticks > 5", drain}, ""},
		{"a narrower one before, at equal salience", r{1, "F.Ticks > 7", drain}, r{1, "F.Ticks > 5", drain}, "b W10"},
		{"another act that never wins", r{2, "F.Ticks > 5", maint}, r{1, "F.Ticks > 7", drain}, "b W10"},
		{"a veto that always wins", r{2, "F.Ticks > 5", `Veto("drain", "x");`}, r{1, "F.Ticks > 7", drain}, "b W10"},
		{"a veto of lower salience that always wins", r{2, "F.Ticks > 7", drain}, r{1, "F.Ticks > 5", `Veto("drain", "x");`}, "b W10"},
		{"a veto of another verb", r{2, "F.Ticks > 5", `Veto("maint", "x");`}, r{1, "F.Ticks > 7", drain}, ""},
		{"telling a human excludes nothing", r{1, "F.Ticks > 5", notify}, r{1, "F.Ticks > 7", drain}, ""},
		{"two acts at equal salience", r{1, "F.Ticks > 5", drain}, r{1, "F.Margin > 2", maint}, "b W12"},
		{"two acts at different saliences", r{2, "F.Ticks > 5", drain}, r{1, "F.Margin > 2", maint}, ""},
		{"two acts that exclude each other", r{1, "F.Ticks > 5", drain}, r{1, "F.Ticks < 5", maint}, ""},
		{"an act that ends where it starts", r{2, "F.Margin > 2", drain}, r{1, "F.Margin <= 2", restore}, "b W15"},
		{"an act that ends well below", r{2, "F.Margin > 2", drain}, r{1, "F.Margin <= 1.5", restore}, ""},
		{"a count that ends one below", r{2, "F.Ticks >= 3", drain}, r{1, "F.Ticks <= 2", restore}, "b W15"},
		{"a count that ends two below", r{2, "F.Ticks >= 3", drain}, r{1, "F.Ticks <= 1", restore}, ""},
		{"an act that ends after a while", r{2, "F.Margin > 2", drain}, r{1, "F.Margin <= 2 && C.OutSeconds > 60", restore}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := Survey([]Source{source("rule_a", tt.a.salience, tt.a.when, tt.a.then), source("rule_b", tt.b.salience, tt.b.when, tt.b.then)}, everything)
			var got []string
			for _, e := range found {
				got = append(got, strings.TrimPrefix(e.Rule, "rule_")+" "+string(e.Code))
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("found %s, want %q\n%v", s, tt.want, found)
			}
		})
	}
}

// BenchmarkSurvey is what a proposal costs.
func BenchmarkSurvey(b *testing.B) {
	for _, n := range []int{100, 1000} {
		rules := benchRules(n)
		b.Run(fmt.Sprint(n, " rules"), func(b *testing.B) {
			for b.Loop() {
				Survey(rules, everything)
			}
		})
	}
}
