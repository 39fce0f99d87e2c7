package actions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds on an intent: what is recorded of it must fit an audit entry of
// 65,535 bytes even when every byte is escaped.
const (
	maxName   = 128  // bytes of a group, member, rule or other name
	maxText   = 1024 // bytes of a reason
	maxFacts  = 64   // facts an intent rests on
	maxParams = 8    // parameters of a verb
	maxWeight = 256  // of a member, as HAProxy bounds it
)

// operator is the prefix of Intent.Rule for a person's own act.
const operator = "operator:"

func (i Intent) byOperator() bool { return strings.HasPrefix(i.Rule, operator) }

// removes reports whether the verb takes work away from a member.
func (v Verb) removes() bool { return v == Drain || v == Maint || v == Weight }

// check says what is wrong with an intent, or "".
func (i Intent) check() string {
	switch {
	case i.V != 1:
		return fmt.Sprintf("v is %d, want 1", i.V)
	case !slices.Contains(verbs, i.Verb):
		return fmt.Sprintf("verb is %.20q, want one of %q", i.Verb, verbs)
	case i.Member == "" && i.Verb != Notify:
		return "no member: an intent names exactly one"
	case i.Time.IsZero() || i.Expires.IsZero():
		return "no time, or no time of expiry"
	case len(i.Facts) > maxFacts || len(i.Params) > maxParams:
		return fmt.Sprintf("%d facts and %d parameters, want at most %d and %d", len(i.Facts), len(i.Params), maxFacts, maxParams)
	case len(i.Reason) > maxText:
		return fmt.Sprintf("reason has %d bytes, want at most %d", len(i.Reason), maxText)
	case i.Rule == "" || i.Rule == operator:
		return "no rule and no operator"
	}
	names := append([]string{i.Decision, i.Env, i.Group, i.Member, i.Rule, i.Seen.Shift, i.Version}, i.Facts...)
	for k, v := range i.Params {
		names = append(names, k, v)
	}
	for _, s := range names {
		if len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Sprintf("%.40q: want at most %d bytes of UTF-8 without control characters", s, maxName)
		}
	}
	if i.Verb == Weight {
		if _, err := i.weight(); err != nil {
			return err.Error()
		}
	}
	return ""
}

// weight returns the share of work that a Weight intent asks for.
func (i Intent) weight() (int, error) {
	w, err := strconv.Atoi(i.Params["weight"])
	if err != nil || w < 0 || w > maxWeight {
		return 0, fmt.Errorf("weight is %.20q, want 0 to %d", i.Params["weight"], maxWeight)
	}
	return w, nil
}

// actor returns who an entry about the intent names, also for one that is not
// valid.
func (i Intent) actor() string {
	if a := clip(i.Rule, maxName); a != "" {
		return a
	}
	return "unnamed"
}

// clip shortens text from outside to what an entry may hold.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
}

// stamp is the form in which times are recorded: UTC, milliseconds.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
