package knowledge

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of a pack: evenkeel is planned for 10,000 rules of a few hundred
// bytes, each with its tests.
const (
	MaxFiles     = 20_002   // pack.yaml, README.md, and a rule and a test file for each rule
	maxFileBytes = 64 << 10 // of one file
	MaxPackBytes = 32 << 20 // of all files
)

// Declared is the rate that the operator declared, in [Pack.Certified].
const Declared = "declared"

// vocabulary is the version of the words that rules may use which this package
// admits in a pack.
const vocabulary = 1

// File is one file of a pack.
type File struct {
	Name string // slash-separated, within the pack
	Text []byte
}

// Pack is a pack as it was read.
type Pack struct {
	Name  string   // of the pack: letters, digits, - and _
	Mode  string   // observe, suggest or act: the most that may be done with what rules propose
	Verbs []string // that rules may propose
	Tiers []string // of evidence that may take capacity away: T1, T2, …
	// Certified is the false-alarm rate that such evidence has to certify at
	// least: "declared" (by the operator, the default), "none", or one such as
	// "1/30d".
	Certified  string
	Critical   []string    // rules without which nothing is done, in the order of the file
	Derived    []Derived   // values that rules derive on the way; as declared, in the order of the file
	Parameters []Parameter // constants that rules read, in the order of the file
	Rings      []Ring      // in which its rollout goes on; in the order of the file
	Limits     Limits
	Readme     string
	Rules      []File // rules/*.grl, by name
	Tests      []Test // of all tests/*.yaml, by file and line
	Digest     string // h1:…, the pack's version
}

// ReadPack reads a pack. Every error is an [Errors], or the file system's.
func ReadPack(fsys fs.FS) (*Pack, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	return parsePack(files)
}

// ParsePack reads a pack from the files of a bundle, by their slash-separated
// names, and refuses what [ReadPack] would refuse. They must not be changed afterwards.
func ParsePack(files map[string][]byte) (*Pack, error) {
	var errs Errors
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case !belongs(name):
			errs = append(errs, &Error{File: name, Msg: noPlace})
		case len(files[name]) > maxFileBytes:
			errs = append(errs, &Error{File: name, Msg: fmt.Sprintf("more than %d bytes", maxFileBytes)})
		}
	}
	if errs = append(errs, lacking(files)...); len(errs) > 0 {
		return nil, errs
	}
	return parsePack(files)
}

func parsePack(files map[string][]byte) (*Pack, error) {
	p := &Pack{Limits: defaultLimits(), Certified: Declared}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if path.Dir(name) == "rules" {
			p.Rules = append(p.Rules, File{name, files[name]})
		}
	}
	var errs Errors
	for _, name := range names {
		r := &reader{file: name}
		switch {
		case name == "pack.yaml":
			if n := r.document(files[name]); n != nil {
				r.pack(n, p)
			}
		case name == "README.md":
			p.Readme = string(files[name])
		case path.Dir(name) == "tests":
			if n := r.document(files[name]); n != nil {
				p.Tests = append(p.Tests, r.tests(n)...)
			}
		}
		errs = append(errs, r.errs...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	var err error
	p.Digest, err = BundleDigest(files)
	return p, err
}

// readFiles returns the bytes of every file of the pack, and an error for one
// that has no place in it: what is not part of the digest must not be there.
func readFiles(fsys fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	total := 0
	var errs Errors
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "." || name == "rules" || name == "tests"):
			return nil
		case d.IsDir():
			errs = append(errs,
				&Error{File: name, Msg: "a directory that has no place in a pack, want rules and tests"})
			return fs.SkipDir
		case !belongs(name):
			errs = append(errs, &Error{File: name, Msg: noPlace})
		case !d.Type().IsRegular():
			errs = append(errs, &Error{File: name, Msg: "is not a regular file"})
		case len(files) >= MaxFiles:
			return Errors{{File: name, Msg: fmt.Sprintf("is one file too many, want at most %d", MaxFiles)}}
		default:
			b, err := readFile(fsys, name)
			if err != nil {
				return err
			}
			if total += len(b); total > MaxPackBytes {
				return Errors{{File: name, Msg: fmt.Sprintf("makes the pack larger than %d bytes", MaxPackBytes)}}
			}
			files[name] = b
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("knowledge: read pack: %w", err)
	}
	if errs = append(errs, lacking(files)...); len(errs) > 0 {
		return nil, errs
	}
	return files, nil
}

const noPlace = "has no place in a pack, want pack.yaml, README.md, rules/*.grl and tests/*.yaml, where * is the name of a rule: a letter, then 2 to 63 letters, digits or _"

// lacking complains about each file that every pack has and this one has not.
func lacking(files map[string][]byte) (errs Errors) {
	for _, name := range []string{"pack.yaml", "README.md"} {
		if _, ok := files[name]; !ok {
			errs = append(errs, &Error{File: name, Msg: "is missing"})
		}
	}
	return errs
}

func belongs(name string) bool {
	switch path.Dir(name) {
	case ".":
		return name == "pack.yaml" || name == "README.md"
	case "rules":
		return fileName.MatchString(path.Base(name)) && strings.HasSuffix(name, ".grl")
	case "tests":
		return fileName.MatchString(path.Base(name)) && strings.HasSuffix(name, ".yaml")
	}
	return false
}

var (
	fileName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{2,63}\.[a-z]+$`)
	packName = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,63}$`)
	packRate = regexp.MustCompile(`^1/[1-9][0-9]{0,4}(d|h|m|s)$`)
)

func readFile(fsys fs.FS, name string) ([]byte, error) {
	b, err := readUpTo(fsys, name, maxFileBytes)
	if err == nil && len(b) > maxFileBytes {
		err = Errors{{File: name, Msg: fmt.Sprintf("more than %d bytes", maxFileBytes)}}
	}
	return b, err
}

// The closed sets of words in pack.yaml.
var (
	modes = []string{"observe", "suggest", "act"}
	verbs = []string{"drain", "maint", "restore", "notify"}
	tiers = []string{"T1", "T2", "T3", "T4", "T5", "T6"}
)

func (r *reader) pack(n ast.Node, p *Pack) {
	r.mapping(n, "pack",
		field{"name", true, r.text("name", func(s string) error {
			p.Name = s
			if !packName.MatchString(s) {
				return errors.New("2 to 64 lower-case letters, digits, - and _, a letter first")
			}
			return nil
		})},
		field{"vocabulary", true, r.text("vocabulary", func(s string) error {
			if s != fmt.Sprint(vocabulary) {
				return fmt.Errorf("%d", vocabulary)
			}
			return nil
		})},
		field{"mode", true, r.text("mode", func(s string) error {
			p.Mode = s
			return oneOf(s, modes)
		})},
		field{"verbs", true, r.words("verbs", &p.Verbs, verbs...)},
		field{"tiers", true, r.words("tiers", &p.Tiers, tiers...)},
		field{"certified", false, r.text("certified", func(s string) error {
			p.Certified = s
			if s != Declared && s != "none" && !packRate.MatchString(s) {
				return errors.New("declared, none or a rate such as 1/30d")
			}
			return nil
		})},
		field{"critical", false, func(n ast.Node) { r.critical(n, p) }},
		field{"derived", false, func(n ast.Node) { r.derived(n, p) }},
		field{"parameters", false, func(n ast.Node) { r.parameters(n, p) }},
		field{"rings", false, func(n ast.Node) { r.rings(n, p) }},
		field{"limits", false, func(n ast.Node) { r.limits(n, &p.Limits) }},
	)
}

// maxCritical bounds the critical rules of a pack: a decision lists those that
// had no say.
const maxCritical = 24

// critical reads the names of the critical rules.
func (r *reader) critical(n ast.Node, p *Pack) {
	p.Critical = []string{}
	r.list(n, "critical", maxCritical, r.text("critical", func(s string) error {
		file := "rules/" + s + ".grl"
		if slices.Contains(p.Critical, s) || !slices.ContainsFunc(p.Rules, func(f File) bool { return f.Name == file }) {
			return errors.New("different names of rules of this pack") // a slip of the pen would leave the one that was meant uncritical
		}
		p.Critical = append(p.Critical, s)
		return nil
	}))
}

func oneOf(s string, set []string) error {
	if !slices.Contains(set, s) {
		return errors.New("one of " + strings.Join(set, ", "))
	}
	return nil
}
