package source

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// minTokenBytes: 16 characters from a generator cannot be guessed.
const minTokenBytes = 16

// tokenDigest returns the digest of the token in the named file.
func tokenDigest(name string) (digest [32]byte, err error) {
	if err := ownFile(name); err != nil {
		return digest, err
	}
	line, err := secretLine(name)
	if err != nil {
		return digest, err
	}
	if len(line) < minTokenBytes || bytes.ContainsRune(line, ' ') {
		return digest, fmt.Errorf("%s: want at least %d characters without a blank", name, minTokenBytes)
	}
	return sha256.Sum256(line), nil
}

// ownFile refuses a file with a secret that others than its owner may read.
func ownFile(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: readable by others (mode %04o), want 0600", name, info.Mode().Perm())
	}
	return nil
}

// bears reports whether r carries the token. It takes the same time for every
// token that is not.
func (p *Push) bears(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	digest := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(digest[:], p.token[:]) == 1 && ok
}
