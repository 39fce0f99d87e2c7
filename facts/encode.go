package facts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Encode returns the one encoding of f, or an error that wraps [ErrFact] when
// f is not valid or too large.
func (f *Fact) Encode() ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return f.encode()
}

func (f *Fact) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("facts: encode %s of %s: %w", f.Kind, f.Group, err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(out) > MaxFactBytes {
		return nil, fmt.Errorf("facts: %s fact of %s has %d bytes, want at most %d: %w", f.Kind, f.Group, len(out), MaxFactBytes, ErrFact)
	}
	return out, nil
}

// Decode returns the fact whose encoding b is. It refuses, with an error that
// wraps [ErrFact], anything [Fact.Encode] would not have written.
func Decode(b []byte) (Fact, error) {
	var f Fact
	if len(b) > MaxFactBytes {
		return f, fmt.Errorf("facts: fact of %d bytes, want at most %d: %w", len(b), MaxFactBytes, ErrFact)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Fact{}, fmt.Errorf("facts: %w: byte %d: %w", ErrFact, d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Fact{}, fmt.Errorf("facts: %w: byte %d: more after the end of the object", ErrFact, d.InputOffset())
	}
	if err := f.check(); err != nil {
		return Fact{}, err
	}
	again, err := f.encode()
	if err != nil {
		return Fact{}, err
	}
	if i := firstDifference(b, again); i >= 0 {
		return Fact{}, fmt.Errorf("facts: %w: not in canonical form from byte %d: found %.24q, want %.24q",
			ErrFact, i, b[min(i, len(b)):], again[min(i, len(again)):])
	}
	return f, nil
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// ID returns "sha256:" and the digest of f's encoding.
func (f *Fact) ID() (string, error) {
	b, err := f.Encode()
	if err != nil {
		return "", err
	}
	return Digest(b), nil
}

// Digest returns "sha256:" and the lower-case hexadecimal SHA-256 of b.
func Digest(b []byte) string {
	s := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(s[:])
}

// CloudEvent returns the attributes of the CloudEvents 1.0 event that carries
// a fact, in binary content mode: the body is the encoding itself. id is the
// fact's [Fact.ID].
//
// Source: CloudEvents specification 1.0.2, section 3.1 (required attributes).
func (f *Fact) CloudEvent(id string) map[string]string {
	subject := f.Group
	if f.Member != "" {
		subject += "/" + f.Member
	}
	return map[string]string{
		"specversion":     "1.0",
		"id":              id,
		"source":          "/evenkeel/" + f.Env + "/" + f.Detector.ID,
		"type":            "com.evenkeel.fact." + string(f.Kind) + ".v1",
		"subject":         subject,
		"time":            f.Time.String(),
		"datacontenttype": "application/json",
	}
}
