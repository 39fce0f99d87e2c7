package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8               // as in C2SP tlog-tiles
	tileWidth  = 1 << tileHeight // hashes of a full tile
	tileBytes  = tileWidth * tlog.HashSize
	maxLevels  = 64 / tileHeight
)

// tree is the right edge of the Merkle tree over n entries: what is needed to
// add an entry and to know the root. A copy is a snapshot: adding to one leaves
// the other as it was, as long as only one of them is added to.
type tree struct {
	n     int64
	edge  [64]tlog.Hash          // edge[k], if bit k of n is set: the complete subtree of 2^k entries there
	parts [maxLevels][]tlog.Hash // parts[l]: the hashes so far of the tile being filled at level l, fewer than 256
}

// tile is a full tile: 256 neighbouring hashes of tree level 8·level.
type tile struct {
	level  int
	n      int64 // from the left
	hashes []tlog.Hash
}

// end returns the size of the smallest tree that holds the whole tile.
func (t tile) end() int64 { return (t.n + 1) << (tileHeight * (t.level + 1)) }

func (t tile) data() []byte {
	b := make([]byte, 0, tileBytes)
	for _, h := range t.hashes {
		b = append(b, h[:]...)
	}
	return b
}

// add appends an entry's hash and returns the tiles that it filled, lowest
// level first.
func (t *tree) add(h tlog.Hash) (full []tile) {
	for k := 0; ; k++ {
		if k%tileHeight == 0 {
			l := k / tileHeight
			t.parts[l] = append(t.parts[l], h)
			if len(t.parts[l]) == tileWidth {
				full = append(full, tile{l, t.n >> (k + tileHeight), t.parts[l]})
				t.parts[l] = nil
			}
		}
		if t.n>>k&1 == 0 {
			t.edge[k] = h
			t.n++
			return full
		}
		h = tlog.NodeHash(t.edge[k], h)
	}
}

// root returns the tree hash of RFC 6962 section 2.1.
func (t *tree) root() tlog.Hash {
	var h tlog.Hash
	empty := true
	for k := range t.edge {
		switch {
		case t.n>>k&1 == 0:
		case empty:
			h, empty = t.edge[k], false
		default:
			h = tlog.NodeHash(t.edge[k], h)
		}
	}
	if empty {
		h, _ = tlog.TreeHash(0, nil) // a constant: never an error
	}
	return h
}

func (t *tree) head() tlog.Tree { return tlog.Tree{N: t.n, Hash: t.root()} }

// subtree returns the root over hashes, whose number is a power of two.
func subtree(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	mid := len(hashes) / 2
	return tlog.NodeHash(subtree(hashes[:mid]), subtree(hashes[mid:]))
}

// tileSource reads back what was stored.
type tileSource interface {
	entry(seq int64) ([]byte, error)
	tile(level int, n int64) ([]tlog.Hash, error) // full tiles only
}

// loadTree rebuilds the right edge of a tree of n entries from at most 255
// entries, and 255 tiles a level.
func loadTree(n int64, src tileSource) (tree, error) {
	t := tree{n: n}
	for l := range maxLevels {
		have := n >> (tileHeight * l) // complete subtrees at this level
		if have == 0 {
			break
		}
		var part []tlog.Hash
		for i := have &^ (tileWidth - 1); i < have; i++ {
			h, err := nodeAt(l, i, src)
			if err != nil {
				return tree{}, err
			}
			part = append(part, h)
		}
		t.parts[l] = part
		for k := tileHeight - 1; k >= 0; k-- {
			if have>>k&1 == 1 {
				t.edge[tileHeight*l+k] = subtree(part[:1<<k])
				part = part[1<<k:]
			}
		}
	}
	return t, nil
}

// nodeAt returns hash i of tree level 8·l: that of an entry, or the root of the
// tile below.
func nodeAt(l int, i int64, src tileSource) (tlog.Hash, error) {
	if l == 0 {
		b, err := src.entry(i)
		if err != nil {
			return tlog.Hash{}, err
		}
		return tlog.RecordHash(b), nil
	}
	hashes, err := src.tile(l-1, i)
	if err != nil {
		return tlog.Hash{}, err
	}
	return subtree(hashes), nil
}

// tileReader gives [tlog.TileHashReader] the tiles of a tree; it checks them
// against the root, so that a damaged tile makes an error and not a wrong proof.
type tileReader struct {
	tree tree
	src  tileSource
}

func (r tileReader) Height() int { return tileHeight }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var hashes []tlog.Hash
		if t.N == r.tree.n>>(tileHeight*(t.L+1)) {
			hashes = r.tree.parts[t.L]
		} else {
			var err error
			if hashes, err = r.src.tile(t.L, t.N); err != nil {
				return nil, err
			}
		}
		if len(hashes) < t.W {
			return nil, fmt.Errorf("tile %d/%d has %d hashes, want %d", t.L, t.N, len(hashes), t.W)
		}
		data[i] = tile{hashes: hashes[:t.W]}.data()
	}
	return data, nil
}

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r tileReader) hashes() tlog.HashReader {
	return tlog.TileHashReader(r.tree.head(), r)
}
