package knowledge

import (
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// keygen runs the machine's own ssh-keygen, with text on its standard input.
func keygen(t *testing.T, text []byte, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(string(text))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// newKeyFile has ssh-keygen make a key.
func newKeyFile(t *testing.T, typ, passphrase string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "id")
	if out, err := keygen(t, nil, "-q", "-a", "1", "-t", typ, "-N", passphrase, "-C", "test", "-f", file); err != nil {
		t.Fatalf("ssh-keygen -t %s: %v\n%s", typ, err, out)
	}
	return file
}

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func readFileT(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// statementText returns the text of one of the good site's statements.
func statementText(t *testing.T, file string) []byte {
	t.Helper()
	q := newSite(t).ask()
	i := slices.IndexFunc(q.Statements, func(s SignedText) bool { return s.Name == file+".txt" })
	return q.Statements[i].Text
}

func TestSSHKeygenSignsAndWeVerify(t *testing.T) {
	text := statementText(t, "approval-bob")
	for _, typ := range []string{"ed25519", "ecdsa"} {
		t.Run(typ, func(t *testing.T) {
			key := newKeyFile(t, typ, "")
			file := writeFile(t, "a.txt", text)
			if out, err := keygen(t, nil, "-Y", "sign", "-f", key, "-n", "approval@evenkeel.v1", file); err != nil {
				t.Fatalf("ssh-keygen -Y sign: %v\n%s", err, out)
			}
			s, err := parseSignature(readFileT(t, file+".sig"))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.verify("approval@evenkeel.v1", text); err != nil {
				t.Errorf("verify = %v, want nil", err)
			}
			if err := s.verify("proposal@evenkeel.v1", text); err == nil {
				t.Error("verify in another namespace = nil, want an error")
			}
			if err := s.verify("approval@evenkeel.v1", append(slices.Clone(text), '\n')); err == nil {
				t.Error("verify another text = nil, want an error")
			}
		})
	}
}

func TestWeSignAndSSHKeygenVerifies(t *testing.T) {
	text := statementText(t, "proposal")
	for _, name := range []string{"alice", "carol", "dave"} {
		t.Run(name, func(t *testing.T) {
			key := seeded(name)
			armoured, err := makeSignature(key, "proposal@evenkeel.v1", text)
			if err != nil {
				t.Fatal(err)
			}
			sig := writeFile(t, "a.sig", armoured)
			if out, err := keygen(t, text, "-Y", "check-novalidate", "-n", "proposal@evenkeel.v1", "-s", sig); err != nil {
				t.Errorf("ssh-keygen -Y check-novalidate: %v\n%s", err, out)
			}
			allowed := writeFile(t, "allowed", []byte(name+" "+Key{key.PublicKey()}.String()+"\n"))
			args := []string{"-Y", "verify", "-f", allowed, "-I", name, "-n", "proposal@evenkeel.v1", "-s", sig}
			if out, err := keygen(t, text, args...); err != nil {
				t.Errorf("ssh-keygen -Y verify: %v\n%s", err, out)
			}
			if out, err := keygen(t, append(slices.Clone(text), ' '), args...); err == nil {
				t.Errorf("ssh-keygen -Y verify of another text = nil, want an error\n%s", out)
			}
		})
	}
}

func TestOurArmourIsThatOfSSHKeygen(t *testing.T) {
	key := newKeyFile(t, "ed25519", "") // Ed25519 signatures are deterministic
	text := statementText(t, "proposal")
	file := writeFile(t, "a.txt", text)
	if out, err := keygen(t, nil, "-Y", "sign", "-f", key, "-n", "proposal@evenkeel.v1", file); err != nil {
		t.Fatalf("ssh-keygen -Y sign: %v\n%s", err, out)
	}
	private, err := ssh.ParsePrivateKey(readFileT(t, key))
	if err != nil {
		t.Fatal(err)
	}
	got, err := makeSignature(private, "proposal@evenkeel.v1", text)
	if want := readFileT(t, file+".sig"); err != nil || string(got) != string(want) {
		t.Errorf("makeSignature = %s, %v, want what ssh-keygen writes:\n%s", got, err, want)
	}
}

func TestParseSignatureRefuses(t *testing.T) {
	text := []byte("text\n")
	good := string(craftWith(t, seeded("bob"), "approval@evenkeel.v1", text))
	blob := func(edit func(*signatureBlob)) string {
		raw, err := dearmour([]byte(good))
		if err != nil {
			t.Fatal(err)
		}
		var b signatureBlob
		if err := ssh.Unmarshal(raw[6:], &b); err != nil {
			t.Fatal(err)
		}
		edit(&b)
		return string(armour(append([]byte("SSHSIG"), ssh.Marshal(b)...)))
	}
	for _, tt := range []struct{ name, armoured, want string }{
		{"nothing", "", "does not begin"},
		{"text before the armour", "x\n" + good, "does not begin"},
		{"text after the armour", good + "x\n", "does not end"},
		{"two line feeds after the armour", good + "\n", "does not end"},
		{"two signatures", good + good, "base64"},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), "does not begin"},
		{"a carriage return inside", strings.Replace(good, "\nAA", "\r\nAA", 1) + "\r", "does not end"},
		{"an empty line", strings.Replace(good, "\n", "\n\n", 1), "line 2"},
		{"a header as in a PEM file", strings.Replace(good, "\n", "\nComment: x\n", 1), "base64"},
		{"one line", armourBegin + "\n" + strings.Repeat("A", 80) + "\n" + armourEnd + "\n", "1 to 76"},
		{"base64 with bits to spare", armourBegin + "\nU1NIU0lH\nAB==\n" + armourEnd + "\n", "base64"},
		{"too large", strings.Repeat("A", maxSignatureBytes+1), "at most 4096"},
		{"another magic", string(armour([]byte("SSHSIGX"))), "cut short"},
		{"no magic", string(armour([]byte("GITSIG"))), "begin with SSHSIG"},
		{"version 2", blob(func(b *signatureBlob) { b.Version = 2 }), "version 2, want 1"},
		{"reserved", blob(func(b *signatureBlob) { b.Reserved = "x" }), "1 reserved bytes, want none"},
		{"hash sha256", blob(func(b *signatureBlob) { b.Hash = "sha256" }), "sha256"},
		{"key cut short", blob(func(b *signatureBlob) { b.Key = b.Key[:20] }), "key"},
		{"inner signature cut short", blob(func(b *signatureBlob) { b.Signature = b.Signature[:8] }), "malformed inside"},
		{"inner signature with a tail", blob(func(b *signatureBlob) { b.Signature = append(b.Signature, 1) }), "tail of 1 bytes"},
		{"inner signature of another type", blob(func(b *signatureBlob) {
			b.Signature = ssh.Marshal(ssh.Signature{Format: "ssh-rsa", Blob: []byte("x")})
		}), "by a key of type ssh-ed25519"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseSignature([]byte(tt.armoured)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseSignature = %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := parseSignature([]byte(strings.TrimSuffix(good, "\n"))); err != nil {
		t.Errorf("parseSignature without the last line feed = %v, want nil", err)
	}
}

func TestKeyTypes(t *testing.T) {
	for _, typ := range []string{"rsa", "ecdsa-384"} {
		t.Run(typ+" is refused", func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "id")
			args := []string{"-q", "-t", "rsa", "-N", "", "-f", file}
			if typ == "ecdsa-384" {
				args = []string{"-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", file}
			}
			if out, err := keygen(t, nil, args...); err != nil {
				t.Fatalf("ssh-keygen: %v\n%s", err, out)
			}
			words := strings.Fields(string(readFileT(t, file+".pub")))
			if k, err := ParseKey(words[0] + " " + words[1]); err == nil {
				t.Errorf("ParseKey(%s) = %v, want an error", words[0], k)
			}
			sig := writeFile(t, "a.txt", []byte("text\n"))
			if out, err := keygen(t, nil, "-Y", "sign", "-f", file, "-n", "approval@evenkeel.v1", sig); err != nil {
				t.Fatalf("ssh-keygen -Y sign: %v\n%s", err, out)
			}
			if _, err := parseSignature(readFileT(t, sig+".sig")); err == nil || !strings.Contains(err.Error(), "want one of ssh-ed25519") {
				t.Errorf("parseSignature = %v, want the types that are accepted", err)
			}
		})
	}
	for _, s := range []string{"", "ssh-ed25519", "ssh-ed25519 !", "ssh-dss AAAAB3NzaC1kc3M=",
		"sk-ssh-ed25519@openssh.com " + strings.Fields(Key{seeded("bob").PublicKey()}.String())[1]} {
		if k, err := ParseKey(s); err == nil {
			t.Errorf("ParseKey(%q) = %v, want an error", s, k)
		}
	}
	for _, name := range []string{"bob", "carol", "dave"} {
		k := Key{seeded(name).PublicKey()}
		if got, err := ParseKey(k.String()); err != nil || !got.equal(k) || got.Hardware() != (name == "dave") {
			t.Errorf("ParseKey(%s) = %v, %v, want the same key", k, got, err)
		}
	}
}

// TestSmallOrderKeysAreRefused forges a signature for each key of small order,
// knowing no secret, and wants such keys refused. The forgery is R = 1, S = 0: it
// holds when the hash of R, key and text is a multiple of the key's order, so at
// least one text in eight.
func TestSmallOrderKeysAreRefused(t *testing.T) {
	for _, y := range smallOrderY {
		key, err := hex.DecodeString(y)
		if err != nil {
			t.Fatal(err)
		}
		forgery := make([]byte, ed25519.SignatureSize)
		forgery[0] = 1
		holds := 0
		for i := range 256 {
			if ed25519.Verify(key, []byte{byte(i)}, forgery) {
				holds++
			}
		}
		if holds == 0 {
			t.Errorf("nothing is signed by the key %s, want its order small", y)
		}
		for _, sign := range []byte{0, 0x80} {
			key[31] |= sign
			wire := ssh.Marshal(struct {
				Type  string
				Point []byte
			}{ssh.KeyAlgoED25519, key})
			if _, err := keyOf(wire); err == nil || !strings.Contains(err.Error(), "small order") {
				t.Errorf("keyOf(%x) = %v, want it refused for its small order", key, err)
			}
		}
	}
}

func FuzzParseSignature(f *testing.F) {
	for _, name := range []string{"bob", "carol", "dave"} {
		f.Add(craftWith(f, seeded(name), "approval@evenkeel.v1", []byte("text\n")))
	}
	f.Fuzz(func(t *testing.T, armoured []byte) {
		blob, err := dearmour(armoured)
		if err != nil {
			return
		}
		if again, err := dearmour(armour(blob)); len(blob) > 0 && (err != nil || string(again) != string(blob)) {
			t.Fatalf("dearmour(armour(b)) = %x, %v, want %x", again, err, blob)
		}
		s, err := parseSignature(armoured)
		if err != nil {
			return
		}
		wire := append([]byte("SSHSIG"), ssh.Marshal(signatureBlob{1, s.key.public.Marshal(), s.namespace, "", "sha512", ssh.Marshal(s.inner)})...)
		if string(wire) != string(blob) {
			t.Fatalf("signature %x is rendered as %x", blob, wire)
		}
	})
}
