package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxEntryBytes bounds one stored entry: the limit of an entry in the C2SP
// tlog-tiles format. Larger things are referred to by digest.
const MaxEntryBytes = 65535

const (
	timeLayout   = "2006-01-02T15:04:05.000Z"
	maxTextBytes = 256 // of an actor, a correlation id or an environment name
)

// ErrEntry reports an entry that cannot be stored, or bytes that are not an
// entry.
var ErrEntry = errors.New("malformed entry")

// Entry is something to be recorded.
type Entry struct {
	Type  string // what happened: lower-case words joined by dots, such as "action.sent"
	Actor string // who did it: a part of the program, or a person as "operator:NAME"
	Corr  string // joins the entries of one story; may be empty
	Body  any    // the rest: marshals to a canonical JSON object (see the package comment); nil is {}
}

// Record is a stored entry.
type Record struct {
	Seq   int64     // position in the log, from 0
	Time  time.Time // UTC, whole milliseconds; never before that of the record ahead
	Bytes []byte    // as stored; not to be modified
}

// Stored is a stored entry, decoded.
type Stored struct {
	Seq   int64
	Time  time.Time
	Env   string
	Type  string
	Actor string
	Corr  string
	Body  json.RawMessage // a canonical JSON object
}

// draft is an entry encoded but for its sequence number and time, which the
// writer knows.
type draft struct {
	head []byte // up to "seq":
	tail []byte // from ,"type":
}

// stamped bounds what the writer puts between head and tail.
const stamped = len(`9007199254740991,"time":""`) + len(timeLayout)

// validType reports whether s is lower-case words joined by dots; a word begins
// with a letter and goes on with letters, digits and underscores.
func validType(s string) bool {
	begin := true
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
			begin = false
		case begin:
			return false
		case c == '.':
			begin = true
		case c != '_' && (c < '0' || c > '9'):
			return false
		}
	}
	return !begin && len(s) <= maxTextBytes
}

func newDraft(env string, e Entry) (draft, error) {
	if !validType(e.Type) {
		return draft{}, fmt.Errorf("%w: type %.40q, want lower-case words joined by dots", ErrEntry, e.Type)
	}
	if e.Actor == "" {
		return draft{}, fmt.Errorf("%w: %s without an actor", ErrEntry, e.Type)
	}
	for _, t := range []struct{ what, s string }{{"actor", e.Actor}, {"corr", e.Corr}} {
		if err := checkText(t.what, t.s); err != nil {
			return draft{}, err
		}
	}
	body, err := marshalBody(e.Body)
	if err != nil {
		return draft{}, fmt.Errorf("%w: body of %s: %w", ErrEntry, e.Type, err)
	}
	head := make([]byte, 0, len(body)+len(e.Actor)+len(e.Corr)+len(env)+64)
	head = appendString(append(head, `{"actor":`...), e.Actor)
	head = append(append(head, `,"body":`...), body...)
	head = appendString(append(head, `,"corr":`...), e.Corr)
	head = appendString(append(head, `,"env":`...), env)
	head = append(head, `,"seq":`...)
	tail := append([]byte(`,"type":"`), e.Type...)
	d := draft{head, append(tail, `","v":1}`...)}
	if n := len(d.head) + stamped + len(d.tail); n > MaxEntryBytes {
		return draft{}, fmt.Errorf("%w: %s of %d bytes, want at most %d: refer to large things by digest", ErrEntry, e.Type, n, MaxEntryBytes)
	}
	return d, nil
}

func checkText(what, s string) error {
	if len(s) > maxTextBytes || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: %s %.40q, want at most %d bytes of UTF-8 without control characters", ErrEntry, what, s, maxTextBytes)
	}
	return nil
}

// at returns the entry as it is stored at seq.
func (d draft) at(seq int64, t time.Time) []byte {
	b := make([]byte, 0, len(d.head)+stamped+len(d.tail))
	b = strconv.AppendInt(append(b, d.head...), seq, 10)
	b = append(b, `,"time":"`...)
	b = t.AppendFormat(b, timeLayout)
	b = append(b, '"')
	return append(b, d.tail...)
}

// Decode returns the entry whose encoding b is. It refuses, with an error that
// wraps [ErrEntry], any bytes that [Log.Append] would not have written.
func Decode(b []byte) (Stored, error) {
	var e Stored
	if len(b) > MaxEntryBytes {
		return e, fmt.Errorf("audit: decode: %w: %d bytes, want at most %d", ErrEntry, len(b), MaxEntryBytes)
	}
	s := scanner{b: b}
	s.literal(`{"actor":`)
	e.Actor = s.text()
	s.literal(`,"body":`)
	e.Body = s.object(1)
	s.literal(`,"corr":`)
	e.Corr = s.text()
	s.literal(`,"env":`)
	e.Env = s.text()
	s.literal(`,"seq":`)
	e.Seq = s.sequence()
	s.literal(`,"time":`)
	e.Time = s.time()
	s.literal(`,"type":`)
	e.Type = s.text()
	s.literal(`,"v":1}`)
	err := s.end()
	switch {
	case err != nil:
	case !validType(e.Type):
		err = fmt.Errorf("type %.40q, want lower-case words joined by dots", e.Type)
	case e.Actor == "" || e.Env == "":
		err = errors.New("no actor or no environment")
	}
	if err != nil {
		return Stored{}, fmt.Errorf("audit: decode: %w: %w", ErrEntry, err)
	}
	return e, nil
}

func (s *scanner) text() string {
	at := s.i
	raw := s.str()
	if s.err == nil && len(raw) > maxTextBytes {
		s.i = at
		s.fail(fmt.Sprintf("at most %d bytes", maxTextBytes))
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] == 0x7f || raw[i] == '\\' && raw[i+1] != '"' && raw[i+1] != '\\' {
			s.i = at
			s.fail("no control character")
		}
		if raw[i] == '\\' {
			i++
		}
	}
	if s.err != nil {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return unquoter.Replace(string(raw))
}

var unquoter = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

func (s *scanner) sequence() int64 {
	at := s.i
	s.integer()
	if s.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(s.b[at:s.i]), 10, 64)
	if err != nil || n < 0 {
		s.i = at
		s.fail("a sequence number")
	}
	return n
}

func (s *scanner) time() time.Time {
	at := s.i
	raw := string(s.str())
	if s.err != nil {
		return time.Time{}
	}
	t, err := parseTime(raw)
	if err != nil {
		s.i = at
		s.fail("a time like " + timeLayout)
	}
	return t
}

// parseTime reads exactly what the writer prints. [time.Parse] would also take
// a comma, and five times as long.
func parseTime(s string) (time.Time, error) {
	if len(s) != len(timeLayout) {
		return time.Time{}, errTime
	}
	var v [7]int // year, month, day, hour, minute, second, millisecond
	field := 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= timeLayout[i] && timeLayout[i] <= '9':
			if c < '0' || c > '9' {
				return time.Time{}, errTime
			}
			v[field] = 10*v[field] + int(c-'0')
		case c != timeLayout[i]:
			return time.Time{}, errTime
		default:
			field++
		}
	}
	t := time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], v[6]*int(time.Millisecond), time.UTC)
	if int(t.Month()) != v[1] || t.Day() != v[2] || v[3] > 23 || v[4] > 59 || v[5] > 59 {
		return time.Time{}, errTime // such as 30 February, or hour 24
	}
	return t, nil
}

var errTime = errors.New("want a time like " + timeLayout)
