package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// TestTogether plays alarms and intents of four groups, a second each, and looks
// at what is handed on.
func TestTogether(t *testing.T) {
	start := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	alarm := func(group, e string) facts.Fact {
		return facts.Fact{Kind: facts.Imbalance, State: facts.Alarm, Group: group, Member: "m03",
			Evidence: &facts.Evidence{E: facts.Decimal(e)}}
	}
	clear := func(group string) facts.Fact {
		return facts.Fact{Kind: facts.Imbalance, State: facts.Clear, Group: group, Member: "m03"}
	}
	for _, tt := range []struct {
		name  string
		facts []facts.Fact
		verb  actions.Verb
		acts  string // groups of which the intent is handed on, asked in this order: a b c d
	}{
		{"one group alone is acted on at its own rate", []facts.Fact{alarm("a", "2")}, actions.Drain, "abcd"},
		{"two groups need evidence for two", []facts.Fact{alarm("a", "20"), alarm("b", "20")}, actions.Drain, "ab"},
		{"two groups with little evidence are held", []facts.Fact{alarm("a", "19"), alarm("b", "19")}, actions.Drain, ""},
		{"the strong one is acted on without the weak one", []facts.Fact{alarm("a", "40"), alarm("b", "19")}, actions.Drain, "a"},
		{"the more stand, the less each needs", []facts.Fact{alarm("a", "10"), alarm("b", "10"), alarm("c", "10"), alarm("d", "10")}, actions.Drain, "abcd"},
		{"a detector that tells no e-value is not believed in a crowd", []facts.Fact{alarm("a", ""), alarm("b", "40")}, actions.Drain, "b"},
		{"an alarm that is over does not count", []facts.Fact{alarm("a", "2"), alarm("b", "2"), clear("b")}, actions.Drain, "abcd"},
		{"giving back is never held", []facts.Fact{alarm("a", "1"), alarm("b", "1")}, actions.Restore, "abcd"},
		{"telling a human is never held", []facts.Fact{alarm("a", "1"), alarm("b", "1")}, actions.Notify, "abcd"},
		{"what is not known here does not count", []facts.Fact{alarm("a", "1"), alarm("elsewhere", "1")}, actions.Drain, "abcd"},
	} {
		var acts, held strings.Builder
		c := newTogether([]string{"d", "b", "a", "c"},
			func(_ context.Context, i actions.Intent) (actions.Outcome, error) {
				acts.WriteString(i.Group)
				return actions.Outcome{}, nil
			},
			func(_ context.Context, i actions.Intent, why error) {
				held.WriteString(i.Group)
				if !strings.Contains(why.Error(), "alarms stand in") {
					t.Errorf("%s: held because %v", tt.name, why)
				}
			})
		for _, f := range tt.facts {
			f.Expires = facts.At(start.Add(3 * time.Second))
			c.see(f)
		}
		for _, g := range []string{"a", "b", "c", "d"} {
			if _, err := c.Submit(t.Context(), actions.Intent{Group: g, Member: "m03", Verb: tt.verb, Time: start.Add(time.Second)}); err != nil {
				t.Fatal(err)
			}
		}
		if acts.String() != tt.acts {
			t.Errorf("%s: acted on %q, held %q, want acts on %q", tt.name, acts.String(), held.String(), tt.acts)
		}
		if acts.Len()+held.Len() != 4 {
			t.Errorf("%s: %d acts and %d held, want an answer to each of 4", tt.name, acts.Len(), held.Len())
		}
	}
	t.Run("facts that expired are not believed", func(t *testing.T) {
		acted := false
		c := newTogether([]string{"a", "b"}, func(context.Context, actions.Intent) (actions.Outcome, error) {
			acted = true
			return actions.Outcome{}, nil
		}, func(_ context.Context, _ actions.Intent, why error) { t.Error(why) })
		for group, lasts := range map[string]time.Duration{"a": 9 * time.Second, "b": time.Second} {
			f := alarm(group, "1")
			f.Expires = facts.At(start.Add(lasts))
			c.see(f)
		}
		if _, err := c.Submit(t.Context(), actions.Intent{Group: "a", Verb: actions.Drain, Time: start.Add(2 * time.Second)}); err != nil || !acted {
			t.Errorf("acted: %v, %v, want an act: the other alarm is out of date", acted, err)
		}
	})
}
