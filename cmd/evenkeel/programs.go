package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// programs compiles the packs that decided, each once. It looks for them where
// it was told to, then in 'evenkeel demo', then among the bundles that were
// proposed to a daemon.
type programs struct {
	dirs  []string          // that were named
	named []*knowledge.Pack // of dirs, in their order
	store store
	made  map[string]*engine.Program // by digest, h1:…
}

// readPrograms reads the packs of directories, for the log in a data directory.
func readPrograms(dirs []string, data string) (*programs, error) {
	p := &programs{dirs: dirs, store: store{data}, made: map[string]*engine.Program{}}
	for _, dir := range dirs {
		pack, err := readPack(dir)
		if err != nil {
			return nil, packError(dir, err)
		}
		p.named = append(p.named, pack)
	}
	return p, nil
}

// version returns the program of a pack, by its digest.
func (p *programs) version(digest string) (*engine.Program, error) {
	if made := p.made[digest]; made != nil {
		return made, nil
	}
	pack, err := p.find(digest)
	if err != nil {
		return nil, err
	}
	p.made[digest], err = compilePack(pack)
	return p.made[digest], err
}

// find returns the pack of the digest. An error says which packs there are
// instead.
func (p *programs) find(digest string) (*knowledge.Pack, error) {
	for _, pack := range p.named {
		if pack.Digest == digest {
			return pack, nil
		}
	}
	if demo, err := readDemoPack(); err != nil || demo.Digest == digest {
		return demo, err
	}
	pack, err := p.store.pack(digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitFailed, fmt.Errorf("find pack: want %s, found %s", digest, p.found()),
			"give the directory of that very pack with --pack: a changed byte is another pack"}
	}
	return pack, err
}

// found says which packs were named.
func (p *programs) found() string {
	if len(p.named) == 0 {
		return "no --pack, and none of that digest in the data directory"
	}
	var out []string
	for i, pack := range p.named {
		out = append(out, pack.Digest+" in "+p.dirs[i])
	}
	return strings.Join(out, ", ")
}
