package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// A rule that fails is put aside: the log says so, other rules may read the
// alarm, and the command lists it.
func TestRuleThatIsPutAsideIsTold(t *testing.T) {
	f := newFleet()
	var data string
	l, _, stop := testLoop(t, f, func(c *loopConfig) {
		data = c.Data
		c.Groups[0].Mode = engine.Observe
		pack := *c.Groups[0].Pack
		pack.Rules = []knowledge.File{
			{Name: "rules/broken.grl", Text: []byte(`rule broken { when F.Kind == "health" then Propose("drain", F.Member, "a fact about no member"); }`)},
			{Name: "rules/alarmed.grl", Text: []byte(`rule alarmed { when F.Kind == "health" && F.State == "alarm" then Propose("notify", F.Member, "a rule was put aside"); }`)},
		}
		c.Groups[0].Pack = &pack
	})
	eventually(t, "the alarm about the rule is decided on", func() bool { return l.engine.Stats().Withheld > 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := types(verified(t, data)); n["quarantine.begun"] != 1 {
		t.Errorf("entries %v, want one of a quarantine that began", n)
	}
	code, out, errs := evenkeelRun(t, "rules", "quarantine", "--data", data)
	if code != 0 || !strings.Contains(out, "broken") || !strings.Contains(out, "drain is proposed by a fact about no member") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	var listed []engine.PutAside
	code, out, errs = evenkeelRun(t, "rules", "quarantine", "--data", data, "-o", "json")
	if err := json.Unmarshal([]byte(out), &listed); err != nil || code != 0 || len(listed) != 1 || listed[0].Rule != "broken" || listed[0].Group != "web" {
		t.Errorf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
}
