package audit

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The key pair of RFC 8032 section 7.1, test 1.
func testKey(tb testing.TB) (note.Signer, note.Verifier) {
	tb.Helper()
	key := ed25519.NewKeyFromSeed([]byte("\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4" +
		"\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60"))
	public, err := note.NewEd25519VerifierKey(testOrigin, key.Public().(ed25519.PublicKey))
	if err != nil {
		tb.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := note.NewSigner(signerText(public, key))
	if err != nil {
		tb.Fatal(err)
	}
	return s, v
}

func TestCheckpointIsASignedNote(t *testing.T) {
	s, v := testKey(t)
	want := tlog.Tree{N: 7, Hash: tlog.RecordHash([]byte("x"))}
	signed, err := signCheckpoint(s, want)
	if err != nil {
		t.Fatal(err)
	}
	text := "evenkeel.example/test/audit\n7\n" + want.Hash.String() + "\n\n\u2014 evenkeel.example/test/audit "
	if !strings.HasPrefix(string(signed), text) || strings.Count(string(signed), "\n") != 5 {
		t.Errorf("signCheckpoint = %q, want %q and a signature", signed, text)
	}
	if got, err := openCheckpoint(signed, v); err != nil || got != want {
		t.Errorf("openCheckpoint = %v, %v, want %v", got, err, want)
	}
	for i := range signed { // no byte of it may change
		bad := bytes.Clone(signed)
		bad[i] ^= 1
		if got, err := openCheckpoint(bad, v); err == nil {
			t.Errorf("openCheckpoint with byte %d changed = %v, want an error", i, got)
		}
	}
	if got, err := openCheckpoint(signed, nil); err != nil || got != want {
		t.Errorf("openCheckpoint without a key = %v, %v, want %v", got, err, want)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	hash := tlog.RecordHash(nil).String()
	for _, tt := range []struct{ name, text string }{
		{"no line", ""},
		{"no root", "o\n1\n"},
		{"no end of line", "o\n1\n" + hash},
		{"an extension line", "o\n1\n" + hash + "\nx\n"},
		{"an empty origin", "\n1\n" + hash + "\n"},
		{"a leading zero", "o\n01\n" + hash + "\n"},
		{"a negative size", "o\n-1\n" + hash + "\n"},
		{"a size above 2^53", "o\n9007199254740992\n" + hash + "\n"},
		{"a size in words", "o\none\n" + hash + "\n"},
		{"a short root", "o\n1\nAAAA\n"},
		{"a root with stray bits", "o\n1\n" + hash[:42] + "V=\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if o, tree, err := parseCheckpoint(tt.text); err == nil {
				t.Errorf("parseCheckpoint(%q) = %q, %v", tt.text, o, tree)
			}
		})
	}
}

// FuzzCheckpoint: no panic, and what is parsed formats to the same text.
func FuzzCheckpoint(f *testing.F) {
	s, v := testKey(f)
	tree := tlog.Tree{N: 12, Hash: tlog.RecordHash([]byte("x"))}
	signed, err := signCheckpoint(s, tree)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte(formatCheckpoint("o", tree)))
	f.Add([]byte("o\n1\n\n\n\u2014 o AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := openCheckpoint(b, v); err == nil && got != tree {
			t.Fatalf("forged checkpoint %q", b)
		}
		if got, err := openCheckpoint(b, nil); err == nil && !bytes.Contains(b, []byte(got.Hash.String())) {
			t.Fatalf("%q has no root %s", b, got.Hash)
		}
		if origin, tree, err := parseCheckpoint(string(b)); err == nil && formatCheckpoint(origin, tree) != string(b) {
			t.Fatalf("%q formats again as %q", b, formatCheckpoint(origin, tree))
		}
	})
}
