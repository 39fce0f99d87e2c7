package source

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// maxMatchers bounds the labels that one selector looks at.
const maxMatchers = 8

var (
	selectorForm = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?$`)
	matcherForm  = regexp.MustCompile(`^ *([a-zA-Z_][a-zA-Z0-9_]*) *(=~|!~|!=|=) *"([^"\\]*)" *(?:,|$)`)
)

// selector names a metric on a page, and which of its label sets count: as in
// PromQL, but that a value holds no backslash.
//
//	http_requests_total{code=~"5..",handler!="/metrics"}
type selector struct {
	name     string
	matchers []matcher
	text     string // as it was written, when there are matchers
}

// matcher is a condition on a label; one that is not there is empty.
type matcher struct {
	label, value string
	not          bool
	form         *regexp.Regexp // nil: value itself
}

// parseSelector reads what is documented at [selector].
func parseSelector(s string) (selector, error) {
	m := selectorForm.FindStringSubmatch(s)
	if m == nil {
		return selector{}, errors.New(`want the name of a metric, or NAME{label="value"}`)
	}
	sel := selector{name: m[1]}
	for rest := m[2]; strings.TrimSpace(rest) != ""; {
		p := matcherForm.FindStringSubmatch(rest)
		if p == nil {
			return selector{}, fmt.Errorf(`found %.60q in braces, want label="value", with one of = != =~ !~ and no backslash`, rest)
		}
		rest = rest[len(p[0]):]
		c := matcher{label: p[1], value: p[3], not: p[2][0] == '!'}
		if p[2][1:] == "~" {
			form, err := regexp.Compile("^(?:" + c.value + ")$")
			if err != nil {
				return selector{}, fmt.Errorf("label %s: %w", c.label, err)
			}
			c.form = form
		}
		if sel.matchers = append(sel.matchers, c); len(sel.matchers) > maxMatchers {
			return selector{}, fmt.Errorf("found more than %d labels, want at most that", maxMatchers)
		}
		sel.text = s
	}
	return sel, nil
}

// String returns the selector as it was written.
func (s selector) String() string {
	if s.text != "" {
		return s.text
	}
	return s.name
}

// matches reports whether the label set is selected, and whether it has all
// the labels that have to be something.
func (s *selector) matches(labels []*dto.LabelPair) (selected, known bool) {
	selected, known = true, true
	for i := range s.matchers {
		m, value, has := &s.matchers[i], "", false
		for _, l := range labels {
			if l.GetName() == m.label {
				value, has = l.GetValue(), true
			}
		}
		equal := value == m.value
		if m.form != nil {
			equal = m.form.MatchString(value)
		}
		selected = selected && equal != m.not
		known = known && (has || m.not)
	}
	return selected, known
}
