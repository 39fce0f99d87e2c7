package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// maxProofBytes holds the largest entry in base64, 63 hashes and a checkpoint.
	maxProofBytes = 4*(MaxEntryBytes/3+1) + 64*64 + maxCheckpointBytes
)

// ErrProof reports a proof that does not prove anything.
var ErrProof = errors.New("proof does not hold")

// Proven is what a proof shows.
type Proven struct {
	Record Record // the entry
	Origin string // of the log that holds it
	Key    string // id of the log's key, eight hexadecimal digits
	Size   int64  // of the log at the time of the proof
	Root   string // of its tree then, base64
}

// Prove returns the proof that entry seq is in the log: a C2SP tlog-proof with
// the entry itself in its extra line, so that it can be checked anywhere with
// nothing but the log's verifier key.
func (r *Reader) Prove(seq int64) ([]byte, error) {
	b, err := r.prove(seq)
	if err != nil {
		return nil, fmt.Errorf("audit: prove entry %d: %w", seq, err)
	}
	return b, nil
}

func (r *Reader) prove(seq int64) ([]byte, error) {
	if seq < 0 || seq >= r.head.N {
		return nil, fmt.Errorf("%w: log has %d entries", ErrProof, r.head.N)
	}
	if r.verifier == nil {
		return nil, errNoKey
	}
	t, err := r.edge()
	if err != nil {
		return nil, err
	}
	entry, err := r.entry(seq)
	if err != nil {
		return nil, err
	}
	hashes := tileReader{t, r}.hashes()
	path, err := tlog.ProveRecord(t.n, seq, hashes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	if err := tlog.CheckRecord(path, t.n, r.head.Hash, seq, tlog.RecordHash(entry)); err != nil {
		return nil, fmt.Errorf("%w: entry %d is not what its tile says", ErrTampered, seq)
	}
	return proof{entry, seq, path, r.checkpoint}.format(), nil
}

// errNoKey: nothing signed can be checked.
var errNoKey = fmt.Errorf("no verifier key: want %s beside the log, or its text given", publicFile)

// proof is a C2SP tlog-proof.
type proof struct {
	entry      []byte
	index      int64
	path       tlog.RecordProof
	checkpoint []byte
}

func (p proof) format() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.entry), p.index)
	for _, h := range p.path {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(p.checkpoint)
	return []byte(b.String())
}

// parseProof reads what format writes and nothing else.
func parseProof(text []byte) (p proof, err error) {
	if len(text) > maxProofBytes {
		return p, fmt.Errorf("%d bytes, want at most %d", len(text), maxProofBytes)
	}
	top, checkpoint, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(top, "\n")
	if lines[0] != proofHeader {
		return p, fmt.Errorf("first line %.40q, want %q", lines[0], proofHeader)
	}
	if len(lines) < 3 || !strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return p, errors.New("want a line with extra data, the entry, and one with its index")
	}
	if p.entry, err = base64.StdEncoding.DecodeString(lines[1][len("extra "):]); err != nil {
		return p, fmt.Errorf("extra line: %w", err)
	}
	index := lines[2][len("index "):]
	if p.index, err = strconv.ParseInt(index, 10, 64); err != nil || p.index < 0 || strconv.FormatInt(p.index, 10) != index {
		return p, fmt.Errorf("index %.40q, want a number", index)
	}
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return p, fmt.Errorf("hash %.60q: %w", line, err)
		}
		p.path = append(p.path, h)
	}
	p.checkpoint = []byte(checkpoint)
	if !bytes.Equal(p.format(), text) { // base64 with stray bits or line ends
		return p, errors.New("not in its one canonical form")
	}
	return p, nil
}

// CheckProof returns what a proof shows under the log's verifier key, the text
// of audit.pub. An error wraps [ErrProof]: the proof is malformed, signed with
// another key, or does not lead from the entry to the signed root.
func CheckProof(text []byte, key string) (Proven, error) {
	proven, err := checkProof(text, key)
	if err != nil {
		return Proven{}, fmt.Errorf("audit: check proof: %w: %w", ErrProof, err)
	}
	return proven, nil
}

func checkProof(text []byte, key string) (Proven, error) {
	v, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return Proven{}, fmt.Errorf("verifier key: %w", err)
	}
	p, err := parseProof(text)
	if err != nil {
		return Proven{}, err
	}
	head, err := openCheckpoint(p.checkpoint, v)
	if err != nil {
		return Proven{}, err
	}
	if p.index >= head.N {
		return Proven{}, fmt.Errorf("index %d in a log of %d entries", p.index, head.N)
	}
	if err := tlog.CheckRecord(p.path, head.N, head.Hash, p.index, tlog.RecordHash(p.entry)); err != nil {
		return Proven{}, err
	}
	e, err := Decode(p.entry)
	if err != nil {
		return Proven{}, err
	}
	return Proven{Record{p.index, e.Time, p.entry}, v.Name(), keyID(v), head.N, head.Hash.String()}, nil
}

func keyID(v note.Verifier) string { return fmt.Sprintf("%08x", v.KeyHash()) }
