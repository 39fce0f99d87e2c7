package audit

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// memory is a log in memory: entries, the tiles that a tree gave out, and the
// hashes as tlog itself stores them.
type memory struct {
	tree    tree
	entries [][]byte
	tiles   map[[2]int64][]tlog.Hash
	hashes  []tlog.Hash
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = m.hashes[x]
	}
	return out, nil
}

func (m *memory) entry(seq int64) ([]byte, error) { return m.entries[seq], nil }

func (m *memory) tile(level int, n int64) ([]tlog.Hash, error) {
	if h := m.tiles[[2]int64{int64(level), n}]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("no tile %d/%d", level, n)
}

func (m *memory) add(t *testing.T, b []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(m.tree.n, b, m)
	if err != nil {
		t.Fatal(err)
	}
	m.hashes = append(m.hashes, hashes...)
	m.entries = append(m.entries, b)
	for _, full := range m.tree.add(tlog.RecordHash(b)) {
		if full.end() != m.tree.n {
			t.Fatalf("tile %d/%d ends at %d, want %d", full.level, full.n, full.end(), m.tree.n)
		}
		m.tiles[[2]int64{int64(full.level), full.n}] = full.hashes
	}
}

// throughTiles reads all hashes of the tree through its tiles, each once.
func throughTiles(t *testing.T, m *memory) tlog.HashReader {
	t.Helper()
	indexes := make([]int64, tlog.StoredHashCount(m.tree.n))
	if m.tree.n == 0 {
		return m
	}
	for i := range indexes {
		indexes[i] = int64(i)
	}
	var read memory
	var err error
	if read.hashes, err = (tileReader{m.tree, m}).hashes().ReadHashes(indexes); err != nil {
		t.Fatalf("ReadHashes of a tree of %d = %v", m.tree.n, err)
	}
	return &read
}

func newMemory() *memory { return &memory{tiles: make(map[[2]int64][]tlog.Hash)} }

func TestEveryProofOfEveryTreeUpTo256(t *testing.T) {
	t.Parallel()
	m := newMemory()
	var roots []tlog.Hash
	for n := int64(0); n <= 256; n++ {
		if n > 0 {
			m.add(t, fmt.Appendf(nil, "entry %d", n-1))
		}
		want, err := tlog.TreeHash(n, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.tree.root(); got != want {
			t.Fatalf("root of %d entries = %s, tlog.TreeHash says %s", n, got, want)
		}
		roots = append(roots, want)
		hashes := throughTiles(t, m)
		for i := range n {
			p, err := tlog.ProveRecord(n, i, hashes)
			if err != nil {
				t.Fatalf("ProveRecord(%d, %d) = %v", n, i, err)
			}
			if err := tlog.CheckRecord(p, n, roots[n], i, tlog.RecordHash(m.entries[i])); err != nil {
				t.Fatalf("CheckRecord(%d, %d) = %v", n, i, err)
			}
			if i == 0 {
				continue
			}
			q, err := tlog.ProveTree(n, i, hashes)
			if err != nil {
				t.Fatalf("ProveTree(%d, %d) = %v", n, i, err)
			}
			if err := tlog.CheckTree(q, n, roots[n], i, roots[i]); err != nil {
				t.Fatalf("CheckTree(%d, %d) = %v", n, i, err)
			}
		}
	}
}

func TestLoadTreeRebuildsTheEdge(t *testing.T) {
	m := newMemory()
	check := func() {
		got, err := loadTree(m.tree.n, m)
		if err != nil {
			t.Fatalf("loadTree(%d) = %v", m.tree.n, err)
		}
		want, err := tlog.TreeHash(m.tree.n, m)
		if err != nil || got.root() != want {
			t.Fatalf("root of %d entries = %s, tlog.TreeHash says %s, %v", m.tree.n, got.root(), want, err)
		}
		for l := range got.parts {
			if len(got.parts[l]) != len(m.tree.parts[l]) {
				t.Fatalf("%d entries: level %d has %d hashes, want %d", m.tree.n, l, len(got.parts[l]), len(m.tree.parts[l]))
			}
		}
	}
	const fill = tileWidth * tileWidth // the first tile of level 1
	for i := range fill + 300 {
		m.add(t, fmt.Appendf(nil, "%d", i))
		if i < 600 || i%7919 == 0 || i >= fill-2 && i < fill+2 {
			check()
		}
	}
	check()
	if m.tiles[[2]int64{1, 0}] == nil {
		t.Errorf("no tile of level 1 after %d entries", m.tree.n)
	}
	hashes := tileReader{m.tree, m}.hashes()
	for _, i := range []int64{0, 255, 256, fill - 1, fill, fill + 299} {
		p, err := tlog.ProveRecord(m.tree.n, i, hashes)
		if err != nil {
			t.Fatalf("ProveRecord(%d) = %v", i, err)
		}
		if err := tlog.CheckRecord(p, m.tree.n, m.tree.root(), i, tlog.RecordHash(m.entries[i])); err != nil {
			t.Errorf("CheckRecord(%d) = %v", i, err)
		}
	}
}

func TestCopyOfATreeIsASnapshot(t *testing.T) {
	m := newMemory()
	for i := range 511 {
		m.add(t, fmt.Appendf(nil, "%d", i))
	}
	before, copied := m.tree.root(), m.tree
	for i := range 300 {
		copied.add(tlog.RecordHash(fmt.Appendf(nil, "lost %d", i)))
	}
	if got := m.tree.root(); got != before {
		t.Errorf("root changed from %s to %s", before, got)
	}
	m.add(t, []byte("kept"))
	want, err := tlog.TreeHash(m.tree.n, m)
	if err != nil || m.tree.root() != want {
		t.Errorf("root = %s, want %s, %v", m.tree.root(), want, err)
	}
}
