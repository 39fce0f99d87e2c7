package knowledge

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// What an SSHSIG blob begins with, and the only version and hash accepted here.
const (
	signatureMagic   = "SSHSIG"
	signatureVersion = 1
	signatureHash    = "sha512"
)

// signature is an SSHSIG that was read, and not judged yet.
type signature struct {
	key       Key
	namespace string
	inner     *ssh.Signature
}

// signatureBlob is what follows the magic.
//
// Source: OpenSSH, PROTOCOL.sshsig, section 2.
type signatureBlob struct {
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// parseSignature reads an armoured signature. Of what the format allows it takes
// version 1, an empty reserved field, hash sha512 and the types of [ParseKey];
// no field may have a tail.
func parseSignature(armoured []byte) (*signature, error) {
	blob, err := dearmour(armoured)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(blob, []byte(signatureMagic))
	if !ok {
		return nil, errors.New("signature does not begin with " + signatureMagic)
	}
	var b signatureBlob
	if err := ssh.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("signature is cut short or has a tail: %w", err)
	}
	switch {
	case b.Version != signatureVersion:
		return nil, fmt.Errorf("signature has version %d, want %d", b.Version, signatureVersion)
	case b.Reserved != "":
		return nil, fmt.Errorf("signature has %d reserved bytes, want none", len(b.Reserved))
	case b.Hash != signatureHash:
		return nil, fmt.Errorf("signature hashes with %.16q, want %s", b.Hash, signatureHash)
	}
	key, err := keyOf(b.Key)
	if err != nil {
		return nil, err
	}
	inner := new(ssh.Signature)
	if err := ssh.Unmarshal(b.Signature, inner); err != nil {
		return nil, fmt.Errorf("signature is malformed inside: %w", err)
	}
	if inner.Format != key.Type() {
		return nil, fmt.Errorf("signature of type %.40q by a key of type %s", inner.Format, key.Type())
	}
	if len(inner.Rest) > 0 && !key.Hardware() {
		return nil, fmt.Errorf("signature has a tail of %d bytes inside", len(inner.Rest))
	}
	return &signature{key, b.Namespace, inner}, nil
}

// verify returns an error unless s signs text in the namespace. A hardware key's
// signature holds only if the key was touched (the flag "user present").
func (s *signature) verify(namespace string, text []byte) error {
	if s.namespace != namespace {
		return fmt.Errorf("signed in namespace %.40q, want %s", s.namespace, namespace)
	}
	if err := s.key.public.Verify(signedData(namespace, text), s.inner); err != nil {
		return fmt.Errorf("signature does not hold: %w", err)
	}
	return nil
}

// signedData returns what the key itself signs for text.
//
// Source: OpenSSH, PROTOCOL.sshsig, section 3.
func signedData(namespace string, text []byte) []byte {
	digest := sha512.Sum512(text)
	return append([]byte(signatureMagic), ssh.Marshal(struct {
		Namespace string
		Reserved  string
		Hash      string
		Digest    []byte
	}{namespace, "", signatureHash, digest[:]})...)
}

// makeSignature has a key sign text in the namespace and returns the armoured
// signature, once it has been verified like anybody's: an agent or a token that
// signs something else is found out here and not at the gate.
func makeSignature(key ssh.Signer, namespace string, text []byte) ([]byte, error) {
	inner, err := key.Sign(rand.Reader, signedData(namespace, text))
	if err != nil {
		return nil, err
	}
	armoured := armour(append([]byte(signatureMagic), ssh.Marshal(signatureBlob{signatureVersion,
		key.PublicKey().Marshal(), namespace, "", signatureHash, ssh.Marshal(inner)})...))
	s, err := parseSignature(armoured)
	if err == nil {
		err = s.verify(namespace, text)
	}
	if err != nil {
		return nil, fmt.Errorf("what came back is no signature of this text: %w", err)
	}
	return armoured, nil
}
