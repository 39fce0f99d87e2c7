package engine

import (
	"runtime"
	"strings"
	"testing"
)

// most is the memory that a text may take until it is refused.
const most = 16 << 20

// bombs are texts that cost the parser up to minutes and gigabytes: those that
// were measured, and some beside them.
var bombs = []struct {
	name, when string
	want       Code
}{
	{"15 index selectors, 0.4 GB", "F.Next()" + strings.Repeat("[0]", 15), e17},
	{"18 index selectors, 3.7 GB", "F.Next()" + strings.Repeat("[0]", 18), e17},
	{"20 index selectors, 16 GB", "F.Next()" + strings.Repeat("[0]", 20), e17},
	{"22 index selectors, 64 GB", "F.Next()" + strings.Repeat("[0]", 22), e17},
	{"1,000 index selectors", "F.Next()" + strings.Repeat("[0]", 1000), e17},
	{"index selectors on a field", "F.Kind" + strings.Repeat("[0]", 22) + " == 1", e17},
	{"100 comparisons, 29 MB", "F.Ticks==0" + strings.Repeat("||F.Ticks==1", 99), e17},
	{"400 comparisons, 1.1 GB", "F.Ticks==0" + strings.Repeat("||F.Ticks==1", 399), e17},
	{"800 comparisons, 8.6 GB", "F.Ticks==0" + strings.Repeat("||F.Ticks==1", 799), e17},
	{"100 parentheses, 3 MB", strings.Repeat("(", 100) + "F.Ticks>1" + strings.Repeat(")", 100), e17},
	{"1,000 parentheses, 1.9 GB", strings.Repeat("(", 1000) + "F.Ticks>1" + strings.Repeat(")", 1000), e17},
	{"2,000 parentheses, 15 GB", strings.Repeat("(", 2000) + "F.Ticks>1" + strings.Repeat(")", 2000), e17},
	{"a chain of 100 fields, 131 MB", "F" + strings.Repeat(".a", 100) + " > 1", e04},
	{"a chain of 1,500 fields", "F" + strings.Repeat(".a", 1500) + " > 1", e17},
	{"a chain of 100 methods", "F" + strings.Repeat(".a()", 100) + " > 1", e04},
	{"a chain of 100 negations", strings.Repeat("!", 100) + "Known(\"F.Kind\")", e03},
	{"a megabyte", strings.Repeat("F.Ticks > 1 && ", 70000) + "F.Ticks > 1", e17},
}

// heavy are the largest texts of each construct that the guard admits: these
// reach the parser.
var heavy = []struct{ name, when string }{
	{"16 parentheses", strings.Repeat("(", 16) + "F.Ticks>1" + strings.Repeat(")", 16)},
	{"16 comparisons", "F.Ticks==0" + strings.Repeat("||F.Ticks==1", 15)},
	{"16 sums", "F.Ticks" + strings.Repeat("+F.Ticks", 16) + ">1"},
	{"64 comparisons", "F.Ticks==0" + strings.Repeat("||F.Ticks==1", 63)},
	{"64 alternatives to the sixth", strings.TrimSuffix(strings.Repeat("("+strings.TrimSuffix(strings.Repeat("F.Ticks==1||", 8), "||")+")&&", 6), "&&")},
}

// allocated returns how many bytes f asks for: the least of three runs, for
// whatever else of the process asks at the same time.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// That the test ends shows that no bomb reached the parser.
func TestBombsAreRefusedForLittleMemory(t *testing.T) {
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			s := one(b.when)
			if e := refusal(t, s); e.Code != b.want {
				t.Errorf("Compile = %v, want %s", e, b.want)
			}
			var found Errors
			if used := allocated(func() { found = Survey([]Source{s}, everything) }); used > most || len(found) == 0 || found[0].Code != b.want {
				t.Errorf("Survey takes %d bytes, want at most %d, and finds %v, want %s", used, most, found, b.want)
			}
		})
	}
}

func TestWhatTheGuardAdmitsIsCheap(t *testing.T) {
	for _, b := range heavy {
		t.Run(b.name, func(t *testing.T) {
			s := one(b.when)
			if _, found := guard(s); len(found) > 0 {
				t.Fatalf("the guard refuses it: %v", found)
			}
			if used := allocated(func() { Survey([]Source{s}, everything) }); used > most {
				t.Errorf("Survey takes %d bytes, want at most %d", used, most)
			}
		})
	}
}

// BenchmarkBombs wants at most 10 ms and 16 MiB for each.
func BenchmarkBombs(b *testing.B) {
	for _, bomb := range bombs {
		rules := []Source{one(bomb.when)}
		b.Run(strings.ReplaceAll(bomb.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Survey(rules, everything)
			}
		})
	}
}

// BenchmarkHeavy parses and analyses the most that the guard admits.
func BenchmarkHeavy(b *testing.B) {
	for _, h := range heavy {
		rules := []Source{one(h.when)}
		b.Run(strings.ReplaceAll(h.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Survey(rules, everything)
			}
		})
	}
}
