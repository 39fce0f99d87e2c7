package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

const (
	maxDepth   = 32        // nested objects and arrays of a body; real ones have about 6
	maxInteger = 1<<53 - 1 // what every JSON reader keeps exact (RFC 8785, RFC 7493)
	maxDigits  = len("900719925474099") + 1
)

var errCanonical = errors.New("not canonical JSON")

// scanner reads canonical JSON from left to right and keeps the first error;
// after it every method does nothing. The bytes must be valid UTF-8, which
// [scanner.end] checks once for all strings.
type scanner struct {
	b   []byte
	i   int
	err error
}

func (s *scanner) fail(want string) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: byte %d: found %.20q, want %s", errCanonical, s.i, s.b[s.i:], want)
		s.i = len(s.b)
	}
}

// literal reads exactly text.
func (s *scanner) literal(text string) {
	if !bytes.HasPrefix(s.b[s.i:], []byte(text)) {
		s.fail(text)
		return
	}
	s.i += len(text)
}

// next reports whether c comes next, and reads it if so.
func (s *scanner) next(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// end checks that nothing is left and that all of it was UTF-8.
func (s *scanner) end() error {
	if s.err == nil && s.i != len(s.b) {
		s.fail("the end")
	}
	if s.err == nil && !utf8.Valid(s.b) {
		s.err = fmt.Errorf("%w: invalid UTF-8", errCanonical)
	}
	return s.err
}

// value reads one value and returns its bytes.
func (s *scanner) value(depth int) []byte {
	start := s.i
	if depth > maxDepth {
		s.fail(fmt.Sprintf("at most %d levels", maxDepth))
		return nil
	}
	if s.i >= len(s.b) {
		s.fail("a value")
		return nil
	}
	switch s.b[s.i] {
	case '{':
		s.object(depth)
	case '[':
		s.array(depth)
	case '"':
		s.str()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.integer()
	}
	if s.err != nil {
		return nil
	}
	return s.b[start:s.i]
}

// object reads an object whose keys are ASCII and strictly increasing.
func (s *scanner) object(depth int) []byte {
	start := s.i
	s.literal("{")
	if s.next('}') {
		return s.b[start:s.i]
	}
	var last []byte
	for first := true; s.err == nil; first = false {
		at := s.i
		key := s.str()
		if s.err != nil {
			break
		}
		for _, c := range key {
			if c == '\\' || c > '~' {
				s.i = at
				s.fail("a key of plain ASCII")
				return nil
			}
		}
		if !first && bytes.Compare(key, last) <= 0 {
			s.i = at
			s.fail(fmt.Sprintf("a key after %q", last))
			return nil
		}
		last = key
		s.literal(":")
		s.value(depth + 1)
		if s.next('}') {
			return s.b[start:s.i]
		}
		s.literal(",")
	}
	return nil
}

func (s *scanner) array(depth int) {
	s.literal("[")
	if s.next(']') {
		return
	}
	for s.err == nil {
		s.value(depth + 1)
		if s.next(']') {
			return
		}
		s.literal(",")
	}
}

// plain marks the bytes that stand for themselves inside a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// str reads a string and returns what stands between its quotes, escapes
// included.
func (s *scanner) str() []byte {
	s.literal(`"`)
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case plain[c]:
			s.i++
		case c == '"':
			s.i++
			return s.b[start : s.i-1]
		case c == '\\':
			n := escape(s.b[s.i:])
			if n == 0 {
				s.fail("the shortest escape, and only where one is needed")
				return nil
			}
			s.i += n
		default:
			s.fail("no control character")
			return nil
		}
	}
	s.fail("the end of the string")
	return nil
}

// escape returns the length of the canonical escape that b begins with, 0 if
// there is none: RFC 8785 section 3.2.2.2 has a short form for seven characters
// and lower-case \u00xx for the other controls.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	if len(b) < 6 || b[2] != '0' || b[3] != '0' || b[4] != '0' && b[4] != '1' {
		return 0
	}
	if low := b[5]; (low < '0' || low > '9') && (low < 'a' || low > 'f') {
		return 0
	} else if b[4] == '0' && bytes.IndexByte([]byte("89acd"), low) >= 0 {
		return 0 // \b \t \n \f \r
	}
	return 6
}

func (s *scanner) integer() {
	start := s.i
	if s.next('-') && s.i < len(s.b) && s.b[s.i] == '0' {
		s.fail("no minus zero")
		return
	}
	first := s.i
	var v int64
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' && s.i-first < maxDigits+1 {
		v = 10*v + int64(s.b[s.i]-'0')
		s.i++
	}
	n := s.i - first
	if n == 0 || n > maxDigits || n > 1 && s.b[first] == '0' || v > maxInteger {
		s.i = start
		s.fail("a value; numbers are integers below 2^53")
	}
}

// checkObject returns an error unless b is one canonical JSON object.
func checkObject(b []byte) error {
	s := scanner{b: b}
	s.object(1)
	return s.end()
}

// marshalBody returns v as canonical JSON. encoding/json is canonical but for
// three characters that it escapes without need, and for what the caller chose:
// unsorted struct fields, floats and keys beyond ASCII are refused.
func marshalBody(v any) ([]byte, error) {
	if v == nil {
		return []byte("{}"), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	out := unescape(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return out, checkObject(out)
}

// unescape writes U+2028, U+2029 and U+FFFD as themselves, which encoding/json
// does not.
func unescape(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		if i+6 <= len(b) {
			if r, ok := escapedInVain[string(b[i:i+6])]; ok {
				out = append(out, r...)
				i += 5
				continue
			}
		}
		out = append(out, b[i], b[i+1])
		i++
	}
	return out
}

var escapedInVain = map[string]string{`\u2028`: "\u2028", `\u2029`: "\u2029", `\ufffd`: "\ufffd"}

// appendString appends s as a canonical JSON string; s must be valid UTF-8.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case plain[c]:
			b = append(b, c)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			if j := bytes.IndexByte([]byte("\b\f\n\r\t"), c); j >= 0 {
				b = append(b, '\\', "bfnrt"[j])
			} else {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
		}
	}
	return append(b, '"')
}
