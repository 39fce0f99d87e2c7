package backtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// maxStreamBytes bounds the name of the recording ahead of a fact.
const maxStreamBytes = 4 << 10

// Lines returns the feed of a file of facts, one a line in its canonical
// encoding, with or without the name of the recording that 'evenkeel detect -o
// jsonl' puts first: {"source":"NAME", and the rest of the fact. name is that
// of the file; errors begin with it and the number of the line.
func Lines(name string, r io.Reader) Feed {
	return func(ctx context.Context, take func(Recorded) error) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, facts.MaxFactBytes+maxStreamBytes)
		read := 0
		for n := 1; lines.Scan(); n++ {
			read = n
			if err := context.Cause(ctx); err != nil {
				return err
			}
			line := slices.Clone(lines.Bytes())
			err := take(func() (Fact, error) {
				f, err := decodeLine(line)
				if err != nil {
					return f, fmt.Errorf("%s:%d: %w", name, n, err)
				}
				return f, nil
			})
			if err != nil {
				return err
			}
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("%s:%d: %w", name, read+1, err)
		}
		return nil
	}
}

// decodeLine reads what Lines tells of.
func decodeLine(line []byte) (Fact, error) {
	stream, body, err := cutStream(line)
	if err != nil {
		return Fact{}, err
	}
	f, err := facts.Decode(body)
	if err != nil {
		return Fact{}, err
	}
	return Fact{Fact: f, ID: facts.Digest(body), Stream: stream}, nil
}

// cutStream takes {"source":"name", off a line.
func cutStream(line []byte) (name string, fact []byte, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"source":`))
	if !ok {
		return "", line, nil
	}
	d := json.NewDecoder(bytes.NewReader(rest))
	if err := d.Decode(&name); err != nil {
		return "", nil, fmt.Errorf("source: %w", err)
	}
	if len(name) > maxStreamBytes || bytes.ContainsAny([]byte(name), "\n") {
		return "", nil, fmt.Errorf("source %.40q: want at most %d bytes on one line", name, maxStreamBytes)
	}
	rest, ok = bytes.CutPrefix(rest[d.InputOffset():], []byte(","))
	if !ok {
		return "", nil, errors.New("source: no fact after it")
	}
	return name, append([]byte("{"), rest...), nil
}
