package actions

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// stopPoll is how often the stop file is looked for, so that the stop becomes a
// record within a second; every act looks for itself as well.
const stopPoll = 500 * time.Millisecond

// StopState is the stop switch as it stands.
type StopState struct {
	On     bool
	Freeze bool   // nothing is put back either
	By     string // who
	Reason string
	Since  time.Time
}

// stopSwitch is the fold of stop and resume entries, and the stop file. Once on
// it stays on until it is resumed, whatever becomes of the file.
type stopSwitch struct {
	file string

	mu       sync.Mutex // guards what follows; never held while writing the log
	state    StopState
	recorded bool // the state is in the log
}

func (s *stopSwitch) fold(e audit.Stored, b *stopBody) {
	s.state, s.recorded = StopState{}, true
	if e.Type == typeStop {
		s.state = StopState{On: true, Freeze: b.Freeze != 0, By: strings.Join(b.By, ", "), Reason: b.Reason, Since: e.Time}
	}
}

// look returns the switch as it stands, the file included.
func (s *stopSwitch) look(now time.Time) StopState {
	on, freeze, detail := s.readFile()
	s.mu.Lock()
	defer s.mu.Unlock()
	if on && !s.state.On || freeze && !s.state.Freeze {
		s.state = StopState{On: true, Freeze: freeze, By: "file", Reason: detail, Since: stamp(now)}
		s.recorded = false
	}
	return s.state
}

// readFile reports what the stop file asks for; its first line is the reason. A
// file that cannot be looked at asks for a stop: that is the safe side.
func (s *stopSwitch) readFile() (on, freeze bool, detail string) {
	if s.file == "" {
		return false, false, ""
	}
	f, err := os.Open(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, ""
	}
	detail = "stop file " + s.file
	if err != nil {
		return true, false, detail + ": " + err.Error()
	}
	defer f.Close()
	text := make([]byte, maxText)
	n, _ := f.Read(text) // an unreadable file is a stop all the same
	first, _, _ := strings.Cut(string(text[:n]), "\n")
	if first = strings.ToValidUTF8(strings.TrimSpace(first), ""); first != "" {
		detail += ": " + first
	}
	return true, strings.HasPrefix(first, "freeze"), clip(detail, maxText)
}

// set turns the switch and returns the state it replaced.
func (s *stopSwitch) set(to StopState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.recorded = to, false
}

// pending returns a state that is on and not in the log yet.
func (s *stopSwitch) pending() (StopState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.state.On && !s.recorded
}

// settled notes that state is in the log.
func (s *stopSwitch) settled(state StopState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == state {
		s.recorded = true
	}
}

// Stop ends all acts that take members out, at once and over restarts. One
// person suffices. What is out can still be put back, by anyone who may. It
// holds from the moment of the call; the error says that it could not be
// recorded and would not survive a restart now (Run keeps trying).
func (g *Guard) Stop(ctx context.Context, actor, reason string) error {
	return g.halt(ctx, actor, reason, false)
}

// Freeze is Stop for everything: nothing is put back either.
func (g *Guard) Freeze(ctx context.Context, actor, reason string) error {
	return g.halt(ctx, actor, reason, true)
}

func (g *Guard) halt(ctx context.Context, actor, reason string, freeze bool) error {
	actor = clip(strings.TrimSpace(actor), maxName)
	if actor == "" {
		actor = "unnamed" // a stop is never refused
	}
	now := g.now()
	freeze = freeze || g.stop.look(now).Freeze
	g.stop.set(StopState{On: true, Freeze: freeze, By: actor, Reason: clip(reason, maxText), Since: stamp(now)})
	return g.recordStop(ctx)
}

// recordStop makes a stop that is on durable.
func (g *Guard) recordStop(ctx context.Context) error {
	st, pending := g.stop.pending()
	if !pending {
		return nil
	}
	b := &stopBody{By: []string{st.By}, Reason: st.Reason}
	if st.Freeze {
		b.Freeze = 1
	}
	if _, err := g.log.Append(ctx, audit.Entry{Type: typeStop, Actor: st.By, Body: b}); err != nil {
		return fmt.Errorf("actions: stopped, but the stop is not recorded: %w", err)
	}
	g.stop.settled(st)
	return nil
}

// Resume ends a stop or freeze. It takes two different people: the names are
// compared and recorded, their keys are not checked here. While the stop file
// is there it is refused.
func (g *Guard) Resume(ctx context.Context, first, second, reason string) error {
	first, second = clip(strings.TrimSpace(first), maxName), clip(strings.TrimSpace(second), maxName)
	if first == "" || second == "" || strings.EqualFold(first, second) {
		return fmt.Errorf("actions: resume by %q and %q: want two different people", first, second)
	}
	if on, _, detail := g.stop.readFile(); on {
		return fmt.Errorf("actions: resume: %s still asks for a stop: remove it first", detail)
	}
	b := &stopBody{By: []string{first, second}, Reason: clip(reason, maxText)}
	if _, err := g.log.Append(ctx, audit.Entry{Type: typeResume, Actor: first, Body: b}); err != nil {
		return fmt.Errorf("actions: resume: still stopped: %w", err)
	}
	g.stop.set(StopState{})
	for _, gr := range g.groups {
		gr.nudge()
	}
	return nil
}

// Stopped returns the stop switch as it stands.
func (g *Guard) Stopped() StopState { return g.stop.look(g.now()) }

// watchStop turns a stop file into a record.
func (g *Guard) watchStop(ctx context.Context) {
	tick := time.NewTicker(stopPoll)
	defer tick.Stop()
	for {
		g.stop.look(g.now())
		_ = g.recordStop(ctx) // holds either way; tried again at the next tick
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
