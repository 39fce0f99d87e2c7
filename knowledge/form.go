package knowledge

import (
	"regexp"
	"slices"
	"strings"
)

// form is what the value of a field must look like. No form holds for two
// writings of one value unless both are kept as they are written.
type form struct {
	want  string // in words, for errors
	holds func(string) bool
}

func matching(want, pattern string) form {
	return form{want, regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString}
}

func among(words ...string) form {
	return form{"one of " + strings.Join(words, ", "), func(s string) bool { return slices.Contains(words, s) }}
}

const personPattern = `[a-z][a-z0-9._-]{0,63}`

// The forms of all fields. Lines were checked as [readLines] says before.
var (
	formAny      = form{"one line", func(s string) bool { return s != "" }}
	formWord     = matching("one word, or -", `[^ ]+`)
	formDigest   = matching("sha256: and 64 hexadecimal digits, lower case", `sha256:[0-9a-f]{64}`)
	formPrevious = matching("- or sha256: and 64 hexadecimal digits, lower case", `-|sha256:[0-9a-f]{64}`)
	formHex      = matching("32 hexadecimal digits, lower case", `[0-9a-f]{32}`)
	formEnv      = matching("NAME/ID, the ID 32 hexadecimal digits, lower case", `[a-z0-9][a-z0-9._-]{0,63}/[0-9a-f]{32}`)
	formPerson   = matching("the id of a person", personPattern)
	formScope    = matching("all, group/NAME or rule/NAME", `all|(group|rule)/[^ ]+`)
	formNumber   = form{"a number without sign or leading zero", func(s string) bool { _, ok := readNumber(s); return ok }}
	formSpan     = form{"a duration such as 72h, not negative", func(s string) bool { _, ok := readSpan(s); return ok }}
	formTime     = form{"a time like 2026-11-22T05:51:46Z", func(s string) bool { _, err := parseTime(s); return err == nil }}
	formBundle   = form{"h1: and the base64 of a SHA-256", isBundleDigest}
	formParent   = form{"none, or h1: and the base64 of a SHA-256", func(s string) bool { return s == "none" || isBundleDigest(s) }}
	formPeople   = form{"- or the ids of people, sorted, each once, separated by commas", func(s string) bool { _, ok := readPeople(s); return ok }}
	formRollout  = form{"stages such as shadow=30m,ring1=30m,all=0s, each once", func(s string) bool { _, ok := readRollout(s); return ok }}
	formChange   = among("change", "rollback", "standby", "policy")
	formDecision = among("approve", "reject")
)

var isPerson = formPerson.holds

// readPeople reads "-", or ids that are sorted and stand once.
func readPeople(s string) ([]string, bool) {
	if s == "-" {
		return nil, true
	}
	ids := strings.Split(s, ",")
	for i, id := range ids {
		if !isPerson(id) || i > 0 && ids[i-1] >= id {
			return nil, false
		}
	}
	return ids, true
}

// readRollout reads stages, "NAME=DWELL" with commas between them.
func readRollout(s string) ([]Stage, bool) {
	var out []Stage
	for part := range strings.SplitSeq(s, ",") {
		name, dwell, _ := strings.Cut(part, "=")
		d, ok := readSpan(dwell)
		if !ok || !isPerson(name) || slices.ContainsFunc(out, func(s Stage) bool { return s.Name == name }) {
			return nil, false
		}
		out = append(out, Stage{name, d})
	}
	return out, true
}
