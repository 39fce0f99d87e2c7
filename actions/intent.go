package actions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// Verb names what is to be done to a member. The set is closed.
type Verb string

// The verbs. Restore gives capacity back and is never held by a limit.
const (
	Drain   Verb = "drain"   // no new work; work in flight ends by itself
	Maint   Verb = "maint"   // out, health checks off
	Weight  Verb = "weight"  // share of new work, Params["weight"] 0..256
	Restore Verb = "restore" // back in service
	Notify  Verb = "notify"  // tell a human; touches no machine
)

// Intent is what a rule wants. It is immutable; its identity is the digest of
// its canonical encoding (JSON, sorted keys). Field order is key order.
type Intent struct {
	Decision string            `json:"decision"` // sha256:… of the decision that proposed it
	Env      string            `json:"env"`
	Expires  time.Time         `json:"expires"` // stale facts are not acted on: refused after this
	Facts    []string          `json:"facts"`   // ids of the facts it rests on
	Group    string            `json:"group"`
	Member   string            `json:"member"` // empty only for Notify
	Params   map[string]string `json:"params,omitempty"`
	Reason   string            `json:"reason"`
	Rule     string            `json:"rule"` // or "operator:NAME"
	Seen     Seen              `json:"seen"`
	Time     time.Time         `json:"time"` // the decision's clock reading
	V        int               `json:"v"`    // 1
	Verb     Verb              `json:"verb"`
	Version  string            `json:"version"` // h1:… of the pack
}

// Seen is the group as the decision saw it; the guard's panic and freshness
// limits read it.
type Seen struct {
	Alarmed int       `json:"alarmed"` // members whose alarm stood
	At      time.Time `json:"at"`      // time of the newest fact about the group
	Members int       `json:"members"`
	Present int       `json:"present"`
	Shift   string    `json:"shift"` // none, up or down
}

// ID returns "sha256:" and the digest of the intent's encoding.
func (i Intent) ID() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(i); err != nil {
		panic("actions: an intent always encodes: " + err.Error()) // strings, ints and times only
	}
	s := sha256.Sum256(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return "sha256:" + hex.EncodeToString(s[:])
}

// Result is how an act stands or ended. The set is closed.
type Result string

// The results an Outcome may carry.
const (
	Sent      Result = "sent"      // applied or on its way; another result follows when the effect has been read back
	Done      Result = "done"      // effect read back and verified; the member is held out, or was restored
	Refused   Result = "refused"   // the guard said no: Outcome.Limit says which limit
	DryRun    Result = "dry run"   // would have been done
	Failed    Result = "failed"    // no effect, proven by read-back
	Undone    Result = "undone"    // applied, not effective, and put back
	Escalated Result = "escalated" // owned by a human now
	Released  Result = "released"  // a hold ended: restored by us or by another hand
)

// Outcome is what came of an intent.
type Outcome struct {
	Act    string    `json:"act"` // the intent's ID
	Detail string    `json:"detail,omitempty"`
	Group  string    `json:"group"`
	Limit  string    `json:"limit,omitempty"` // for Refused: the name of the limit that held it back
	Member string    `json:"member"`
	Result Result    `json:"result"`
	Rule   string    `json:"rule"`
	Time   time.Time `json:"time"`
	Verb   Verb      `json:"verb"`
}

// Standing is a member's administrative state in its balancer.
type Standing string

// The standings an executor reads back.
const (
	InService     Standing = "ready"
	Drained       Standing = "drain"
	InMaintenance Standing = "maint"
)

// Member is what an executor reads back about one member.
type Member struct {
	Name       string
	Standing   Standing
	Up         bool   // the balancer's own health check
	Weight     int    // share of new work; 0 takes none
	Sessions   int64  // in flight now
	Assigned   int64  // requests ever assigned; grows only while the member gets work
	Generation string // changes when anything an act depends on changes
}

// Inventory is one read-back of a group.
type Inventory struct {
	Group    string
	Instance string   // identity of the balancer process; changes when it restarts or reloads
	Members  []Member // sorted by name
}

// Act is one call to an executor: the state a member shall have.
type Act struct {
	ID       string // of the intent
	Group    string
	Member   string
	Verb     Verb   // Drain, Maint, Weight or Restore
	Weight   int    // for Weight
	Expect   string // the member's Generation when the act was admitted; empty: do not check
	Fence    Fence
	Deadline time.Time // the executor does nothing after this
}

// Fence orders acts over restarts: an executor that can remember refuses an act
// whose fence is below one it has seen for the group.
type Fence struct {
	Epoch uint64 // grows by one at each start
	Seq   uint64 // grows by one with each act of an epoch
}

// What an executor may say of an act it did not carry out. Any other error of
// Apply leaves the effect unknown: the guard waits until the act's deadline has
// passed and reads the member back.
var (
	// ErrNotApplied: the member was certainly not touched, now or later.
	ErrNotApplied = errors.New("not applied")
	// ErrDryRun: it would have been applied, and nothing was touched.
	ErrDryRun = errors.New("dry run")
)

// Executor is the hand: it reads a group's state back and changes it. Both
// methods are safe for concurrent use, honour ctx, and may be retried: Apply
// sets a state and is idempotent. Apply does nothing after the act's deadline,
// and nothing to a member whose generation is not the expected one; it says so
// by an error that wraps [ErrNotApplied].
type Executor interface {
	Observe(ctx context.Context, group string) (Inventory, error)
	Apply(ctx context.Context, a Act) error
}
