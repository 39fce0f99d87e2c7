package knowledge

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// maxSignatureBytes bounds an armoured signature: the largest kind, by a
// hardware key over P-256, has about 600.
const maxSignatureBytes = 4 << 10

// The first and last line of an armoured signature, and its widest line: the
// format wants lines of 76 characters, ssh-keygen writes 70.
const (
	armourBegin = "-----BEGIN SSH SIGNATURE-----"
	armourEnd   = "-----END SSH SIGNATURE-----"
	armourWidth = 70
	armourMost  = 76
)

// dearmour returns the bytes inside one armoured signature. Nothing may stand
// before or after it, and no line but its own between its ends.
//
// Source: OpenSSH, PROTOCOL.sshsig, section 1.
func dearmour(armoured []byte) ([]byte, error) {
	if len(armoured) > maxSignatureBytes {
		return nil, fmt.Errorf("signature of %d bytes, want at most %d", len(armoured), maxSignatureBytes)
	}
	body, ok := strings.CutPrefix(string(armoured), armourBegin+"\n")
	if !ok {
		return nil, errors.New("signature does not begin with the line " + armourBegin)
	}
	body, ok = strings.CutSuffix(strings.TrimSuffix(body, "\n"), "\n"+armourEnd)
	if !ok {
		return nil, errors.New("signature does not end with the line " + armourEnd)
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if line == "" || len(line) > armourMost || strings.Contains(line, "\r") {
			return nil, fmt.Errorf("signature line %d: found %.80q, want 1 to %d characters of base64", i+2, line, armourMost)
		}
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.Join(lines, ""))
	if err != nil {
		return nil, fmt.Errorf("signature is not base64: %w", err)
	}
	return blob, nil
}

// armour wraps a signature as ssh-keygen does.
func armour(blob []byte) []byte {
	text := base64.StdEncoding.EncodeToString(blob)
	out := armourBegin + "\n"
	for len(text) > armourWidth {
		out += text[:armourWidth] + "\n"
		text = text[armourWidth:]
	}
	return []byte(out + text + "\n" + armourEnd + "\n")
}
