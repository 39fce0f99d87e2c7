package knowledge

import (
	"errors"
	"fmt"
	"slices"
)

// SignedText is a text with the armoured signatures found beside it.
type SignedText struct {
	Name       string // of its file, for reasons
	Text       []byte
	Signatures [][]byte

	fault error // why it could not be read, if so
}

// signers returns those of the keys whose signatures in the namespace hold over
// the text, and a note on each signature that counts for nothing. Signatures by
// other keys cost no arithmetic: anybody can make a thousand of them.
func (t SignedText) signers(namespace string, keys []Key) (held []Key, notes []string) {
	if t.fault != nil {
		return nil, []string{t.fault.Error()}
	}
	if len(t.Signatures) == 0 {
		return nil, []string{"no signature beside it"}
	}
	for i, armoured := range t.Signatures {
		s, err := parseSignature(armoured)
		switch {
		case err != nil:
		case !slices.ContainsFunc(keys, s.key.equal):
			err = errors.New("signed by a key that is not among those of the person")
		case slices.ContainsFunc(held, s.key.equal):
			continue
		default:
			err = s.verify(namespace, t.Text)
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("signature %d: %v", i+1, err))
			continue
		}
		held = append(held, s.key)
	}
	return held, notes
}

// holding returns, of the signatures, one by each of the keys that holds over the
// text.
func (t SignedText) holding(namespace string, keys []Key) [][]byte {
	var out [][]byte
	var seen []Key
	for _, armoured := range t.Signatures {
		one := SignedText{Text: t.Text, Signatures: [][]byte{armoured}}
		if held, _ := one.signers(namespace, keys); len(held) == 1 && !slices.ContainsFunc(seen, held[0].equal) {
			out, seen = append(out, armoured), append(seen, held[0])
		}
	}
	return out
}

// armour returns the signatures as text.
func (t SignedText) armour() []string {
	out := make([]string, len(t.Signatures))
	for i, s := range t.Signatures {
		out[i] = string(s)
	}
	return out
}
