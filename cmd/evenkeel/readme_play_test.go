package main

import (
	"context"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// player does what a tutorial says: it writes the files, types the commands and
// compares what is printed. What differs from one time to the next may differ, and
// where a command speaks of something that an earlier one printed, it is said as
// it was printed this time.
type player struct {
	known map[string]string // digests of the tutorial: those of this time
}

var (
	// fenced finds a block, the name of a file at the end of the line before it,
	// and whether it belongs under a key of that file.
	fenced = regexp.MustCompile("(?ms)(?:(Under `(\\w+)` in )?[^`\n]*`([\\w/]+\\.\\w+)`:\n\n)?^```\\w*\n(.*?)^```$")
	// varying finds what differs from one time to the next: digests, ids, times and numbers.
	varying = regexp.MustCompile(`(sha256:[0-9a-f]{64})|(h1:[\w+/]{43}=)|(\d{4}-\d\d-\d\dT[\d:]+Z)|\b([0-9a-f]{32}|[0-9a-f]{12})\b|(\d+)|(…)`)
	spaces  = regexp.MustCompile(` +`)
)

// patterns are what is found in the place of each part of varying. What they
// capture is what later commands speak of.
var patterns = []string{`(sha256:[0-9a-f]{64})`, `h1:[\w+/]{43}=`, `[\d:TZ-]+`, `([0-9a-f]+)`, `\d+`, `.*`}

// readmeSection returns a section of README.
func readmeSection(t *testing.T, heading string) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// play plays a section of README in a directory that has a copy of testdata.
func play(t *testing.T, heading string, prepare func(t *testing.T, command string)) {
	t.Helper()
	text := readmeSection(t, heading)
	root, err := os.MkdirTemp("", "ek") // short enough for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.CopyFS(filepath.Join(root, "testdata"), os.DirFS("../../testdata")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	p := &player{known: map[string]string{}}
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		under, file, body := block[2], block[3], block[4]
		if file != "" {
			p.write(t, file, under, p.now(body))
			continue
		}
		for _, step := range strings.Split("\n"+body, "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			prepare(t, command)
			p.step(t, p.now(command), want)
		}
	}
}

func (p *player) write(t *testing.T, file, under, body string) {
	t.Helper()
	if under != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body = strings.Replace(string(b), "\n"+under+":\n", "\n"+under+":\n"+body, 1)
	}
	if strings.HasPrefix(body, "# evenkeel.yaml") {
		body += "console: {listen: '127.0.0.1:0'}\n" // the usual port may be taken
	}
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// now returns a text of the tutorial with the digests of this time.
func (p *player) now(text string) string {
	return varying.ReplaceAllStringFunc(text, func(s string) string {
		if is := p.known[s]; is != "" {
			return is
		}
		for _, was := range slices.Sorted(maps.Keys(p.known)) {
			if len(s) == 12 && strings.HasPrefix(was, "sha256:"+s) {
				return strings.TrimPrefix(p.known[was], "sha256:")[:12]
			}
		}
		return s
	})
}

// step types a command and waits until it prints what the tutorial says: the
// daemon may need a moment between two commands.
func (p *player) step(t *testing.T, command, want string) {
	t.Helper()
	form, tokens := expected(want)
	var out string
	defer func() {
		if t.Failed() {
			t.Logf("$ %s\n%s\nwant\n%s", command, out, want)
		}
	}()
	args, ours := strings.CutPrefix(command, "evenkeel ")
	switch {
	case strings.HasPrefix(command, "go install "): // this is the program
	case strings.HasPrefix(command, "haproxy "):
		startPool(t)
	case strings.HasPrefix(args, "serve ") && ours:
		startServing(t, words(args))
	case ours:
		eventually(t, "it prints what the tutorial says", func() bool {
			var code int
			out, code = typed(t, words(args))
			found := form.FindStringSubmatch(tidy(out))
			if found == nil && code == exitDone && signs(words(args)) {
				t.Fatal("it signs and prints something else")
			}
			for i, token := range tokens {
				if found != nil {
					p.known[token] = found[i+1]
				}
			}
			return found != nil && strings.Contains(out, "evenkeel: error:") == strings.Contains(want, "evenkeel: error:")
		})
	default:
		command, to, moves := strings.Cut(command, " && cd ")
		out = shell(t, command)
		if moves {
			t.Chdir(to)
		}
		if !form.MatchString(tidy(out)) {
			t.Fatal("it prints something else")
		}
	}
}

// expected returns the form of an output, and what stands in the tutorial for each
// of its groups. A line of … alone is any number of lines.
func expected(want string) (form *regexp.Regexp, tokens []string) {
	var b strings.Builder
	b.WriteString(`^`)
	for line := range strings.Lines(tidy(want)) {
		if strings.HasPrefix(line, "sign exactly this?") {
			continue // nobody is asked
		}
		if line == "…\n" {
			b.WriteString(`(?:.*\n)*`)
			continue
		}
		at := 0
		for _, m := range varying.FindAllStringSubmatchIndex(line, -1) {
			b.WriteString(regexp.QuoteMeta(line[at:m[0]]))
			at = m[1]
			for i, pattern := range patterns {
				if m[2+2*i] >= 0 {
					b.WriteString(pattern)
					if pattern[0] == '(' {
						tokens = append(tokens, line[m[0]:m[1]])
					}
				}
			}
		}
		b.WriteString(regexp.QuoteMeta(line[at:]))
	}
	return regexp.MustCompile(b.String() + `$`), tokens
}

// tidy leaves out empty lines, and how far columns are apart.
func tidy(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(spaces.ReplaceAllString(line, " ")); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// words splits a command line, of which parts may be in single quotes.
func words(line string) []string {
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// signs says whether a command signs something.
func signs(args []string) bool {
	return args[0] == "stop" || args[0] == "resume" || args[0] == "rules" && slices.Contains([]string{"propose", "approve", "reject"}, args[1])
}

// typed returns what a command of the program prints, and its exit code. Nobody is
// asked.
func typed(t *testing.T, args []string) (string, int) {
	t.Helper()
	if signs(args) {
		args = append(args, "--yes")
	}
	var out strings.Builder
	code := run(t.Context(), args, &out, &out)
	return out.String(), code
}

// shell returns what a command prints. It may leave a process behind, which must
// not be waited for.
func shell(t *testing.T, command string) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Stdout, cmd.Stderr = f, f
	failed := cmd.Run()
	b, err := os.ReadFile(f.Name())
	if failed != nil || err != nil {
		t.Fatalf("%s: %v, %v\n%s", command, failed, err, b)
	}
	return string(b)
}

// startServing runs the daemon until the test ends.
func startServing(t *testing.T, args []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr syncBuffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, io.Discard, &stderr) }()
	t.Cleanup(func() {
		cancel()
		if got := <-code; got != exitDone {
			t.Errorf("serve = %d:\n%s", got, stderr.String())
		}
	})
	consoleOf(t, &stderr, code)
}

// startPool runs the pool of haproxy.cfg, until the tutorial ends it, or the
// process of the tests ends, however it does.
func startPool(t *testing.T) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "haproxy -db -f haproxy.cfg & echo $! >haproxy.pid; cat; kill $!")
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // there is nothing left to kill when the tutorial did it
	})
	eventually(t, "the pool listens", func() bool {
		_, err := os.Stat("admin.sock")
		return err == nil
	})
}

func TestReadmeFirstUse(t *testing.T) {
	play(t, "First use: two people", func(*testing.T, string) {})
}

func TestReadmeWriteARule(t *testing.T) {
	play(t, "Write a rule", func(t *testing.T, command string) {
		if strings.Contains(command, "--data past") {
			if err := decidedInto("past", "live"); err != nil {
				t.Fatal(err)
			}
		}
	})
}
