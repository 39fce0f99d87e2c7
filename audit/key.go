package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// The key files of a log, beside its data. The public one is what others need
// to verify the log; whoever relies on that keeps a copy elsewhere.
const (
	keyFile    = "audit.key" // note signer key, mode 0600
	publicFile = "audit.pub" // note verifier key
)

// signingKey returns the log's signer and the text of its verifier key. A new
// log without a given key gets one of its own.
func signingKey(dir, origin string, given ed25519.PrivateKey, isNew bool) (note.Signer, string, error) {
	key := given
	if key == nil {
		var err error
		if key, err = ownKey(dir, origin, isNew); err != nil {
			return nil, "", err
		}
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, "", fmt.Errorf("signing key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	public, err := note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, "", err
	}
	signer, err := note.NewSigner(signerText(public, key))
	if err != nil {
		return nil, "", fmt.Errorf("origin %q: %w: want a name without blanks and plus signs", origin, err)
	}
	return signer, public, publishKey(dir, public)
}

// signerText returns the note encoding of key; public has its name and hash.
func signerText(public string, key ed25519.PrivateKey) string {
	const algorithm = 1                    // Ed25519
	part := strings.SplitN(public, "+", 3) // name, hash, and base64, in which there may be more plus signs
	return "PRIVATE+KEY+" + part[0] + "+" + part[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{algorithm}, key.Seed()...))
}

func ownKey(dir, origin string, isNew bool) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil && isNew: // the log would begin again with a key that has signed another history
		return nil, fmt.Errorf("%s is here, but no %s: a log was here: want it put back, or the key removed to begin a new one", keyFile, fileName(0))
	case err == nil:
		return parseKey(path, strings.TrimSpace(string(text)), origin)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case !isNew:
		return nil, fmt.Errorf("%s: %w: the log was signed with it, want it put back", keyFile, fs.ErrNotExist)
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return nil, err
	}
	return key, writeFile(dir, keyFile, []byte(signerText(public, key)+"\n"), 0o600)
}

func parseKey(path, text, origin string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: readable by others (mode %04o), want 0600", keyFile, info.Mode().Perm())
	}
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w, want a note signer key", keyFile, err)
	}
	if signer.Name() != origin {
		return nil, fmt.Errorf("%s: key of %q, want %q", keyFile, signer.Name(), origin)
	}
	part := strings.SplitN(text, "+", 5) // PRIVATE, KEY, name, hash, base64: NewSigner checked them
	b, err := base64.StdEncoding.DecodeString(part[4])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return ed25519.NewKeyFromSeed(b[1:]), nil
}

// publishKey puts the verifier key beside the log.
func publishKey(dir, public string) error {
	have, err := os.ReadFile(filepath.Join(dir, publicFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writeFile(dir, publicFile, []byte(public+"\n"), 0o644)
	case err != nil:
		return err
	case strings.TrimSpace(string(have)) != public:
		return fmt.Errorf("%s: %w: it is not the key that signs this log", publicFile, ErrTampered)
	}
	return nil
}

// writeFile writes a file that is there whole or not at all.
func writeFile(dir, name string, data []byte, mode fs.FileMode) (err error) {
	tmp := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}
