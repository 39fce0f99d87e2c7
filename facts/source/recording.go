package source

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on a recording.
const (
	// maxLineBytes holds the longest valid line: three names, a time and a
	// number, with room.
	maxLineBytes = 1024
	// maxGroups bounds the groups of one recording, each of which has its own
	// tables of names.
	maxGroups = 1024
	// maxTickRows bounds the rows of one tick, which are held until it is
	// complete: the largest frame that package facts admits.
	maxTickRows = facts.MaxMembers * facts.MaxMetrics
)

// recordingHead is the first line of a recording.
const recordingHead = "time_s,group,member,metric,value"

// Recording reads a recording, plain or compressed with gzip (told apart by its
// first bytes), and gives its frames in order of time and, within one time, of
// the group's name.
//
// A recording is strict CSV without quotes: the header
// "time_s,group,member,metric,value", then rows whose time never decreases. A
// time is in seconds since 1970-01-01T00:00:00Z with at most three decimals, a
// value is a finite decimal number; within one time, the order of rows is free
// and no value comes twice. What was not seen has no row.
//
// A frame holds the members and metrics that have a value at its time, so that
// they may differ from one frame to the next: a member that is down for a
// restart is simply not there. Frames of a group that did not change share
// their Members and Metrics.
//
// Of a recording that was cut off, Next gives the ticks before the one that is
// cut, and then an error that says where; of a plain one that is cut between two
// rows it cannot know.
//
// It reads as a stream and holds one tick. It is not for concurrent use.
type Recording struct {
	name   string
	lines  *bufio.Reader
	line   int // number of the line last read
	closer io.Closer
	ended  error // what every later Next returns

	groups []*recordedGroup
	index  map[string]*recordedGroup

	ready []*facts.Frame // frames of the tick last completed, not yet returned
	now   int64          // milliseconds of the tick being gathered; -1: none yet
	rows  int            // gathered for it
}

// OpenRecording opens the named file. The caller closes the recording.
func OpenRecording(name string) (*Recording, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	r, err := NewRecording(f, name)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.closer = f
	return r, nil
}

// NewRecording reads a recording from r; name stands for it in errors. It
// checks the first line.
func NewRecording(r io.Reader, name string) (*Recording, error) {
	raw := bufio.NewReaderSize(r, 64<<10)
	magic, err := raw.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("source: read %s: %w", name, err)
	}
	rec := &Recording{name: name, lines: raw, now: -1, index: map[string]*recordedGroup{}}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, fmt.Errorf("source: read %s: %w", name, err)
		}
		rec.lines = bufio.NewReaderSize(z, 64<<10)
	}
	head, err := rec.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("source: %s is empty: want the line %s first", name, recordingHead)
	}
	if err != nil {
		return nil, err
	}
	if string(head) != recordingHead {
		return nil, rec.errorf("header: found %.80q, want %q", head, recordingHead)
	}
	return rec, nil
}

// Close closes the file that [OpenRecording] opened.
func (r *Recording) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// Next returns the next frame, or [io.EOF] after the last. Errors name file,
// line and field, what was found and what is wanted; an error ends the
// recording, and the frames before it stand.
func (r *Recording) Next(ctx context.Context) (*facts.Frame, error) {
	for len(r.ready) == 0 {
		if r.ended != nil {
			return nil, r.ended
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("source: read %s: %w", r.name, err)
		}
		r.ended = r.gather()
	}
	f := r.ready[0]
	r.ready = r.ready[1:]
	return f, nil
}

// gather reads rows until a tick is complete, and puts its frames in ready.
func (r *Recording) gather() error {
	for len(r.ready) == 0 {
		line, err := r.next()
		if errors.Is(err, io.EOF) {
			if err := r.complete(); err != nil {
				return err
			}
			return io.EOF
		}
		if err != nil {
			return err
		}
		if err := r.row(line); err != nil {
			return err
		}
	}
	return nil
}

// next returns the next line without its end; it is valid until the call after.
func (r *Recording) next() ([]byte, error) {
	line, err := r.lines.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.line++
		if len(line) == 0 {
			return nil, r.errorf("the recording is cut off here: found no end of the compressed data")
		}
		return nil, r.errorf("the recording is cut off here: found no end of line after %.80q", line)
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > maxLineBytes:
		r.line++
		return nil, r.errorf("found a line of more than %d bytes, want less", maxLineBytes)
	case err != nil:
		return nil, fmt.Errorf("source: read %s after line %d: %w", r.name, r.line, err)
	}
	r.line++
	line = line[:len(line)-1]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		return nil, r.errorf("found a carriage return at the end, want lines that end with a line feed alone")
	}
	return line, nil
}

// row adds one row to the tick that is gathered; when the row's time is later,
// the tick is completed first.
func (r *Recording) row(line []byte) error {
	var fields [5][]byte
	if n := split(line, &fields); n != len(fields) {
		return r.errorf("found %d fields, want %d: %s", n, len(fields), recordingHead)
	}
	ms, ok := parseMillis(fields[0])
	if !ok {
		return r.errorf("field time_s: found %.40q, want seconds since 1970 with at most three decimals", fields[0])
	}
	if ms < r.now {
		return r.errorf("field time_s: found %s after %s, want rows sorted by time", fields[0], formatMillis(r.now))
	}
	if ms > r.now {
		if err := r.complete(); err != nil {
			return err
		}
		r.now, r.rows = ms, 0
	}
	if r.rows++; r.rows > maxTickRows {
		return r.errorf("found more than %d rows at time %s, want less", maxTickRows, fields[0])
	}
	v, ok := parseValue(fields[4])
	if !ok {
		return r.errorf("field value: found %.40q, want a finite decimal number", fields[4])
	}
	g, err := r.group(fields[1])
	if err == nil {
		err = g.add(fields[2], fields[3], v, r.line)
	}
	if err != nil {
		return r.errorf("%w", err)
	}
	return nil
}

func (r *Recording) group(name []byte) (*recordedGroup, error) {
	if g, ok := r.index[string(name)]; ok {
		return g, nil
	}
	if err := facts.CheckName("group", string(name)); err != nil {
		return nil, fmt.Errorf("field group: %w", err)
	}
	if len(r.groups) == maxGroups {
		return nil, fmt.Errorf("field group: found %s as one too many, want at most %d groups", name, maxGroups)
	}
	g := newRecordedGroup(string(name))
	r.index[g.name] = g
	r.groups = append(r.groups, g)
	slices.SortFunc(r.groups, func(a, b *recordedGroup) int { return cmp.Compare(a.name, b.name) })
	return g, nil
}

// complete turns the rows gathered into frames.
func (r *Recording) complete() error {
	for _, g := range r.groups {
		if len(g.cells) == 0 {
			continue
		}
		f, err := g.frame(time.UnixMilli(r.now).UTC())
		if err != nil {
			return fmt.Errorf("source: %s:%w", r.name, err)
		}
		r.ready = append(r.ready, f)
	}
	return nil
}

// errorf returns an error about the line last read.
func (r *Recording) errorf(format string, args ...any) error {
	return fmt.Errorf("source: %s:%d: %w", r.name, r.line, fmt.Errorf(format, args...))
}
