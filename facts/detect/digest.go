package detect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// digest hashes what a detector was told and what it has learnt.
type digest struct {
	hash   hash.Hash
	buffer []byte // what is not in hash yet
}

// digestBuffer is how much is hashed at once, in bytes.
const digestBuffer = 4096

func newDigest() *digest { return &digest{hash: sha256.New()} }

// line takes in a line of words.
func (d *digest) line(words ...any) {
	d.buffer = fmt.Appendln(d.buffer, words...)
	d.flush(digestBuffer)
}

// float takes in a number, to the last bit.
func (d *digest) float(v float64) {
	d.buffer = binary.BigEndian.AppendUint64(d.buffer, math.Float64bits(v))
	d.flush(digestBuffer)
}

// cells takes in the cells of a member.
func (d *digest) cells(cells []cell) {
	for _, c := range cells {
		d.float(c.a)
		d.float(c.g)
		d.float(c.inverse)
	}
}

// flush hashes what has gathered when it is at least so much.
func (d *digest) flush(least int) {
	if len(d.buffer) >= least {
		d.hash.Write(d.buffer)
		d.buffer = d.buffer[:0]
	}
}

// String returns "sha256:" and 64 hexadecimal digits.
func (d *digest) String() string {
	d.flush(0)
	return "sha256:" + hex.EncodeToString(d.hash.Sum(nil))
}
