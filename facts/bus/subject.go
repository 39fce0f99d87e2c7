package bus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// subjectRoot begins every subject of evenkeel.
const subjectRoot = "ek"

const upperHex = "0123456789ABCDEF"

// plain reports whether c stands for itself in a token. "." separates tokens,
// "*" and ">" are wildcards, and "/", "\" and ":" are trouble in the names of
// consumers, which the broker uses as names of directories.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// escape returns s as one token of a subject. [unescape] is its inverse. The
// token of the empty string is empty, which no subject may hold.
func escape(s string) string {
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

// unescape returns the string whose token is t. It refuses a token that
// [escape] would not have written, so one string has one token.
func unescape(t string) (string, error) {
	if !strings.Contains(t, "%") {
		for i := range len(t) {
			if !plain(t[i]) {
				return "", fmt.Errorf("token %.40q holds %q, want it as %%%02X", t, t[i], t[i])
			}
		}
		return t, nil
	}
	var b strings.Builder
	b.Grow(len(t))
	for i := 0; i < len(t); i++ {
		c := t[i]
		switch {
		case plain(c):
			b.WriteByte(c)
		case c == '%' && i+2 < len(t):
			hi, lo := strings.IndexByte(upperHex, t[i+1]), strings.IndexByte(upperHex, t[i+2])
			if hi < 0 || lo < 0 || plain(byte(hi<<4|lo)) {
				return "", fmt.Errorf("token %.40q: %q is not an escape this bus writes", t, t[i:i+3])
			}
			b.WriteByte(byte(hi<<4 | lo))
			i += 2
		default:
			return "", fmt.Errorf("token %.40q holds %q, want it as %%%02X", t, c, c)
		}
	}
	return b.String(), nil
}

// subject joins the parts of a subject under the root, each as one token.
func subject(parts ...string) string {
	var b strings.Builder
	b.WriteString(subjectRoot)
	for _, p := range parts {
		b.WriteByte('.')
		b.WriteString(escape(p))
	}
	return b.String()
}

func factSubject(f *facts.Fact) string {
	return subject(f.Env, "fact", f.Detector.ID, f.Group, string(f.Kind))
}

// errSubject reports a subject that is not one of a fact.
var errSubject = errors.New("not the subject of a fact")

// checkSubject returns an error unless s is the subject under which f is
// published.
func checkSubject(s string, f *facts.Fact) error {
	tokens := strings.Split(s, ".")
	if len(tokens) != 6 || tokens[0] != subjectRoot || tokens[2] != "fact" {
		return fmt.Errorf("subject %.80q: %w: want %s.<env>.fact.<detector>.<group>.<kind>", s, errSubject, subjectRoot)
	}
	for _, t := range []struct{ what, token, body string }{
		{"env", tokens[1], f.Env}, {"detector", tokens[3], f.Detector.ID},
		{"group", tokens[4], f.Group}, {"kind", tokens[5], string(f.Kind)},
	} {
		name, err := unescape(t.token)
		if err != nil {
			return fmt.Errorf("subject %.80q: %w: %s: %w", s, errSubject, t.what, err)
		}
		if name != t.body {
			return fmt.Errorf("%s is %q in the subject and %q in the body, want them equal", t.what, name, t.body)
		}
	}
	return nil
}
