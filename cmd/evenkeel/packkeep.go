package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// packKeeper finds packs by their digest, h1:…. It returns nil for one that it
// does not have.
type packKeeper interface {
	Pack(digest string) (*knowledge.Pack, error)
}

// packDirs keeps the packs of the directories that were named.
type packDirs struct {
	names []string
	packs []*knowledge.Pack // of the names, in their order
}

// readPackDirs reads the packs of directories.
func readPackDirs(dirs []string) (*packDirs, error) {
	k := &packDirs{names: dirs}
	for _, dir := range dirs {
		p, err := readPack(dir)
		if err != nil {
			return nil, packError(dir, err)
		}
		k.packs = append(k.packs, p)
	}
	return k, nil
}

// Pack implements packKeeper.
func (k *packDirs) Pack(digest string) (*knowledge.Pack, error) {
	for _, p := range k.packs {
		if p.Digest == digest {
			return p, nil
		}
	}
	return nil, nil
}

// found says which packs there are.
func (k *packDirs) found() string {
	if len(k.packs) == 0 {
		return "no --pack, and none of that digest in the data directory"
	}
	var out []string
	for i, p := range k.packs {
		out = append(out, p.Digest+" in "+k.names[i])
	}
	return strings.Join(out, ", ")
}

// demoPack keeps the pack that 'evenkeel demo' runs on.
type demoPack struct{}

// Pack implements packKeeper.
func (demoPack) Pack(digest string) (*knowledge.Pack, error) {
	p, err := readDemoPack()
	if err != nil || p.Digest != digest {
		return nil, err
	}
	return p, nil
}

// Pack implements packKeeper: a store has the packs that were proposed to a
// daemon.
func (s store) Pack(digest string) (*knowledge.Pack, error) {
	files, err := s.bundle(digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return knowledge.ParsePack(files)
}

// programs compiles the packs that decided, each once.
type programs struct {
	named   *packDirs    // by the caller, looked at first
	keepers []packKeeper // besides
	made    map[string]*engine.Program
}

// newPrograms returns the programs of a log in a data directory.
func newPrograms(named *packDirs, data string) *programs {
	return &programs{named, []packKeeper{named, demoPack{}, store{data}}, map[string]*engine.Program{}}
}

// version returns the program of a pack, by its digest. An error says which
// packs there are instead.
func (p *programs) version(digest string) (*engine.Program, error) {
	if made := p.made[digest]; made != nil {
		return made, nil
	}
	for _, k := range p.keepers {
		pack, err := k.Pack(digest)
		if err != nil {
			return nil, err
		}
		if pack != nil {
			p.made[digest], err = compilePack(pack)
			return p.made[digest], err
		}
	}
	return nil, &exitError{exitFailed, fmt.Errorf("find pack: want %s, found %s", digest, p.named.found()),
		"give the directory of that very pack with --pack: a changed byte is another pack"}
}
