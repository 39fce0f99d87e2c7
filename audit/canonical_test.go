package audit

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheckObject(t *testing.T) {
	for _, tt := range []struct {
		name string
		json string
		ok   bool
	}{
		{"an empty object", `{}`, true},
		{"sorted keys", `{"a":1,"b":2}`, true},
		{"a key that begins another", `{"a":1,"ab":2}`, true},
		{"all kinds of values", `{"a":[true,false,null,"",[],{}],"b":{"c":-1}}`, true},
		{"the largest integers", `{"a":9007199254740991,"b":-9007199254740991}`, true},
		{"short and long escapes", `{"a":"\"\\\b\f\n\r\t\u0000\u001f\u000b"}`, true},
		{"text beyond ASCII", "{\"a\":\"é\u2028\U0001F600\"}", true},
		{"32 levels", `{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, true},

		{"33 levels", `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, false},
		{"nothing", ``, false},
		{"a list", `[]`, false},
		{"a blank", `{"a": 1}`, false},
		{"a blank after the end", `{} `, false},
		{"two objects", `{}{}`, false},
		{"unsorted keys", `{"b":1,"a":2}`, false},
		{"a key twice", `{"a":1,"a":2}`, false},
		{"an escape in a key", `{"\n":1}`, false},
		{"a key beyond ASCII", `{"é":1}`, false},
		{"a trailing comma", `{"a":1,}`, false},
		{"a float", `{"a":1.0}`, false},
		{"an exponent", `{"a":1e3}`, false},
		{"minus zero", `{"a":-0}`, false},
		{"a leading zero", `{"a":01}`, false},
		{"a plus sign", `{"a":+1}`, false},
		{"2^53", `{"a":9007199254740992}`, false},
		{"an integer that overflows", `{"a":99999999999999999999999}`, false},
		{"no digits", `{"a":-}`, false},
		{"an escaped slash", `{"a":"\/"}`, false},
		{"an escape without need", `{"a":"\u0041"}`, false},
		{"a long escape for a short one", `{"a":"\u000a"}`, false},
		{"capitals in an escape", `{"a":"\u001F"}`, false},
		{"a control character", "{\"a\":\"\n\"}", false},
		{"an open string", `{"a":"`, false},
		{"an open escape", `{"a":"\`, false},
		{"an open object", `{"a":1`, false},
		{"a misspelt word", `{"a":nul}`, false},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", false},
		{"a surrogate half", "{\"a\":\"\xed\xa0\x80\"}", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := checkObject([]byte(tt.json)); (err == nil) != tt.ok {
				t.Errorf("checkObject(%s) = %v, want ok %t", tt.json, err, tt.ok)
			}
		})
	}
}

// Every string that Go can marshal must come out canonical, so that no text of
// a stranger keeps an entry from being recorded.
func TestEveryStringCanBeStored(t *testing.T) {
	for _, s := range []string{"", `"\/`, "\u2028\u2029\ufffd", `\u2028`, `\\u2028\`, "\x00\x1f\x7f\b\f", "<&>", "\xff\xfe", "\U0001F600", `\ufffd\`} {
		b, err := marshalBody(map[string]string{"s": s})
		if err != nil {
			t.Errorf("marshalBody(%q) = %s, %v", s, b, err)
			continue
		}
		var back map[string]string
		if err := json.Unmarshal(b, &back); err != nil || back["s"] != strings.ToValidUTF8(s, "\ufffd") && s != "\xff\xfe" {
			t.Errorf("marshalBody(%q) reads back as %q, %v", s, back["s"], err)
		}
		quoted := appendString([]byte(`{"s":`), strings.ToValidUTF8(s, "\ufffd"))
		if s != "\xff\xfe" && string(append(quoted, '}')) != string(b) {
			t.Errorf("appendString(%q) = %s, want as in %s", s, quoted, b)
		}
	}
}
