package knowledge

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxTextBytes bounds a statement and a people register: a register of sixty
// people with a spare key each, or twenty times the longest statement usual.
const MaxTextBytes = 16 << 10

// readLines splits a signed text into its lines, after checking what holds for
// all of them: UTF-8, each ended by a line feed, none empty, no blank at either
// end, and no control, format (so no bidirectional) or line-separating
// character. What a reader sees is then all there is.
func readLines(b []byte) ([]string, error) {
	if len(b) > MaxTextBytes {
		return nil, fmt.Errorf("more than %d bytes", MaxTextBytes)
	}
	if !utf8.Valid(b) {
		return nil, errors.New("not valid UTF-8")
	}
	text, ok := strings.CutSuffix(string(b), "\n")
	if !ok {
		return nil, errors.New("the last line does not end with a line feed")
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		for _, r := range line {
			if unseen(r) {
				return nil, fmt.Errorf("line %d holds the character %U, which cannot be seen", i+1, r)
			}
		}
		if line == "" || line != strings.TrimSpace(line) {
			return nil, fmt.Errorf("line %d is empty or has blanks at an end", i+1)
		}
	}
	return lines, nil
}

// unseen reports whether a character is a control, format or line-separating one.
func unseen(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// lineReader takes "name value" lines in a fixed order and keeps the first
// complaint.
type lineReader struct {
	lines []string
	taken int
	err   error
}

// openText checks a text as a whole and takes its first line.
func openText(b []byte, header string) (*lineReader, error) {
	lines, err := readLines(b)
	if err != nil {
		return nil, err
	}
	if lines[0] != header {
		return nil, fmt.Errorf("line 1: found %.60q, want %q", lines[0], header)
	}
	return &lineReader{lines: lines, taken: 1}, nil
}

// take returns the value of the next line, which must bear the name and be of
// the form.
func (l *lineReader) take(name string, f form) string {
	if l.err != nil {
		return ""
	}
	if l.taken == len(l.lines) {
		l.err = fmt.Errorf("line %d: found the end, want the field %s", l.taken+1, name)
		return ""
	}
	line := l.lines[l.taken]
	l.taken++
	value, ok := strings.CutPrefix(line, name+" ")
	if !ok || strings.HasPrefix(value, " ") {
		l.bad(line, "the field "+name+" and its value")
	} else if !f.holds(value) {
		l.bad(value, name+": "+f.want)
	}
	return value
}

// next reports whether the next line bears the name.
func (l *lineReader) next(name string) bool {
	return l.err == nil && l.taken < len(l.lines) && strings.HasPrefix(l.lines[l.taken], name+" ")
}

// bad complains about the line taken last.
func (l *lineReader) bad(found, want string) {
	if l.err == nil {
		l.err = fmt.Errorf("line %d: found %.80q, want %s", l.taken, found, want)
	}
}

// end complains about lines that are left.
func (l *lineReader) end() error {
	if l.err == nil && l.taken < len(l.lines) {
		l.err = fmt.Errorf("line %d: found %.60q after the last field", l.taken+1, l.lines[l.taken])
	}
	return l.err
}

// timeText is how a time is written: in UTC, to the second.
const timeText = "2006-01-02T15:04:05Z"

// parseTime reads a time as statements have it, such as 2026-11-22T05:51:46Z:
// UTC, whole seconds, no other way of writing it.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeText, s)
	if err != nil || formatTime(t) != s {
		return time.Time{}, fmt.Errorf("knowledge: time %.40q, want one like 2026-11-22T05:51:46Z", s)
	}
	return t, nil
}

func formatTime(t time.Time) string { return t.UTC().Format(timeText) }

// readNumber reads a whole number without sign or leading zero, below 2^53: it
// is exact in the JSON of other programs too.
func readNumber(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 53)
	return n, err == nil && strconv.FormatUint(n, 10) == s
}

// readSpan reads a duration that is not negative, such as 72h or 1h30m.
func readSpan(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && !strings.ContainsAny(s, "+-")
}

// isBundleDigest reports whether s is "h1:" and the base64 of a SHA-256.
func isBundleDigest(s string) bool {
	text, ok := strings.CutPrefix(s, "h1:")
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	return ok && err == nil && len(sum) == sha256.Size && base64.StdEncoding.EncodeToString(sum) == text
}

// TextDigest returns the digest by which a signed text is named: "sha256:" and
// the SHA-256 of its bytes, as sha256sum prints it.
func TextDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
