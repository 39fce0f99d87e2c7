package actions

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/evenkeel/evenkeel/audit"
)

// Scope is what a stop is about: "all", "group/NAME" or "rule/NAME".
type Scope string

// Everything is the scope of all acts.
const Everything Scope = "all"

const (
	groupScope = "group/"
	ruleScope  = "rule/"
)

// OfGroup returns the scope of the acts on a group's members.
func OfGroup(name string) Scope { return Scope(groupScope + name) }

// OfRule returns the scope of the acts that a rule wants, in any group. What
// several rules want counts as the first one's that the intent names.
func OfRule(name string) Scope { return Scope(ruleScope + name) }

func (s Scope) valid() bool {
	name, ofGroup := strings.CutPrefix(string(s), groupScope)
	if !ofGroup {
		var ofRule bool
		if name, ofRule = strings.CutPrefix(string(s), ruleScope); !ofRule {
			return s == Everything
		}
	}
	return name != "" && len(name) <= maxName && clip(name, maxName) == name && !strings.ContainsFunc(name, unicode.IsSpace)
}

// StopState is one stop that holds.
type StopState struct {
	By     string    `json:"by"`     // who; "file": the stop file
	Freeze bool      `json:"freeze"` // nothing is put back either
	Reason string    `json:"reason"`
	Scope  Scope     `json:"scope"`
	Since  time.Time `json:"since"`
}

// maxStops bounds the scopes that are stopped one by one. Who stops more of them
// wants everything stopped, and gets it.
const maxStops = 256

// stopSwitch is the fold of stop and resume entries, and the stop file. What is
// on stays on until it is resumed, whatever becomes of the file.
type stopSwitch struct {
	file    string
	writing turns

	mu sync.Mutex // guards what follows; never held while writing the log
	on map[Scope]*standingStop
}

// standingStop is one turn of the switch: another turn is another pointer.
type standingStop struct {
	StopState
	recorded bool // it is in the log
}

func newStopSwitch(file string) *stopSwitch {
	return &stopSwitch{file: file, writing: make(turns, 1), on: map[Scope]*standingStop{}}
}

// fold takes in an entry of the log. Entries from before there were scopes have
// none, and are about everything.
func (s *stopSwitch) fold(e audit.Stored, b *stopBody) {
	scope := b.Scope
	if !scope.valid() {
		scope = Everything
	}
	if e.Type == typeResume {
		delete(s.on, scope)
		return
	}
	s.on[scope] = &standingStop{StopState{By: strings.Join(b.By, ", "), Freeze: b.Freeze != 0, Reason: b.Reason, Scope: scope, Since: e.Time}, true}
}

// look takes in the stop file.
func (s *stopSwitch) look(now time.Time) {
	on, freeze, detail := s.readFile()
	if !on {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.on[Everything]; all == nil || freeze && !all.Freeze {
		s.on[Everything] = &standingStop{StopState: StopState{By: "file", Freeze: freeze, Reason: detail, Scope: Everything, Since: stamp(now)}}
	}
}

// over returns the stop that holds for what a rule wants in a group, the widest
// one, the file included.
func (s *stopSwitch) over(group, rule string, now time.Time) (StopState, bool) {
	s.look(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, scope := range []Scope{Everything, OfGroup(group), OfRule(rule)} {
		if st := s.on[scope]; st != nil {
			return st.StopState, true
		}
	}
	return StopState{}, false
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

// set puts a stop in force. What is frozen stays so.
func (s *stopSwitch) set(st StopState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on[st.Scope] == nil && len(s.on) >= maxStops {
		st.Scope = Everything
	}
	if was := s.on[st.Scope]; was != nil {
		st.Freeze = st.Freeze || was.Freeze
	}
	s.on[st.Scope] = &standingStop{StopState: st}
}

// standing returns the stop of a scope, nil when there is none.
func (s *stopSwitch) standing(scope Scope) *standingStop {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on[scope]
}

// clear ends a stop, unless another turn has replaced it.
func (s *stopSwitch) clear(scope Scope, ended *standingStop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on[scope] == ended {
		delete(s.on, scope)
	}
}

// pending returns the stops that are not in the log yet, by scope.
func (s *stopSwitch) pending() []*standingStop {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*standingStop
	for _, scope := range slices.Sorted(maps.Keys(s.on)) {
		if st := s.on[scope]; !st.recorded {
			out = append(out, st)
		}
	}
	return out
}

// settled notes that stops are in the log.
func (s *stopSwitch) settled(recorded []*standingStop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range recorded {
		st.recorded = true
	}
}

func (s *stopSwitch) list() []StopState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []StopState
	for _, scope := range slices.Sorted(maps.Keys(s.on)) {
		out = append(out, s.on[scope].StopState)
	}
	return out
}
