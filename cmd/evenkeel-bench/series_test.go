package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts/rival"
)

// asdTest is the length of the test part that writeASD writes.
const asdTest = 120

// writeASD writes a data set of the form of ASD with three metrics, of which
// server 2 shows a fault of the first two in its test samples 60 to 79. Server
// 12 has begun later than the others.
func writeASD(t *testing.T, train int) string {
	t.Helper()
	dir := t.TempDir()
	for i := 1; i <= 12; i++ {
		rng := rand.New(rand.NewPCG(uint64(i), 0))
		rows := func(n int, sick bool) string {
			var b strings.Builder
			for s := range n {
				x := [3]float64{}
				for k := range x {
					x[k] = 0.5 + 0.02*rng.NormFloat64()
				}
				if sick && s >= 60 && s < 80 {
					x[0], x[1] = 0.9, 0.1
				}
				fmt.Fprintf(&b, "%.3f,%.3f,%.3f\n", x[0], x[1], x[2])
			}
			return b.String()
		}
		name, length := filepath.Join(dir, fmt.Sprintf("omi-%d", i)), train
		if i == 12 {
			length -= 20
		}
		for part, text := range map[string]string{"train": rows(length, false), "test": rows(asdTest, i == 2)} {
			if err := writeGzip(name+"_"+part+".csv.gz", func(w io.Writer) { fmt.Fprint(w, text) }); err != nil {
				t.Fatal(err)
			}
		}
		labels, metrics := strings.Repeat("0\n", asdTest), "\n"
		if i == 2 {
			labels, metrics = strings.Repeat("0\n", 60)+strings.Repeat("1\n", 20)+strings.Repeat("0\n", asdTest-80), "60-79:1,2\n"
		}
		writeFile(t, name+"_test_label.csv", labels)
		writeFile(t, filepath.Join(dir, fmt.Sprintf("interpretation_omi-%d.txt", i)), metrics)
	}
	return dir
}

func TestReadASDPutsServersSideBySide(t *testing.T) {
	s, err := readASDSeries(writeASD(t, 50))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Frames) != 50+asdTest || len(s.Frames[0].Members) != 10 || len(s.Frames[20].Members) != 11 || slices.Contains(s.Frames[20].Members, "omi-07") {
		t.Errorf("%d frames, of %v and later %v, want %d, without omi-07, and omi-12 later", len(s.Frames), s.Frames[0].Members, s.Frames[20].Members, 50+asdTest)
	}
	for _, f := range s.Frames {
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Segments) != 1 {
		t.Fatalf("segments %v, want one", s.Segments)
	}
	g := s.Segments[0]
	if g.Member != "omi-02" || !g.From.Equal(recordedTime(110)) || !g.To.Equal(recordedTime(130)) || !slices.Equal(g.Metrics, []string{"m0", "m1"}) {
		t.Errorf("segment %+v, want omi-02 in (110, 130] by its first two metrics", g)
	}
	first := s.Frames[109].At("omi-02", "m0")
	if sick := s.Frames[110].At("omi-02", "m0"); sick != 0.9 || first == 0.9 {
		t.Errorf("m0 is %v and then %v, want the fault to begin with the segment", first, sick)
	}
}

func TestDetectComparesOnASeries(t *testing.T) {
	dir := writeASD(t, int(seriesWarmup/recordedTick)+400)
	stdout, stderr, code := runBench(t, "detect", "--asd", dir, "--alpha", "0.1", "-o", "json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var c rival.SeriesComparison
	if err := json.Unmarshal([]byte(stdout), &c); err != nil {
		t.Fatal(err)
	}
	if ours := c.Methods[0]; c.Members != 11 || ours.Found != 1 || ours.HitRate != 1 {
		t.Errorf("%d members, ours %+v, want 11, the segment and both metrics", c.Members, ours)
	}
	if stdout, _, _ = runBench(t, "detect", "--asd", dir, "--alpha", "0.1"); !strings.Contains(stdout, "members: 11; declared: 0.1") || !strings.Contains(stdout, "HitRate@100% of the segments found: 1.00") {
		t.Errorf("table:\n%s", stdout)
	}
}

func TestSeriesRefuse(t *testing.T) {
	for _, tt := range []struct {
		name, file, text, want string
	}{
		{"a stretch that is none", "interpretation_omi-2.txt", "9-7:1\n", `found "9-7:1"`},
		{"a metric that is none", "interpretation_omi-2.txt", "7-9:1,0\n", `found metric "0"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeASD(t, 50)
			writeFile(t, filepath.Join(dir, tt.file), tt.text)
			if _, err := readASDSeries(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("readASD: %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, stderr, code := runBench(t, "detect", "--d2", t.TempDir()); code != 1 || !strings.Contains(stderr, "service0.train.csv.gz") {
		t.Errorf("an empty directory: %d, %s", code, stderr)
	}
}

func FuzzParseInterpretations(f *testing.F) {
	f.Add("760-765:4,5,7\n\n1064-1298:6\n")
	f.Add("-1-2:0")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseInterpretations(text)
		for _, p := range all {
			if err == nil && (p.from > p.to || len(p.metrics) == 0) {
				t.Errorf("parseInterpretations(%q) gives %+v", text, p)
			}
		}
	})
}
