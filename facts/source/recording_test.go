package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// readAll returns the frames of a recording, and the error that ended it when
// it is not io.EOF.
func readAll(t testing.TB, r *Recording) ([]*facts.Frame, error) {
	t.Helper()
	var frames []*facts.Frame
	for {
		f, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		if err := f.Check(); err != nil {
			t.Error(err)
		}
		frames = append(frames, f)
	}
}

func readText(t testing.TB, text string) ([]*facts.Frame, error) {
	t.Helper()
	r, err := NewRecording(strings.NewReader(text), "run.csv")
	if err != nil {
		return nil, err
	}
	return readAll(t, r)
}

// written returns the frames as the writer writes them.
func written(t testing.TB, frames []*facts.Frame) string {
	t.Helper()
	var b strings.Builder
	w := newRecordingWriter(&b, "recording")
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRecording(t *testing.T) {
	for _, tt := range []struct {
		name, rows, want string // want: the rows as the writer writes them; empty: the same
	}{
		{"no rows at all", "", ""},
		{"one value", "1,web,m01,be_cpu,0.5\n", ""},
		{"rows in the writer's order", "1,web,m01,be_cpu,0.5\n1,web,m01,be_queue,3\n1,web,m02,be_cpu,0.25\n2.5,web,m01,be_cpu,1\n", ""},
		{"rows of one time in any order", "1,web,m02,b,4\n1,web,m01,b,2\n1,web,m02,a,3\n1,web,m01,a,1\n",
			"1,web,m01,a,1\n1,web,m01,b,2\n1,web,m02,a,3\n1,web,m02,b,4\n"},
		{"members and metrics come and go", "1,web,m01,a,1\n1,web,m02,a,2\n2,web,m02,b,3\n3,web,m01,a,4\n3,web,m02,a,5\n", ""},
		{"several groups, each with its own members", "1,api,a1,x,1\n1,web,m01,a,2\n2,web,m01,a,3\n3,api,a1,x,4\n", ""},
		{"groups of one time in any order", "1,web,m01,a,2\n1,api,a1,x,1\n", "1,api,a1,x,1\n1,web,m01,a,2\n"},
		{"times to the millisecond", "0,web,m,a,1\n0.001,web,m,a,1\n0.25,web,m,a,1\n1767225600.5,web,m,a,1\n253402300799.999,web,m,a,1\n", ""},
		{"needless zeros of a time are dropped", "1.500,web,m,a,1\n", "1.5,web,m,a,1\n"},
		{"numbers keep every bit", "1,web,m,a,0.1\n1,web,m,b,-0.30000000000000004\n1,web,m,c,5e-324\n1,web,m,d,1.7976931348623157e+308\n" +
			"1,web,m,e,147971\n1,web,m,f,5.28663e-06\n1,web,m,g,0.0001\n1,web,m,h,999999999999999\n1,web,m,i,1e+15\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.rows
			}
			frames, err := readText(t, recordingHead+"\n"+tt.rows)
			if err != nil {
				t.Fatal(err)
			}
			text := written(t, frames)
			if want := recordingHead + "\n" + tt.want; text != want {
				t.Errorf("written again: got\n%swant\n%s", text, want)
			}
			again, err := readText(t, text)
			if err != nil || !identical(frames, again) {
				t.Errorf("read again: got %v, %v; want %v", again, err, frames)
			}
		})
	}
}

// identical compares frames with NaN equal to itself.
func identical(a, b []*facts.Frame) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := *a[i], *b[i]
		if len(x.Values) != len(y.Values) {
			return false
		}
		for k := range x.Values {
			if math.Float64bits(x.Values[k]) != math.Float64bits(y.Values[k]) && !(math.IsNaN(x.Values[k]) && math.IsNaN(y.Values[k])) {
				return false
			}
		}
		x.Values, y.Values = nil, nil
		if !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

func TestRecordingFrames(t *testing.T) {
	frames, err := readText(t, recordingHead+"\n1.5,web,m02,b,4\n1.5,web,m01,a,1\n2.5,web,m01,a,2\n2.5,web,m02,b,5\n3.5,web,m02,b,6\n")
	if err != nil || len(frames) != 3 {
		t.Fatalf("frames: got %d, %v; want 3", len(frames), err)
	}
	f := frames[0]
	if want := time.Date(1970, 1, 1, 0, 0, 1, 500e6, time.UTC); f.Time != want || f.Group != "web" {
		t.Errorf("first frame: got %v of %s, want %v of web", f.Time, f.Group, want)
	}
	if got := f.At("m01", "b"); !math.IsNaN(got) {
		t.Errorf("a value without a row: got %v, want NaN", got)
	}
	if &frames[0].Members[0] != &frames[1].Members[0] || &frames[0].Metrics[0] != &frames[1].Metrics[0] {
		t.Error("names of the first two frames: got copies, want the same slices")
	}
	if f := frames[2]; len(f.Members) != 1 || len(f.Metrics) != 1 || f.At("m02", "b") != 6 {
		t.Errorf("last frame: got %+v, want m02 and b alone", f)
	}
}

func TestRecordingErrors(t *testing.T) {
	const row = "1,web,m01,a,1\n"
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", "source: run.csv is empty: want the line time_s,group,member,metric,value first"},
		{"no header", row, `run.csv:1: header: found "1,web,m01,a,1", want "time_s,group,member,metric,value"`},
		{"a header with a byte order mark", "\ufeff" + recordingHead + "\n", `run.csv:1: header: found "\ufefftime_s`},
		{"lines that end as on Windows", recordingHead + "\r\n", "run.csv:1: found a carriage return at the end"},
		{"too few fields", "1,web,m01,1\n", "run.csv:2: found 4 fields, want 5: time_s,group"},
		{"too many fields", "1,web,m01,a,1,\n", "run.csv:2: found 6 fields, want 5"},
		{"an empty line", row + "\n", "run.csv:3: found 1 fields, want 5"},
		{"a line cut off", row + "2,web,m01,a,12", `run.csv:3: the recording is cut off here: found no end of line after "2,web,m01,a,12"`},
		{"a line that is too long", row + strings.Repeat("x", 1100) + "\n", "run.csv:3: found a line of more than 1024 bytes"},
		{"a line that never ends", row + strings.Repeat("x", 1<<20), "run.csv:3: found a line of more than 1024 bytes"},
		{"a time that is no number", "now,web,m01,a,1\n", `run.csv:2: field time_s: found "now", want seconds since 1970`},
		{"a time before 1970", "-1,web,m01,a,1\n", "field time_s"},
		{"a time finer than a millisecond", "1.0001,web,m01,a,1\n", "field time_s"},
		{"a time with a point alone", "1.,web,m01,a,1\n", "field time_s"},
		{"a time after the year 9999", "253402300800,web,m01,a,1\n", "field time_s"},
		{"a time that goes back", row + "0.5,web,m01,a,1\n", "run.csv:3: field time_s: found 0.5 after 1, want rows sorted by time"},
		{"a group of no valid name", "1,w b,m01,a,1\n", `run.csv:2: field group: facts: group name "w b"`},
		{"no member", "1,web,,a,1\n", "run.csv:2: field member: facts: member name"},
		{"a quoted metric", "1,web,m01,\"a\",1\n", "run.csv:2: field metric: facts: metric name"},
		{"no value", "1,web,m01,a,\n", `run.csv:2: field value: found "", want a finite decimal number`},
		{"NaN", "1,web,m01,a,NaN\n", `found "NaN", want a finite decimal number`},
		{"an infinity", "1,web,m01,a,Inf\n", `found "Inf"`},
		{"a number too large", "1,web,m01,a,1e309\n", `found "1e309"`},
		{"a hexadecimal number", "1,web,m01,a,0x1p-2\n", `found "0x1p-2"`},
		{"a plus in front", "1,web,m01,a,+1\n", `found "+1"`},
		{"an underscore", "1,web,m01,a,1_000\n", `found "1_000"`},
		{"a second value", "1,web,m01,a,1\n1,web,m02,a,1\n1,web,m01,a,2\n1,web,m03,a,1\n",
			"source: run.csv:4: found a second value of a of m01 at time 1, want one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.text
			if !strings.Contains(tt.want, ":1: ") && text != "" {
				text = recordingHead + "\n" + text
			}
			if _, err := readText(t, text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("reading %.60q: got error %v, want one with %q", text, err, tt.want)
			}
		})
	}
}

func TestRecordingErrorEndsIt(t *testing.T) {
	r, err := NewRecording(strings.NewReader(recordingHead+"\n1,web,m,a,1\n2,web,m,a,1\noops\n3,web,m,a,1\n"), "run.csv")
	if err != nil {
		t.Fatal(err)
	}
	frames, first := readAll(t, r)
	if len(frames) != 1 || first == nil {
		t.Errorf("frames before the error: got %d, %v; want the one that was complete", len(frames), first)
	}
	if _, err := r.Next(t.Context()); err != first {
		t.Errorf("Next after the error: got %v, want %v again", err, first)
	}
}

func TestRecordingBoundsGroupsAndMetrics(t *testing.T) {
	rows := func(n int, row string) string {
		var b strings.Builder
		b.WriteString(recordingHead + "\n")
		for i := range n {
			fmt.Fprintf(&b, row, i)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, text, want string }{
		{"groups", rows(maxGroups+1, "1,g%04d,m,a,1\n"), "run.csv:1026: field group: found g1024 as one too many, want at most 1024"},
		{"metrics of one frame", rows(facts.MaxMetrics+1, "1,web,m,a%04d,1\n"), "257 metrics, want at most 256"},
		{"metrics in the table", rows(2*facts.MaxMetrics+1, "1,web,m,a%04d,1\n"), "run.csv:514: field metric: found a0512 as one too many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readText(t, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("reading: got error %v, want one with %q", err, tt.want)
			}
		})
	}
	t.Run("metrics that come and go may be many", func(t *testing.T) {
		var b strings.Builder
		b.WriteString(recordingHead + "\n")
		for i := range 5 * facts.MaxMetrics {
			fmt.Fprintf(&b, "%d,web,m,a%04d,1\n", i, i)
		}
		if frames, err := readText(t, b.String()); err != nil || len(frames) != 5*facts.MaxMetrics {
			t.Errorf("frames: got %d, %v; want %d", len(frames), err, 5*facts.MaxMetrics)
		}
	})
}

func TestRecordingEndsWithItsContext(t *testing.T) {
	r, err := NewRecording(strings.NewReader(recordingHead+"\n1,web,m,a,1\n"), "run.csv")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next: got error %v, want %v", err, context.Canceled)
	}
	if f, err := r.Next(t.Context()); err != nil || f.At("m", "a") != 1 {
		t.Errorf("Next with another context: got %v, %v; want the frame", f, err)
	}
}

func TestRecordingGzip(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	fmt.Fprintf(w, "%s\n1,web,m,a,1\n2,web,m,a,2\n", recordingHead)
	w.Close()
	whole := z.Bytes()
	for _, tt := range []struct {
		name   string
		b      []byte
		frames int
		want   string // part of the error; empty: none
	}{
		{"is told by its first bytes", whole, 2, ""},
		{"that is cut off says so", whole[:len(whole)-6], 1, "run.csv:4: the recording is cut off here"},
		{"with a wrong checksum says so", append(bytes.Clone(whole[:len(whole)-8]), make([]byte, 8)...), 1, "source: read run.csv after line 3: gzip: invalid checksum"},
		{"with a broken header says so", []byte{0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, "source: read run.csv: gzip: invalid header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var frames []*facts.Frame
			r, err := NewRecording(bytes.NewReader(tt.b), "run.csv")
			if err == nil {
				frames, err = readAll(t, r)
			}
			if len(frames) != tt.frames || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("reading: got %d frames, %v; want %d and an error with %q", len(frames), err, tt.frames, tt.want)
			}
		})
	}
}

func TestOpenRecordingNamesTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "none.csv")
	if _, err := OpenRecording(name); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), name) {
		t.Errorf("OpenRecording: got error %v, want the file's name", err)
	}
}

func FuzzRecording(f *testing.F) {
	f.Add([]byte(recordingHead + "\n1,web,m01,be_cpu,0.5\n1,web,m02,be_cpu,-0\n2.5,api,m01,be_cpu,1e-300\n"))
	f.Add([]byte(recordingHead + "\n0.001,g,m,a,1\n0.001,g,m,a,1\n"))
	f.Add([]byte(recordingHead + "\r\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewRecording(bytes.NewReader(b), "fuzz")
		if err != nil {
			return
		}
		frames, err := readAll(t, r)
		text := written(t, frames) // also of a recording that ends in an error
		again, errAgain := readText(t, text)
		if errAgain != nil || !identical(frames, again) {
			t.Errorf("written and read again: got %v, %v; want %v (after %v)", again, errAgain, frames, err)
		}
		if twice := written(t, again); twice != text {
			t.Errorf("written twice: got %q, want %q", twice, text)
		}
	})
}

// exampleText returns a recording of n members with 35 metrics over some ticks.
func exampleText(members, ticks int) []byte {
	var b bytes.Buffer
	b.WriteString(recordingHead + "\n")
	for t := range ticks {
		for m := range members {
			for k := range 35 {
				fmt.Fprintf(&b, "%d,h01-steady,m%02d,be_metric%02d,%g\n", t+1, m, k, float64(m*k)+0.3125*float64(t))
			}
		}
	}
	return b.Bytes()
}

func BenchmarkRecordingRead(b *testing.B) {
	text := exampleText(10, 180)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewRecording(bytes.NewReader(text), "bench")
		if err != nil {
			b.Fatal(err)
		}
		if frames, err := readAll(b, r); err != nil || len(frames) != 180 {
			b.Fatal(len(frames), err)
		}
	}
}

func BenchmarkRecordingWrite(b *testing.B) {
	text := exampleText(10, 180)
	frames, err := readText(b, string(text))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		w := newRecordingWriter(io.Discard, "recording")
		for _, f := range frames {
			if err := w.Write(f); err != nil {
				b.Fatal(err)
			}
		}
	}
}
