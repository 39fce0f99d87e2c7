package audit

import (
	"fmt"
	"slices"
)

// free returns the ids of the free pages, increasing.
func (s *snapshot) free() ([]uint64, error) {
	p, err := s.run(s.freelist)
	if err != nil {
		return nil, err
	}
	count, at := uint64(p.count()), uint64(pageHeader)
	if count == 0xFFFF { // too many for 16 bits: the number stands before the ids
		count, at = order.Uint64(p[at:]), at+8
	}
	if p.flags() != freelistPage || count > maxRun/8 || at+8*count > uint64(len(p)) {
		return nil, fmt.Errorf("%w: page %d is no list of free pages", errFormat, s.freelist)
	}
	ids := make([]uint64, count)
	for i := range ids {
		ids[i] = order.Uint64(p[at+8*uint64(i):])
		if ids[i] < 2 || ids[i] >= s.limit || i > 0 && ids[i] <= ids[i-1] {
			return nil, fmt.Errorf("%w: list of free pages names page %d, out of range or of order", errFormat, ids[i])
		}
	}
	return ids, nil
}

// checkFree refuses a list of free pages that names one in use: a writer would
// overwrite it. It reads the branches, not the leaves: some 1,000 pages of a
// file with a million entries.
func (s *snapshot) checkFree() error {
	free, err := s.free()
	if err != nil {
		return err
	}
	t := tally{s: s, runs: []uint64{s.freelist}, branches: make(map[uint64]bool)}
	if err := t.tree(s.root, s.depth(s.root)); err != nil {
		return err
	}
	for _, name := range []string{bucketEntries, bucketHashes, bucketMeta} {
		b, err := s.bucket(name)
		if err == nil && b.inline == nil {
			err = t.tree(b.root, s.depth(b.root))
		}
		if err != nil {
			return err
		}
	}
	runs := t.runs
	slices.Sort(runs)
	for _, id := range free {
		i, found := slices.BinarySearch(runs, id)
		if !found && i > 0 {
			p, err := s.run(runs[i-1])
			if err != nil {
				return err
			}
			found = runs[i-1]+p.more() >= id
		}
		if found {
			return fmt.Errorf("%w: page %d is in use, and in the list of free pages", errFormat, id)
		}
	}
	return nil
}

// depth returns the number of branches on the way to a leaf: all leaves of a
// bucket are equally deep. An unreadable page counts as a leaf; tally reports it.
func (s *snapshot) depth(id uint64) int {
	for d := range maxTreeDepth {
		p, err := s.page(id)
		if err != nil || !p.isBranch() {
			return d
		}
		id = p.element(0).child
	}
	return maxTreeDepth
}

// tally collects the ids of pages in use.
type tally struct {
	s        *snapshot
	runs     []uint64
	branches map[uint64]bool // those met
}

// tree adds the pages of a tree whose leaves are at that depth.
func (t *tally) tree(id uint64, depth int) error {
	t.runs = append(t.runs, id)
	if depth == 0 {
		return nil
	}
	p, err := t.s.page(id)
	if err != nil {
		return err
	}
	if !p.isBranch() || t.branches[id] {
		return fmt.Errorf("%w: page %d is a leaf too high, or has two parents", errFormat, id)
	}
	t.branches[id] = true
	for i := range p.count() {
		if err := t.tree(p.element(i).child, depth-1); err != nil {
			return err
		}
	}
	return nil
}
