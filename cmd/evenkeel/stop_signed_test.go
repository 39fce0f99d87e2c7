package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// desktop is an office whose people use the command line, in the time of the
// machine.
type desktop struct {
	*office
	config string
}

func newDesktop(t *testing.T) *desktop {
	t.Helper()
	d := &desktop{office: newOfficeAt(t, time.Now().UTC().Truncate(time.Second).Add(-time.Minute))}
	d.take(t, &parcel{registers: []knowledge.SignedText{d.register}})
	text := fmt.Sprintf("env: fra1\ndata: %s\ntrust: %s\ngroups:\n", d.dir, d.trust)
	for _, g := range officeGroups {
		text += fmt.Sprintf("  %s:\n    source: {haproxy: {socket: /run/haproxy/admin.sock, backend: web}}\n    pack: /packs/web\n", g)
	}
	d.config = filepath.Join(t.TempDir(), "evenkeel.yaml")
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.dir, inboxDir), 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// run runs a command, and has the governor take what it left in the inbox.
func (d *desktop) run(t *testing.T, code int, want string, args ...string) string {
	t.Helper()
	d.clock = time.Now().UTC()
	got, text := command(t, args...)
	if got != code || !strings.Contains(text, want) {
		t.Errorf("evenkeel %s = %d:\n%s\nwant %d and %q", strings.Join(args, " "), got, text, code, want)
	}
	left, err := filepath.Glob(filepath.Join(d.dir, inboxDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range left {
		p, err := readParcel(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		if r := d.take(t, p); r.Result != resultTaken {
			t.Errorf("evenkeel %s: %s %s", strings.Join(args, " "), r.Result, r.Why)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

// by returns arguments with which a person signs.
func (d *desktop) by(person string, args ...string) []string {
	return append(args, "-c", d.config, "--as", person, "--key", filepath.Join(d.keys, person), "--yes")
}

// firstDigest returns the digest that stands after a word in a text.
func firstDigest(t *testing.T, text, after string) string {
	t.Helper()
	_, rest, _ := strings.Cut(text, after)
	_, rest, ok := strings.Cut(rest, "sha256:")
	if !ok || len(rest) < 64 {
		t.Fatalf("no digest after %q in\n%s", after, text)
	}
	return rest[:64]
}

func TestStopsAndResumesAreSignedOnTheCommandLine(t *testing.T) {
	d := newDesktop(t)
	d.run(t, exitDone, "scope group/web-a", d.by("ana", "stop", "--scope", "group/web-a", "--reason", "it drains too much")...)
	d.run(t, exitDone, "scope all", d.by("ben", "stop", "--reason", "smoke")...)
	if got := d.held(); got != "all by person:ben, group/web-a by person:ana" {
		t.Errorf("the guard holds %s", got)
	}
	status := d.run(t, exitDone, "group/web-a by ana", "rules", "status", "-c", d.config)
	digest := firstDigest(t, status, "group/web-a by ana")
	d.run(t, exitUnmet, "0 stops and quarantines", d.by("ana", "resume", strings.Repeat("0", 12))...)
	d.run(t, exitUnmet, "at least 8 digits", d.by("ana", "resume", digest[:7])...)
	d.run(t, exitDone, "group/web-a by ana", d.by("ana", "resume", digest[:12], "--reason", "the rule is fixed")...)
	d.run(t, exitRefused, "people are counted", d.by("ana", "resume", digest[:12])...)
	d.run(t, exitDone, "resumed by ana, 1 more to resume", "rules", "status", "-c", d.config)
	d.run(t, exitDone, resumeMeaning, d.by("cleo", "resume", "sha256:"+digest)...)
	if got := d.held(); got != "all by person:ben" {
		t.Errorf("after two resumes of the group the guard holds %s", got)
	}
	d.run(t, exitRefused, "two people sign", "resume", "--data", d.dir, "--by", "ana", "--by", "ben", "--reason", "done")
	d.run(t, exitDone, "nothing was signed", append(d.by("ana", "resume", firstDigest(t, status, "all by ben")), "--dry-run")...)
	if got := d.held(); got != "all by person:ben" {
		t.Errorf("the guard holds %s", got)
	}
}

func TestAStopFileOutlivesSignedResumes(t *testing.T) {
	d := newDesktop(t)
	d.run(t, exitDone, "nothing is taken out", "stop", "--data", d.dir, "--by", "ana", "--reason", "smoke")
	if err := d.guard.Stop(t.Context(), "file", "all", "smoke"); err != nil { // as it does when it sees the file
		t.Fatal(err)
	}
	status := d.run(t, exitDone, "all by file", "rules", "status", "-c", d.config)
	digest := firstDigest(t, status, "all by file")
	for _, person := range []string{"ana", "ben"} {
		d.run(t, exitDone, "still asks for a stop", d.by(person, "resume", digest)...)
	}
	if got := d.held(); got != "all by file" || !strings.Contains(d.governor.waits(), "remove it first") {
		t.Errorf("the guard holds %q, waiting for %q", got, d.governor.waits())
	}
}

func TestAQuarantineIsResumedOnTheCommandLine(t *testing.T) {
	d := newDesktop(t)
	digest := strings.TrimPrefix(d.aside(t, "web-b", "slow_member", "h1:configured"), "sha256:")
	d.run(t, exitDone, "put aside    rule slow_member of group web-b", "rules", "status", "-c", d.config)
	d.run(t, exitDone, "put aside  rule slow_member", d.by("ben", "resume", digest[:16])...)
	d.run(t, exitDone, "it costs too much", d.by("cleo", "resume", digest[:16])...)
	if len(d.lifts) != 1 || d.lifts[0].Rule != "slow_member" {
		t.Errorf("lifts %+v, want one", d.lifts)
	}
}

func TestSignedStopsThatAreRefused(t *testing.T) {
	d := newDesktop(t)
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"a stop without a reason", d.by("ana", "stop"), exitUsage, "add --reason TEXT"},
		{"a stop of a group that is not there", d.by("ana", "stop", "--scope", "group/web", "--reason", "r"), exitUsage, "one of: web-a web-b web-c"},
		{"a stop of no scope", d.by("ana", "stop", "--scope", "web-a", "--reason", "r"), exitFailed, "scope"},
		{"a stop by a stranger", d.by("mallory", "stop", "--reason", "r"), exitRefused, "not in the people register"},
		{"a stop with a name", d.by("ana", "stop", "--by", "ana", "--reason", "r"), exitUsage, "leave them out"},
		{"a stop without a key", []string{"stop", "-c", d.config, "--as", "ana", "--reason", "r"}, exitUsage, "no key given"},
		{"a stop with a key of somebody else", append(d.by("ana", "stop", "--reason", "r"), "--key", filepath.Join(d.keys, "ben")), exitRefused, "is not a key of ana"},
		{"a stop file of a group", []string{"stop", "--data", d.dir, "--by", "ana", "--reason", "r", "--scope", "group/web-a"}, exitUsage, "the file stops everything"},
		{"a stop file that somebody signs", []string{"stop", "--data", d.dir, "--as", "ana", "--reason", "r"}, exitUsage, "nobody signs with --data"},
		{"a resume of nothing", d.by("ana", "resume"), exitUsage, "it is not said which stop"},
		{"a resume of a stop by names", []string{"resume", "5d1c0a77", "--data", d.dir, "--by", "ana", "--by", "ben", "--reason", "r"}, exitUsage, "named by those who sign"},
	} {
		t.Run(tt.name, func(t *testing.T) { d.run(t, tt.code, tt.want, tt.args...) })
	}
	if n := d.entries(t); n["stop.signed"]+n["stop"]+n["paper.refused"] > 0 {
		t.Errorf("entries %v, want none of a stop", n)
	}
}
