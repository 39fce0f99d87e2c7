package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// maxFindings bounds a report: after that many the log is known to be bad.
const maxFindings = 20

// Report is the verdict on a log.
type Report struct {
	Entries  int64     `json:"entries"`
	Files    int       `json:"files"`
	Findings []Finding `json:"findings"` // empty: every entry is as it was written
	First    time.Time `json:"first"`    // time of the first entry; zero if there is none
	Key      string    `json:"key"`      // id of the key that signed the checkpoint
	Last     time.Time `json:"last"`
	Origin   string    `json:"origin"`
	Root     string    `json:"root"` // recomputed from the entries, base64
	Verified bool      `json:"verified"`
}

// Finding is one thing that is not as it was written.
type Finding struct {
	Entry int64  `json:"entry"` // where it shows; -1: nowhere in particular
	File  string `json:"file"`
	What  string `json:"what"`
}

// Verify checks the log in dir against the key beside it, as [Reader.Verify]
// does.
func Verify(dir string) (Report, error) {
	r, err := OpenReader(dir, "")
	if err != nil {
		return Report{}, err
	}
	defer r.Close()
	return r.Verify(context.Background(), nil)
}

// Verify reads the whole log and recomputes the tree from the stored bytes. It
// checks the root and every stored tile against it, the signature of every
// file's checkpoint, of every entry the form, sequence number, time order and
// environment, and that a writer could go on: no file was cut short, and no page
// in use counts as free. What lies in free pages is not looked at: it is no part
// of the log. seen, if not nil, is a signed checkpoint of this log that was
// kept elsewhere: the log must be a continuation of it. Without one, nobody can
// tell a log from an older copy of itself.
//
// The error is [ErrTampered] if anything is wrong; the report says what.
func (r *Reader) Verify(ctx context.Context, seen []byte) (Report, error) {
	if r.verifier == nil {
		return Report{}, fmt.Errorf("audit: verify log in %s: %w", r.dir, errNoKey)
	}
	v := verification{r: r, report: Report{
		Files: r.count, Key: keyID(r.verifier), Origin: r.verifier.Name(), Findings: []Finding{}}}
	err := v.run(ctx, seen)
	v.report.Entries, v.report.Root = v.tree.n, v.tree.root().String()
	if err == nil && len(v.report.Findings) > 0 {
		f := v.report.Findings[0]
		err = fmt.Errorf("%s: %w: %s", f.File, ErrTampered, f.What)
		if more := len(v.report.Findings) - 1; more > 0 {
			err = fmt.Errorf("%w (and %d more)", err, more)
		}
	}
	if err != nil {
		return v.report, fmt.Errorf("audit: verify log in %s: %w", r.dir, err)
	}
	v.report.Verified = true
	return v.report, nil
}

// verification is one pass over a log.
type verification struct {
	r      *Reader
	report Report
	tree   tree
	env    string
	seen   tlog.Tree // to pass through; N is -1 for none, or when passed
	tiles  []Finding // tiles that differ from the entries; what that means shows at the end
}

func (v *verification) find(file string, entry int64, format string, args ...any) {
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, Finding{entry, file, fmt.Sprintf(format, args...)})
	}
}

// findError reports err without what the report says anyway.
func (v *verification) findError(file string, entry int64, err error) {
	what := strings.TrimPrefix(err.Error(), file+": ")
	v.find(file, entry, "%s", strings.TrimPrefix(what, ErrTampered.Error()+": "))
}

func (v *verification) run(ctx context.Context, seen []byte) error {
	v.seen.N = -1
	if seen != nil {
		var err error
		if v.seen, err = openCheckpoint(seen, v.r.verifier); err != nil {
			return fmt.Errorf("checkpoint seen before: %w", err)
		}
	}
	v.passSeen(fileName(0))
	for i := range v.r.count {
		f, err := v.r.file(i)
		if err == nil {
			err = v.file(ctx, f)
		}
		if err == nil && i < v.r.count-1 { // read to its end: not needed any more
			delete(v.r.files, i)
			err = f.close()
		}
		if errors.Is(err, ErrTampered) {
			v.findError(fileName(i), v.tree.n, err)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if v.seen.N >= 0 && len(v.report.Findings) == 0 {
		v.find(v.r.newest().name, -1, "log has %d entries, but had %d before: it was cut or put back", v.tree.n, v.seen.N)
	}
	v.judge()
	return nil
}

// file checks one file: its size, its entries, its tiles, its checkpoint and that
// no page it calls free is in use.
func (v *verification) file(ctx context.Context, f *file) error {
	if f.first != v.tree.n {
		return fmt.Errorf("%w: begins with entry %d, want %d", ErrTampered, f.first, v.tree.n)
	}
	if f.snap.alone {
		v.find(f.name, -1, "one of its two meta pages is damaged: the last commit may be missing")
	}
	if err := tampered(f.checkSize()); errors.Is(err, ErrTampered) {
		v.findError(f.name, -1, err) // and read on: all entries may be there
	} else if err != nil {
		return err
	}
	tiles := 0
	err := f.scan(f.first, f.next, func(seq int64, b []byte) error {
		v.entry(f, seq, b)
		full := v.tree.add(tlog.RecordHash(b))
		v.passSeen(f.name)
		for _, t := range full {
			tiles++
			if err := v.tile(f, t); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return tampered(err)
	}
	if !f.floor.Equal(v.report.Last) && v.tree.n > 0 {
		v.find(f.name, v.tree.n-1, "time floor is %s, but the last entry is of %s", stamp(f.floor), stamp(v.report.Last))
	}
	v.checkpoint(f)
	return tampered(v.pages(f, tiles))
}

func (v *verification) entry(f *file, seq int64, b []byte) {
	e, err := decodeAt(b, seq)
	if err != nil {
		v.findError(f.name, seq, err)
		return
	}
	if e.Time.Before(v.report.Last) {
		v.find(f.name, seq, "entry %d is of %s, the one before of %s", seq, stamp(e.Time), stamp(v.report.Last))
	}
	if v.env == "" {
		v.env, v.report.First = e.Env, e.Time
	}
	if e.Env != v.env {
		v.find(f.name, seq, "entry %d is of environment %q, want %q", seq, e.Env, v.env)
	}
	v.report.Last = e.Time
}

// tile compares a stored tile with the one the entries make, and so can name
// the entry that was altered.
func (v *verification) tile(f *file, want tile) error {
	got, err := f.tile(want)
	if err != nil {
		return err
	}
	for i, h := range got {
		if h == want.hashes[i] {
			continue
		}
		entry := int64(-1)
		if want.level == 0 {
			entry = want.n*tileWidth + int64(i)
		}
		if len(v.tiles) < maxFindings {
			v.tiles = append(v.tiles, Finding{entry, f.name, fmt.Sprintf("tile %d of level %d", want.n, want.level)})
		}
		break
	}
	return nil
}

// passSeen compares the tree with the checkpoint seen before, when it has the
// same size.
func (v *verification) passSeen(file string) {
	if v.tree.n != v.seen.N {
		return
	}
	if got := v.tree.root(); got != v.seen.Hash {
		v.find(file, -1, "first %d entries have the root %s, but had %s before: history was rewritten", v.tree.n, got, v.seen.Hash)
	}
	v.seen.N = -1
}

// checkpoint checks the checkpoint that a file ends with.
func (v *verification) checkpoint(f *file) {
	head, err := openCheckpoint(f.checkpoint, v.r.verifier)
	switch got := v.tree.root(); {
	case err != nil:
		v.find(f.name, -1, "%v", err)
	case head.N != v.tree.n:
		v.find(f.name, head.N, "checkpoint says %d entries, found %d", head.N, v.tree.n)
	case head.Hash != got && len(v.tiles) == 0:
		from := max(f.first, v.tree.n&^(tileWidth-1))
		v.find(f.name, from, "one of entries %d to %d was altered: root is %s, but the checkpoint says %s", from, v.tree.n-1, got, head.Hash)
	case head.Hash != got:
		for _, t := range v.tiles {
			if t.Entry >= 0 {
				v.find(t.File, t.Entry, "entry %d was altered: its hash is not the one in %s", t.Entry, t.What)
			}
		}
		v.tiles = nil
		if len(v.report.Findings) == 0 {
			v.find(f.name, -1, "root is %s, but the checkpoint says %s", got, head.Hash)
		}
	}
}

// judge reports tiles that differ although the root is right.
func (v *verification) judge() {
	for _, t := range v.tiles {
		v.find(t.File, t.Entry, "%s is damaged; the entries under it are as they were written", t.What)
	}
}

// pages checks that the file holds no other tiles, and that a writer would not
// overwrite pages in use.
func (v *verification) pages(f *file, tiles int) error {
	stored := 0
	err := f.snap.ascend(f.hashes, nil, func(element) (bool, error) {
		stored++
		return true, nil
	})
	if err != nil {
		return err
	}
	if stored != tiles {
		v.find(f.name, -1, "holds %d tiles, want %d", stored, tiles)
	}
	return f.snap.checkFree()
}

func stamp(t time.Time) string { return t.Format(timeLayout) }
