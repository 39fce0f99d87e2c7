package main

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/evenkeel/evenkeel/knowledge"
)

func smallParcel() *parcel {
	return &parcel{
		registers:  []knowledge.SignedText{{Name: "0001.txt", Text: []byte("who\n"), Signatures: [][]byte{[]byte("a\n"), []byte("b\n")}}},
		statements: []knowledge.SignedText{{Name: "proposal.txt", Text: []byte("what\n"), Signatures: [][]byte{[]byte("c\n")}}},
		later:      []knowledge.SignedText{{Name: "001-rejection-cleo.txt", Text: []byte("no\n"), Signatures: [][]byte{[]byte("d\n")}}},
		bundle:     map[string][]byte{"pack.yaml": []byte("name: x\n"), "rules/a.grl": []byte("rule a\n")},
		dossier:    []byte("{}"),
	}
}

func sameParcel(a, b *parcel) bool {
	return maps.EqualFunc(a.files(), b.files(), bytes.Equal)
}

func TestParcelComesAsItWent(t *testing.T) {
	p := smallParcel()
	packed, err := p.pack()
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.pack()
	if err != nil || !bytes.Equal(packed, again) {
		t.Errorf("packed twice: %d and %d bytes, %v, want the same", len(packed), len(again), err)
	}
	unpacked, err := unpackParcel(packed)
	if err != nil || !sameParcel(p, unpacked) {
		t.Errorf("unpacked: %v, %v, want what was packed", unpacked, err)
	}
	dir := filepath.Join(t.TempDir(), "change")
	if err := p.write(dir); err != nil {
		t.Fatal(err)
	}
	read, err := readParcel(os.DirFS(dir))
	if err != nil || !sameParcel(p, read) {
		t.Errorf("read: %v, %v, want what was written", read, err)
	}
	if err := p.write(dir); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("written over: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind %q, %v", left, err)
	}
}

func TestParcelsAreRefused(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for _, tt := range []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{"a file of no folder", fstest.MapFS{"README": file("x")}, `"README" is not a folder`},
		{"a folder that does not belong", fstest.MapFS{"keys/ana": file("x")}, `folder "keys", want registers`},
		{"two dossiers", fstest.MapFS{"evidence/dossier.json": file("{}"), "evidence/other.json": file("{}")}, "want one file in it"},
		{"another dossier", fstest.MapFS{"evidence/other.json": file("{}")}, "want one file in it"},
		{"a dossier that is a link", fstest.MapFS{"evidence/dossier.json": {Mode: os.ModeSymlink, Data: []byte("/etc/passwd")}}, "want one file in it"},
		{"a dossier that is too large", fstest.MapFS{"evidence/dossier.json": file(strings.Repeat(" ", maxDossierBytes+1))}, "has more than"},
		{"a link in the bundle", fstest.MapFS{"bundle/pack.yaml": {Mode: os.ModeSymlink, Data: []byte("/etc/passwd")}}, "not a regular file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readParcel(tt.fsys); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("readParcel = %v, want %q", err, tt.want)
			}
		})
	}
}

// archive returns a zip archive of files, in their order.
func archive(t testing.TB, files ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(f)
		if err == nil && !strings.HasSuffix(f.Name, "/") {
			_, err = w.Write([]byte(f.Comment))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesAreRefused(t *testing.T) {
	named := func(names ...string) []*zip.FileHeader {
		var out []*zip.FileHeader
		for _, n := range names {
			out = append(out, &zip.FileHeader{Name: n, Comment: "x"})
		}
		return out
	}
	link := &zip.FileHeader{Name: "bundle/pack.yaml", Comment: "/etc/passwd"}
	link.SetMode(os.ModeSymlink | 0o777)
	bomb := &zip.FileHeader{Name: "bundle/pack.yaml", Method: zip.Deflate, Comment: "x"}
	lie := archive(t, bomb)
	// The central directory says that the file unfolds to 4 GiB less one.
	at := bytes.LastIndex(lie, []byte("PK\x01\x02"))
	copy(lie[at+24:], []byte{0xff, 0xff, 0xff, 0x7f})
	for _, tt := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"no archive", []byte("PK"), "not a valid zip"},
		{"a way out", archive(t, named("bundle/../../etc/passwd")...), "want a path below"},
		{"from the root", archive(t, named("/etc/passwd")...), "want a path below"},
		{"with backslashes", archive(t, named(`bundle\pack.yaml`)...), "want a path below"},
		{"one name twice", archive(t, named("bundle/a", "bundle/a")...), "there twice"},
		{"one name in capitals", archive(t, named("bundle/a", "bundle/A")...), "there twice"},
		{"a file that is a folder too", archive(t, named("bundle/a/", "bundle/a")...), "there twice"},
		{"a link", archive(t, link), "neither a file nor a folder"},
		{"a bomb", lie, "unfolds to more than"},
		{"too large", make([]byte, maxParcelBytes+1), "want at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := unpackParcel(tt.bytes); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("unpackParcel = %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzUnpackParcel(f *testing.F) {
	packed, err := smallParcel().pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(archive(f, &zip.FileHeader{Name: "bundle/a", Method: zip.Deflate, Comment: strings.Repeat("x", 1000)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := unpackParcel(b)
		if err != nil {
			return
		}
		for _, texts := range slices.Concat(p.registers, p.statements) {
			if strings.ContainsAny(texts.Name, "/\\") {
				t.Errorf("a text is named %q", texts.Name)
			}
		}
		for name := range p.bundle {
			if !filepath.IsLocal(name) {
				t.Errorf("a file is named %q", name)
			}
		}
	})
}
