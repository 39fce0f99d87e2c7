package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// A body is one line "evenkeel <sha256 of the payload> <its bytes>\n" and the
// payload, so that whoever gets one can tell a right answer from one that only
// looks right.
const (
	bodyMagic  = "evenkeel "
	minPayload = 1 << 10
	maxPayload = 7 << 10 // with minPayload: 4 KiB on average
	maxBody    = 64 << 10
	bodyKinds  = 64 // different bodies a pool answers with: hashing is done once
)

var (
	errBodyEmpty = errors.New("empty body")
	errBody      = errors.New("malformed body")
)

// newBodies returns bodyKinds framed bodies of random length and content.
func newBodies(rng *rand.Rand) [][]byte {
	bodies := make([][]byte, bodyKinds)
	for i := range bodies {
		payload := make([]byte, minPayload+rng.IntN(maxPayload-minPayload+1))
		for j := range payload {
			payload[j] = 'a' + byte(rng.UintN(26))
		}
		bodies[i] = frameBody(payload)
	}
	return bodies
}

func frameBody(payload []byte) []byte {
	sum := sha256.Sum256(payload)
	return fmt.Appendf(nil, "%s%x %d\n%s", bodyMagic, sum, len(payload), payload)
}

// checkBody returns nil when b is a whole body, errBodyEmpty when there is
// nothing, and an error that wraps errBody otherwise.
func checkBody(b []byte) error {
	if len(b) == 0 {
		return errBodyEmpty
	}
	head, payload, ok := bytes.Cut(b, []byte("\n"))
	rest, magic := bytes.CutPrefix(head, []byte(bodyMagic))
	digest, size, two := bytes.Cut(rest, []byte(" "))
	if !ok || !magic || !two {
		return fmt.Errorf("sim: %w: first line %.40q, want %q, a digest and a length", errBody, head, bodyMagic)
	}
	if n, err := strconv.Atoi(string(size)); err != nil || n != len(payload) {
		return fmt.Errorf("sim: %w: %d bytes, want %.20s", errBody, len(payload), size)
	}
	if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != string(digest) {
		return fmt.Errorf("sim: %w: digest %x…, want %.8s…", errBody, sum[:4], digest)
	}
	return nil
}
