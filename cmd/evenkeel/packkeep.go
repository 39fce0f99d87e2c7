package main

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// packKeeper finds packs by their digest, h1:…. An error says what was wanted
// and what is there instead.
type packKeeper interface {
	Pack(digest string) (*knowledge.Pack, error)
}

// packDirs keeps the packs of some directories, and the one that 'evenkeel demo'
// runs on.
type packDirs struct {
	packs []*knowledge.Pack // of the directories, in their order
	names []string          // of the directories
	demo  *knowledge.Pack
}

// readPackDirs reads the packs of directories.
func readPackDirs(dirs []string) (*packDirs, error) {
	demo, err := readDemoPack()
	if err != nil {
		return nil, err
	}
	k := &packDirs{names: dirs, demo: demo}
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
	if k.demo.Digest == digest {
		return k.demo, nil
	}
	found := "no --pack"
	for i, p := range k.packs {
		if p.Digest == digest {
			return p, nil
		}
		if i == 0 {
			found = ""
		}
		found += fmt.Sprintf("; %s in %s", p.Digest, k.names[i])
	}
	return nil, &exitError{exitFailed, fmt.Errorf("find pack: want %s, found %s", digest, strings.TrimPrefix(found, "; ")),
		"give the directory of that very pack with --pack: a changed byte is another pack"}
}

// programs holds the compiled packs of a keeper.
type programs struct {
	keeper packKeeper
	made   map[string]*engine.Program // by digest
}

func newPrograms(k packKeeper) *programs {
	return &programs{keeper: k, made: map[string]*engine.Program{}}
}

// version returns the program of a pack, by its digest.
func (p *programs) version(digest string) (*engine.Program, error) {
	if made := p.made[digest]; made != nil {
		return made, nil
	}
	pack, err := p.keeper.Pack(digest)
	if err != nil {
		return nil, err
	}
	program, err := compilePack(pack)
	if err == nil && program.Version() != digest {
		err = fmt.Errorf("pack %s: found %s, want %s", pack.Name, program.Version(), digest)
	}
	if err != nil {
		return nil, err
	}
	p.made[digest] = program
	return program, nil
}
