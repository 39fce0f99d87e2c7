package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/facts/detect"
)

const (
	baselineDir = "baselines" // under the data directory: a directory for each group
	// maxBaselines and maxBaselineBytes bound what is kept of a group: of a
	// large one a file has 50 MB.
	maxBaselines     = 32
	maxBaselineBytes = 1 << 30
	// leastBaselines are kept whatever their size: the newest, and the one that
	// is fallen back to.
	leastBaselines = 2
	unfinished     = ".new-" // begins the name of a file that is being written
)

// baselineStore keeps what was learnt of one group, as files that are written
// whole or not at all:
//
//	DATA/baselines/GROUP/000017-v3-5f2c1d0e9a4b.json
//
// with a number that grows, the version of the baseline, and the beginning of
// the digest of the bytes. It is for one process that writes; others may read.
type baselineStore struct{ dir string }

// baselineFile is one of its files.
type baselineFile struct {
	name    string
	number  int
	version int
	digest  string // the first digits
	bytes   int64
}

// groupDir returns the name of a group's directory. Names of groups have no %.
func groupDir(group string) string {
	name := strings.ReplaceAll(group, "/", "%2F")
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	return name
}

func newBaselineStore(data, group string) *baselineStore {
	return &baselineStore{filepath.Join(data, baselineDir, groupDir(group))}
}

// storedGroups returns the groups of which something is stored, sorted.
func storedGroups(data string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(data, baselineDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("baselines: %w", err)
	}
	var out []string
	for _, e := range entries {
		if group, err := url.PathUnescape(e.Name()); err == nil && e.IsDir() {
			out = append(out, group)
		}
	}
	slices.Sort(out)
	return out, nil
}

var baselineName = regexp.MustCompile(`^([0-9]{6,9})-v([0-9]{1,9})-([0-9a-f]{12})\.json$`)

// files returns what is there, newest first. What is none of it is left out.
func (s *baselineStore) files() ([]baselineFile, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("baselines: %w", err)
	}
	var out []baselineFile
	for _, e := range entries {
		m := baselineName.FindStringSubmatch(e.Name())
		info, err := e.Info()
		if m == nil || err != nil || !info.Mode().IsRegular() {
			continue
		}
		f := baselineFile{name: e.Name(), digest: m[3], bytes: info.Size()}
		f.number, _ = strconv.Atoi(m[1])  // nine digits at most
		f.version, _ = strconv.Atoi(m[2]) // likewise
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b baselineFile) int { return b.number - a.number })
	return out, nil
}

// read returns what a file holds. Its bytes must be those that its name says.
func (s *baselineStore) read(f baselineFile) (*detect.Learnt, error) {
	l, digest, err := readLearnt(filepath.Join(s.dir, f.name))
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(digest, "sha256:"+f.digest) {
		return nil, fmt.Errorf("baselines: read %s: digest %s, want that of its name: it was changed", f.name, digest)
	}
	return l, nil
}

// readLearnt reads a file that may come from anywhere.
func readLearnt(path string) (l *detect.Learnt, digest string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", fmt.Errorf("baselines: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > detect.MaxLearntBytes {
		return nil, "", fmt.Errorf("baselines: read %s: %d bytes, mode %v, want a file of at most %d", path, info.Size(), info.Mode(), int64(detect.MaxLearntBytes))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("baselines: %w", err)
	}
	if l, err = detect.DecodeLearnt(b); err != nil {
		return nil, "", fmt.Errorf("baselines: read %s: %w", path, err)
	}
	return l, detect.LearntDigest(b), nil
}

// newest returns the newest file that can be read, and tells of those that
// cannot. nil: there is none.
func (s *baselineStore) newest(damaged func(baselineFile, error)) (*detect.Learnt, baselineFile, error) {
	files, err := s.files()
	if err != nil {
		return nil, baselineFile{}, err
	}
	for _, f := range files {
		l, err := s.read(f)
		if err == nil {
			return l, f, nil
		}
		damaged(f, err)
	}
	return nil, baselineFile{}, nil
}

// save writes l as the newest file, and lets the oldest go. What a process that
// was killed left half written goes, too.
func (s *baselineStore) save(l *detect.Learnt) (f baselineFile, err error) {
	files, err := s.files()
	if err != nil {
		return f, err
	}
	b := l.Encode()
	f = baselineFile{number: 1, version: l.Baseline.Version, digest: strings.TrimPrefix(detect.LearntDigest(b), "sha256:")[:12], bytes: int64(len(b))}
	if len(files) > 0 {
		f.number = files[0].number + 1
	}
	f.name = fmt.Sprintf("%06d-v%d-%s.json", f.number, f.version, f.digest)
	// The requests' directory, too, so that it is the daemon's: it removes them.
	if err := os.MkdirAll(filepath.Join(s.dir, requestDir), 0o700); err != nil {
		return f, fmt.Errorf("baselines: %w", err)
	}
	if err := writeWhole(filepath.Join(s.dir, f.name), b, 0o600); err != nil {
		return f, fmt.Errorf("baselines: save %s: %w", f.name, err)
	}
	return f, s.prune(slices.Insert(files, 0, f))
}

// prune removes what is more than should be kept of the files, newest first:
// the newest of each version stays for as long as there is room.
func (s *baselineStore) prune(files []baselineFile) error {
	var errs []error
	kept, bytes, seen := 0, int64(0), map[int]bool{}
	for i, f := range files {
		if i < leastBaselines || !seen[f.version] && kept < maxBaselines && bytes+f.bytes <= maxBaselineBytes {
			kept++
			bytes += f.bytes
		} else {
			errs = append(errs, os.Remove(filepath.Join(s.dir, f.name)))
		}
		seen[f.version] = true
	}
	left, err := filepath.Glob(filepath.Join(s.dir, unfinished+"*"))
	errs = append(errs, err)
	for _, name := range left {
		errs = append(errs, os.Remove(name))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("baselines: remove what is old: %w", err)
	}
	return nil
}
