package engine

import "sync"

// maxRecent bounds the identities kept to recognize a fact that is delivered
// again: a minute of 100 facts a second, longer than any redelivery waits.
const maxRecent = 8192

// Recent is the set of the last 8,192 identities: a fact that is in it was handled
// before. The zero value is empty. It may be used by several goroutines at once.
type Recent struct {
	mu   sync.Mutex
	set  map[string]struct{}
	ring []string
	next int
}

// Has says whether id is among them.
func (r *Recent) Has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.set[id]
	return ok
}

// Add makes id the newest, unless it is there.
func (r *Recent) Add(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set == nil {
		r.set = map[string]struct{}{}
	}
	if _, ok := r.set[id]; ok {
		return
	}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, id)
	} else {
		delete(r.set, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % maxRecent
	}
	r.set[id] = struct{}{}
}
