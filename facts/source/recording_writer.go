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

// RecordingWriter writes frames as a recording that [Recording] reads back:
// rows sorted by time, group, member and metric, numbers in the fewest digits
// that keep every bit. A frame in normal form, as all readers of this package
// give, comes back identical, and a file so written is written again byte by
// byte. Members and metrics without any value leave no trace.
//
// It is not for concurrent use. The first error ends it.
type RecordingWriter struct {
	name   string
	w      *bufio.Writer
	closer []io.Closer // in order of closing
	line   []byte
	lastMs int64  // of the last frame
	lastIn string // group of the last frame; empty: none yet
	err    error
}

// NewRecordingWriter writes a plain recording to w. The caller must call
// Close, which leaves w open.
func NewRecordingWriter(w io.Writer) *RecordingWriter { return newRecordingWriter(w, "recording") }

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
		r.closer = []io.Closer{f}
		return r, nil
	}
	z := gzip.NewWriter(f)
	r := newRecordingWriter(z, name)
	r.closer = []io.Closer{z, f}
	return r, nil
}

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

// Close completes the recording and closes the file that [CreateRecording]
// created. It returns the first error of all that went before.
func (r *RecordingWriter) Close() error {
	err := r.w.Flush()
	for _, c := range r.closer {
		err = errors.Join(err, c.Close())
	}
	r.closer = nil
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("source: write %s: %w", r.name, err)
	}
	return r.err
}
