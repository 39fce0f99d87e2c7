package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/knowledge"
)

func TestStoreReturnsWhatHasTheDigest(t *testing.T) {
	s := store{t.TempDir()}
	files, err := knowledge.ReadBundle(os.DirFS("../../testdata/packs/web"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.putBundle(files)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.bundle(digest)
	if err != nil || !maps.EqualFunc(got, files, bytes.Equal) {
		t.Fatalf("bundle = %d files, %v, want the %d that were put", len(got), err, len(files))
	}
	p, err := s.pack(digest)
	if err != nil || p.Digest != digest || p.Name != "web" {
		t.Errorf("pack = %v, %v", p, err)
	}
	dossier, err := s.putDossier([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := s.dossier(dossier); err != nil || string(b) != "{}" {
		t.Errorf("dossier = %q, %v", b, err)
	}

	dir, err := s.bundleDir(digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.bundle(digest); err == nil || !strings.Contains(err.Error(), "files were changed") {
		t.Errorf("a changed bundle = %v", err)
	}
	if _, err := s.pack(digest); err == nil || !strings.Contains(err.Error(), "files were changed") {
		t.Errorf("a changed pack = %v", err)
	}
	if _, err := s.putBundle(files); err != nil {
		t.Fatal(err)
	}
	if _, err := s.bundle(digest); err != nil {
		t.Errorf("put again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, dossiersDir, strings.TrimPrefix(dossier, "sha256:")+".json"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.dossier(dossier); err == nil || !strings.Contains(err.Error(), "it was changed") {
		t.Errorf("a changed dossier = %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "*", ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind %q, %v", left, err)
	}
}

func TestStoreRefusesNamesThatAreNoDigests(t *testing.T) {
	s := store{t.TempDir()}
	for _, digest := range []string{"", "none", "h1:", "h1:../../etc", "h1:AAAA", "sha256:" + strings.Repeat("0", 64)} {
		if _, err := s.bundle(digest); err == nil || !strings.Contains(err.Error(), "want h1:") {
			t.Errorf("bundle(%q) = %v", digest, err)
		}
	}
	for _, digest := range []string{"", "sha256:", "sha256:..", "sha256:00", "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		if _, err := s.dossier(digest); err == nil || !strings.Contains(err.Error(), "want sha256:") {
			t.Errorf("dossier(%q) = %v", digest, err)
		}
	}
	if _, err := s.pack("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("pack that is not there = %v", err)
	}
}
