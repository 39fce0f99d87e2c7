package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

//go:embed packs/demo
var builtInPacks embed.FS

// readDemoPack returns the pack that 'evenkeel demo' runs on.
func readDemoPack() (*knowledge.Pack, error) {
	dir, err := fs.Sub(builtInPacks, "packs/demo")
	if err != nil {
		return nil, err
	}
	return knowledge.ReadPack(dir)
}

// readPack returns the pack in a directory.
func readPack(dir string) (*knowledge.Pack, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is a file, want a directory", dir)
	}
	if err != nil {
		return nil, &exitError{exitFailed, fmt.Errorf("read pack: %w", err), "give the directory that holds pack.yaml"}
	}
	return knowledge.ReadPack(os.DirFS(dir))
}

// packSources returns a pack's rule files.
func packSources(p *knowledge.Pack) []engine.Source {
	sources := make([]engine.Source, len(p.Rules))
	for i, f := range p.Rules {
		sources[i] = engine.Source(f)
	}
	return sources
}

// packAllow returns what a pack permits its rules.
func packAllow(p *knowledge.Pack) (engine.Allow, error) {
	allow := engine.Allow{Tiers: p.Tiers, Critical: p.Critical}
	if p.Certified != knowledge.Declared {
		rate, err := facts.ParseRate(p.Certified)
		if err != nil {
			return engine.Allow{}, fmt.Errorf("pack %s: certified: %w", p.Name, err)
		}
		allow.Certified = &rate
	}
	for _, v := range p.Verbs {
		allow.Verbs = append(allow.Verbs, actions.Verb(v))
	}
	for _, d := range p.Derived {
		allow.Derived = append(allow.Derived, engine.Word{Name: "D." + d.Name, Type: engine.Type(d.Type),
			Unit: d.Unit, Range: d.Range, Values: d.Values, Doc: d.Doc})
	}
	for _, v := range p.Parameters {
		allow.Parameters = append(allow.Parameters, engine.Parameter{Value: v.Value,
			Word: engine.Word{Name: "P." + v.Name, Type: engine.Type(v.Type), Unit: v.Unit, Range: v.Range, Doc: v.Doc}})
	}
	return allow, nil
}

// compilePack returns a pack's rules, ready to decide.
func compilePack(p *knowledge.Pack) (*engine.Program, error) {
	allow, err := packAllow(p)
	if err != nil {
		return nil, err
	}
	return engine.Compile(p.Digest, packSources(p), allow)
}

// packLimits returns a pack's limits as the guard takes them.
func packLimits(p *knowledge.Pack) (actions.Limits, error) {
	l := actions.DefaultLimits()
	for _, v := range p.Verbs {
		l.Verbs = append(l.Verbs, actions.Verb(v))
	}
	k := p.Limits
	l.MaxOut, l.AllowOne, l.MinHealthy, l.MembershipDrop, l.Panic = k.MaxOut, k.AllowOne, k.MinHealthy,
		k.MembershipDrop, k.Panic
	l.PerMinute, l.PerHour, l.Cooldown, l.Attempts = k.ActsPerMinute, k.ActsPerHour, k.Cooldown, k.Attempts
	l.Stale, l.WarmUp, l.Settle, l.Verify, l.Undo = k.Stale, k.WarmUp, k.Settle, k.Verify, k.Undo
	l.Hold, l.Release = k.Hold, k.Release
	return l, l.Check()
}
