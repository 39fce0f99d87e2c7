package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The bounds of a rule's text. The parser's cost grows faster than the text:
// 125 bytes of nested selectors exhaust 6 GB, 800 comparisons take 5.6 s,
// 2,000 parentheses 8.7 s. Within these bounds it stays in the milliseconds.
const (
	maxRuleBytes   = 4 << 10
	maxTokens      = 512
	maxComparisons = 64
	maxDepth       = 16
	maxStringBytes = 256
)

// maxInteger is the largest integer that a float64 tells from its neighbours;
// above it the evaluator calls different numbers equal.
const maxInteger = 1 << 53

type kind int

const (
	word kind = iota
	keyword
	number
	text
	mark // operators and punctuation
)

type token struct {
	kind kind
	text string // of a text token: without its quotes
	line int
	col  int
	pos  int    // of its first byte in the file
	end  int    // of the byte after its last
	name string // of the parameter that it is the value of; empty: it is written so
}

// marks holds the operators and punctuation that the parser's own lexer knows,
// longest first, so that both cut the text in the same places.
var marks = []string{
	"&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=",
	"+", "-", "*", "/", "%", ".", ";", "{", "}", "(", ")", "[", "]", "!", "=", ">", "<", "&", "|", ",",
}

// keywords are reserved in any mixture of cases by the parser; rules write
// them in lower case.
var keywords = map[string]bool{
	"rule": true, "when": true, "then": true, "salience": true, "true": true, "false": true, "nil": true,
}

// lexer cuts the text of one rule file into tokens. It refuses whatever the
// parser would read in a way that differs from how it looks.
type lexer struct {
	src       string
	pos       int
	line, col int
	out       []token
}

// fault is an error at a place of the text.
type fault struct {
	line, col int
	code      Code
	msg, hint string
}

// lex returns the tokens of text, or the first fault.
func lex(text []byte) ([]token, *fault) {
	if len(text) > maxRuleBytes {
		return nil,
			&fault{1, 1, e17, fmt.Sprintf("%d bytes, want at most %d", len(text), maxRuleBytes), "split the rule"}
	}
	x := &lexer{src: string(text), line: 1, col: 1}
	for x.pos < len(x.src) {
		if len(x.out) > maxTokens {
			return nil, x.fault(e17, fmt.Sprintf("more than %d tokens", maxTokens), "split the rule")
		}
		if f := x.next(); f != nil {
			return nil, f
		}
	}
	return x.out, nil
}

func (x *lexer) fault(code Code, msg, hint string) *fault {
	return &fault{x.line, x.col, code, msg, hint}
}

func (x *lexer) next() *fault {
	c := x.src[x.pos]
	rest := x.src[x.pos:]
	switch {
	case c == '\n':
		x.pos++
		x.line++
		x.col = 1
	case c == ' ' || c == '\t' || c == '\r':
		x.skip(1)
	case c < ' ' || c > '~':
		return x.fault(e00, fmt.Sprintf("byte %#02x, want printable ASCII", c),
			"letters that only look alike are refused in the whole file")
	case strings.HasPrefix(rest, "//"):
		return x.comment(rest, "\n")
	case strings.HasPrefix(rest, "/*"):
		return x.comment(rest, "*/")
	case c == '"':
		return x.text(rest)
	case isDigit(c):
		return x.number(rest)
	case isLetter(c):
		return x.word(rest)
	default:
		return x.mark(rest)
	}
	return nil
}

// skip moves over n bytes of the current line.
func (x *lexer) skip(n int) {
	x.pos += n
	x.col += n
}

// take emits a token of n bytes.
func (x *lexer) take(k kind, s string, n int) {
	x.out = append(x.out, token{kind: k, text: s, line: x.line, col: x.col, pos: x.pos, end: x.pos + n})
	x.skip(n)
}

// comment moves over a comment of either form.
func (x *lexer) comment(rest, end string) *fault {
	n := strings.Index(rest[2:], end)
	switch {
	case n >= 0:
		n += 2 + len(end)
	case end == "\n":
		n = len(rest)
	default:
		return x.fault(e00, "comment without its end, want */", "")
	}
	for _, c := range []byte(rest[:n]) {
		switch {
		case c == '\n':
			x.pos++
			x.line++
			x.col = 1
		case c != '\t' && c != '\r' && (c < ' ' || c > '~'):
			return x.fault(e00, fmt.Sprintf("byte %#02x in a comment, want printable ASCII", c), "")
		default:
			x.skip(1)
		}
	}
	return nil
}

// text takes a string literal. The parser identifies an expression by a text
// in which strings stand unescaped, so a string must not be able to spell one.
func (x *lexer) text(rest string) *fault {
	n := strings.IndexAny(rest[1:], "\"\n")
	if n < 0 || rest[1+n] == '\n' {
		return x.fault(e00, "string without its end, want \"", "")
	}
	s := rest[1 : 1+n]
	if len(s) > maxStringBytes {
		return x.fault(e17, fmt.Sprintf("string of %d bytes, want at most %d", len(s), maxStringBytes), "")
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte("'()\\", c) >= 0 {
			x.skip(1 + i)
			return x.fault(e00,
				fmt.Sprintf("byte %#02x in a string, want printable ASCII but quotes, parentheses and \\", c), "")
		}
	}
	x.take(text, s, len(s)+2)
	return nil
}

// number takes a number literal in its one canonical spelling.
func (x *lexer) number(rest string) *fault {
	n := 0
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	if n+1 < len(rest) && rest[n] == '.' && isDigit(rest[n+1]) {
		n++
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
	}
	s := rest[:n]
	if n < len(rest) && (isLetter(rest[n]) || rest[n] == '_') {
		return x.fault(e00, fmt.Sprintf("number %s%c…, want plain decimal notation", s, rest[n]),
			"no exponent, hexadecimal or octal notation")
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) {
		return x.fault(e00, fmt.Sprintf("number %.40s is out of range", s), "")
	}
	if want := strconv.FormatFloat(v, 'f', -1, 64); want != s {
		if !strings.Contains(s, ".") && v >= maxInteger {
			return x.fault(e00, fmt.Sprintf("integer %.40s, want at most 2^53: above it different numbers are equal", s),
				"")
		}
		return x.fault(e00, fmt.Sprintf("number %.40s, want its canonical spelling %.40s", s, want), "")
	}
	if !strings.Contains(s, ".") && v > maxInteger {
		return x.fault(e00, fmt.Sprintf("integer %.40s, want at most 2^53: above it different numbers are equal", s),
			"")
	}
	if again, err := strconv.ParseFloat(fmt.Sprintf("%f", v), 64); err != nil || again != v {
		return x.fault(e00, fmt.Sprintf("number %.40s, want at most six decimals", s),
			"the parser merges numbers that differ only beyond the sixth decimal")
	}
	x.take(number, s, n)
	return nil
}

func (x *lexer) word(rest string) *fault {
	n := 1
	for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n]) || rest[n] == '_') {
		n++
	}
	s := rest[:n]
	lower := strings.ToLower(s)
	switch {
	case !keywords[lower]:
		x.take(word, s, n)
	case lower != s:
		return x.fault(e00, fmt.Sprintf("%s is a reserved word in any case, want %s or another name", s, lower), "")
	default:
		x.take(keyword, s, n)
	}
	return nil
}

func (x *lexer) mark(rest string) *fault {
	for _, m := range marks {
		if strings.HasPrefix(rest, m) {
			x.take(mark, m, len(m))
			return nil
		}
	}
	if rest[0] == '\'' {
		return x.fault(e00, "string in single quotes, want double quotes", "")
	}
	return x.fault(e00, fmt.Sprintf("character %q, which starts nothing in the language", rest[0]), "")
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
