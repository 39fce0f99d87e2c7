package knowledge

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyTypes are the types of key that people may sign with. RSA and DSA are
// refused for their age, certificates because the people register alone says
// who somebody is.
var keyTypes = []string{
	ssh.KeyAlgoED25519,
	ssh.KeyAlgoSKED25519,
	ssh.KeyAlgoECDSA256,
	ssh.KeyAlgoSKECDSA256,
}

// Key is a public key that a person signs with.
type Key struct{ public ssh.PublicKey }

// ParseKey reads "TYPE BASE64", as a line of a .pub file begins. The type is one
// of ssh-ed25519, sk-ssh-ed25519@openssh.com, ecdsa-sha2-nistp256 and
// sk-ecdsa-sha2-nistp256@openssh.com.
func ParseKey(s string) (Key, error) {
	typ, text, ok := strings.Cut(s, " ")
	if !ok {
		return Key{}, fmt.Errorf("knowledge: key %.40q, want TYPE BASE64", s)
	}
	wire, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return Key{}, fmt.Errorf("knowledge: key of type %.40q: %w", typ, err)
	}
	k, err := keyOf(wire)
	if err != nil {
		return Key{}, fmt.Errorf("knowledge: %w", err)
	}
	if k.String() != s {
		return Key{}, fmt.Errorf("knowledge: key %.80q, want %.80q", s, k)
	}
	return k, nil
}

// keyOf reads a key in SSH wire form. It refuses the types that are not accepted
// here, encodings other than the one that OpenSSH writes, and keys for which
// anybody can sign.
func keyOf(wire []byte) (Key, error) {
	public, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	if !slices.Contains(keyTypes, public.Type()) {
		return Key{}, fmt.Errorf("key of type %s, want one of %s", public.Type(), strings.Join(keyTypes, ", "))
	}
	k := Key{public}
	if !bytes.Equal(public.Marshal(), wire) {
		return Key{}, fmt.Errorf("key of type %s is not in its usual encoding", k.Type())
	}
	material, err := k.material()
	if err != nil {
		return Key{}, err
	}
	if len(material) == ed25519Bytes && smallOrder(material) {
		return Key{}, errors.New("key is a point of small order, for which anybody can sign")
	}
	return k, nil
}

// String returns "TYPE BASE64", as it stands in the people register.
func (k Key) String() string {
	return k.Type() + " " + base64.StdEncoding.EncodeToString(k.public.Marshal())
}

// Type returns the key's type, as in [ParseKey].
func (k Key) Type() string { return k.public.Type() }

// Hardware reports whether the key lives in a FIDO authenticator, which signs
// only when it is touched.
func (k Key) Hardware() bool {
	return k.Type() == ssh.KeyAlgoSKED25519 || k.Type() == ssh.KeyAlgoSKECDSA256
}

func (k Key) equal(other Key) bool { return bytes.Equal(k.public.Marshal(), other.public.Marshal()) }

// material returns what makes the key the key, whatever it is wrapped as: the
// same point as ssh-ed25519 and as sk-ssh-ed25519@openssh.com is one key.
//
// Source: RFC 8709, section 4; RFC 5656, section 3.1; OpenSSH puts the
// application of an sk- key after these fields.
func (k Key) material() ([]byte, error) {
	var err error
	var point []byte
	if t := k.Type(); t == ssh.KeyAlgoECDSA256 || t == ssh.KeyAlgoSKECDSA256 {
		var f struct {
			Type, Curve string
			Point       []byte
			Rest        []byte `ssh:"rest"`
		}
		err = ssh.Unmarshal(k.public.Marshal(), &f)
		point = f.Point
	} else {
		var f struct {
			Type  string
			Point []byte
			Rest  []byte `ssh:"rest"`
		}
		err = ssh.Unmarshal(k.public.Marshal(), &f)
		point = f.Point
	}
	if err != nil {
		return nil, fmt.Errorf("key of type %s: %w", k.Type(), err)
	}
	return point, nil
}

// ed25519Bytes is the length of an encoded Ed25519 point.
const ed25519Bytes = 32

// smallOrderY are the y coordinates, little-endian, of the eight points of edwards25519
// whose order divides 8: 1, -1, 0 and the two of order 8. With such a key the
// equation that a signature must fulfil does not depend on any secret.
//
// Source: RFC 8032, section 5.1, for the curve; the test forges a signature for
// each.
var smallOrderY = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
}

// smallOrder reports whether an encoded Ed25519 point has small order, or is not
// encoded in the one way there is: y must be below 2^255 - 19.
func smallOrder(point []byte) bool {
	y := slices.Clone(point)
	y[ed25519Bytes-1] &= 0x7f // the sign of x
	big := y[0] >= 0xed && y[ed25519Bytes-1] == 0x7f &&
		!slices.ContainsFunc(y[1:ed25519Bytes-1], func(b byte) bool { return b != 0xff })
	return big || slices.Contains(smallOrderY, hex.EncodeToString(y))
}
