package knowledge

import (
	"fmt"
	"io/fs"
	"strings"
)

// The bounds of a folder of signed texts: more statements than a year of changes
// makes, and a signature by each key of the largest register.
const (
	maxSignedTexts = 4096
	maxSignatures  = 256 // beside one text
)

// ReadSignedTexts reads the texts NAME.txt of a folder, each with the armoured
// signatures beside it, NAME.txt.ANYTHING.sig or NAME.txt.sig, sorted by name.
// It follows no symbolic link. A file that cannot be read whole is returned all
// the same, so that [Judge] names it: leaving a file there hides no other.
func ReadSignedTexts(fsys fs.FS) ([]SignedText, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("knowledge: read signed texts: %w", err)
	}
	var out []SignedText
	place := map[string]int{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".txt") {
			continue
		}
		if len(out) == maxSignedTexts {
			return nil, fmt.Errorf("knowledge: read signed texts: more than %d in one folder", maxSignedTexts)
		}
		t := SignedText{Name: e.Name()}
		t.Text, t.fault = readSmall(fsys, e, MaxTextBytes)
		place[t.Name] = len(out)
		out = append(out, t)
	}
	for _, e := range entries {
		if i, ok := beside(place, e.Name()); ok && len(out[i].Signatures) < maxSignatures {
			armoured, err := readSmall(fsys, e, maxSignatureBytes)
			if err != nil {
				armoured = nil // refused like any other that does not hold
			}
			out[i].Signatures = append(out[i].Signatures, armoured)
		}
	}
	return out, nil
}

// beside returns the place of the text that a signature's name says it is for:
// the longest name of a text that it begins with.
func beside(place map[string]int, name string) (int, bool) {
	if !strings.HasSuffix(name, ".sig") {
		return 0, false
	}
	for rest := name; ; {
		cut := strings.LastIndex(rest, ".txt.")
		if cut < 0 {
			return 0, false
		}
		if i, ok := place[rest[:cut+len(".txt")]]; ok {
			return i, true
		}
		rest = rest[:cut+len(".tx")]
	}
}

// readSmall reads a regular file, and one byte more than the limit of a larger
// one, so that it is refused for its size.
func readSmall(fsys fs.FS, e fs.DirEntry, limit int64) ([]byte, error) {
	if !e.Type().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", e.Name())
	}
	return readUpTo(fsys, e.Name(), limit)
}
