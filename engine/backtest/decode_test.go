package backtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

// lineOf returns a fact as a file holds it.
func lineOf(t testing.TB, f Fact) string {
	t.Helper()
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLines(t *testing.T) {
	good := lineOf(t, alarm(0, "m01", "9"))
	sourced := `{"source":"a.csv.gz",` + good[1:]
	for _, tt := range []struct {
		name, text string
		want       []string // streams of the facts
		err        string
	}{
		{"an empty file holds none", "", nil, ""},
		{"a fact has no recording", good + "\n", []string{""}, ""},
		{"or one", sourced + "\n" + good, []string{"a.csv.gz", ""}, ""},
		{"an empty line is no fact", good + "\n\n", []string{""}, "facts.jsonl:2: facts: malformed fact"},
		{"found and wanted are told", strings.Replace(good, `"T1"`, `"T9"`, 1), nil,
			`facts.jsonl:1: facts: malformed fact: field evidence.tier: found "T9", want T1 to T6`},
		{"a recording without a fact", `{"source":"a"}`, nil, "facts.jsonl:1: source: no fact after it"},
		{"a recording of two lines", `{"source":"a\nb",` + good[1:], nil, "facts.jsonl:1: source \"a\\nb\": want"},
		{"a line that is too long", good + "\n" + strings.Repeat("x", facts.MaxFactBytes+maxStreamBytes), []string{""}, "facts.jsonl:2: bufio.Scanner: token too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := Lines("facts.jsonl", strings.NewReader(tt.text))(t.Context(), func(r Recorded) error {
				f, err := r()
				if err == nil {
					got = append(got, f.Stream)
					if id, _ := f.Fact.ID(); f.ID != id {
						t.Errorf("fact %s, want %s", f.ID, id)
					}
				}
				return err
			})
			if strings.Join(got, ",") != strings.Join(tt.want, ",") || len(got) != len(tt.want) {
				t.Errorf("streams %q, want %q", got, tt.want)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Lines("facts.jsonl", strings.NewReader(good))(ctx, func(Recorded) error { t.Error("a fact after the end"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context gives %v, want %v", err, context.Canceled)
	}
}

// FuzzLine wants no panic, and of a fact that is taken its one encoding.
func FuzzLine(f *testing.F) {
	good := lineOf(f, alarm(0, "m01", "9"))
	f.Add([]byte(good))
	f.Add([]byte(`{"source":"a.csv.gz",` + good[1:]))
	f.Add([]byte(`{"source":"a"`))
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := decodeLine(line)
		if err != nil {
			return
		}
		b, err := got.Encode()
		if err != nil || !bytes.HasSuffix(line, b[1:]) || facts.Digest(b) != got.ID {
			t.Errorf("%q is taken as %q of digest %s (%v)", line, b, got.ID, err)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	small, err := os.ReadFile(filepath.Join("testdata", "small.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, from, to string }{
		{"another version", `,"v":1,`, `,"v":2,`},
		{"a blank", `{"base"`, `{ "base"`},
		{"a field that is not known", `,"v":1,`, `,"u":1,"v":1,`},
		{"a number that is not whole", `"steps":16`, `"steps":16.5`},
		{"a list that is missing", `"hours":[`, `"hours":null,"x":[`},
		{"the end that is missing", `"vocabulary":1}`, `"vocabulary":1`},
	} {
		b := strings.Replace(string(small), tt.from, tt.to, 1)
		if _, err := Decode([]byte(b)); b == string(small) || !errors.Is(err, ErrReport) {
			t.Errorf("%s: error %v, want %v", tt.name, err, ErrReport)
		}
	}
	if _, err := Decode(make([]byte, MaxReportBytes+1)); !errors.Is(err, ErrReport) {
		t.Errorf("a report that is too large gives %v, want %v", err, ErrReport)
	}
}

// FuzzReport wants no panic, and of a report that is taken its one encoding.
func FuzzReport(f *testing.F) {
	small, err := os.ReadFile(filepath.Join("testdata", "small.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small)
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := Decode(b); err == nil && !bytes.Equal(r.Encode(), b) {
			t.Errorf("%q is taken, and is not an encoding", b)
		}
	})
}
