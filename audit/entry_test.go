package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

const plainEntry = `{"actor":"engine","body":{"n":1},"corr":"","env":"fra1","seq":7,"time":"2026-11-22T05:51:46.000Z","type":"decision","v":1}`

func TestDecodeRefuses(t *testing.T) {
	if _, err := Decode([]byte(plainEntry)); err != nil {
		t.Fatalf("Decode(%s) = %v", plainEntry, err)
	}
	for _, tt := range []struct{ name, old, new string }{
		{"another version", `"v":1`, `"v":2`},
		{"an unknown key", `,"v":1`, `,"v":1,"w":1`},
		{"a missing key", `"corr":"",`, ``},
		{"an empty actor", `"engine"`, `""`},
		{"an empty environment", `"fra1"`, `""`},
		{"a control character in the actor", `engine`, `en\ngine`},
		{"a body that is no object", `{"n":1}`, `1`},
		{"a body that is not canonical", `{"n":1}`, `{"n":1.5}`},
		{"a negative number", `"seq":7`, `"seq":-7`},
		{"a number that is a string", `"seq":7`, `"seq":"7"`},
		{"a time without milliseconds", `46.000Z`, `46Z`},
		{"a time with a comma", `46.000Z`, `46,000Z`},
		{"a time with an offset", `46.000Z`, `46.000+00:00`},
		{"30 February", `2026-11-22`, `2026-02-30`},
		{"hour 24", `T05:51:46`, `T24:00:00`},
		{"a letter in the time", `2026`, `2o26`},
		{"a type with a capital", `decision`, `Decision`},
		{"a type that ends in a dot", `decision`, `decision.`},
		{"a type that begins with a digit", `decision`, `1decision`},
		{"an actor that is too long", `engine`, strings.Repeat("x", maxTextBytes+1)},
		{"an entry that is too long", `{"n":1}`, `{"n":"` + strings.Repeat("x", MaxEntryBytes) + `"}`},
		{"a blank at the end", `"v":1}`, `"v":1} `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := strings.Replace(plainEntry, tt.old, tt.new, 1)
			if b == plainEntry {
				t.Fatalf("%q is not in the entry", tt.old)
			}
			if e, err := Decode([]byte(b)); !errors.Is(err, ErrEntry) {
				t.Errorf("Decode = %+v, %v, want ErrEntry", e, err)
			}
		})
	}
}

// FuzzEntry: decoding does not panic, what is decoded encodes to the same bytes,
// and is JSON that encoding/json reads the same way.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(plainEntry))
	f.Add([]byte(strings.Replace(plainEntry, "engine", `o:\"\\é`, 1)))
	f.Add([]byte(strings.Replace(plainEntry, `{"n":1}`, `{"a":[true,null,"\u0001\n",{}],"b":-9007199254740991}`, 1)))
	f.Add([]byte(`{"actor":"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		d, err := newDraft(e.Env, Entry{Type: e.Type, Actor: e.Actor, Corr: e.Corr, Body: e.Body})
		if err != nil {
			if len(b)+len("9007199254740991") > MaxEntryBytes { // room for any number is kept free
				return
			}
			t.Fatalf("newDraft of %s = %v", b, err)
		}
		if again := d.at(e.Seq, e.Time); !bytes.Equal(again, b) {
			t.Fatalf("%s encodes again as %s", b, again)
		}
		var std struct {
			Actor, Corr, Env, Type string
			Seq                    int64
			Time                   time.Time
		}
		if err := json.Unmarshal(b, &std); err != nil || std.Actor != e.Actor || std.Corr != e.Corr || std.Env != e.Env ||
			std.Type != e.Type || std.Seq != e.Seq || !std.Time.Equal(e.Time) {
			t.Fatalf("%s: encoding/json reads %+v, %v; Decode %+v", b, std, err, e)
		}
	})
}
