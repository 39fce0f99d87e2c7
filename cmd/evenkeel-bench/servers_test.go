package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeD2 makes a directory like JumpStarter's, of white noise; the last member
// starts late.
func writeD2(t *testing.T, train, test int) string {
	t.Helper()
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	write := func(name string, rows int, row func() string) {
		err := writeGzip(filepath.Join(dir, name), func(w io.Writer) {
			for range rows {
				fmt.Fprintln(w, row())
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	noise := func() string { return fmt.Sprintf("%.4f,%.4f", 100+rng.NormFloat64(), 10+rng.NormFloat64()) }
	for i := range 30 {
		at := fmt.Sprintf("service%d.", i)
		write(at+"train.csv.gz", train-i/29*10, noise)
		write(at+"test.csv.gz", test, noise)
		write(at+"test_label.csv.gz", test, func() string { return "0" })
	}
	return dir
}

func TestServersOfNoiseKeepsItsPromises(t *testing.T) {
	dir, out := writeD2(t, 600, 1800), t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"servers", "--d2", dir, "--fixtures", out, "-o", "json"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	var lines []keptRate
	if err := json.Unmarshal(stdout.Bytes(), &lines); err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if l.Test == "sliding T1, normal epochs" && !(l.Ratio > 0.6 && l.Ratio < 1.4) {
			t.Errorf("%s at %v: realised/promised %.2f of %d, want about 1", l.Test, l.Promised, l.Ratio, l.Tests)
		}
	}
	f, err := os.Open(filepath.Join(out, "d2-peaks.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if _, err := saved.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(saved.String(), "\n"); rows < 30*70 || !strings.HasPrefix(saved.String(), "service-00,true,") {
		t.Errorf("%d rows of peaks, want those of 30 members and some 75 epochs", rows)
	}
}

func TestServersRefuses(t *testing.T) {
	broken := writeD2(t, 20, 20)
	if err := os.WriteFile(filepath.Join(broken, "service0.train.csv.gz"), []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing to read", nil, "want --asd, --d2 or both"},
		{"an empty directory", []string{"--asd", t.TempDir()}, "as their publishers name them"},
		{"a file that is not what it says", []string{"--d2", broken}, "service0.train.csv.gz: "},
	} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), append([]string{"servers"}, tt.args...), &stdout, &stderr)
		if code != 1 || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%s: exit %d, %q; want 1 and %q", tt.name, code, stderr.String(), tt.want)
		}
	}
}
