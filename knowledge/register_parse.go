package knowledge

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const registerHeader = "evenkeel register v1"

// ParseRegister reads one version of the people register. There is one way to
// write it, and it refuses a register under which one person could do what takes
// two, or one lost key would lock everybody out.
func ParseRegister(b []byte) (*Register, error) {
	r, err := parseRegister(b)
	if err == nil && !bytes.Equal(r.Render(), b) {
		err = errors.New("not in the one form that a register has")
	}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, fmt.Errorf("knowledge: register: %w", err)
	}
	return r, nil
}

func parseRegister(b []byte) (*Register, error) {
	l, err := openText(b, registerHeader)
	if err != nil {
		return nil, err
	}
	r := &Register{ID: l.take("id", formHex)}
	r.Version, _ = readNumber(l.take("version", formNumber))
	r.Previous = l.take("previous", formPrevious)
	r.Time, _ = parseTime(l.take("time", formTime))
	r.Expires, _ = parseTime(l.take("expires", formTime))
	r.RootThreshold, _ = readNumber(l.take("root-threshold", formNumber))
	for l.next("env") {
		r.Policies = append(r.Policies, l.policy())
	}
	for l.next("person") {
		r.People = append(r.People, l.person())
	}
	return r, l.end()
}

// formFreeze is "-", or windows FROM/TO with commas between them.
var formFreeze = form{"- or FROM/TO[,FROM/TO], two times like 2026-11-22T05:51:46Z", func(s string) bool { _, ok := readFreeze(s); return ok }}

// settings are those of an environment, in their order.
var settings = []statementField{
	{"approvals", formNumber}, {"author-counts", among("no", "yes")}, {"max-age", formSpan}, {"min-rings", formNumber},
	{"min-dwell", formSpan}, {"keys", among("any", "hardware")}, {"freeze", formFreeze}, {"webauthn-approvals", among("0", "1")},
}

func (l *lineReader) policy() Policy {
	words := strings.Split(l.take("env", formAny), " ")
	if len(words) != 1+len(settings) || !formEnv.holds(words[0]) {
		l.bad(strings.Join(words, " "), "NAME/ID and eight settings")
		return Policy{}
	}
	value := map[string]string{}
	for i, s := range settings {
		v, ok := strings.CutPrefix(words[1+i], s.name+"=")
		if !ok || !s.form.holds(v) {
			l.bad(words[1+i], s.name+"= and "+s.form.want)
		}
		value[s.name] = v
	}
	p := Policy{Env: words[0], AuthorCounts: value["author-counts"] == "yes", Hardware: value["keys"] == "hardware",
		Webauthn: value["webauthn-approvals"] == "1", maxAge: value["max-age"], minDwell: value["min-dwell"]}
	p.Approvals, _ = readNumber(value["approvals"])
	p.MaxAge, _ = readSpan(p.maxAge)
	p.MinRings, _ = readNumber(value["min-rings"])
	p.MinDwell, _ = readSpan(p.minDwell)
	p.Freeze, _ = readFreeze(value["freeze"])
	return p
}

func readFreeze(s string) ([]Window, bool) {
	if s == "-" {
		return nil, true
	}
	var out []Window
	for part := range strings.SplitSeq(s, ",") {
		from, to, _ := strings.Cut(part, "/")
		a, err := parseTime(from)
		b, err2 := parseTime(to)
		if err != nil || err2 != nil || b.Before(a) {
			return nil, false
		}
		out = append(out, Window{a, b})
	}
	return out, true
}

var (
	personLine = regexp.MustCompile(`^(` + personPattern + `) ([a-z,]+) "([^"\\]+)"$`)
	formMember = form{`ID ROLES "Printed name", the roles of ` + strings.Join(roles, ", ") + " in this order",
		func(s string) bool {
			m := personLine.FindStringSubmatch(s)
			return m != nil && rolesInOrder(strings.Split(m[2], ",")) && strings.TrimSpace(m[3]) == m[3]
		}}
)

func rolesInOrder(given []string) bool {
	last := -1
	for _, role := range given {
		i := slices.Index(roles, role)
		if i <= last {
			return false
		}
		last = i
	}
	return true
}

func (l *lineReader) person() Person {
	m := personLine.FindStringSubmatch(l.take("person", formMember))
	if l.err != nil {
		return Person{}
	}
	p := Person{ID: m[1], Roles: strings.Split(m[2], ","), Name: m[3]}
	for l.next("key") {
		line := l.take("key", formAny)
		text, ok := strings.CutPrefix(line, p.ID+" ")
		if !ok {
			l.bad(line, p.ID+" TYPE BASE64")
		} else if key, err := ParseKey(text); err != nil {
			l.bad(line, "a key of a type that is accepted: "+strings.TrimPrefix(err.Error(), "knowledge: "))
		} else {
			p.Keys = append(p.Keys, key)
		}
	}
	return p
}
