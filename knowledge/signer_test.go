package knowledge

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A keeper is an agent with one key, which may be a hardware key.
type keeper struct {
	agent.Agent
	key  ssh.Signer
	sign func(data []byte) (*ssh.Signature, error) // if not by the key
}

func (k *keeper) List() ([]*agent.Key, error) {
	public := k.key.PublicKey()
	return []*agent.Key{{Format: public.Type(), Blob: public.Marshal()}}, nil
}

func (k *keeper) Sign(_ ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	if k.sign != nil {
		return k.sign(data)
	}
	return k.key.Sign(nil, data)
}

// serveAgent lets an agent answer on a socket until the test ends.
func serveAgent(t *testing.T, a agent.Agent) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // a socket's name must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if err := agent.ServeAgent(a, conn); err != nil && !errors.Is(err, io.EOF) {
				t.Errorf("agent: %v", err)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return socket
}

// checkSignature wants the machine's ssh-keygen to find the signature good.
func checkSignature(t *testing.T, namespace string, text, armoured []byte) {
	t.Helper()
	sig := writeFile(t, "a.sig", armoured)
	if out, err := keygen(t, text, "-Y", "check-novalidate", "-n", namespace, "-s", sig); err != nil {
		t.Errorf("ssh-keygen -Y check-novalidate: %v\n%s", err, out)
	}
}

func TestSignerSignsWithKeyFiles(t *testing.T) {
	text := statementText(t, "approval-bob")
	for _, typ := range []string{"ed25519", "ecdsa"} {
		for _, passphrase := range []string{"", "correct horse"} {
			t.Run(typ+" with passphrase '"+passphrase+"'", func(t *testing.T) {
				file, asked := newKeyFile(t, typ, passphrase), 0
				source := KeySource{Passphrase: func(string) ([]byte, error) { asked++; return []byte(passphrase), nil }}
				s, err := source.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				if want := min(len(passphrase), 1); asked != want {
					t.Errorf("asked %d times for the passphrase, want %d", asked, want)
				}
				words := strings.Fields(string(readFileT(t, file+".pub")))
				if got := s.Key().String(); got != words[0]+" "+words[1] {
					t.Errorf("Key() = %s, want %s", got, words[:2])
				}
				armoured, err := s.Sign(text)
				if err != nil {
					t.Fatal(err)
				}
				checkSignature(t, "approval@evenkeel.v1", text, armoured)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestSignerSignsThroughTheAgent(t *testing.T) {
	text := newSite(t).ask().Registers[0].Text
	for _, name := range []string{"bob", "carol", "dave"} {
		t.Run(name, func(t *testing.T) {
			key := seeded(name)
			socket := serveAgent(t, &keeper{key: key})
			file := writeFile(t, "id.pub", []byte(Key{key.PublicKey()}.String()+" "+name+"@host\n"))
			s, err := KeySource{Agent: socket}.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			armoured, err := s.Sign(text)
			if err != nil {
				t.Fatal(err)
			}
			checkSignature(t, "register@evenkeel.v1", text, armoured)
		})
	}
}

func TestSignerRefuses(t *testing.T) {
	text := statementText(t, "approval-bob")
	bob, mallory := seeded("bob"), seeded("mallory")
	public := func(k ssh.Signer) string {
		return writeFile(t, "id.pub", []byte(Key{k.PublicKey()}.String()+" x\n"))
	}
	open := newKeyFile(t, "ed25519", "")
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	locked := newKeyFile(t, "ed25519", "secret")
	rsa := newKeyFile(t, "rsa", "")
	wrong := func(string) ([]byte, error) { return []byte("wrong"), nil }
	away := func(string) ([]byte, error) { return nil, errors.New("no terminal") }
	honest := serveAgent(t, &keeper{key: bob})
	lying := serveAgent(t, &keeper{key: bob, sign: func(data []byte) (*ssh.Signature, error) { return mallory.Sign(nil, data) }})
	other := serveAgent(t, &keeper{key: bob, sign: func([]byte) (*ssh.Signature, error) { return bob.Sign(nil, []byte("another text")) }})
	untouched := serveAgent(t, &keeper{key: seeded("dave-untouched")})
	for _, tt := range []struct {
		name   string
		source KeySource
		file   string
		text   []byte
		want   string
	}{
		{"a file that is not there", KeySource{}, filepath.Join(t.TempDir(), "id"), text, "no such file"},
		{"a directory", KeySource{}, t.TempDir(), text, "not a regular file"},
		{"a private key that others may read", KeySource{}, open, text, "mode 0640, want 0600"},
		{"a locked key and nobody to ask", KeySource{}, locked, text, "nobody can be asked"},
		{"a locked key and nobody at the terminal", KeySource{Passphrase: away}, locked, text, "no terminal"},
		{"a wrong passphrase", KeySource{Passphrase: wrong}, locked, text, "decryption password incorrect"},
		{"a key of a type that is not accepted", KeySource{}, rsa, text, "key of type ssh-rsa"},
		{"neither a private nor a public key", KeySource{}, writeFile(t, "id", []byte("hello\n")), text, "neither"},
		{"a file too large", KeySource{}, writeFile(t, "id", make([]byte, maxKeyFile+1)), text, "more than"},
		{"a public key without an agent", KeySource{}, public(bob), text, "no ssh-agent"},
		{"an agent that is not there", KeySource{Agent: filepath.Join(t.TempDir(), "s")}, public(bob), text, "ssh-agent: dial"},
		{"an agent without the key", KeySource{Agent: honest}, public(mallory), text, "holds 1 keys, not this one"},
		{"an agent that signs with another key", KeySource{Agent: lying}, public(bob), text, "no signature of this text"},
		{"an agent that signs another text", KeySource{Agent: other}, public(bob), text, "no signature of this text"},
		{"a hardware key that was not touched", KeySource{Agent: untouched}, public(seeded("dave")), text, "user presence"},
		{"a text that is no statement", KeySource{Agent: honest}, public(bob), []byte("hello\n"), "want \"evenkeel register v1\""},
		{"a statement that the gate would not read", KeySource{Agent: honest}, public(bob), append([]byte(nil), text[:len(text)-1]...), "line feed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tt.source.Open(tt.file)
			if err == nil {
				defer s.Close()
				_, err = s.Sign(tt.text)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("open and sign = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestNewKeyFileIsOneThatOpens(t *testing.T) {
	text, key, err := NewKeyFile("trial")
	if err != nil {
		t.Fatal(err)
	}
	s, err := KeySource{}.Open(writeFile(t, "id", text))
	if err != nil || !s.Key().equal(key) {
		t.Fatalf("Open of a new key file = %v, %v, want key %s", s, err, key)
	}
	if out, err := keygen(t, nil, "-y", "-f", writeFile(t, "id", text)); err != nil || !strings.HasPrefix(out, key.String()+" trial") {
		t.Errorf("ssh-keygen -y = %q, %v, want %s", out, err, key)
	}
}
