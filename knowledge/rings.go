package knowledge

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of a pack's rings. Each stage of a rollout takes minutes to hours;
// the groups are those of one environment.
const (
	maxRings      = 16
	maxRingGroups = 1024
)

// The stages of every rollout, which are no rings: the first, in which a pack
// decides and nothing is sent, and the last, in which it is everywhere.
const (
	stageShadow = "shadow"
	stageAll    = "all"
)

// Ring is one ring of a pack: the groups that run it from that stage of its
// rollout on. Groups in no ring run it from the last stage on.
type Ring struct {
	Name   string   // as a stage of a rollout is named; not shadow, not all
	Groups []string // at least one; in no other ring
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// rings reads the rings that a pack declares, in the order of the file.
func (r *reader) rings(n ast.Node, p *Pack) {
	taken := map[string]string{}
	r.entries(n, "rings", maxRings, func(name string, n ast.Node) {
		if !isPerson(name) || name == stageShadow || name == stageAll {
			r.fail(n, "rings: found %.40q, want a name such as ring1: lower-case letters, digits, . _ and -, not shadow, not all", name)
			return
		}
		ring := Ring{Name: name}
		r.list(n, "rings."+name, maxRingGroups, func(v ast.Node) {
			r.text("rings."+name, func(group string) error {
				if !groupName.MatchString(group) {
					return errors.New("the name of a group")
				}
				if other, ok := taken[group]; ok {
					return fmt.Errorf("a group that is in no other place: it is in %s too", other)
				}
				taken[group] = name
				ring.Groups = append(ring.Groups, group)
				return nil
			})(v)
		})
		if len(ring.Groups) == 0 {
			r.fail(n, "rings.%s: found no group, want at least one: a stage that nothing runs in proves nothing", name)
		}
		p.Rings = append(p.Rings, ring)
	})
}

// CheckRollout returns an error unless each stage of the proposal between shadow
// and all is a ring of the pack, in the pack's order. The gate, which reads no
// pack, does not ask it; whoever proposes or takes in a proposal does.
func (p *Pack) CheckRollout(proposal Statement) error {
	last := -1
	for _, s := range proposal.Rollout() {
		if s.Name == stageShadow || s.Name == stageAll {
			continue
		}
		i := slices.IndexFunc(p.Rings, func(r Ring) bool { return r.Name == s.Name })
		switch {
		case i < 0:
			return fmt.Errorf("knowledge: rollout of pack %s: found stage %s, want a ring that pack.yaml declares", p.Name, s.Name)
		case i <= last:
			return fmt.Errorf("knowledge: rollout of pack %s: found ring %s after %s, want the order of pack.yaml", p.Name, s.Name, p.Rings[last].Name)
		}
		last = i
	}
	return nil
}

// CheckGroups returns an error unless each group in a ring of the pack is one of
// groups, those of the environment: a ring with a mistake in it would prove
// nothing. Groups in no ring join in the last stage, which every rollout has.
func (p *Pack) CheckGroups(groups []string) error {
	for _, ring := range p.Rings {
		for _, g := range ring.Groups {
			if !slices.Contains(groups, g) {
				return fmt.Errorf("knowledge: pack %s: ring %s: found group %s, want one of %s", p.Name, ring.Name, g, strings.Join(groups, ", "))
			}
		}
	}
	return nil
}

// joined reports whether a group runs the pack when its rollout has come to the
// stage: in shadow none does, in the last all do, in between those of the rings
// so far.
func (p *Pack) joined(stages []Stage, stage, group string) bool {
	if stage == stageAll {
		return true
	}
	for _, s := range stages {
		i := slices.IndexFunc(p.Rings, func(r Ring) bool { return r.Name == s.Name })
		if i >= 0 && slices.Contains(p.Rings[i].Groups, group) {
			return true
		}
		if s.Name == stage {
			return false
		}
	}
	return false
}
