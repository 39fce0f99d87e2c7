package bus

import (
	"strings"
	"testing"
)

func TestTokenOfAName(t *testing.T) {
	for _, tt := range []struct{ name, s, token string }{
		{"plain names stay as they are", "web-07_A", "web-07_A"},
		{"the separator of tokens is escaped", "web.fra1", "web%2Efra1"},
		{"every other character of names is escaped", "a/b:c@d", "a%2Fb%3Ac%40d"},
		{"wildcards are escaped", "*>", "%2A%3E"},
		{"the escape itself is escaped", "100%", "100%25"},
		{"blanks and line ends are escaped", " \t\r\n", "%20%09%0D%0A"},
		{"other scripts are escaped by bytes", "é", "%C3%A9"},
		{"bytes that are no text are escaped", "\x00\xff", "%00%FF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape(tt.s); got != tt.token {
				t.Errorf("escape(%q) = %q, want %q", tt.s, got, tt.token)
			}
			if got, err := unescape(tt.token); err != nil || got != tt.s {
				t.Errorf("unescape(%q) = %q, %v, want %q", tt.token, got, err, tt.s)
			}
		})
	}
}

func TestTokenThatNobodyWroteIsRefused(t *testing.T) {
	for _, token := range []string{"a.b", "a b", "*", "a>", "%", "%4", "a%2", "%2e", "%41", "%5F", "%GG", "%2E%", "a%2Eb*", "é"} {
		if got, err := unescape(token); err == nil {
			t.Errorf("unescape(%q) = %q, want an error", token, got)
		}
	}
}

func TestSubjectIsCheckedAgainstTheFact(t *testing.T) {
	f := fact(0)
	good := factSubject(&f)
	for _, tt := range []struct{ name, subject, want string }{
		{"its own is right", good, ""},
		{"too few tokens", "ek.fra1.fact.x", "not the subject of a fact"},
		{"too many tokens", good + ".x", "not the subject of a fact"},
		{"another root", "xx" + good[2:], "not the subject of a fact"},
		{"another stream", strings.Replace(good, "fact", "intent", 1), "not the subject of a fact"},
		{"another environment", strings.Replace(good, "fra1", "ams1", 1), `env is "ams1" in the subject and "fra1" in the body`},
		{"another detector", strings.Replace(good, "det-a", "det-b", 1), "detector is"},
		{"another group", strings.Replace(good, "web", "api", 1), "group is"},
		{"another kind", strings.Replace(good, "absent", "health", 1), "kind is"},
		{"an escape nobody writes", strings.Replace(good, "absent", "%61bsent", 1), "not an escape"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := checkSubject(tt.subject, &f)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("checkSubject(%q) = %v, want %q", tt.subject, err, tt.want)
			}
		})
	}
}

func FuzzTokenEscaping(f *testing.F) {
	for _, s := range []string{"web", "web.fra1", "a/b:c@d", "100%", "%41", "*", ">", "", "\x00\xff", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token := escape(s)
		if strings.ContainsAny(token, ".*> \t\r\n/\\:\x00") || (token == "") != (s == "") {
			t.Errorf("escape(%q) = %q, want one legal token", s, token)
		}
		if got, err := unescape(token); err != nil || got != s {
			t.Errorf("unescape(escape(%q)) = %q, %v", s, got, err)
		}
		if got, err := unescape(s); err == nil && escape(got) != s {
			t.Errorf("unescape(%q) = %q, whose token is %q: want one token a string", s, got, escape(got))
		}
	})
}
