package source

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// flushEvery is how much of a recording waits in memory at most, in time of its
// frames: what a process that is killed loses. A compressed file of 350 values a
// second gets 0.1 % larger by it, one of 6 values every 15 s by half.
const flushEvery = 10 * time.Second

// RecordingWriter writes frames as a recording that [Recording] reads back:
// rows sorted by time, group, member and metric, numbers in the fewest digits
// that keep every bit. A frame in normal form, as all readers of this package
// give, comes back identical, and a file so written is written again byte by
// byte. Members and metrics without any value leave no trace.
//
// Every ten seconds, in time of the frames, all complete ticks go to the file, so
// that a process that is killed loses no more than that; the system may crash
// with more. [Recording] reads such a file up to the tick before its end, which
// may be incomplete, and says where it is cut off.
//
// It is not for concurrent use. The first error ends it.
type RecordingWriter struct {
	name   string
	w      *bufio.Writer
	z      *gzip.Writer // under w; nil: not compressed
	file   *os.File     // under all; nil: not ours
	line   []byte
	saved  int64  // milliseconds: frames from then on may not be in the file
	lastMs int64  // of the last frame
	lastIn string // group of the last frame; empty: none yet
	err    error
}

// CreateRecording creates the named file, compressed when the name ends with
// ".gz". A file that exists is an error that wraps [os.ErrExist], unless
// overwrite is set.
func CreateRecording(name string, overwrite bool) (*RecordingWriter, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0o644)
	if err != nil {
		return nil, fmt.Errorf("source: create recording: %w", err)
	}
	if !strings.HasSuffix(name, ".gz") {
		r := newRecordingWriter(f, name)
		r.file = f
		return r, nil
	}
	z := gzip.NewWriter(f)
	r := newRecordingWriter(z, name)
	r.z, r.file = z, f
	return r, nil
}

// newRecordingWriter writes a recording to w, which Close leaves open.
func newRecordingWriter(w io.Writer, name string) *RecordingWriter {
	r := &RecordingWriter{name: name, w: bufio.NewWriterSize(w, 64<<10)}
	_, r.err = r.w.WriteString(recordingHead + "\n")
	return r
}

// Write adds a frame. Frames come in order of time and, within one time, of
// group; their times are whole milliseconds from 1970 to 9999.
func (r *RecordingWriter) Write(f *facts.Frame) error {
	if r.err == nil {
		r.err = r.write(f)
	}
	return r.err
}

func (r *RecordingWriter) write(f *facts.Frame) error {
	if err := f.Check(); err != nil {
		return fmt.Errorf("source: write %s: %w", r.name, err)
	}
	ms := f.Time.UnixMilli()
	if ms < 0 || ms > maxMillis || f.Time.Nanosecond()%int(time.Millisecond) != 0 {
		return fmt.Errorf("source: write %s: time %s: want whole milliseconds from 1970 to 9999", r.name, f.Time.Format(time.RFC3339Nano))
	}
	if r.lastIn != "" && (ms < r.lastMs || ms == r.lastMs && f.Group <= r.lastIn) {
		return fmt.Errorf("source: write %s: frame of %s at %s after %s at %s: want them in order of time, then group",
			r.name, f.Group, formatMillis(ms), r.lastIn, formatMillis(r.lastMs))
	}
	if r.lastIn == "" {
		r.saved = ms
	}
	if ms-r.saved >= flushEvery.Milliseconds() { // the first frame of its tick: all before are complete
		if err := r.flush(); err != nil {
			return err
		}
		r.saved = ms
	}
	r.lastMs, r.lastIn = ms, f.Group
	for i, member := range f.Members {
		for k, v := range f.Row(i) {
			if math.IsNaN(v) {
				continue
			}
			b := appendMillis(r.line[:0], ms)
			for _, s := range []string{f.Group, member, f.Metrics[k]} {
				b = append(append(b, ','), s...)
			}
			b = append(appendValue(append(b, ','), v), '\n')
			r.line = b
			if _, err := r.w.Write(b); err != nil {
				return fmt.Errorf("source: write %s: %w", r.name, err)
			}
		}
	}
	return nil
}

// flush hands everything written so far to the file.
func (r *RecordingWriter) flush() error {
	err := r.w.Flush()
	if r.z != nil && err == nil {
		err = r.z.Flush()
	}
	if err != nil {
		return fmt.Errorf("source: write %s: %w", r.name, err)
	}
	return nil
}

// Close completes the recording and closes the file that [CreateRecording]
// created. It returns the first error of all that went before.
func (r *RecordingWriter) Close() error {
	err := r.w.Flush()
	if r.z != nil {
		err = errors.Join(err, r.z.Close())
	}
	if r.file != nil {
		err = errors.Join(err, r.file.Close())
	}
	r.z, r.file = nil, nil
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("source: write %s: %w", r.name, err)
	}
	return r.err
}
