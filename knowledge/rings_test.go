package knowledge

import (
	"strings"
	"testing"
)

const ringsYAML = packYAML + "rings:\n  ring1: [web-a, web-b]\n  ring2: [db]\n"

func TestRings(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", ringsYAML))
	if err != nil {
		t.Fatal(err)
	}
	stages := []Stage{{Name: "shadow"}, {Name: "ring1"}, {Name: "ring2"}, {Name: "all"}}
	for _, tt := range []struct {
		stage, group string
		want         bool
	}{
		{"shadow", "web-a", false}, {"shadow", "other", false},
		{"ring1", "web-a", true}, {"ring1", "web-b", true}, {"ring1", "db", false}, {"ring1", "other", false},
		{"ring2", "web-a", true}, {"ring2", "db", true}, {"ring2", "other", false},
		{"all", "web-a", true}, {"all", "other", true},
		{"ring9", "other", false},
	} {
		if got := p.joined(stages, tt.stage, tt.group); got != tt.want {
			t.Errorf("group %s in stage %s joined = %v, want %v", tt.group, tt.stage, got, tt.want)
		}
	}
	if p.joined(stages[1:2], "ring2", "db") {
		t.Error("a ring that is no stage of the rollout joined")
	}
}

func TestRolloutNamesTheRingsOfThePack(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", ringsYAML))
	if err != nil {
		t.Fatal(err)
	}
	for rollout, want := range map[string]string{
		"shadow=30m,all=0s":                       "",
		"shadow=30m,ring1=30m,all=0s":             "",
		"shadow=30m,ring1=30m,ring2=30m,all=0s":   "",
		"shadow=30m,ring2=30m,all=0s":             "",
		"shadow=30m,ring2=30m,ring1=30m,all=0s":   "found ring ring1 after ring2",
		"shadow=30m,ring3=30m,all=0s":             "found stage ring3, want a ring that pack.yaml declares",
		"shadow=30m,ring1=30m,canary=30m,all=0s":  "found stage canary",
		"shadow=30m,shadow2=30m,ring1=30m,all=0s": "found stage shadow2",
	} {
		err := p.CheckRollout(Statement{Proposal, map[string]string{"rollout": rollout}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckRollout(%s) = %v, want %q", rollout, err, want)
		}
	}
}

func TestRingsThatArePartOfNoPack(t *testing.T) {
	for name, tt := range map[string]struct{ rings, want string }{
		"a ring named shadow":       {"  shadow: [web]\n", "not shadow, not all"},
		"a ring named all":          {"  all: [web]\n", "not shadow, not all"},
		"a ring in upper case":      {"  Ring1: [web]\n", `found "Ring1"`},
		"a ring without a group":    {"  ring1: []\n", "found no group"},
		"a group in two rings":      {"  ring1: [web]\n  ring2: [web]\n", "it is in ring1 too"},
		"a group twice in one ring": {"  ring1: [web, web]\n", "it is in ring1 too"},
		"a name that is no group's": {"  ring1: [\"a b\"]\n", "want the name of a group"},
		"a ring twice":              {"  ring1: [web]\n  ring1: [db]\n", "want different plain names"},
		"a list of rings":           {"  - ring1\n", "want at most 16 keys and values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadPack(pack("pack.yaml", packYAML+"rings:\n"+tt.rings))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadPack = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestRingsNameGroupsThatAreThere(t *testing.T) {
	p, err := ReadPack(pack("pack.yaml", ringsYAML))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, r := range p.Rings {
		named = append(named, r.Groups...)
	}
	if err := p.CheckGroups(append([]string{"in-no-ring"}, named...)); err != nil {
		t.Errorf("CheckGroups = %v, want every group of the rings found", err)
	}
	if err := p.CheckGroups(named[1:]); err == nil || !strings.Contains(err.Error(), "found group "+named[0]+", want one of "+strings.Join(named[1:], ", ")) {
		t.Errorf("CheckGroups = %v, want %s named", err, named[0])
	}
	stages := []Stage{{Name: "shadow"}, {Name: "ring1"}, {Name: "all"}}
	for _, g := range append([]string{"in-no-ring"}, named...) {
		if !p.joined(stages, "all", g) {
			t.Errorf("group %s has not joined in the last stage", g)
		}
	}
}
