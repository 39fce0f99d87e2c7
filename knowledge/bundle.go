package knowledge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/dirhash"
)

// ReadBundle reads every file below fsys into memory: the bytes that are hashed
// are the bytes that are used. Only regular files are accepted, with names of
// valid UTF-8 without control characters, at least one, and within the bounds of
// a pack. It asks nothing else of them; [ReadPack] does.
func ReadBundle(fsys fs.FS) (map[string][]byte, error) {
	files, total := map[string][]byte{}, int64(0)
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		switch {
		case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
			return fmt.Errorf("file name %q, want valid UTF-8 without control characters", name)
		case !e.Type().IsRegular():
			return fmt.Errorf("%q is not a regular file", name)
		case len(files) == MaxFiles:
			return fmt.Errorf("more than %d files", MaxFiles)
		}
		b, err := readUpTo(fsys, name, MaxPackBytes-total)
		files[name], total = b, total+int64(len(b))
		if err == nil && total > MaxPackBytes {
			err = fmt.Errorf("more than %d bytes", MaxPackBytes)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("no file")
	}
	if err != nil {
		return nil, fmt.Errorf("knowledge: read bundle: %w", err)
	}
	return files, nil
}

// readUpTo reads a file, and of a larger one a byte more than the limit, for the
// caller to refuse it by its size.
func readUpTo(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	return b, errors.Join(err, f.Close())
}

// BundleDigest returns the digest of a bundle's files: "h1:" and the base64 of
// the SHA-256 of the lines "SHA256  NAME", sorted by name.
//
// Source: golang.org/x/mod/sumdb/dirhash, Hash1.
func BundleDigest(files map[string][]byte) (string, error) {
	digest, err := dirhash.Hash1(slices.Collect(maps.Keys(files)), func(name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files[name])), nil
	})
	if err != nil {
		return "", fmt.Errorf("knowledge: digest of bundle: %w", err)
	}
	return digest, nil
}
