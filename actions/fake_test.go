package actions

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

var (
	errDisk = errors.New("disk full")
	errDown = errors.New("connection refused")
)

// memLog is a log in memory. It keeps what the real one would keep, in the same
// bytes, and can fail on request, losing or keeping what it was given.
type memLog struct {
	mu      sync.Mutex
	records []audit.Record
	fail    func(n int, e audit.Entry) error // of the n-th entry ever offered, from 0
	keep    bool                             // a failed append is kept all the same
	offered int
}

func (l *memLog) Append(_ context.Context, entries ...audit.Entry) ([]audit.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failed error
	var recs []audit.Record
	for _, e := range entries {
		if l.fail != nil && failed == nil {
			failed = l.fail(l.offered, e)
		}
		l.offered++
		r, err := leaf(int64(len(l.records)+len(recs)), e)
		if err != nil {
			return nil, err
		}
		recs = append(recs, r)
	}
	if failed == nil || l.keep {
		l.records = append(l.records, recs...)
	}
	if failed != nil {
		return nil, failed
	}
	return recs, nil
}

// spoil makes the log fail as f says, from now on; nil mends it.
func (l *memLog) spoil(keep bool, f func(n int, e audit.Entry) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep, l.fail = keep, f
}

func leaf(seq int64, e audit.Entry) (audit.Record, error) {
	now := stamp(time.Now())
	b, err := marshal(struct {
		Actor string `json:"actor"`
		Body  any    `json:"body"`
		Corr  string `json:"corr"`
		Env   string `json:"env"`
		Seq   int64  `json:"seq"`
		Time  string `json:"time"`
		Type  string `json:"type"`
		V     int    `json:"v"`
	}{e.Actor, e.Body, e.Corr, "test", seq, now.Format("2006-01-02T15:04:05.000Z"), e.Type, 1})
	if err != nil {
		return audit.Record{}, err
	}
	if _, err := audit.Decode(b); err != nil {
		return audit.Record{}, fmt.Errorf("%w: %s", err, b)
	}
	return audit.Record{Seq: seq, Time: now, Bytes: b}, nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	// As the real log does: no escape that canonical JSON does not need.
	plain := strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\ufffd`, "\ufffd").Replace(b.String())
	return []byte(strings.TrimSuffix(plain, "\n")), err
}

func (l *memLog) Scan(_ context.Context, from, to int64, f func(audit.Record) error) error {
	l.mu.Lock()
	recs := slices.Clone(l.records[from:to])
	l.mu.Unlock()
	for _, r := range recs {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLog) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.records))
}

// story returns the types of the entries after the first n, with what matters
// of their bodies.
func (l *memLog) story(t *testing.T, n int) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, r := range l.records[n:] {
		s, err := audit.Decode(r.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		body, err := decode(s)
		if err != nil {
			t.Fatal(err)
		}
		word := s.Type
		switch b := body.(type) {
		case *refusedBody:
			word += " " + string(b.Why) + " " + b.Limit
		case *sentBody:
			word += " " + string(b.Why) + " " + string(b.Verb)
		case *resultBody:
			word += " " + string(b.Answer)
		case *Outcome:
			word += " " + string(b.Verb) + " " + string(b.Result)
		}
		out = append(out, word)
	}
	return out
}

// pool is a balancer in memory: an executor whose members take work while they
// are in service, and that other hands can touch too.
type pool struct {
	mu       sync.Mutex
	instance int
	members  map[string]*Member
	hand     map[string]string // who last changed the member: "" nobody, "us", "other"
	ours     map[string]string // the generation our last act left
	asked    map[string]string // the one it would have left, though its answer was an error
	acts     []Act
	observed int
	cut      error                // every call fails with it
	answer   func(Act) error      // instead of applying; nil result: apply
	after    func(Act) error      // after applying: the answer is lost
	leak     bool                 // members that are drained get work all the same
	check    func(p *pool, a Act) // sees every act just before it is applied
}

func newPool(names ...string) *pool {
	p := &pool{members: map[string]*Member{}, hand: map[string]string{}, ours: map[string]string{}, asked: map[string]string{}, instance: 1}
	for _, n := range names {
		p.members[n] = &Member{Name: n, Standing: InService, Up: true, Weight: 100}
	}
	return p
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("m%02d", i)
	}
	return names
}

func (m *Member) generation() string { return fmt.Sprintf("%s %d", m.Standing, m.Weight) }

func (p *pool) Observe(_ context.Context, group string) (Inventory, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observed++
	if p.cut != nil {
		return Inventory{}, p.cut
	}
	inv := Inventory{Group: group, Instance: fmt.Sprint("process ", p.instance)}
	for _, m := range p.members {
		if p.leak || m.Standing == InService && m.Weight > 0 {
			m.Assigned++
		}
		c := *m
		c.Generation = m.generation()
		inv.Members = append(inv.Members, c)
	}
	slices.SortFunc(inv.Members, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return inv, nil
}

func (p *pool) Apply(ctx context.Context, a Act) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut != nil {
		return p.cut
	}
	m := p.members[a.Member]
	if m != nil {
		asked := *m
		asked.set(a.Verb, a.Weight)
		p.asked[a.Member] = asked.generation()
	}
	if p.answer != nil {
		if err := p.answer(a); err != nil {
			return err
		}
	}
	switch {
	case m == nil:
		return fmt.Errorf("no such member: %w", ErrNotApplied)
	case ctx.Err() != nil || time.Now().After(a.Deadline):
		return fmt.Errorf("too late: %w", ErrNotApplied)
	case a.Expect != "" && a.Expect != m.generation():
		return fmt.Errorf("generation %q, want %q: %w", m.generation(), a.Expect, ErrNotApplied)
	}
	if p.check != nil {
		p.check(p, a)
	}
	p.acts = append(p.acts, a)
	p.hand[a.Member] = "us"
	m.set(a.Verb, a.Weight)
	p.ours[a.Member] = m.generation()
	if p.after != nil {
		return p.after(a)
	}
	return nil
}

func (m *Member) set(v Verb, weight int) {
	switch v {
	case Drain:
		m.Standing = Drained
	case Maint:
		m.Standing = InMaintenance
	case Restore:
		m.Standing = InService
	case Weight:
		m.Weight = weight
	}
}

// other lets another hand change a member.
func (p *pool) other(member string, v Verb, weight int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[member].set(v, weight)
	p.hand[member] = "other"
}

// reload starts a new process, which knows nothing of what was set.
func (p *pool) reload() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instance++
	for n, m := range p.members {
		m.Standing, m.Weight, m.Assigned = InService, 100, 0
		p.hand[n] = ""
	}
}

func (p *pool) set(f func(p *pool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *pool) applied() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, a := range p.acts {
		out = append(out, string(a.Verb)+" "+a.Member)
	}
	return out
}

// world is one guard over one pool and one log, in virtual time.
type world struct {
	*testing.T
	log    *memLog
	pool   *pool
	limits Limits
	file   string
	groups []string
	verify func(context.Context, Intent, Limits) error
	asked  []string // of verify
	guard  *Guard
	nonce  int

	mu   sync.Mutex
	told []Outcome
	stop func()
}

// inWorld runs f with a guard of one group "web" of n members. The limits allow
// a third of them out and have no warm-up; f may change them and call restart.
func inWorld(t *testing.T, n int, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, log: &memLog{}, pool: newPool(numbered(n)...), limits: DefaultLimits(), groups: []string{"web"}}
		w.limits.Verbs = []Verb{Drain, Maint, Weight, Restore, Notify}
		w.limits.MaxOut, w.limits.WarmUp, w.limits.PerMinute = 34, 0, 10
		w.restart()
		defer func() { w.stop() }()
		f(w)
	})
}

// restart ends the guard, as a crash would, and starts another on the same log.
func (w *world) restart() {
	w.Helper()
	if w.stop != nil {
		w.stop()
	}
	var err error
	c := Config{Log: w.log, StopFile: w.file, OnOutcome: w.hear, Verify: w.verify}
	for _, name := range w.groups {
		c.Groups = append(c.Groups, Group{Name: name, Executor: w.pool, Limits: w.limits})
	}
	w.guard, err = NewGuard(w.Context(), c)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.guard.Run(ctx) })
	w.stop = func() { cancel(); wg.Wait() }
	synctest.Wait()
}

func (w *world) hear(_ context.Context, o Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, o)
}

// heard returns the outcomes told so far, and forgets them.
func (w *world) heard() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, o := range w.told {
		out = append(out, string(o.Verb)+" "+o.Member+" "+string(o.Result))
	}
	w.told = nil
	return out
}

// sleep lets virtual time pass, and the guard act in it.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// intent returns a fresh intent of a rule.
func (w *world) intent(v Verb, member string) Intent {
	now := time.Now().UTC()
	w.nonce++
	in := Intent{Decision: fmt.Sprint("sha256:", w.nonce), Env: "test", Expires: now.Add(3 * time.Second), Facts: []string{"sha256:f"},
		Group: "web", Member: member, Reason: "black hole", Rule: "black_hole", Time: now, V: 1, Verb: v, Version: "h1:x",
		Seen: Seen{Alarmed: 1, At: now, Members: len(w.pool.members), Present: len(w.pool.members), Shift: "none"}}
	if v == Weight {
		in.Params = map[string]string{"weight": "10"}
	}
	return in
}

// submit submits an intent; an error ends the test.
func (w *world) submit(in Intent) Outcome {
	w.Helper()
	o, err := w.guard.Submit(w.Context(), in)
	if err != nil {
		w.Fatalf("submit %s %s: %v", in.Verb, in.Member, err)
	}
	return o
}

// want submits an intent and checks its result and, for a refusal, the limit.
func (w *world) want(in Intent, r Result, limit string) {
	w.Helper()
	if o := w.submit(in); o.Result != r || o.Limit != limit {
		w.Fatalf("submit %s %s: got %q, limit %q (%s), want %q, limit %q", in.Verb, in.Member, o.Result, o.Limit, o.Detail, r, limit)
	}
}

// hold drains a member and waits until it is held.
func (w *world) hold(member string) {
	w.Helper()
	w.want(w.intent(Drain, member), Sent, "")
	w.sleep(time.Second)
	if got := w.phases(); !strings.Contains(got, member+" holding") {
		w.Fatalf("open acts: got %s, want %s holding", got, member)
	}
}

// phases returns the open acts as "m01 holding, m02 verifying".
func (w *world) phases() string {
	var out []string
	for _, o := range w.guard.Open() {
		out = append(out, o.Member+" "+o.Phase)
	}
	return strings.Join(out, ", ")
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %s\nwant %s", what, strings.Join(got, "; "), strings.Join(want, "; "))
	}
}
