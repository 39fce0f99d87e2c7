package engine

import (
	"iter"
	"math/bits"
)

// set is a set of rules of one stratum: bit i is the i-th rule.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i int32)    { s[i>>6] |= 1 << (i & 63) }
func (s set) remove(i int32) { s[i>>6] &^= 1 << (i & 63) }

func (s set) has(i int) bool { return s[i>>6]>>(i&63)&1 == 1 }

func (s set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s set) intersect(t set) {
	t = t[:len(s)]
	for i := range s {
		s[i] &= t[i]
	}
}

// all yields the members of s, in order.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for k, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(k<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}
