package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
)

// yamlBlock finds a block of YAML in a document, and how far it is indented.
var yamlBlock = regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$")

// What README says to write has to be right, and what it says will be printed
// has to be printed.
func TestReadmeConfigurations(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var files, parts []string
	for _, m := range yamlBlock.FindAllStringSubmatch(readmeSection(t, "Watch your own pool")+readmeSection(t, "First use: two people"), -1) {
		block := strings.ReplaceAll("\n"+m[2], "\n"+m[1], "\n")[1:]
		if strings.HasPrefix(block, "# evenkeel.yaml\n") {
			files = append(files, block)
		} else {
			parts = append(parts, block)
		}
	}
	if len(files) != 4 || len(parts) != 1 {
		t.Fatalf("README has %d whole configurations and %d parts, want 4 and 1", len(files), len(parts))
	}
	for _, file := range append(files, files[0]+parts[0]) {
		c, err := config.Parse("evenkeel.yaml", "/etc/evenkeel", []byte(file))
		if err != nil {
			t.Errorf("%v\nin:\n%s", err, file)
			continue
		}
		g := &c.Groups[0]
		expected, err := plan(c, g)
		if err != nil {
			t.Error(err)
		}
		if g.PromQL != nil && !strings.Contains(string(text), "ok: environment fra1, 1 group\n   "+expected+"\n") {
			t.Errorf("README does not say that config check prints %q", expected)
		}
	}
}

// What README says to type about baselines works as it stands there, but for
// the directory.
func TestReadmeBaselineCommands(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	if err := learnInto(data); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	lines := regexp.MustCompile(`(?m)^evenkeel (baseline .*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 7 {
		t.Errorf("README has %d commands about baselines, want 7", len(lines))
	}
	for _, m := range lines {
		line := strings.NewReplacer("/var/lib/evenkeel", data, "request_rate", "bytes").Replace(m[1])
		var out strings.Builder
		if code := run(t.Context(), words(line), &out, &out); code != exitDone {
			t.Errorf("evenkeel %s = %d:\n%s", m[1], code, out.String())
		}
	}
}
