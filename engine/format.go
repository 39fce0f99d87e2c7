package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Format returns a rule file in the one layout: two blanks for a level, when and
// then on lines of their own, a statement a line, an operator at the end of a
// line. Where a condition is broken into lines is the author's choice, and
// comments stay where they are. The result formats to itself.
//
// Errors are [Errors]: what the guard refuses is not laid out.
func Format(s Source) ([]byte, error) {
	w, errs := guard(s)
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	if _, err := grow(w, nil); err != nil {
		return nil, Errors{err}
	}
	p := &printer{w: w}
	for i := range w.tokens {
		p.gap(i)
		p.token(i)
	}
	p.gap(len(w.tokens))
	p.newline(false)
	out := []byte(p.out.String())
	again, f := lex(out)
	if f != nil || !slices.EqualFunc(again, w.tokens, func(a, b token) bool { return a.kind == b.kind && a.text == b.text }) {
		return nil, Errors{w.err(w.at(0), e17, "the layout does not fit the bounds of a rule", "shorten the comments")}
	}
	return out, nil
}

// printer lays tokens out.
type printer struct {
	w     *written
	out   strings.Builder
	level int    // 1 after the brace, 2 after when
	open  []bool // for each parenthesis, whether a line ends after it
	fresh bool   // at the start of a line, nothing printed in it
	last  byte   // of what was printed: c for a comment, else the first of a token; 0: nothing
}

// remark is a comment in the gap before a token.
type remark struct {
	text  string
	lines int // line breaks ahead of it, since the token or remark before
}

// remarks returns the comments before token i, and the line breaks between the
// last of them and the token.
func (p *printer) remarks(i int) ([]remark, int) {
	from, to := 0, len(p.w.text)
	if i > 0 {
		from = p.w.tokens[i-1].end
	}
	if i < len(p.w.tokens) {
		to = p.w.tokens[i].pos
	}
	var out []remark
	lines := 0
	for rest := string(p.w.text[from:to]); rest != ""; {
		end := 1
		switch {
		case strings.HasPrefix(rest, "//"):
			if end = strings.IndexByte(rest, '\n'); end < 0 {
				end = len(rest)
			}
		case strings.HasPrefix(rest, "/*"):
			end = strings.Index(rest[2:], "*/") + 4
		case rest[0] == '\n':
			lines++
		}
		if end > 1 {
			out = append(out, remark{strings.TrimRight(rest[:end], " \t\r"), lines})
			lines = 0
		}
		rest = rest[end:]
	}
	return out, lines
}

// gap prints what stands between two tokens: comments, blanks, line breaks.
func (p *printer) gap(i int) {
	remarks, lines := p.remarks(i)
	for k, r := range remarks {
		if r.lines > 0 || p.last == 0 || k > 0 && strings.HasPrefix(remarks[k-1].text, "//") {
			p.newline(r.lines > 1 && p.last != 0 && !p.opened())
			p.indent(0)
		} else {
			p.blank()
		}
		p.out.WriteString(r.text)
		p.last, p.fresh = 'c', false
	}
	if i == len(p.w.tokens) {
		return
	}
	t := p.w.at(i)
	after := len(remarks) > 0 && (lines > 0 || strings.HasPrefix(remarks[len(remarks)-1].text, "//"))
	switch {
	case p.last == 0:
	case after || p.mustBreak(i) || lines > 0 && len(remarks) == 0 && p.mayBreak(i):
		p.newline(lines > 1 && !p.opened() && !p.closes(t))
		p.indent(p.outdent(i))
	case len(remarks) > 0 || p.apart(i):
		p.blank()
	}
}

// opened says whether the last token opens something, after which no empty line
// stands.
func (p *printer) opened() bool {
	return p.last == '{' || p.last == '(' || p.last == 'w' || p.last == 't'
}

func (p *printer) closes(t token) bool {
	return t.kind == mark && (t.text == "}" || t.text == ")") || t.kind == keyword && (t.text == "then" || t.text == "when")
}

// mustBreak says whether a line begins with token i wherever the author began
// one.
func (p *printer) mustBreak(i int) bool {
	if i == 0 || i >= len(p.w.tokens) {
		return false
	}
	t, before := p.w.at(i), p.w.at(i-1)
	switch {
	case i == p.w.when || i == p.w.when-1 || i == p.w.then || i == p.w.then+1 || i == len(p.w.tokens)-1:
		return true
	case before.kind == mark && before.text == ";":
		return true
	case t.kind == mark && t.text == ")":
		return len(p.open) > 0 && p.open[len(p.open)-1]
	case before.kind == mark && (before.text == "&&" || before.text == "||"):
		remarks, lines := p.remarks(i - 1) // a line that began with the operator now ends with it
		return lines > 0 && len(remarks) == 0
	}
	return false
}

// mayBreak says whether a line may begin with token i.
func (p *printer) mayBreak(i int) bool {
	before := p.w.at(i - 1)
	return before.kind == mark && slices.Contains([]string{"&&", "||", "(", ","}, before.text)
}

// apart says whether a blank stands between token i and the one before it.
func (p *printer) apart(i int) bool {
	t, before := p.w.at(i), p.w.at(i-1)
	switch {
	case t.kind == mark && t.text == ";":
		return false
	case i < p.w.when && before.kind == mark && before.text == "-": // of a salience
		return false
	}
	return spaced(p.w.tokens, i)
}

// outdent is how many levels less a line that begins with token i has.
func (p *printer) outdent(i int) int {
	switch t := p.w.at(i); {
	case i == len(p.w.tokens)-1:
		return 2
	case t.kind == mark && t.text == ")" || i == p.w.then:
		return 1
	}
	return 0
}

func (p *printer) newline(empty bool) {
	if p.last == 0 {
		return
	}
	p.out.WriteByte('\n')
	if empty {
		p.out.WriteByte('\n')
	}
	p.fresh = true
}

func (p *printer) indent(less int) {
	level := p.level + len(p.open)
	fmt.Fprint(&p.out, strings.Repeat("  ", max(level-less, 0)))
}

func (p *printer) blank() {
	if !p.fresh {
		p.out.WriteByte(' ')
	}
}

// token prints token i and keeps account of the levels it opens and closes.
func (p *printer) token(i int) {
	t := p.w.at(i)
	s := t.text
	if t.kind == text {
		s = `"` + s + `"`
	}
	p.out.WriteString(s)
	p.last, p.fresh = s[0], false
	if t.kind != mark && t.kind != keyword {
		p.last = 'x'
	}
	switch {
	case i == p.w.when-2:
		p.level = 1
	case i == p.w.when-1:
		p.level = 2
	case i == len(p.w.tokens)-1:
		p.level = 0
	case t.kind == mark && t.text == "(":
		_, lines := p.remarks(i + 1)
		p.open = append(p.open, lines > 0)
	case t.kind == mark && t.text == ")":
		p.open = p.open[:len(p.open)-1]
	}
}
