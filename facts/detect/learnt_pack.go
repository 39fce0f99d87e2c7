package detect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// packed is an array as text: base64 of its numbers, little-endian, so that
// every bit of them is kept, NaN and infinity too.
type packed[T float32 | float64 | int64 | uint32 | uint64] []T

// MarshalText implements [encoding.TextMarshaler]. Cost: O(len).
func (p packed[T]) MarshalText() ([]byte, error) {
	raw, err := binary.Append(make([]byte, 0, binary.Size([]T(p))), binary.LittleEndian, []T(p))
	if err != nil {
		return nil, fmt.Errorf("detect: pack: %w", err)
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. Cost: O(len).
func (p *packed[T]) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("detect: unpack: %w", err)
	}
	var one T
	size := binary.Size(one)
	if len(raw)%size != 0 {
		return fmt.Errorf("detect: unpack: %d bytes, want a multiple of %d", len(raw), size)
	}
	*p = nil
	if len(raw) == 0 {
		return nil
	}
	*p = make([]T, len(raw)/size)
	return binary.Read(bytes.NewReader(raw), binary.LittleEndian, []T(*p))
}

// MarshalText implements [encoding.TextMarshaler].
func (c cells) MarshalText() ([]byte, error) { return packed[float64](c).MarshalText() }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *cells) UnmarshalText(text []byte) error { return (*packed[float64])(c).UnmarshalText(text) }

// cellNumbers is how many numbers a cell has.
const cellNumbers = 3

// packCells lays cells side by side.
func packCells(from []cell) cells {
	out := make(cells, 0, cellNumbers*len(from))
	for _, c := range from {
		out = append(out, c.a, c.g, c.inverse)
	}
	return out
}

// cell returns that of feature k.
func (c cells) cell(k int) cell {
	at := c[cellNumbers*k:]
	return cell{a: at[0], g: at[1], inverse: at[2]}
}

// all returns them; nil when there are none.
func (c cells) all() []cell {
	var out []cell
	for k := range len(c) / cellNumbers {
		out = append(out, c.cell(k))
	}
	return out
}
