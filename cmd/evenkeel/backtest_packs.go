package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxPacks bounds the directories among which a version is looked for: each is
// read whole.
const maxPacks = 1000

// isVersion says whether a text is the version of a pack, not a directory.
func isVersion(s string) bool { return strings.HasPrefix(s, "h1:") }

// findPack returns the directory, of those in dir, that holds a version.
func findPack(dir, version string) (string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return "", &exitError{exitFailed, fmt.Errorf("look for pack %.60s: %w", version, err), "give the directory of packs with --packs"}
	}
	read := 0
	for _, e := range all {
		name := filepath.Join(dir, e.Name())
		if _, err := fs.Stat(os.DirFS(name), "pack.yaml"); err != nil || !e.IsDir() {
			continue
		}
		if read++; read > maxPacks {
			return "", &exitError{exitFailed, fmt.Errorf("%s holds more than %d packs", dir, maxPacks), "name the directory of the pack itself"}
		}
		if p, err := readPack(name); err == nil && p.Digest == version { // one that is not well-formed has no version
			return name, nil
		}
	}
	return "", &exitError{exitFailed, fmt.Errorf("none of the %s in %s is of version %.60s", count(read, "pack"), dir, version),
		"give the directory of packs with --packs, or that of the pack with --against"}
}
