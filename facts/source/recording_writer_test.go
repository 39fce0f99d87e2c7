package source

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func TestCreateRecording(t *testing.T) {
	frames, err := readText(t, string(exampleText(3, 20)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, tt := range []struct {
		file string
		gzip bool
	}{{"run.csv", false}, {"run.csv.gz", true}} {
		t.Run(tt.file, func(t *testing.T) {
			name := filepath.Join(dir, tt.file)
			write := func(frames []*facts.Frame, overwrite bool) error {
				w, err := CreateRecording(name, overwrite)
				if err != nil {
					return err
				}
				for _, f := range frames {
					if err := w.Write(f); err != nil {
						t.Error(err)
					}
				}
				return w.Close()
			}
			if err := write(frames, false); err != nil {
				t.Fatal(err)
			}
			first, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.HasPrefix(first, []byte{0x1f, 0x8b}); got != tt.gzip {
				t.Errorf("compressed: got %t, want %t", got, tt.gzip)
			}
			r, err := OpenRecording(name)
			if err != nil {
				t.Fatal(err)
			}
			again, err := readAll(t, r)
			if err := errors.Join(err, r.Close()); err != nil || !identical(again, frames) {
				t.Errorf("read again: got %d frames, %v; want the %d written", len(again), err, len(frames))
			}
			if err := write(nil, false); !errors.Is(err, os.ErrExist) || !strings.Contains(err.Error(), name) {
				t.Errorf("created a second time: got error %v, want that %s exists", err, name)
			}
			if err := write(again, true); err != nil {
				t.Fatal(err)
			}
			if second, err := os.ReadFile(name); err != nil || !bytes.Equal(first, second) {
				t.Errorf("written again: got %d other bytes, %v; want the same", len(second), err)
			}
		})
	}
}

// A writer that is never closed leaves what a killed process leaves.
func TestRecordingOfAKilledProcess(t *testing.T) {
	frames := []*facts.Frame{}
	for i := range 25 { // two groups, a tick a second
		for _, group := range []string{"api", "web"} {
			f := oneValue(tick0.Add(time.Duration(i) * time.Second))
			f.Group = group
			frames = append(frames, f)
		}
	}
	for _, tt := range []struct {
		name, file string
		written    int // ticks
		want       int // ticks read back
		cut        string
	}{
		{"plain, all that was flushed is read", "run.csv", 25, 20, ""},
		{"compressed, all but the tick that may be incomplete is read", "run.csv.gz", 25, 19, ":42: the recording is cut off here: found no end of the compressed data"},
		{"at the first tick after ten seconds", "run.csv.gz", 11, 9, ":22: the recording is cut off here"},
		{"within the first ten seconds nothing is there", "run.csv.gz", 10, 0, "is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), tt.file)
			w, err := CreateRecording(name, false)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			for _, f := range frames[:2*tt.written] {
				if err := w.Write(f); err != nil {
					t.Fatal(err)
				}
			}
			left, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readText(t, string(left))
			if (err == nil) != (tt.cut == "") || err != nil && !strings.Contains(err.Error(), tt.cut) {
				t.Errorf("read: got error %v, want %q", err, tt.cut)
			}
			if !identical(got, frames[:2*tt.want]) {
				t.Errorf("read: got %d frames, want the first %d written", len(got), 2*tt.want)
			}
		})
	}
}

func TestRecordingWriterRefuses(t *testing.T) {
	frame := func(t time.Time, group string) *facts.Frame {
		f := oneValue(t)
		f.Group = group
		return f
	}
	unsorted := frame(tick0, "web")
	unsorted.Members = []string{"m02", "m01"}
	infinite := frame(tick0, "web")
	infinite.Values[0] = math.Inf(1)
	for _, tt := range []struct {
		name   string
		frames []*facts.Frame
		want   string
	}{
		{"a frame earlier than the last", []*facts.Frame{frame(tick0, "web"), frame(tick0.Add(-time.Second), "web")}, "want them in order of time, then group"},
		{"a second frame of a group at one time", []*facts.Frame{frame(tick0, "web"), frame(tick0, "web")}, "frame of web at 1772366400 after web at 1772366400"},
		{"groups of one time out of order", []*facts.Frame{frame(tick0, "web"), frame(tick0, "api")}, "want them in order of time, then group"},
		{"a time finer than a millisecond", []*facts.Frame{frame(tick0.Add(time.Microsecond), "web")}, "want whole milliseconds from 1970"},
		{"a time before 1970", []*facts.Frame{frame(time.Unix(-1, 0), "web")}, "want whole milliseconds from 1970"},
		{"a malformed frame", []*facts.Frame{unsorted}, "malformed frame"},
		{"an infinite value", []*facts.Frame{infinite}, "malformed frame"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			w := newRecordingWriter(&b, "recording")
			var err error
			for _, f := range tt.frames {
				err = w.Write(f)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Write: got error %v, want one with %q", err, tt.want)
			}
			if closed := w.Close(); closed != err {
				t.Errorf("Close: got error %v, want %v", closed, err)
			}
			if _, err := readText(t, b.String()); err != nil {
				t.Errorf("what was written before: got error %v, want a whole recording", err)
			}
		})
	}
}

func TestRecordingWriterWritesNothingForWhatWasNotSeen(t *testing.T) {
	f := facts.NewFrame(tick0, "web", []string{"m01", "m02"}, []string{"a", "b"})
	f.Values[3] = 7
	if got, want := written(t, []*facts.Frame{f}), recordingHead+"\n1772366400,web,m02,b,7\n"; got != want {
		t.Errorf("written: got %q, want %q", got, want)
	}
}

// fullDisk takes some bytes and no more.
type fullDisk struct{ room int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	if n := d.room; n < len(b) {
		d.room = 0
		return n, errFull
	}
	d.room -= len(b)
	return len(b), nil
}

func TestRecordingWriterOnAFullDisk(t *testing.T) {
	frames, err := readText(t, string(exampleText(10, 20)))
	if err != nil {
		t.Fatal(err)
	}
	w := newRecordingWriter(&fullDisk{room: 100_000}, "recording")
	for _, f := range frames {
		err = w.Write(f)
	}
	if !errors.Is(err, errFull) || !strings.HasPrefix(err.Error(), "source: write recording: ") {
		t.Errorf("Write: got error %v, want that the disk is full", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: got error %v, want that the disk is full", err)
	}
}
