package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/knowledge"
)

// The folders of a store, in the data directory.
const (
	bundlesDir  = "bundles"
	dossiersDir = "evidence"
)

// store keeps the bytes that the log names by their digests: bundles and
// dossiers, as files that any tool can read and hash. What it returns has the
// digest that was asked for, whoever wrote the files; nothing else in them is
// trusted. It grows by what enrolled authors have signed, and by the packs that the
// daemon was configured with.
type store struct{ dir string }

// bundle returns the files of the bundle with the digest.
func (s store) bundle(digest string) (map[string][]byte, error) {
	dir, err := s.bundleDir(digest)
	if err != nil {
		return nil, err
	}
	files, err := knowledge.ReadBundle(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("store: bundle %s: %w", digest, err)
	}
	found, err := knowledge.BundleDigest(files)
	if err == nil && found != digest {
		err = fmt.Errorf("its files were changed: those in %s have the digest %s, propose the bundle again or put them back", dir, found)
	}
	if err != nil {
		return nil, fmt.Errorf("store: bundle %s: %w", digest, err)
	}
	return files, nil
}

// bundleDir returns the folder of a bundle: base64 is not for file names.
func (s store) bundleDir(digest string) (string, error) {
	text, ok := strings.CutPrefix(digest, "h1:")
	sum, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(sum) != 32 {
		return "", fmt.Errorf("store: bundle %.80q, want h1: and the base64 of a SHA-256", digest)
	}
	return filepath.Join(s.dir, bundlesDir, hex.EncodeToString(sum)), nil
}

// putBundle keeps a bundle, all of it or nothing, and returns its digest.
func (s store) putBundle(files map[string][]byte) (digest string, err error) {
	digest, err = knowledge.BundleDigest(files)
	if err != nil {
		return "", err
	}
	if _, err := s.bundle(digest); err == nil {
		return digest, nil
	}
	dir, err := s.bundleDir(digest)
	if err != nil {
		return "", err
	}
	if err := s.writeBundle(dir, files); err != nil {
		return "", fmt.Errorf("store: keep bundle %s: %w", digest, err)
	}
	return digest, nil
}

func (s store) writeBundle(dir string, files map[string][]byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	folders := map[string]bool{temp: true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(temp, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := writeNewSynced(file, files[name], 0o600); err != nil {
			return err
		}
		folders[filepath.Dir(file)] = true
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if err := syncDir(folder); err != nil {
			return err
		}
	}
	// What is there under this name has not this digest, or is not whole.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// dossier returns the dossier with the digest.
func (s store) dossier(digest string) ([]byte, error) {
	name, err := s.dossierName(digest)
	if err != nil {
		return nil, err
	}
	b, err := readFile(name, maxDossierBytes)
	if err == nil && knowledge.TextDigest(b) != digest {
		err = fmt.Errorf("%s has the digest %s: it was changed, put it back", name, knowledge.TextDigest(b))
	}
	if err != nil {
		return nil, fmt.Errorf("store: dossier %s: %w", digest, err)
	}
	return b, nil
}

func (s store) dossierName(digest string) (string, error) {
	text, ok := strings.CutPrefix(digest, "sha256:")
	if sum, err := hex.DecodeString(text); !ok || err != nil || len(sum) != 32 {
		return "", fmt.Errorf("store: dossier %.80q, want sha256: and 64 hexadecimal digits", digest)
	}
	return filepath.Join(s.dir, dossiersDir, text+".json"), nil
}

// putDossier keeps a dossier and returns its digest.
func (s store) putDossier(b []byte) (string, error) {
	digest := knowledge.TextDigest(b)
	name, err := s.dossierName(digest)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(name), 0o700)
	}
	if err == nil {
		err = writeWhole(name, b, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("store: keep dossier %s: %w", digest, err)
	}
	return digest, nil
}

// pack returns the pack whose bundle has the digest.
func (s store) pack(digest string) (*knowledge.Pack, error) {
	files, err := s.bundle(digest)
	if err != nil {
		return nil, err
	}
	p, err := knowledge.ParsePack(files)
	if err != nil {
		return nil, fmt.Errorf("store: pack %s: %w", digest, err)
	}
	return p, nil
}
