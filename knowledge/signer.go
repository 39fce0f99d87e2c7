package knowledge

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// KeySource says where people's private keys are. The keys stay there: a file is
// read to sign once, an agent is asked to sign.
type KeySource struct {
	Agent string // socket of ssh-agent, as SSH_AUTH_SOCK has it; "": there is none
	// Passphrase asks for the passphrase of a key file; nil: nobody can be asked.
	// What it returns is overwritten after use.
	Passphrase func(file string) ([]byte, error)
}

// Signer signs with one key. Close it after use.
type Signer struct {
	signer ssh.Signer
	key    Key
	closer io.Closer // connection to the agent, if any
}

// maxKeyFile bounds a key file: a private P-256 key with its comment has about
// 600 bytes.
const maxKeyFile = 16 << 10

// Open opens the key in a file: a private key, which nobody else may read, or a
// public key, whose private half the agent holds. Hardware keys sign through the
// agent only.
func (s KeySource) Open(file string) (*Signer, error) {
	text, mode, err := readKeyFile(file)
	if err != nil {
		return nil, fmt.Errorf("knowledge: key: %w", err)
	}
	out := &Signer{}
	if strings.HasPrefix(string(text), "-----BEGIN ") {
		out.signer, err = s.unlock(file, text, mode)
	} else {
		out.signer, out.closer, err = s.ask(text)
	}
	if err == nil {
		out.key, err = keyOf(out.signer.PublicKey().Marshal())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("knowledge: key %s: %w", file, err), out.Close())
	}
	return out, nil
}

func readKeyFile(file string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", file)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	}
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("%s has more than %d bytes", file, maxKeyFile)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, 0, err
	}
	return text, info.Mode(), nil
}

// unlock reads a private key, asking for its passphrase if it has one.
func (s KeySource) unlock(file string, text []byte, mode fs.FileMode) (ssh.Signer, error) {
	if mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read it: mode %04o, want 0600", mode.Perm())
	}
	signer, err := ssh.ParsePrivateKey(text)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		if s.Passphrase == nil {
			return nil, errors.New("it has a passphrase and nobody can be asked: add it to ssh-agent and give the .pub file")
		}
		passphrase, err := s.Passphrase(file)
		if err != nil {
			return nil, fmt.Errorf("passphrase: %w", err)
		}
		defer clear(passphrase)
		return ssh.ParsePrivateKeyWithPassphrase(text, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: a hardware key is added to ssh-agent, then give the .pub file", err)
	}
	return signer, nil
}

// ask finds the agent's signer for the public key in text.
func (s KeySource) ask(text []byte) (ssh.Signer, io.Closer, error) {
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return nil, nil, errors.New("neither a private key nor TYPE BASE64")
	}
	want, err := ParseKey(words[0] + " " + words[1])
	if err != nil {
		return nil, nil, err
	}
	if s.Agent == "" {
		return nil, nil, errors.New("a public key, and no ssh-agent to sign for it: start one, or give the private key")
	}
	conn, err := net.Dial("unix", s.Agent)
	if err != nil {
		return nil, nil, fmt.Errorf("ssh-agent: %w", err)
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, conn, fmt.Errorf("ssh-agent: %w", err)
	}
	i := slices.IndexFunc(signers, func(g ssh.Signer) bool {
		k, err := keyOf(g.PublicKey().Marshal())
		return err == nil && k.equal(want)
	})
	if i < 0 {
		return nil, conn, fmt.Errorf("ssh-agent holds %d keys, not this one: add it with ssh-add", len(signers))
	}
	return signers[i], conn, nil
}

// Key returns the public key, as it is enrolled.
func (s *Signer) Key() Key { return s.key }

// Sign returns the armoured signature of a statement or a people register, in
// the namespace of its kind. It signs no text that the gate would not read, and
// returns no signature that the gate would not accept. A hardware key waits to
// be touched.
func (s *Signer) Sign(text []byte) ([]byte, error) {
	namespace := registerNamespace
	_, err := ParseRegister(text)
	if kind, ok := kindOf(text); ok {
		namespace = kind.Namespace()
		_, err = ParseStatement(text)
	}
	if err != nil {
		return nil, err
	}
	armoured, err := makeSignature(s.signer, namespace, text)
	if err != nil {
		return nil, fmt.Errorf("knowledge: sign with %s: %w", s.key.Type(), err)
	}
	return armoured, nil
}

// Close lets go of the agent.
func (s *Signer) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// NewKeyFile makes a key without a passphrase: the text of its file, which
// nobody else may read, and its public half. It is for trying things out; people
// make their own keys with ssh-keygen.
func NewKeyFile(comment string) ([]byte, Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, Key{}, fmt.Errorf("knowledge: make key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, Key{}, fmt.Errorf("knowledge: make key: %w", err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return nil, Key{}, fmt.Errorf("knowledge: make key: %w", err)
	}
	return pem.EncodeToMemory(block), Key{public}, nil
}
