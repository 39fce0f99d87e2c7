package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/engine/backtest"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// maxRecorded bounds the facts of a review: each takes about a kilobyte of memory.
const maxRecorded = 1_000_000

// reviewFile returns what recorded facts make doubtful in a pack.
func reviewFile(name string, p *knowledge.Pack, allow engine.Allow) (_ engine.Errors, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("rules check: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	recorded, err := readFacts(name, f)
	if err != nil {
		return nil, fmt.Errorf("rules check: %w", err)
	}
	return engine.Review(packSources(p), allow, recorded)
}

// readFacts reads facts, one a line, with or without the name of the recording
// that 'evenkeel detect -o jsonl' puts first. name is that of the file.
func readFacts(name string, r io.Reader) ([]facts.Fact, error) {
	var out []facts.Fact
	err := backtest.Lines(name, r)(context.Background(), func(recorded backtest.Recorded) error {
		f, err := recorded()
		if err == nil && len(out) == maxRecorded {
			err = fmt.Errorf("%s: more than %d facts", name, maxRecorded)
		}
		out = append(out, f.Fact)
		return err
	})
	return out, err
}
