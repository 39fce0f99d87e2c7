package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the demo prints at its end, typed in, approves the change.
func TestDemoOffersAChangeToBeSigned(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := offerSignature(t.Context(), dir, true, strings.NewReader(""), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"signed by    ana (author), ben", "1 of 2 approvals", "tests     "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	commands := regexp.MustCompile(`(?m)^(?:sign|judge) it: +evenkeel (.*)$`).FindAllStringSubmatch(out.String(), -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands, want two:\n%s", len(commands), out.String())
	}
	sign, judge := strings.Fields(commands[0][1]), strings.Fields(commands[1][1])
	var said bytes.Buffer
	if code := run(t.Context(), judge, &said, &said); code != exitFailed {
		t.Errorf("judged before: exit %d\n%s", code, said.String())
	}
	if code := run(t.Context(), append(sign, "--yes"), &said, &said); code != exitDone {
		t.Fatalf("signed: exit %d\n%s", code, said.String())
	}
	p, err := readHandedOver(filepath.Join(dir, "governance", "change"))
	if err != nil {
		t.Fatal(err)
	}
	approval, err := readHandedOver(filepath.Join(dir, "governance", "approval"))
	if err != nil {
		t.Fatal(err)
	}
	p.statements = append(p.statements, approval.statements...)
	k, err := newCase(p, "", judge[slices.Index(judge, "--trust")+1], time.Now())
	if err != nil || !k.verdict.Accepted {
		t.Errorf("verdict %+v, %v, want it accepted", k, err)
	}

	// Nobody is asked twice, nor where nothing is kept and nobody could answer.
	out.Reset()
	if err := offerSignature(t.Context(), dir, true, strings.NewReader(""), &out); err != nil || out.Len() > 0 {
		t.Errorf("again: %q, %v", out.String(), err)
	}
	if err := offerSignature(t.Context(), t.TempDir(), false, strings.NewReader(""), &out); err != nil || out.Len() > 0 {
		t.Errorf("without a terminal: %q, %v", out.String(), err)
	}
}
