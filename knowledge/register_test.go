package knowledge

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func registerText(t testing.TB) string {
	t.Helper()
	r := newSite(t).registers[0].Register
	r.Policies[0].Freeze = []Window{{mustTime("2026-12-20T00:00:00Z"), mustTime("2027-01-02T00:00:00Z")}}
	r.Policies[0].Hardware, r.Policies[0].Webauthn, r.Policies[1].AuthorCounts = true, true, true
	return strings.Replace(string(r.Render()), "max-age=168h0m0s", "max-age=168h", 1)
}

func TestRegisterIsRenderedAsItIsParsed(t *testing.T) {
	text := registerText(t)
	r, err := ParseRegister([]byte(text))
	if err != nil || string(r.Render()) != text {
		t.Fatalf("parse and render = %v, want the same text:\n%s", err, text)
	}
	p, ok := r.Policy(prodEnv)
	if !ok || p.Approvals != 2 || p.MaxAge != 168*time.Hour || p.MinRings != 3 || p.MinDwell != 10*time.Minute || !p.Hardware || !p.Webauthn || len(p.Freeze) != 1 {
		t.Errorf("Policy = %+v, %v", p, ok)
	}
	if _, ok := r.Policy("prod-eu1/0"); ok {
		t.Error("Policy of an environment that is not there = true")
	}
	bob, ok := r.Person("bob")
	if !ok || !bob.Has("root") || len(bob.Keys) != 2 || bob.Name != "Bob Example" {
		t.Errorf("Person(bob) = %+v, %v", bob, ok)
	}
	if _, ok := r.Person("bo"); ok {
		t.Error("Person who is not there = true")
	}
	r.Policies[0].MaxAge = time.Hour
	if !strings.Contains(string(r.Render()), "max-age=1h ") {
		t.Error("a changed duration is rendered as it was read")
	}
}

func TestRegistersAreRefused(t *testing.T) {
	good := registerText(t)
	key := func(name string) string { return Key{seeded(name).PublicKey()}.String() }
	rewrapped := Key{newToken(newEd25519("alice"), true).PublicKey()}.String()
	keys := []string{"key bob " + key("bob") + "\n", "key bob " + key("bob2") + "\n"}
	slices.Sort(keys)
	erin := "person erin operator \"Erin Example\"\nkey erin " + key("erin") + "\n"
	for _, tt := range []struct{ name, from, to, want string }{
		{"version 0", "version 1", "version 0", "version 0, want 1"},
		{"version 2 without a previous one", "version 1", "version 2", "want - in version 1"},
		{"version 1 with a previous one", "previous -", "previous " + TextDigest(nil), "want - in version 1"},
		{"a leading zero", "version 1", "version 01", "without sign"},
		{"expired when it was made", "expires 2027-09-18", "expires 2026-09-18", "want more than nothing"},
		{"holds for more than a year", "expires 2027-09-18", "expires 2027-11-18", "at most"},
		{"one root person suffices", "root-threshold 2", "root-threshold 1", "want at least 2"},
		{"no root person suffices", "root-threshold 2", "root-threshold 0", "want at least 2"},
		{"too few root people", "root-threshold 2", "root-threshold 5", "4 people hold the role root"},
		{"no environment", "env ", "environ ", "after the last field"},
		{"approvals=1", "approvals=2", "approvals=1", "approvals=1, want at least 2"},
		{"approvals=0", "approvals=2", "approvals=0", "approvals=0, want at least 2"},
		{"approvals=1 and the author counts", "approvals=2 author-counts=no", "approvals=1 author-counts=yes", "want at least 2"},
		{"no approver to spare", "approvals=2", "approvals=4", "at least one more"},
		{"more approvals than a number holds", "approvals=2", "approvals=18446744073709551617", "want approvals="},
		{"an environment twice", stageEnv, prodEnv, "stands twice"},
		{"a setting missing", " keys=hardware", "", "eight settings"},
		{"settings swapped", "min-rings=3 min-dwell=10m", "min-dwell=10m min-rings=3", "want min-rings="},
		{"a setting more", "webauthn-approvals=1", "webauthn-approvals=1 x=1", "eight settings"},
		{"author-counts=maybe", "author-counts=no", "author-counts=maybe", "one of no, yes"},
		{"keys=all", "keys=hardware", "keys=all", "one of any, hardware"},
		{"webauthn-approvals=2", "webauthn-approvals=1", "webauthn-approvals=2", "one of 0, 1"},
		{"a negative age", "max-age=168h", "max-age=-168h", "not negative"},
		{"a freeze that ends before it begins", "2026-12-20T00:00:00Z/2027", "2027-12-20T00:00:00Z/2027", "FROM/TO"},
		{"half a freeze", "/2027-01-02T00:00:00Z", "", "FROM/TO"},
		{"a role that there is not", "operator \"Erin", "admin \"Erin", "the roles of"},
		{"a role twice", "operator \"Erin", "operator,operator \"Erin", "the roles of"},
		{"roles out of order", "author,approver,operator,root \"Alice", "approver,author,operator,root \"Alice", "the roles of"},
		{"no role", "operator \"Erin", "\"Erin", "the roles of"},
		{"no printed name", "\"Erin Example\"", "\"\"", "Printed name"},
		{"a printed name with blanks", "\"Erin Example\"", "\" Erin\"", "Printed name"},
		{"a quote in a printed name", "\"Erin Example\"", "\"Erin \" Example\"", "Printed name"},
		{"a bidirectional printed name", "Erin Example", "Erin \u202eelpmaxE", "U+202E"},
		{"a person twice", erin, erin + erin, "each once"},
		{"people out of order", erin, strings.ReplaceAll(erin, " erin ", " aaron "), "person aaron follows dave"},
		{"a person without a key", "key erin " + key("erin") + "\n", "", "erin has no key"},
		{"a key of another person's line", "key erin ", "key dave ", "erin TYPE BASE64"},
		{"a key twice", keys[0], keys[0] + keys[0], "sorted, each once"},
		{"keys out of order", keys[0] + keys[1], keys[1] + keys[0], "sorted, each once"},
		{"one key of two people", key("erin"), key("finn"), "finn has a key that erin has too"},
		{"a key again in another wrapping", key("finn"), rewrapped, "finn has a key that alice has too"},
		{"a key of another type than its line says", "key erin ssh-ed25519", "key erin ecdsa-sha2-nistp256", "want \"ssh-ed25519"},
		{"a comment after a key", key("erin"), key("erin") + " erin@host", "base64"},
		{"a line after the people", erin, erin + "note x\n", "after the last field"},
		{"carriage returns", "\n", "\r\n", "U+000D"},
		{"a blank line", "\nenv", "\n\nenv", "empty"},
		{"a duration that reads otherwise", "max-age=168h", "max-age=+168h", "not negative"},
		{"another header", "register v1", "register v2", "evenkeel register v1"},
		{"more than 16 KiB", "\"Erin Example\"", "\"" + strings.Repeat("E", MaxTextBytes) + "\"", "more than 16384"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(good, tt.from) {
				t.Fatalf("the register does not hold %q", tt.from)
			}
			_, err := ParseRegister([]byte(strings.Replace(good, tt.from, tt.to, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseRegister = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestChains(t *testing.T) {
	add := func(s *site, id string, roles ...string) *version {
		v := s.next()
		v.People = append(v.People, person(id, roles...))
		s.give(v, id, id)
		return v
	}
	for _, tt := range []struct {
		name string
		edit func(*site)
		want string // "": accepted
	}{
		{"version 1 signed by every key", func(*site) {}, ""},
		{"a second version that adds a person", func(s *site) { add(s, "gina", "approver") }, ""},
		{"a third version by the people of the second", func(s *site) { add(s, "gina", "approver", "root"); s.next().by = []string{"gina", "bob"} }, ""},
		{"a person removed by two others", func(s *site) { v := s.next(); v.People = v.People[1:]; v.by = []string{"bob", "carol"} }, ""},
		{"a lost key taken away by two others", func(s *site) {
			v := s.next()
			s.member("bob").Keys = s.member("bob").Keys[:1]
			v.by = []string{"alice", "carol"}
		}, ""},
		{"no register", func(s *site) { s.registers = nil }, "no people register"},
		{"another trust", func(s *site) { s.question.Trust = TextDigest([]byte("x")) }, "want the trusted"},
		{"a trust cut short", func(s *site) { s.question.Trust = "sha256:" }, "want the trusted"},
		{"version 1 without one founder's signature", func(s *site) { s.registers[0].by = s.registers[0].by[1:] }, "new key of alice has not signed"},
		{"version 1 without the spare key's signature", func(s *site) { v := s.registers[0]; v.by = v.by[:len(v.by)-1] }, "new key of bob has not signed"},
		{"version 1 without any signature", func(s *site) { s.registers[0].by = nil }, "no signature beside it"},
		{"a new key that has not signed", func(s *site) { v := add(s, "gina", "approver"); v.by = v.by[:2] }, "new key of gina has not signed"},
		{"signed by one root person", func(s *site) { s.next().by = []string{"alice"} }, "signed by 1 of its root people, want 2"},
		{"signed by one root person with two keys", func(s *site) { s.next().by = []string{"bob", "bob2"} }, "signed by 1 of its root people, want 2"},
		{"signed by one root person twice", func(s *site) { s.next().by = []string{"bob", "bob"} }, "signed by 1 of its root people, want 2"},
		{"signed by nobody", func(s *site) { s.next().by = nil }, "no signature"},
		{"signed by people without the role root", func(s *site) { s.next().by = []string{"erin", "finn"} }, "signed by 0 of its root people"},
		{"signed by strangers", func(s *site) { s.next().by = []string{"mallory", "gina"} }, "signed by 0 of its root people"},
		{"two who make themselves root", func(s *site) {
			v := s.next()
			s.member("erin").Roles, s.member("finn").Roles = []string{"root"}, []string{"root"}
			v.by = []string{"erin", "finn"}
		}, "signed by 0 root people of the version before"},
		{"one root person who changed and one who did not", func(s *site) { s.next(); s.member("bob").Name = "Robert Example" }, "signed by 1 root people of the version before"},
		{"a root person who gave themselves a key", func(s *site) { v := s.next(); s.give(v, "bob", "gina") }, "signed by 1 root people of the version before"},
		{"one root person, one who changed, and one who is not root", func(s *site) {
			v := s.next()
			s.member("bob").Name = "Robert Example"
			v.by = []string{"alice", "bob", "erin"}
		}, "signed by 1 root people of the version before"},
		{"a threshold lowered by too few of the old", func(s *site) {
			s.registers[0].RootThreshold = 3
			s.next().RootThreshold = 2
		}, "signed by 2 root people of the version before who stay as they were, want 3"},
		{"a threshold raised above who signed", func(s *site) { s.next().RootThreshold = 3 }, "signed by 2 of its root people, want 3"},
		{"a key moved to another person who has not signed", func(s *site) {
			v := s.next()
			bob := s.member("bob")
			s.member("erin").Keys, bob.Keys = bob.Keys[:1:1], bob.Keys[1:]
			v.by = []string{"alice", "carol"}
		}, "new key of erin has not signed"},
		{"a number left out", func(s *site) { s.next().Version = 3 }, "version 3, want 2"},
		{"the first version twice", func(s *site) { s.registers = append(s.registers, s.registers[0]) }, "version 1, want 2"},
		{"a fork: two second versions", func(s *site) {
			s.next()
			v := s.next()
			v.Version, v.RootThreshold = 2, 3
		}, "version 2, want 3"},
		{"a second version of another first one", func(s *site) { s.next().Previous = TextDigest([]byte("fork")) }, "want sha256:"},
		{"another id", func(s *site) { s.next().ID = strings.Repeat("0", 32) }, "id 0000"},
		{"made before the version before it", func(s *site) { v := s.next(); v.Time = v.Time.Add(-72 * time.Hour) }, "or later"},
		{"the floor lowered", func(s *site) { s.next().Policies[0].Approvals = 1 }, "want at least 2"},
		{"a byte changed after it was signed", func(s *site) {
			s.next().late = func(text string) string { return strings.Replace(text, "min-rings=3", "min-rings=0", 1) }
		}, "signature does not hold"},
		{"cut short", func(s *site) { s.next().late = func(text string) string { return text[:len(text)/2] } }, "line feed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			tt.edit(s)
			q := s.ask()
			c, err := ReadChain(q.Trust, q.Registers)
			if tt.want == "" {
				if err != nil || len(c.Versions) != len(s.registers) {
					t.Errorf("ReadChain = %v, want all %d versions", err, len(s.registers))
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadChain = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func FuzzParseRegister(f *testing.F) {
	f.Add([]byte(registerText(f)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := ParseRegister(text); err == nil && string(r.Render()) != string(text) {
			t.Fatalf("%q is rendered as %q", text, r.Render())
		}
	})
}
