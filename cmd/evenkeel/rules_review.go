package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// The bounds of a file of recorded facts.
const (
	maxRecorded    = 1_000_000 // a fact takes about a kilobyte of memory
	maxSourceBytes = 4 << 10   // of the name of the recording, ahead of each fact
)

// reviewFile returns what recorded facts make doubtful in a pack.
func reviewFile(name string, p *knowledge.Pack, allow engine.Allow) (_ engine.Errors, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("rules check: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	recorded, err := readFacts(f)
	if err != nil {
		return nil, fmt.Errorf("rules check: %s: %w", name, err)
	}
	return engine.Review(packSources(p), allow, recorded)
}

// readFacts reads facts, one a line, with or without the name of the recording
// that 'evenkeel detect -o jsonl' puts first.
func readFacts(r io.Reader) ([]facts.Fact, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, facts.MaxFactBytes+maxSourceBytes)
	var out []facts.Fact
	for n := 1; lines.Scan(); n++ {
		line, err := withoutSource(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		f, err := facts.Decode(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if len(out) == maxRecorded {
			return nil, fmt.Errorf("more than %d facts", maxRecorded)
		}
		out = append(out, f)
	}
	return out, lines.Err()
}

// withoutSource takes {"source":"name", off a line.
func withoutSource(line []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"source":`))
	if !ok {
		return line, nil
	}
	d := json.NewDecoder(bytes.NewReader(rest))
	var name string
	if err := d.Decode(&name); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	rest, ok = bytes.CutPrefix(rest[d.InputOffset():], []byte(","))
	if !ok {
		return nil, errors.New("source: no fact after it")
	}
	return append([]byte("{"), rest...), nil
}
