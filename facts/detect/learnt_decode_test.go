package detect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// small returns a little that was learnt.
func small(t testing.TB) *Learnt {
	t.Helper()
	s := newSynthetic(95, 3)
	s.metrics = []string{"be_requests", "be_served", "be_svc_ms"}
	d := four(t, nil)
	for range 150 {
		observe(t, d, s.frame())
	}
	return d.Learnt()
}

// text packs numbers as they are in a file.
func text(numbers ...float64) string {
	raw, err := binary.Append(nil, binary.LittleEndian, numbers)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestDecodeLearntRefuses(t *testing.T) {
	good := small(t).Encode()
	if _, err := DecodeLearnt(good); err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		path string // of the value that is put in its place
		with any
		want string
	}{
		{"another version of the format", "v", 2, "version 2 of the format, want 1"},
		{"an unknown key", "about.more", 1, `unknown field "more"`},
		{"a group that is no name", "about.group", "a b", "letters, digits"},
		{"a tick of nothing", "about.tick_ns", 0, "no tick, epoch or windows"},
		{"windows that do not begin at 1", "about.windows", []int{2, 3}, "windows [2 3]"},
		{"a time that is not in UTC", "about.taken", "2026-05-01T00:00:00+02:00", "want a time in UTC"},
		{"no baseline", "about.baseline.version", 0, "baseline version 0"},
		{"a member twice", "about.members", []string{"m1", "m1", "m2"}, "member m1 twice"},
		{"too few members", "about.members", []string{"m1"}, "1 members and 3 of their states"},
		{"a test too few", "about.tests", []any{}, "0 tests and 4 of their histories, want 4"},
		{"a feature of another name", "state.features.0.name", "other", `feature 0 is "other"`},
		{"a form that there is not", "state.features.0.form", 99, "of form 99"},
		{"no law", "state.law", nil, "no law"},
		{"a law that is not a number", "state.law.forms.0.typical", text(nan), "typical: number 0 is NaN"},
		{"a root that is too short", "state.law.forms.1.root", text(1), "root: 1 numbers, want"},
		{"ranks that are too few", "state.law.ranks", text(1, 2), "ranks: 4 numbers, want"},
		{"cells that are too few", "state.members.1.cells", text(1, 1, 1), "cells: 3 numbers, want"},
		{"a scale below 0", "state.members.1.cells", text(1, 1, 1, 1, 1, -1, 1, 1, 1), "scale is not above 0"},
		{"cells without an anchor", "state.members.0.anchor", "", "cells without an anchor"},
		{"a cohort that is not there", "state.members.2.cohort", "a", "cohort \"a\" is not there"},
		{"hours that a day does not have", "state.members.0.past.known", 1 << 25, "want 24 of them"},
		{"levels that are too few", "state.whole.level", text(1), "levels: 2 numbers"},
		{"a level that is beyond all", "state.whole.recent", text(math.Inf(1), 0), "levels of late"},
		{"a history without the group's", "state.whole", nil, "want two and the group's past"},
		{"a floor of 0", "state.floor", text(0, 0, 0), "floor: number 0 is 0"},
		{"more peaks than epochs", "state.tests.0.whole", text(1, 2), "2 epochs, 11 of them with cells"},
		{"a peak that is no number", "state.tests.1.whole", text(nan), ""},
		{"cells of nobody", "state.tests.0.names", []string{}, "cell of member 0, want less than 0"},
		{"a budget that is used up thrice", "state.tests.0.budget.q", text(30), "budget [30]"},
		{"evidence without an end", "state.slow.0.r", text(1, 1, 1, 1, 1, 1e101), "evidence 1e+101"},
		{"a reference that falls", "state.slow.0.reference", text(2, 1), "not ascending"},
		{"numbers that are no numbers", "state.rho", "!", "illegal base64"},
		{"half a number", "state.rho", "AAAA", "3 bytes, want a multiple of 8"},
		{"a shift that never began", "state.shift", text(-1, 0, 0, 0, 0, 0, 0, 0), "shift after -1 ticks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all any
			if err := json.Unmarshal(good, &all); err != nil {
				t.Fatal(err)
			}
			put(t, all, strings.Split(tt.path, "."), tt.with)
			bad, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodeLearnt(bad); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("DecodeLearnt = %v, want %q", err, tt.want)
			}
		})
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "half of it": good[:len(good)/2], "more than it": append(bytes.Clone(good), ' '),
		"it with blanks": bytes.Replace(good, []byte(`,"v":1`), []byte(`, "v":1`), 1), "too much": make([]byte, MaxLearntBytes+1),
	} {
		if _, err := DecodeLearnt(bad); err == nil {
			t.Errorf("DecodeLearnt accepts %s", name)
		}
	}
}

// put sets the value at a path.
func put(t *testing.T, in any, path []string, with any) {
	t.Helper()
	for ; ; path = path[1:] {
		last := len(path) == 1
		switch at := in.(type) {
		case map[string]any:
			if last {
				at[path[0]] = with
				return
			}
			in = at[path[0]]
		case []any:
			var i int
			if _, err := fmt.Sscan(path[0], &i); err != nil || i >= len(at) {
				t.Fatalf("no %q in it", path[0])
			}
			in = at[i]
		default:
			t.Fatalf("no %q in it", path[0])
		}
	}
}

// Whatever is read is refused or can be resumed from, and is the same when it
// is written again. What is tried is a good file in which a part is replaced.
func FuzzDecodeLearnt(f *testing.F) {
	good := small(f).Encode()
	f.Add(uint32(0), uint32(0), []byte{})
	f.Add(uint32(bytes.Index(good, []byte(`"tick_ns"`))+10), uint32(10), []byte("2000000000"))
	f.Add(uint32(bytes.Index(good, []byte(`"floor"`))+9), uint32(4), []byte("AAAA"))
	f.Add(uint32(0), uint32(len(good)), []byte(`{"about":{},"state":{},"v":1}`))
	f.Fuzz(func(t *testing.T, at, cut uint32, with []byte) {
		from := int(at) % len(good)
		to := min(from+int(cut), len(good))
		b := slices.Concat(good[:from], with, good[to:])
		got, err := DecodeLearnt(b)
		if err != nil {
			return
		}
		if !bytes.Equal(got.Encode(), b) {
			t.Fatal("encoded again it is other bytes")
		}
		c := four(t, nil).cfg
		c.Learnt = got
		d, err := New(c)
		if err != nil {
			return
		}
		s := newSynthetic(96, 3)
		s.metrics = []string{"be_requests", "be_served", "be_svc_ms"}
		for range 30 {
			if _, err := d.Observe(s.frame()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
