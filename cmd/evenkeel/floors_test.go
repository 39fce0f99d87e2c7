package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/evenkeel/evenkeel"

// floors is the drawing of the house: each package with its floor, the packages
// of this module that it may import, and the third-party modules it owns. A
// package that is not here, or an import that is not here, fails the build. To
// change the house, change this table in a commit of its own, with the reason.
var floors = map[string]struct {
	floor   int
	imports []string // of this module; "*" may import all
	owns    []string // third-party modules
}{
	"facts": {0, nil, nil},
	"audit": {0, nil, []string{"go.etcd.io/bbolt", "golang.org/x/mod"}},

	"facts/source": {1, []string{"facts"}, []string{"github.com/prometheus/common", "github.com/prometheus/client_model", "github.com/prometheus/client_golang", "go.opentelemetry.io/collector/pdata"}},
	"facts/detect": {1, []string{"facts"}, []string{"gonum.org/v1/gonum"}},
	"facts/bus":    {1, []string{"facts"}, []string{"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2"}},
	"actions":      {1, []string{"audit"}, nil},
	"knowledge":    {1, []string{"audit"}, []string{"golang.org/x/mod", "golang.org/x/crypto", "github.com/goccy/go-yaml"}},

	"engine":           {2, []string{"facts", "actions", "audit"}, []string{"github.com/hyperjumptech/grule-rule-engine"}},
	"facts/sim":        {2, []string{"facts", "actions"}, nil},
	"facts/rival":      {2, []string{"facts", "facts/detect"}, nil}, // what others do, for two commands: never beside the product's own test
	"actions/executor": {2, []string{"actions"}, nil},

	"engine/backtest":      {3, []string{"facts", "engine", "actions"}, nil}, // plays engine and guard together: neither may know how the other is run
	"cmd/internal/config":  {3, []string{"actions"}, []string{"github.com/goccy/go-yaml"}},
	"cmd/internal/console": {3, []string{"facts", "engine", "knowledge", "actions", "audit"}, nil},

	"cmd/evenkeel":       {4, []string{"*"}, []string{"github.com/spf13/cobra", "golang.org/x/term", "github.com/rogpeppe/go-internal"}},
	"cmd/evenkeel-bench": {4, []string{"*"}, []string{"github.com/spf13/cobra"}},
}

type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

func TestFloors(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		seen[name] = true
		room, ok := floors[name]
		if !ok {
			t.Errorf("package %s is not in the drawing", name)
			continue
		}
		for _, path := range p.Imports {
			if to, ours := strings.CutPrefix(path, module+"/"); ours {
				if !slices.Contains(room.imports, to) && !slices.Contains(room.imports, "*") {
					t.Errorf("%s imports %s: the drawing has no such edge", name, to)
				}
				if floors[to].floor >= room.floor {
					t.Errorf("%s (floor %d) imports %s (floor %d): imports go downwards", name, room.floor, to, floors[to].floor)
				}
			} else if m := thirdParty(path); m != "" && !owned(m, room.owns) {
				t.Errorf("%s imports %s: it is not among its owners", name, path)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if m := thirdParty(path); m != "" && !owned(m, room.owns) {
				t.Errorf("a test of %s imports %s: it is not among its owners", name, path)
			}
		}
	}
	for name := range floors {
		if !seen[name] {
			t.Errorf("the drawing has package %s, the module has not", name)
		}
	}
}

// thirdParty returns path when it belongs to neither the standard library nor
// this module.
func thirdParty(path string) string {
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") || strings.HasPrefix(path, module) {
		return ""
	}
	return path
}

func owned(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}
