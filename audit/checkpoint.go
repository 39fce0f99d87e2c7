package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpointBytes bounds a signed checkpoint: ours has about 250 bytes, and
// each witness that ever signs adds about 200.
const maxCheckpointBytes = 16 << 10

// formatCheckpoint returns the text of a C2SP checkpoint.
func formatCheckpoint(origin string, t tlog.Tree) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash)
}

// parseCheckpoint reads what formatCheckpoint writes and nothing else:
// extension lines are refused, since nobody could audit them.
func parseCheckpoint(text string) (origin string, t tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return "", t, errors.New("checkpoint text, want three lines: origin, size, root")
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || n < 0 || n > maxInteger || strconv.FormatInt(n, 10) != lines[1] {
		return "", t, fmt.Errorf("checkpoint size %.40q, want a decimal number", lines[1])
	}
	h, err := tlog.ParseHash(lines[2])
	if err != nil || h.String() != lines[2] {
		return "", t, fmt.Errorf("checkpoint root %.60q, want the base64 of 32 bytes", lines[2])
	}
	return lines[0], tlog.Tree{N: n, Hash: h}, nil
}

func signCheckpoint(s note.Signer, t tlog.Tree) ([]byte, error) {
	return note.Sign(&note.Note{Text: formatCheckpoint(s.Name(), t)}, s)
}

// openCheckpoint returns the tree that a signed checkpoint stands for. With a
// nil verifier the signature is not looked at.
func openCheckpoint(signed []byte, v note.Verifier) (tlog.Tree, error) {
	if len(signed) > maxCheckpointBytes {
		return tlog.Tree{}, fmt.Errorf("checkpoint of %d bytes, want at most %d", len(signed), maxCheckpointBytes)
	}
	var known note.Verifiers = note.VerifierList()
	if v != nil {
		known = note.VerifierList(v)
	}
	n, err := note.Open(signed, known)
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok && v == nil {
		n, err = unverified.Note, nil
	}
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint signature: %w", err)
	}
	origin, t, err := parseCheckpoint(n.Text)
	if err != nil {
		return tlog.Tree{}, err
	}
	if v != nil && origin != v.Name() {
		return tlog.Tree{}, fmt.Errorf("checkpoint of %q, want one of %q", origin, v.Name())
	}
	return t, nil
}
