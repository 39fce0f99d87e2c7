package knowledge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Register is one version of the people register: who may do what, with which
// keys, and what each environment asks of a change. It is the root of trust.
type Register struct {
	ID            string // 32 hexadecimal digits, the same in all versions
	Version       uint64 // from 1
	Previous      string // digest of the version before, "-" in version 1
	Time          time.Time
	Expires       time.Time // the last instant at which it holds
	RootThreshold uint64    // root people who must sign the next version, and this one
	Policies      []Policy  // one for each environment
	People        []Person  // sorted by id
}

// Policy is what an environment asks of a change.
type Policy struct {
	Env          string        // NAME/ID
	Approvals    uint64        // people, at least 2
	AuthorCounts bool          // the author may be one of them
	MaxAge       time.Duration // longest life of a proposal
	MinRings     uint64        // fewest stages of a rollout
	MinDwell     time.Duration // shortest stay in each stage but the last
	Hardware     bool          // proposals and approvals are signed by hardware keys only
	Freeze       []Window      // in which only rollbacks pass
	Webauthn     bool          // an approval may come from a browser's passkey

	maxAge, minDwell string // as written, when they were read
}

// Window is a span of time, both ends inside.
type Window struct{ From, To time.Time }

// Person is somebody who may sign.
type Person struct {
	ID    string
	Roles []string // of author, approver, operator and root, in this order
	Name  string   // printed name
	Keys  []Key    // sorted by their text
}

// roles are what people may be, in the order in which they are written.
var roles = []string{"author", "approver", "operator", "root"}

// Has reports whether the person holds the role.
func (p Person) Has(role string) bool { return slices.Contains(p.Roles, role) }

func (p Person) owns(k Key) bool { return slices.ContainsFunc(p.Keys, k.equal) }

// same reports whether p and q are one line with the same keys.
func (p Person) same(q Person) bool {
	return p.ID == q.ID && p.Name == q.Name && slices.Equal(p.Roles, q.Roles) && slices.EqualFunc(p.Keys, q.Keys, Key.equal)
}

// Person returns the person with the id.
func (r *Register) Person(id string) (Person, bool) {
	i, ok := slices.BinarySearchFunc(r.People, id, func(p Person, id string) int { return strings.Compare(p.ID, id) })
	if !ok {
		return Person{}, false
	}
	return r.People[i], true
}

// Policy returns what the environment asks of a change.
func (r *Register) Policy(env string) (Policy, bool) {
	i := slices.IndexFunc(r.Policies, func(p Policy) bool { return p.Env == env })
	if i < 0 {
		return Policy{}, false
	}
	return r.Policies[i], true
}

// holders returns how many people hold the role.
func (r *Register) holders(role string) uint64 {
	n := uint64(0)
	for _, p := range r.People {
		if p.Has(role) {
			n++
		}
	}
	return n
}

// Render returns the bytes that are signed.
func (r *Register) Render() []byte {
	b := fmt.Appendf(nil, "%s\nid %s\nversion %d\nprevious %s\ntime %s\nexpires %s\nroot-threshold %d\n", registerHeader,
		r.ID, r.Version, r.Previous, formatTime(r.Time), formatTime(r.Expires), r.RootThreshold)
	for _, p := range r.Policies {
		b = fmt.Appendf(b, "env %s %s\n", p.Env, p.settings())
	}
	for _, p := range r.People {
		b = fmt.Appendf(b, "person %s %s \"%s\"\n", p.ID, strings.Join(p.Roles, ","), p.Name)
		for _, k := range p.Keys {
			b = fmt.Appendf(b, "key %s %s\n", p.ID, k)
		}
	}
	return b
}

// settings returns the eight settings, in their order.
func (p Policy) settings() string {
	word := func(v bool, no, yes string) string {
		if v {
			return yes
		}
		return no
	}
	span := func(d time.Duration, read string) string {
		if was, ok := readSpan(read); ok && was == d {
			return read
		}
		return written(d)
	}
	windows := make([]string, len(p.Freeze))
	for i, w := range p.Freeze {
		windows[i] = formatTime(w.From) + "/" + formatTime(w.To)
	}
	freeze := strings.Join(windows, ",")
	if freeze == "" {
		freeze = "-"
	}
	return fmt.Sprintf("approvals=%d author-counts=%s max-age=%s min-rings=%d min-dwell=%s keys=%s freeze=%s webauthn-approvals=%s",
		p.Approvals, word(p.AuthorCounts, "no", "yes"), span(p.MaxAge, p.maxAge), p.MinRings, span(p.MinDwell, p.minDwell),
		word(p.Hardware, "any", "hardware"), freeze, word(p.Webauthn, "0", "1"))
}
