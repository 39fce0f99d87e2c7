package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/knowledge"
)

// The folders of a parcel.
const (
	registersDir  = "registers"
	statementsDir = "statements"
	laterDir      = "later"
	bundleDir     = "bundle"
	evidenceDir   = "evidence"
	dossierFile   = "dossier.json" // in the folder evidence
)

const (
	// maxDossierBytes is room for the tests and the backtest of the largest pack.
	maxDossierBytes = 4 << 20
	// maxParcelBytes bounds a packed parcel: rules are text, which packs well.
	maxParcelBytes = 8 << 20
	// maxParcelFiles is a bundle of the largest size with the papers of a year.
	maxParcelFiles = knowledge.MaxFiles + 10_000
	// maxParcelContent bounds what a packed parcel may unfold to.
	maxParcelContent = knowledge.MaxPackBytes + maxDossierBytes + 16<<20
)

// parcel is the papers of a change as they travel between people and the daemon,
// and as they are handed to an auditor: a folder, or a zip archive of one.
//
//	registers/0001.txt  0001.txt.ANYTHING.sig  …   versions of the people register
//	statements/*.txt    *.txt.ANYTHING.sig         proposals, approvals, …
//	later/*.txt          *.txt.ANYTHING.sig         what was said of it after it began
//	bundle/…                                       the files that would go live
//	evidence/dossier.json                          what was found about them
//
// Each part may be missing. Nothing in it is believed: papers prove themselves,
// and bundle and dossier are known by their digests, which are in the papers.
type parcel struct {
	registers, statements []knowledge.SignedText
	later                 []knowledge.SignedText // no part of what the gate judged when it began
	bundle                map[string][]byte      // nil: none
	dossier               []byte                 // nil: none
}

// readParcel reads a parcel, within bounds. It follows no symbolic link.
func readParcel(fsys fs.FS) (*parcel, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("parcel: %w", err)
	}
	p := &parcel{}
	for _, e := range entries {
		var err error
		sub, _ := fs.Sub(fsys, e.Name()) // the name is valid: it was listed
		switch name := e.Name(); {
		case !e.IsDir():
			err = fmt.Errorf("%q is not a folder, want %s, %s, %s, %s or %s", name, registersDir, statementsDir, laterDir, bundleDir, evidenceDir)
		case name == registersDir:
			p.registers, err = knowledge.ReadSignedTexts(sub)
		case name == statementsDir:
			p.statements, err = knowledge.ReadSignedTexts(sub)
		case name == laterDir:
			p.later, err = knowledge.ReadSignedTexts(sub)
		case name == bundleDir:
			p.bundle, err = knowledge.ReadBundle(sub)
		case name == evidenceDir:
			p.dossier, err = readDossier(sub)
		default:
			err = fmt.Errorf("folder %q, want %s, %s, %s, %s or %s", name, registersDir, statementsDir, laterDir, bundleDir, evidenceDir)
		}
		if err != nil {
			return nil, fmt.Errorf("parcel: %w", err)
		}
	}
	return p, nil
}

// readDossier reads the only file that belongs into the folder of evidence.
func readDossier(fsys fs.FS) ([]byte, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	if len(entries) != 1 || entries[0].Name() != dossierFile || !entries[0].Type().IsRegular() {
		return nil, fmt.Errorf("folder %s, want one file in it, %s", evidenceDir, dossierFile)
	}
	f, err := fsys.Open(dossierFile)
	if err != nil {
		return nil, err
	}
	return readUpTo(f, evidenceDir+"/"+dossierFile, maxDossierBytes)
}

// unpackParcel reads a parcel that travelled as a zip archive.
func unpackParcel(b []byte) (*parcel, error) {
	if len(b) > maxParcelBytes {
		return nil, fmt.Errorf("parcel: %d bytes, want at most %d", len(b), maxParcelBytes)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		err = checkArchive(z)
	}
	if err != nil {
		return nil, fmt.Errorf("parcel: %w", err)
	}
	return readParcel(z)
}

// checkArchive refuses an archive in which a name could mean two files, or that
// unfolds to more than a parcel may hold. What an archive says of its sizes is
// checked when its files are read.
func checkArchive(z *zip.Reader) error {
	if len(z.File) > maxParcelFiles {
		return fmt.Errorf("%d files, want at most %d", len(z.File), maxParcelFiles)
	}
	seen, total := map[string]bool{}, uint64(0)
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, "/")
		folded := strings.ToLower(name)
		switch {
		case !fs.ValidPath(name) || strings.Contains(name, `\`) || f.NonUTF8:
			return fmt.Errorf("file name %q, want a path below the parcel, in UTF-8", f.Name)
		case seen[folded]:
			return fmt.Errorf("file name %q is there twice, small and capital letters taken as one", f.Name)
		case !f.Mode().IsRegular() && !f.Mode().IsDir():
			return fmt.Errorf("%q is neither a file nor a folder", f.Name)
		}
		seen[folded] = true
		if f.UncompressedSize64 > maxParcelContent {
			total = maxParcelContent
		}
		if total += f.UncompressedSize64; total > maxParcelContent {
			return fmt.Errorf("unfolds to more than %d bytes", maxParcelContent)
		}
	}
	return nil
}

// files returns the parcel as it is written, by slash-separated name.
func (p *parcel) files() map[string][]byte {
	out := map[string][]byte{}
	for dir, texts := range map[string][]knowledge.SignedText{registersDir: p.registers, statementsDir: p.statements, laterDir: p.later} {
		for _, t := range texts {
			out[dir+"/"+t.Name] = t.Text
			for i, s := range t.Signatures {
				out[fmt.Sprintf("%s/%s.%d.sig", dir, t.Name, i+1)] = s
			}
		}
	}
	for name, b := range p.bundle {
		out[bundleDir+"/"+name] = b
	}
	if p.dossier != nil {
		out[evidenceDir+"/"+dossierFile] = p.dossier
	}
	return out
}

// pack returns the parcel as a zip archive; the same parcel gives the same bytes.
func (p *parcel) pack() ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	files := p.files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("parcel: pack %s: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("parcel: pack: %w", err)
	}
	if b.Len() > maxParcelBytes {
		return nil, fmt.Errorf("parcel: packs to %d bytes, want at most %d: hand it over as a folder", b.Len(), maxParcelBytes)
	}
	return b.Bytes(), nil
}

// write writes the parcel to a folder that is not there yet, all at once: it
// appears when it is whole.
func (p *parcel) write(dir string) (err error) {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("parcel: %s is there already: want a new folder", dir)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".parcel-")
	if err != nil {
		return fmt.Errorf("parcel: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	for name, b := range p.files() {
		file := filepath.Join(temp, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = writeNew(file, b, 0o644)
		}
		if err != nil {
			return fmt.Errorf("parcel: %w", err)
		}
	}
	if err := errors.Join(os.Chmod(temp, 0o755), os.Rename(temp, dir)); err != nil {
		return fmt.Errorf("parcel: %w", err)
	}
	return nil
}
