package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

const (
	// learntVersion is that of the format.
	learntVersion = 1
	// MaxLearntBytes bounds what [DecodeLearnt] reads: 10,000 members with 20
	// features take some 60 MB.
	MaxLearntBytes = 256 << 20
)

// learntFile is the form in which it is stored.
type learntFile struct {
	About LearntInfo  `json:"about"`
	State learntState `json:"state"`
	V     int         `json:"v"`
}

// Encode returns l as JSON: what it says of itself for everybody to read, and
// the numbers as base64 of their bits. The same state gives the same bytes.
// Cost: O(len).
func (l *Learnt) Encode() []byte {
	b, err := json.Marshal(learntFile{l.LearntInfo, l.state, learntVersion})
	if err != nil { // nothing in it can fail
		panic("detect: encode what was learnt: " + err.Error())
	}
	return append(b, '\n')
}

// LearntDigest returns "sha256:" and 64 hexadecimal digits: of what
// [Learnt.Encode] returned. Cost: O(len).
func LearntDigest(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// DecodeLearnt reads what [Learnt.Encode] wrote, and nothing else: every key is
// known, every length agrees with the others, every number is in its range, and
// encoding it again gives the same bytes. Cost: O(len), len ≤ MaxLearntBytes.
func DecodeLearnt(encoded []byte) (*Learnt, error) {
	if len(encoded) > MaxLearntBytes {
		return nil, fmt.Errorf("detect: decode what was learnt: %d bytes, want at most %d", len(encoded), MaxLearntBytes)
	}
	var f learntFile
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("detect: decode what was learnt: %w", err)
	}
	if f.V != learntVersion {
		return nil, fmt.Errorf("detect: decode what was learnt: version %d of the format, want %d", f.V, learntVersion)
	}
	l := &Learnt{f.About, f.State}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("detect: decode what was learnt: %w", err)
	}
	if !bytes.Equal(l.Encode(), encoded) {
		return nil, fmt.Errorf("detect: decode what was learnt: the bytes are not those that encoding it gives: it was changed, or written by another program")
	}
	return l, nil
}
