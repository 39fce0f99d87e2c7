package rival

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeLabels(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadLabels(t *testing.T) {
	got, err := ReadLabels(writeLabels(t, "fault,group,member,onset_s,end_s,params,seed\nempty,web,m3,45.25,60,,7\n"))
	if err != nil || len(got) != 1 {
		t.Fatalf("ReadLabels: %v, %v, want one label", got, err)
	}
	if l := got[0]; l.Group != "web" || l.Member != "m3" || l.Fault != "empty" || l.Onset.UnixMilli() != 45_250 || l.End.UnixMilli() != 60_000 {
		t.Errorf("ReadLabels: %+v", l)
	}
}

func TestReadLabelsRefuses(t *testing.T) {
	const head = "run,onset_s,end_s,member,fault\n"
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", "empty, want a header"},
		{"a column that is missing", "run,onset_s,member,fault\n", ":1: no column end_s"},
		{"a column misspelt", "run,onset_s,end_s,membre,fault\n", ":1: no column member"},
		{"run and group", "run,group,onset_s,end_s,member,fault\n", ":1: column group is there twice"},
		{"a time that is none", head + "web,soon,60,m3,empty\n", `:2: onset_s: found "soon"`},
		{"a time that is no number", head + "web,NaN,60,m3,empty\n", `:2: onset_s: found "NaN"`},
		{"a time without end", head + "web,45,+Inf,m3,empty\n", `:2: end_s: found "+Inf"`},
		{"an end before the onset", head + "web,45,60,m3,empty\nweb,60,60,m3,empty\n", ":3: onset_s 60, end_s 60: want an end after"},
		{"nobody", head + "web,45,60,,empty\n", ":2: member is empty"},
		{"a row too short", head + "web,45,60\n", "wrong number of fields"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ReadLabels(writeLabels(t, tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadLabels: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func FuzzParseLabels(f *testing.F) {
	f.Add("run,onset_s,end_s,member,fault,params\nsick,45,60,m3,empty,p=1\n")
	f.Add("fault,group,member,onset_s,end_s\nempty,web,m3,-1e3,253402300799\n")
	f.Add("run,onset_s\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		labels, err := parseLabels(strings.NewReader(text), "labels.csv")
		if err != nil {
			return
		}
		for _, l := range labels {
			if l.Group == "" || l.Member == "" || l.Fault == "" || !l.Onset.Before(l.End) {
				t.Errorf("parseLabels(%q) gives %+v", text, l)
			}
		}
	})
}
