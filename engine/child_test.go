package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// child names the environment variable that makes the test binary the process
// of a survey: answer, or one that parses without the guard.
const child = "EVENKEEL_TEST_CHILD"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(child) {
	case "":
		os.Exit(m.Run())
	case "answer":
		err = AnswerSurvey(os.Stdin, os.Stdout)
	case "unguarded":
		err = parseUnguarded()
	case "nonsense":
		_, err = fmt.Println(`{"v":1,"findings":[{"file":"/etc/passwd","line":1,"column":1,"code":"E00","msg":"x"}]}`)
	case "flood":
		for err == nil {
			_, err = os.Stdout.Write(make([]byte, 1<<20))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parseUnguarded gives the parser what the guard would have refused.
func parseUnguarded() error {
	if err := errors.Join(boundMemory(childMemory), boundTime(childSeconds)); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(os.Stdin); err != nil {
		return err
	}
	var q question
	if err := decodeStrict(b.Bytes(), &q); err != nil {
		return err
	}
	_, errs := parse(&written{file: q.Rules[0].Name, text: q.Rules[0].Text, name: "rule_one"})
	return errs.sorted()
}

func childCommand(t *testing.T, mode string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = []string{child + "=" + mode}
	return c
}

func TestSurveyApartSaysWhatSurveySays(t *testing.T) {
	rules := []Source{one("F.Ticks > 5 && F.Tocks > 3"), source("rule_two", 1, "F.Margin > 5 && F.Margin < 3", `Note("x");`),
		source("rule_three", 1, "F.Margin > 5 && F.Margin > 3", `Note("x");`)}
	got, err := SurveyApart(context.Background(), childCommand(t, "answer"), rules, everything)
	if err != nil {
		t.Fatal(err)
	}
	want := Survey(rules, everything)
	if got.Error() != want.Error() || len(got) != 3 {
		t.Errorf("SurveyApart:\n%v\nSurvey:\n%v", got, want)
	}
	for i := range got {
		if got[i].Excerpt() != want[i].Excerpt() || got[i].Hint != want[i].Hint {
			t.Errorf("%v has another excerpt or hint", got[i])
		}
	}
}

// What the guard refuses kills the process of the survey and nothing else.
func TestBombsEndTheirOwnProcess(t *testing.T) {
	for name, when := range map[string]string{
		"index selectors, which need 64 GB": "F.Next()" + strings.Repeat("[0]", 22),
		"parentheses, which need 9 s":       strings.Repeat("(", 2000) + "F.Ticks>1" + strings.Repeat(")", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			found, err := SurveyApart(context.Background(), childCommand(t, "unguarded"), []Source{one(when)}, everything)
			if err != nil || len(found) != 1 || found[0].Code != e17 {
				t.Errorf("SurveyApart = %v, %v, want E17", found, err)
			}
		})
	}
}

func TestSurveyApartBelievesNoNonsense(t *testing.T) {
	for _, mode := range []string{"nonsense", "flood"} {
		if found, err := SurveyApart(context.Background(), childCommand(t, mode), []Source{one("F.Ticks > 5")}, everything); err == nil {
			t.Errorf("%s: SurveyApart = %v, want an error", mode, found)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"v":1,"findings":[{"file":"rules/rule_one.grl","line":3,"column":1,"code":"E06","msg":"never"}]}`))
	f.Add([]byte(`{"v":1,"findings":[]} {}`))
	f.Add([]byte(`{"v":2}`))
	rules := []Source{one("F.Ticks > 5")}
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := readAnswer(b, rules)
		if err != nil && found != nil {
			t.Fatal("findings with an error")
		}
		for _, e := range found {
			if e.File != rules[0].Name || e.Line < 1 || e.Column < 1 {
				t.Fatalf("%v has no place", e)
			}
			_ = e.Excerpt()
		}
	})
}
