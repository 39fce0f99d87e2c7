package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProofsOfASmallLog(t *testing.T) {
	dir := filledDir(t, Options{perFile: 60}, 300)
	key := publicKey(t, dir)
	r, err := OpenReader(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for seq := range r.Size() {
		text, err := r.Prove(seq)
		if err != nil {
			t.Fatalf("Prove(%d) = %v", seq, err)
		}
		p, err := CheckProof(text, key)
		if err != nil || p.Record.Seq != seq || p.Size != 300 || p.Origin != testOrigin {
			t.Fatalf("CheckProof of entry %d = %+v, %v", seq, p, err)
		}
	}
	for _, seq := range []int64{-1, 300} {
		if _, err := r.Prove(seq); !errors.Is(err, ErrProof) {
			t.Errorf("Prove(%d) = %v, want ErrProof", seq, err)
		}
	}
}

func TestCheckProofRefuses(t *testing.T) {
	dir := filledDir(t, Options{}, 9)
	key := publicKey(t, dir)
	r, err := OpenReader(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := r.Prove(5)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	other, err := r.Prove(6)
	if err != nil {
		t.Fatal(err)
	}
	without := func(i int) string {
		return strings.Join(append(append([]string(nil), lines[:i]...), lines[i+1:]...), "")
	}
	for _, tt := range []struct{ name, text, key string }{
		{"nothing", "", key},
		{"another header", strings.Replace(string(text), "@v1", "@v2", 1), key},
		{"another key", string(text), publicKey(t, filledDir(t, Options{}, 0))},
		{"a key that is none", string(text), "x"},
		{"no entry", without(1), key},
		{"no index", without(2), key},
		{"a hash too few", without(3), key},
		{"a hash too many", strings.Join(lines[:4], "") + lines[3] + strings.Join(lines[4:], ""), key},
		{"another index", strings.Replace(string(text), "index 5", "index 4", 1), key},
		{"an index beyond the end", strings.Replace(string(text), "index 5", "index 9", 1), key},
		{"an index with a zero ahead", strings.Replace(string(text), "index 5", "index 05", 1), key},
		{"another entry", lines[0] + strings.SplitAfter(string(other), "\n")[1] + strings.Join(lines[2:], ""), key},
		{"another size", strings.Replace(string(text), "\n9\n", "\n8\n", 1), key},
		{"no checkpoint", strings.Split(string(text), "\n\n")[0], key},
		{"too much", string(text) + strings.Repeat("x", maxProofBytes), key},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p, err := CheckProof([]byte(tt.text), tt.key); !errors.Is(err, ErrProof) {
				t.Errorf("CheckProof = %+v, %v, want ErrProof", p, err)
			}
		})
	}
}

func TestReaderWithoutAKeyOnlyScans(t *testing.T) {
	dir := filledDir(t, Options{}, 3)
	if err := os.Remove(filepath.Join(dir, publicFile)); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(dir, "")
	if err != nil {
		t.Fatalf("OpenReader = %v", err)
	}
	defer r.Close()
	n := 0
	if err := r.Scan(t.Context(), 0, -1, func(Record) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("Scan = %v after %d entries", err, n)
	}
	if _, err := r.Prove(0); err == nil || errors.Is(err, ErrTampered) {
		t.Errorf("Prove = %v, want an error about the key", err)
	}
	if _, err := r.Verify(t.Context(), nil); err == nil || errors.Is(err, ErrTampered) {
		t.Errorf("Verify = %v, want an error about the key", err)
	}
}

// FuzzProof: no panic, no forged proof, and what is parsed formats to the same
// bytes.
func FuzzProof(f *testing.F) {
	dir := filledDir(f, Options{}, 9)
	key := publicKey(f, dir)
	r, err := OpenReader(dir, "")
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	known := make(map[string]bool)
	for seq := range r.Size() {
		text, err := r.Prove(seq)
		if err != nil {
			f.Fatal(err)
		}
		p, err := CheckProof(text, key)
		if err != nil {
			f.Fatal(err)
		}
		known[string(p.Record.Bytes)] = true
		f.Add(text)
	}
	f.Add([]byte(proofHeader + "\nextra \nindex 0\n\nx"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := CheckProof(text, key); err == nil && !known[string(p.Record.Bytes)] {
			t.Fatalf("proof of %s, which is not in the log", p.Record.Bytes)
		}
		if p, err := parseProof(text); err == nil && !bytes.Equal(p.format(), text) {
			t.Fatalf("%q formats again as %q", text, p.format())
		}
	})
}
