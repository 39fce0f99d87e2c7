package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const testOrigin = "evenkeel.example/test/audit"

func testOptions(o Options) Options {
	o.Origin, o.Env = testOrigin, "test"
	return o
}

// openLog opens a log that is closed and fully verified when the test ends.
func openLog(tb testing.TB, dir string, o Options) *Log {
	tb.Helper()
	l, err := Open(dir, testOptions(o))
	if err != nil {
		tb.Fatalf("Open = %v", err)
	}
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Errorf("Close = %v", err)
		}
		if _, err := Verify(dir); err != nil {
			tb.Errorf("after the test: Verify = %v", err)
		}
	})
	return l
}

func cpuMicros(tb testing.TB) float64 {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}

func number(i int) Entry {
	return Entry{Type: "decision", Actor: "engine", Body: map[string]any{"n": i}}
}

func mustAppend(tb testing.TB, l *Log, entries ...Entry) []Record {
	tb.Helper()
	r, err := l.Append(tb.Context(), entries...)
	if err != nil {
		tb.Fatalf("Append = %v", err)
	}
	return r
}

func TestAppendStoresTheDocumentedBytes(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 51, 46, 123456789, time.FixedZone("", 3600))
	dir := t.TempDir()
	l := openLog(t, dir, Options{Now: func() time.Time { return now }})
	r := mustAppend(t, l,
		Entry{Type: "system.start", Actor: "engine"},
		Entry{Type: "action.sent", Actor: `operator:"ana"`, Corr: "sha256:00",
			Body: map[string]any{"member": "web-07", "text": "<b>\u2028\u00e9\x01\n", "weight": -3, "list": []any{true, nil, 1}}})
	want := []string{
		`{"actor":"engine","body":{},"corr":"","env":"test","seq":0,"time":"2026-11-22T04:51:46.123Z","type":"system.start","v":1}`,
		`{"actor":"operator:\"ana\"","body":{"list":[true,null,1],"member":"web-07","text":"<b>` + "\u2028\u00e9" +
			`\u0001\n","weight":-3},"corr":"sha256:00","env":"test","seq":1,"time":"2026-11-22T04:51:46.123Z","type":"action.sent","v":1}`,
	}
	for i := range want {
		if string(r[i].Bytes) != want[i] {
			t.Errorf("entry %d stored as\n%s, want\n%s", i, r[i].Bytes, want[i])
		}
	}
	e, err := Decode(r[1].Bytes)
	if err != nil || e.Actor != `operator:"ana"` || e.Seq != 1 || !e.Time.Equal(r[1].Time) || e.Env != "test" || e.Type != "action.sent" {
		t.Errorf("Decode = %+v, %v", e, err)
	}
}

func TestAppendRefusesWhatCannotBeStored(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{})
	type unsorted struct {
		B int `json:"b"`
		A int `json:"a"`
	}
	for _, tt := range []struct {
		name  string
		entry Entry
	}{
		{"a type with capitals", Entry{Type: "Decision", Actor: "a"}},
		{"an empty type", Entry{Actor: "a"}},
		{"a type that ends with a dot", Entry{Type: "a.", Actor: "a"}},
		{"no actor", Entry{Type: "stop"}},
		{"a line break in the actor", Entry{Type: "stop", Actor: "a\nb"}},
		{"an actor that is not UTF-8", Entry{Type: "stop", Actor: "\xff"}},
		{"a long correlation id", Entry{Type: "stop", Actor: "a", Corr: strings.Repeat("x", 257)}},
		{"a float", Entry{Type: "stop", Actor: "a", Body: map[string]any{"x": 0.5}}},
		{"an integer of 2^53", Entry{Type: "stop", Actor: "a", Body: map[string]any{"x": int64(1 << 53)}}},
		{"unsorted fields", Entry{Type: "stop", Actor: "a", Body: unsorted{}}},
		{"a key beyond ASCII", Entry{Type: "stop", Actor: "a", Body: map[string]any{"é": 1}}},
		{"a list for a body", Entry{Type: "stop", Actor: "a", Body: []int{1}}},
		{"a body that does not marshal", Entry{Type: "stop", Actor: "a", Body: map[string]any{"f": func() {}}}},
		{"more than 65,535 bytes", Entry{Type: "stop", Actor: "a", Body: map[string]any{"x": strings.Repeat("x", 65500)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := l.Append(t.Context(), number(1), tt.entry); !errors.Is(err, ErrEntry) {
				t.Errorf("Append = %v, want ErrEntry", err)
			}
		})
	}
	if _, err := l.Append(t.Context(), make([]Entry, maxBatch+1)...); !errors.Is(err, ErrEntry) {
		t.Errorf("Append of %d entries = %v, want ErrEntry", maxBatch+1, err)
	}
	if l.Size() != 0 {
		t.Errorf("Size = %d after refusals, want 0", l.Size())
	}
	largest := Entry{Type: "stop", Actor: "a", Body: map[string]any{"x": strings.Repeat("x", 65400)}}
	mustAppend(t, l, largest, largest, largest, largest)
}

func TestTimeNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	l := openLog(t, dir, Options{Now: clock})
	first := mustAppend(t, l, number(0))[0].Time
	now = now.Add(-time.Hour)
	if got := mustAppend(t, l, number(1))[0].Time; !got.Equal(first) {
		t.Errorf("after the clock went back: time %s, want %s", got, first)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, Options{Now: clock})
	if got := mustAppend(t, l, number(2))[0].Time; !got.Equal(first) {
		t.Errorf("after reopening: time %s, want %s", got, first)
	}
	now = first.Add(time.Second)
	if got := mustAppend(t, l, number(3))[0].Time; !got.Equal(now) {
		t.Errorf("when the clock caught up: time %s, want %s", got, now)
	}
	now = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := l.Append(t.Context(), number(4)); err == nil {
		t.Error("Append in the year 10000 = nil, want an error")
	}
}

func TestLogGoesOnOverReopeningAndFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const perFile = 300
	var n int
	for round := range 6 {
		l, err := Open(dir, testOptions(Options{perFile: perFile}))
		if err != nil {
			t.Fatalf("round %d: Open = %v", round, err)
		}
		for range 10 + 20*round {
			if got := mustAppend(t, l, numbers(11)...)[10].Seq; got != int64(n+10) {
				t.Fatalf("Append gave entry %d, want %d", got, n+10)
			}
			n += 11
		}
		if err := l.Close(); err != nil {
			t.Fatalf("Close = %v", err)
		}
	}
	report, err := Verify(dir)
	if err != nil || report.Entries != int64(n) || report.Files < n/perFile {
		t.Errorf("Verify = %+v, %v, want %d entries in at least %d files", report, err, n, n/perFile)
	}
	l := openLog(t, dir, Options{perFile: perFile})
	for _, seq := range []int64{0, 255, 256, 299, 300, 1023, int64(n) - 1} {
		text, err := l.Prove(seq)
		if err != nil {
			t.Fatalf("Prove(%d) = %v", seq, err)
		}
		if p, err := CheckProof(text, publicKey(t, dir)); err != nil || p.Record.Seq != seq || p.Size != int64(n) {
			t.Errorf("CheckProof of entry %d = %+v, %v", seq, p, err)
		}
	}
	want := int64(250)
	err = l.Scan(t.Context(), want, 950, func(r Record) error {
		if r.Seq != want {
			t.Fatalf("Scan gave entry %d, want %d", r.Seq, want)
		}
		want++
		return nil
	})
	if err != nil || want != 950 {
		t.Errorf("Scan = %v, ended before %d, want 950", err, want)
	}
}

func TestAppendLargerThanTheRoomBeginsANewFile(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{perFile: 4})
	for _, n := range []int{3, 3, 7, 1, 4} {
		mustAppend(t, l, numbers(n)...)
	}
	files, err := listFiles(dir)
	if err != nil || len(files) != 5 {
		t.Errorf("listFiles = %v, %v, want 5 files", files, err)
	}
}

func numbers(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = number(i)
	}
	return entries
}

func TestConcurrentAppendsKeepTheirOrderAndAreAllThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{perFile: 700})
	const producers, each = 32, 60
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			last := int64(-1)
			for i := range each {
				r, err := l.Append(t.Context(), number(p), number(i))
				if err != nil {
					t.Errorf("Append = %v", err)
					return
				}
				if r[0].Seq <= last || r[1].Seq != r[0].Seq+1 {
					t.Errorf("entries %d and %d after %d, want neighbours in order", r[0].Seq, r[1].Seq, last)
				}
				last = r[1].Seq
				if head, err := openCheckpoint(l.Checkpoint(), l.verifier); err != nil || head.N <= last {
					t.Errorf("checkpoint of %d entries (%v) when entry %d was acknowledged", head.N, err, last)
				}
			}
		})
	}
	wg.Go(func() { // a reader in the same process, meanwhile
		for l.Size() < 2*producers*each {
			if err := l.Scan(t.Context(), max(0, l.Size()-50), -1, func(Record) error { return nil }); err != nil {
				t.Errorf("Scan = %v", err)
				return
			}
		}
	})
	wg.Wait()
	s := l.Stats()
	if s.Size != 2*producers*each || s.Appended != s.Size || s.Commits > s.Size/2 || s.Largest < 2 || s.Failed != 0 {
		t.Errorf("Stats = %+v, want %d entries", s, 2*producers*each)
	}
}

func TestScanMayAppend(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{})
	mustAppend(t, l, numbers(5)...)
	seen := 0
	err := l.Scan(t.Context(), 0, -1, func(Record) error {
		seen++
		mustAppend(t, l, number(seen))
		return nil
	})
	if err != nil || seen != 5 || l.Size() != 10 {
		t.Errorf("Scan = %v after %d entries, log has %d; want 5 and 10", err, seen, l.Size())
	}
	stop := errors.New("stop")
	if err := l.Scan(t.Context(), 0, -1, func(Record) error { return stop }); err != stop {
		t.Errorf("Scan = %v, want the error of the function as it is", err)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openLog(t, dir, Options{})
	_, err := Open(dir, testOptions(Options{}))
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "pid") {
		t.Errorf("second Open = %v, want ErrInUse with a pid", err)
	}
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{})
	mustAppend(t, l, number(1))
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if _, err := l.Append(t.Context(), number(2)); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close = %v, want ErrClosed", err)
	}
	if err := l.Scan(t.Context(), 0, -1, func(Record) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Scan after Close = %v, want ErrClosed", err)
	}
	if _, err := l.Prove(0); !errors.Is(err, ErrClosed) {
		t.Errorf("Prove after Close = %v, want ErrClosed", err)
	}
}

func TestAppendHonoursItsContext(t *testing.T) {
	l := openLog(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, number(1)); !errors.Is(err, context.Canceled) || l.Size() != 0 {
		t.Errorf("Append = %v, %d entries; want context.Canceled and none", err, l.Size())
	}
	if r, err := l.Append(t.Context()); err != nil || r != nil {
		t.Errorf("Append of nothing = %v, %v", r, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	for _, tt := range []struct {
		name    string
		prepare func(dir string) error // of a closed log with 3 entries
		options Options
		want    string
	}{
		{"another origin", nil, Options{Origin: "other.example", Env: "test"}, `key of "evenkeel.example/test/audit", want "other.example"`},
		{"another key", nil, testOptions(Options{Key: key}), "not the key that signs this log"},
		{"a key of the wrong size", nil, testOptions(Options{Key: key[:5]}), "signing key of 5 bytes"},
		{"no environment", nil, Options{Origin: testOrigin}, "no environment name"},
		{"a lost key", func(dir string) error { return os.Remove(filepath.Join(dir, keyFile)) }, testOptions(Options{}), "want it put back"},
		{"a key that others may read", func(dir string) error { return os.Chmod(filepath.Join(dir, keyFile), 0o644) }, testOptions(Options{}), "readable by others (mode 0644), want 0600"},
		{"a damaged key", func(dir string) error { return os.WriteFile(filepath.Join(dir, keyFile), []byte("x"), 0o600) }, testOptions(Options{}), "want a note signer key"},
		{"another public key", func(dir string) error { return os.WriteFile(filepath.Join(dir, publicFile), []byte("x"), 0o644) }, testOptions(Options{}), "not the key that signs this log"},
		{"a log that was removed", func(dir string) error { return os.Remove(filepath.Join(dir, fileName(0))) }, testOptions(Options{}), "a log was here"},
		{"a file cut short", func(dir string) error { return os.Truncate(filepath.Join(dir, fileName(0)), 5000) }, testOptions(Options{}), "tampered or damaged"},
		{"an empty file", func(dir string) error { return os.Truncate(filepath.Join(dir, fileName(0)), 0) }, testOptions(Options{}), "tampered or damaged"},
		{"a missing file", func(dir string) error {
			return os.Rename(filepath.Join(dir, fileName(0)), filepath.Join(dir, fileName(1)))
		}, testOptions(Options{}), "audit-00000000.db: file does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filledDir(t, Options{}, 3)
			if tt.prepare != nil {
				if err := tt.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			l, err := Open(dir, tt.options)
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want an error with %q", err, tt.want)
			}
		})
	}
	t.Run("a bad origin", func(t *testing.T) {
		if _, err := Open(t.TempDir(), Options{Origin: "a b", Env: "test"}); err == nil || !strings.Contains(err.Error(), "want a name without blanks") {
			t.Errorf("Open = %v", err)
		}
	})
	t.Run("a file for a directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, testOptions(Options{})); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("Open = %v", err)
		}
	})
}

func TestKeyThatWasGivenIsNotStored(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{Key: ed25519.NewKeyFromSeed(make([]byte, 32))})
	mustAppend(t, l, number(1))
	if _, err := os.Stat(filepath.Join(dir, keyFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of %s = %v, want it not to exist", keyFile, err)
	}
}

// filledDir returns the directory of a closed log with n entries.
func filledDir(tb testing.TB, o Options, n int) string {
	tb.Helper()
	dir := tb.TempDir()
	l, err := Open(dir, testOptions(o))
	if err != nil {
		tb.Fatalf("Open = %v", err)
	}
	for i := 0; i < n; i += 50 {
		mustAppend(tb, l, numbers(min(50, n-i))...)
	}
	if err := l.Close(); err != nil {
		tb.Fatalf("Close = %v", err)
	}
	return dir
}

func publicKey(tb testing.TB, dir string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(dir, publicFile))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}
