package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// tray is an inbox whose papers go to a list.
type tray struct {
	*inbox
	clock time.Time
	said  []string // what was taken or refused, in order
	fail  error    // of the log
}

func newTray(t *testing.T) *tray {
	t.Helper()
	y := &tray{clock: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)}
	y.inbox = &inbox{dir: filepath.Join(t.TempDir(), inboxDir), now: func() time.Time { return y.clock }, logger: slog.New(slog.DiscardHandler),
		take: func(_ context.Context, p *parcel, via string) (out []paperResult, err error) {
			if y.fail != nil {
				return nil, y.fail
			}
			for _, text := range slices.Concat(p.registers, p.statements) {
				r := paperResult{Name: text.Name, Result: "taken"}
				if strings.Contains(string(text.Text), "bad") {
					r.Result = "refused"
				}
				out = append(out, r)
				y.said = append(y.said, fmt.Sprintf("%s %s %d via %s", r.Result, text.Name, len(text.Signatures), via))
			}
			return out, nil
		},
		refuse: func(_ context.Context, name string, why error) error {
			if y.fail == nil {
				y.said = append(y.said, fmt.Sprintf("refused %s: %v", name, why))
			}
			return y.fail
		}}
	if err := y.prepare(); err != nil {
		t.Fatal(err)
	}
	return y
}

// put writes a file of the inbox.
func (y *tray) put(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(y.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// looks looks n times, and wants no error.
func (y *tray) looks(t *testing.T, n int) {
	t.Helper()
	for range n {
		if err := y.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// left returns the names in the inbox, and those that were refused without their
// times.
func (y *tray) left(t *testing.T) (here, aside []string) {
	t.Helper()
	entries, err := os.ReadDir(y.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != refusedDir {
			here = append(here, e.Name())
		}
	}
	entries, err = os.ReadDir(filepath.Join(y.dir, refusedDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		_, name, _ := strings.Cut(e.Name(), "-")
		aside = append(aside, name)
	}
	return here, aside
}

func TestInboxTakesWhatIsWhole(t *testing.T) {
	for _, tt := range []struct {
		name  string
		drop  func(t *testing.T, y *tray)
		said  []string
		here  []string
		aside []string
	}{
		{"a parcel is taken and goes", func(t *testing.T, y *tray) {
			y.put(t, "change/registers/0001.txt", "r")
			y.put(t, "change/statements/p.txt", "s")
			y.put(t, "change/statements/p.txt.ana.sig", "x")
		}, []string{"taken 0001.txt 0 via inbox", "taken p.txt 1 via inbox"}, nil, nil},
		{"a parcel of which a paper is refused is kept", func(t *testing.T, y *tray) {
			y.put(t, "change/statements/p.txt", "good")
			y.put(t, "change/statements/q.txt", "bad")
		}, []string{"taken p.txt 0 via inbox", "refused q.txt 0 via inbox"}, nil, []string{"change"}},
		{"a folder that is no parcel is refused", func(t *testing.T, y *tray) { y.put(t, "change/keys/ana", "k") },
			[]string{`refused change: parcel: folder "keys", want registers, statements, later, bundle or evidence`}, nil, []string{"change"}},
		{"a parcel without a paper is refused", func(t *testing.T, y *tray) { y.put(t, "change/evidence/dossier.json", "{}") },
			[]string{"refused change: parcel: it holds no paper"}, nil, []string{"change"}},
		{"what is being written is left alone", func(t *testing.T, y *tray) { y.put(t, ".parcel-1/statements/p.txt", "s") },
			nil, []string{".parcel-1"}, nil},
		{"a lone paper is taken with its signatures, before parcels", func(t *testing.T, y *tray) {
			y.put(t, "z.txt", "s")
			y.put(t, "z.txt.ana.sig", "x")
			y.put(t, "z.txt.ben.sig", "y")
			y.looks(t, 1)
			y.put(t, "change/statements/p.txt", "s")
		}, []string{"taken z.txt 2 via inbox", "taken p.txt 0 via inbox"}, nil, nil},
		{"papers whose names begin alike keep their signatures apart", func(t *testing.T, y *tray) {
			y.put(t, "a.txt", "s")
			y.put(t, "a.txt.b.txt", "bad")
			y.put(t, "a.txt.b.txt.sig", "x")
			y.put(t, "a.txt.ana.sig", "x")
		}, []string{"taken a.txt 1 via inbox", "refused a.txt.b.txt 1 via inbox"}, nil, []string{"a.txt.b.txt", "a.txt.b.txt.sig"}},
		{"a paper waits for its signature", func(t *testing.T, y *tray) { y.put(t, "p.txt", "s") }, nil, []string{"p.txt"}, nil},
		{"a signature waits for its paper, and a file from the future holds up none", func(t *testing.T, y *tray) {
			y.put(t, "p.txt.ana.sig", "s")
			future := time.Now().Add(100 * time.Hour)
			if err := os.Chtimes(filepath.Join(y.dir, "p.txt.ana.sig"), future, future); err != nil {
				t.Fatal(err)
			}
			y.put(t, "q.txt", "s")
			y.put(t, "q.txt.ana.sig", "s")
		}, []string{"taken q.txt 1 via inbox"}, []string{"p.txt.ana.sig"}, nil},
		{"but not for ever", func(t *testing.T, y *tray) {
			y.put(t, "p.txt", "s")
			y.put(t, "README", "s")
			y.looks(t, 2)
			y.clock = y.clock.Add(inboxPatience)
		}, []string{"refused README: want a parcel's folder, or a paper NAME.txt with its signatures NAME.txt.ANYTHING.sig",
			"refused p.txt: no signature came beside it within 10m0s"}, nil, []string{"README", "p.txt"}},
		{"a link to a folder outside is not followed", func(t *testing.T, y *tray) {
			if err := os.Symlink(t.TempDir(), filepath.Join(y.dir, "change")); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"change"}, nil},
		{"a link as a paper is not followed", func(t *testing.T, y *tray) {
			if err := os.Symlink("/etc/hostname", filepath.Join(y.dir, "p.txt")); err != nil {
				t.Fatal(err)
			}
			y.put(t, "p.txt.ana.sig", "s")
		}, []string{"taken p.txt 1 via inbox"}, nil, nil}, // with the fault for which a ledger refuses it, and no text
	} {
		t.Run(tt.name, func(t *testing.T) {
			y := newTray(t)
			tt.drop(t, y)
			y.looks(t, 3)
			if here, aside := y.left(t); !slices.Equal(y.said, tt.said) || !slices.Equal(here, tt.here) || !slices.Equal(aside, tt.aside) {
				t.Errorf("said %q\nwant %q\nleft %q and refused %q, want %q and %q", y.said, tt.said, here, aside, tt.here, tt.aside)
			}
		})
	}
}

func TestInboxWaitsForAPaperThatGrows(t *testing.T) {
	y := newTray(t)
	y.put(t, "p.txt", "half")
	y.put(t, "p.txt.ana.sig", "x")
	for i := range 4 {
		y.looks(t, 1)
		y.put(t, "p.txt", strings.Repeat("more ", i+1))
	}
	if len(y.said) > 0 {
		t.Errorf("said %q of a paper that grows, want nothing", y.said)
	}
	y.looks(t, 2)
	if want := []string{"taken p.txt 1 via inbox"}; !slices.Equal(y.said, want) {
		t.Errorf("said %q, want %q", y.said, want)
	}
}

func TestInboxKeepsWhatCouldNotBeRecorded(t *testing.T) {
	y := newTray(t)
	y.put(t, "change/statements/p.txt", "s")
	y.put(t, "other/keys/ana", "k")
	y.fail = errors.New("no space left on device")
	for range 3 {
		if err := y.look(t.Context()); !errors.Is(err, y.fail) {
			t.Fatalf("look = %v, want the error of the log", err)
		}
	}
	y.fail = nil
	y.looks(t, 1)
	if here, aside := y.left(t); len(y.said) != 2 || len(here) != 0 || len(aside) != 1 {
		t.Errorf("said %q, left %q and refused %q, want both dealt with once", y.said, here, aside)
	}
}

// TestInboxDealsOnceWithWhatCannotBeMoved has a folder of the refused that
// nothing can be moved to.
func TestInboxDealsOnceWithWhatCannotBeMoved(t *testing.T) {
	y := newTray(t)
	if err := os.Remove(filepath.Join(y.dir, refusedDir)); err != nil {
		t.Fatal(err)
	}
	y.put(t, "change/statements/p.txt", "bad")
	y.put(t, "later/statements/p.txt", "good")
	if err := y.look(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `"change" was dealt with`) {
		t.Errorf("look = %v, want what cannot be moved", err)
	}
	y.looks(t, 3)
	if want := []string{"refused p.txt 0 via inbox", "taken p.txt 0 via inbox"}; !slices.Equal(y.said, want) {
		t.Errorf("said %q, want %q", y.said, want)
	}
}

func TestInboxKeepsTheNewestRefused(t *testing.T) {
	y := newTray(t)
	for i := range maxRefused + 5 {
		y.put(t, fmt.Sprintf("%03d-%s/keys/ana", i, strings.Repeat("x", 240)), "k")
		y.clock = y.clock.Add(time.Second)
		y.looks(t, 1)
	}
	if _, aside := y.left(t); len(aside) != maxRefused || !strings.HasPrefix(aside[0], "005-") {
		t.Errorf("%d refused are kept, the first is %q, want the newest %d", len(aside), aside[0], maxRefused)
	}
}

// TestInboxToGovernor drops a change and a paper as people do.
func TestInboxToGovernor(t *testing.T) {
	o := newOffice(t)
	b := &inbox{dir: filepath.Join(o.dir, inboxDir), take: o.governor.take, now: time.Now, logger: slog.New(slog.DiscardHandler)}
	b.refuse = func(ctx context.Context, name string, why error) error {
		return o.governor.refuse(ctx, name, nil, inboxDir, why)
	}
	if err := b.prepare(); err != nil {
		t.Fatal(err)
	}
	first := &parcel{registers: []knowledge.SignedText{o.register}}
	stop := o.signed(t, "ana", knowledge.Stop, map[string]string{"trust": o.trust, "env": o.env, "scope": "group/web-a", "person": "ana",
		"why": "smoke", "time": stamp(o.clock), "nonce": randomID()})
	if err := first.write(filepath.Join(b.dir, "first")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{stop.Name: stop.Text, stop.Name + ".ana.sig": stop.Signatures[0]} {
		if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := b.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s := o.governor.ledger.Stops(); len(s) != 1 || s[0].Scope != "group/web-a" || s[0].By != "ana" {
		t.Errorf("stops %+v, want ana's", s)
	}
	if left, err := filepath.Glob(filepath.Join(b.dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left %q, %v, want the folder of the refused alone", left, err)
	}
}
