package source

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// table returns a reader of a frame of the group: rows is "member metric=value …",
// one line a member, all with the same metrics.
func table(t *testing.T, group, rows string) Reader {
	t.Helper()
	return readerFunc(func(_ context.Context, at time.Time) (*facts.Frame, error) {
		csv := recordingHead + "\n"
		for row := range strings.Lines(rows) {
			words := strings.Fields(row)
			for _, w := range words[1:] {
				csv += "0," + group + "," + words[0] + "," + strings.Replace(w, "=", ",", 1) + "\n"
			}
		}
		r, err := NewRecording(strings.NewReader(csv), "table")
		if err != nil {
			return nil, err
		}
		f, err := r.Next(t.Context())
		if err != nil {
			return nil, err
		}
		f.Time = at
		return f, nil
	})
}

func broken(err error) Reader {
	return readerFunc(func(context.Context, time.Time) (*facts.Frame, error) { return nil, err })
}

func TestJoin(t *testing.T) {
	errDown := errors.New("source: everything is down")
	hx := "m01 hx_scur=1 hx_up=1\nm02 hx_scur=2 hx_up=0"
	for _, tt := range []struct {
		name  string
		parts []Reader
		want  string // the frame as a recording; empty: none
		err   string // part of the error; empty: none
	}{
		{"metrics of all parts, in order",
			[]Reader{table(t, "web", hx), table(t, "web", "m01 be_cpu=0.5 zz=9\nm02 be_cpu=0.7 zz=8")},
			"m01,be_cpu,0.5 m01,hx_scur,1 m01,hx_up,1 m01,zz,9 m02,be_cpu,0.7 m02,hx_scur,2 m02,hx_up,0 m02,zz,8", ""},
		{"a member without an answer of its own keeps what the balancer says",
			[]Reader{table(t, "web", hx), table(t, "web", "m02 be_cpu=0.7")},
			"m01,hx_scur,1 m01,hx_up,1 m02,be_cpu,0.7 m02,hx_scur,2 m02,hx_up,0", ""},
		{"a member that the balancer does not know is left out and told of",
			[]Reader{table(t, "web", hx), table(t, "web", "m02 be_cpu=0.7\nm03 be_cpu=0.9\nm04 be_cpu=0.9")},
			"m01,hx_scur,1 m01,hx_up,1 m02,be_cpu,0.7 m02,hx_scur,2 m02,hx_up,0",
			"read web: 1 of 2 failed: 2 members are unknown to the balancer, the first is m03"},
		{"the frame comes without a part that fails",
			[]Reader{table(t, "web", hx), broken(errDown)},
			"m01,hx_scur,1 m01,hx_up,1 m02,hx_scur,2 m02,hx_up,0", "read web: 1 of 2 failed: everything is down"},
		{"without the first part nobody knows the members",
			[]Reader{broken(errDown), table(t, "web", "m01 be_cpu=0.5")}, "", "everything is down"},
		{"two parts with the same metric are refused",
			[]Reader{table(t, "web", hx), table(t, "web", "m01 hx_up=1")}, "", "two parts give metric hx_up"},
		{"a part of another group is refused",
			[]Reader{table(t, "web", hx), table(t, "api", "m01 be_cpu=0.5")}, "", "part 2 gave a frame of group api"},
		{"one part alone is itself", []Reader{table(t, "web", "m01 hx_up=1")}, "m01,hx_up,1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, err := NewJoin("web", tt.parts[0], tt.parts[1:]...)
			if err != nil {
				t.Fatal(err)
			}
			f, err := j.Read(t.Context(), tick0)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Read: got error %v, want one with %q", err, tt.err)
			}
			if f != nil && err != nil && !partial(err) {
				t.Errorf("Read: got a frame and error %v, want only a partial one beside a frame", err)
			}
			if got := compact(t, f); got != tt.want {
				t.Errorf("Read: got\n%s, want\n%s", got, tt.want)
			}
			if tt.err == "everything is down" && !errors.Is(err, errDown) {
				t.Errorf("Read: got error %v, want it to wrap its cause", err)
			}
		})
	}
}

// compact returns the frame's values as "member,metric,value …".
func compact(t *testing.T, f *facts.Frame) string {
	t.Helper()
	if f == nil {
		return ""
	}
	var b strings.Builder
	w := newRecordingWriter(&b, "recording")
	if err := errors.Join(w.Write(f), w.Close()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")[1:]
	for i, s := range lines {
		lines[i] = strings.SplitN(s, ",", 3)[2]
	}
	return strings.Join(lines, " ")
}

func TestNewJoinRefuses(t *testing.T) {
	if _, err := NewJoin("a b", broken(nil)); err == nil {
		t.Error("NewJoin of a group with a blank in its name: got no error, want one")
	}
	if _, err := NewJoin("web", broken(nil), make([]Reader, maxJoin)...); err == nil || !strings.Contains(err.Error(), "want at most 16") {
		t.Errorf("NewJoin of 17 readers: got error %v, want the limit", err)
	}
}

func TestPartialErrorKeepsFewCauses(t *testing.T) {
	lost := &PartialError{Group: "web", Of: 5000}
	cause := errors.New("source: no answer")
	for range 5000 {
		lost.add(cause)
	}
	if len(lost.Causes) != maxParts || lost.Failed != 5000 || !errors.Is(lost, cause) {
		t.Errorf("after 5,000 failures: got %d causes of %d, want %d of 5000", len(lost.Causes), lost.Failed, maxParts)
	}
	if got, want := lost.Error(), "source: read web: 5000 of 5000 failed: no answer; no answer"; !strings.HasPrefix(got, want) {
		t.Errorf("Error: got %q, want it to begin with %q", got, want)
	}
}
