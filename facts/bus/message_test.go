package bus

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/evenkeel/evenkeel/facts"
)

func TestMessageIsCheckedAgainstTheFact(t *testing.T) {
	type message struct {
		subject string
		header  nats.Header
		body    []byte
	}
	for _, tt := range []struct {
		name   string
		change func(*message)
		want   string // in the error; empty: none
	}{
		{"as published", func(*message) {}, ""},
		{"headers of the broker and of tracing do not matter", func(m *message) {
			m.header.Set("Nats-Msg-Id", "x")
			m.header.Set("traceparent", "00-1-2-01")
		}, ""},
		{"names of headers have no case", func(m *message) {
			m.header["CE-Id"] = m.header["ce-id"]
			delete(m.header, "ce-id")
		}, ""},
		{"another id", func(m *message) { m.header.Set("ce-id", "sha256:0") }, "header ce-id is"},
		{"another type", func(m *message) { m.header.Set("ce-type", "com.evenkeel.fact.health.v1") }, "header ce-type is"},
		{"an attribute twice", func(m *message) { m.header.Add("ce-time", m.header.Get("ce-time")) }, "header ce-time is"},
		{"an attribute twice in another case", func(m *message) {
			m.header["CE-ID"] = m.header["ce-id"]
		}, "or not its first"},
		{"an attribute that facts have not", func(m *message) { m.header.Set("ce-dataschema", "x") }, "ce-dataschema"},
		{"an attribute missing", func(m *message) { delete(m.header, "ce-source") }, `no header for the attributes ["source"]`},
		{"no headers", func(m *message) { m.header = nil }, "no header for the attributes"},
		{"another subject", func(m *message) { m.subject = "ek.fra1.fact.a.b.c" }, "detector is"},
		{"a body in another form", func(m *message) { m.body = append([]byte(" "), m.body...) }, "not in canonical form"},
		{"a body that is no fact", func(m *message) { m.body = []byte("{}") }, "malformed fact"},
		{"no body", func(m *message) { m.body = nil }, "malformed fact"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := fact(3)
			sent, id, err := encode(&f)
			if err != nil {
				t.Fatal(err)
			}
			m := message{sent.Subject, maps.Clone(sent.Header), sent.Data}
			tt.change(&m)
			got, gotID, err := decode(m.subject, m.header, m.body)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("decode = %v, want an error with %q", err, tt.want)
				}
				return
			}
			if err != nil || gotID != id || idOf(t, got) != id {
				t.Errorf("decode = %+v, %s, %v, want the fact %s", got, gotID, err, id)
			}
		})
	}
}

// Somebody else's event comes as a fact of its kind, under the subject of the
// detector that took it in, and is held to the same form.
func TestEventsOfOthersAreChecked(t *testing.T) {
	f := fact(3)
	f.Kind, f.Evidence, f.Effect, f.Cohort = facts.External, nil, nil, ""
	f.External = &facts.ExternalInfo{Digest: facts.Digest(nil), Source: "https://alerts.example", Type: "io.prometheus.alert", Severity: "critical"}
	sent, id, err := encode(&f)
	if err != nil {
		t.Fatal(err)
	}
	got, gotID, err := decode(sent.Subject, sent.Header, sent.Data)
	if err != nil || gotID != id || *got.External != *f.External {
		t.Errorf("decode = %+v, %s, %v, want the event", got.External, gotID, err)
	}
	in := func(s, from, to string) string { return strings.Replace(s, from, to, 1) }
	for _, tt := range []struct{ what, subject, body string }{
		{"another kind in the subject", in(sent.Subject, ".external", ".imbalance"), string(sent.Data)},
		{"another detector in the subject", in(sent.Subject, ".fact.", ".fact.x"), string(sent.Data)},
		{"a key that is not ours", sent.Subject, in(string(sent.Data), `"severity"`, `"labels":{},"severity"`)},
		{"no source", sent.Subject, in(string(sent.Data), "https://alerts.example", "")},
		{"a source without end", sent.Subject, in(string(sent.Data), "https:", strings.Repeat("x", 300))},
	} {
		if tt.subject == sent.Subject && tt.body == string(sent.Data) {
			t.Fatalf("%s: the message is as it was", tt.what)
		}
		if got, _, err := decode(tt.subject, sent.Header, []byte(tt.body)); err == nil {
			t.Errorf("%s: decode = %+v, want an error", tt.what, got.External)
		}
	}
}

func TestHeaderValuesNeedNoEncoding(t *testing.T) {
	f := fact(0)
	f.Env, f.Group, f.Member = "a_-.:/@", "Z_-.:/@", "0_-.:/@"
	m, _, err := encode(&f)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range m.Header {
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == '"' || r == '%' || r > '~' }) {
				t.Errorf("header %s: %q holds a character that must be percent-encoded", name, v)
			}
		}
	}
}

func TestLargestFactFitsTheStream(t *testing.T) {
	long := strings.Repeat(":", facts.MaxNameBytes)
	f := fact(0)
	f.Env, f.Group, f.Member, f.Detector.ID = long, long, long, long
	m, id, err := encode(&f)
	if err != nil {
		t.Fatal(err)
	}
	m.Header.Set("Nats-Msg-Id", id)
	m.Header.Set("Nats-Expected-Stream", factStream)
	if n := m.Size() - len(m.Data) + facts.MaxFactBytes; n > maxMessageBytes {
		t.Errorf("a fact of the largest size is a message of %d bytes, want at most %d", n, maxMessageBytes)
	}
	const controlLine = 4096 // the server's bound on a protocol line, which holds subject and reply
	if n := len(m.Subject); n > controlLine-512 {
		t.Errorf("the longest subject has %d bytes, want well below %d", n, controlLine)
	}
}

// FuzzDecode feeds the decoder a subject, an id as the header claims it, and a
// body.
func FuzzDecode(f *testing.F) {
	for _, x := range []facts.Fact{fact(0), bigFact(1)} {
		m, id, err := encode(&x)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m.Subject, id, m.Data)
		f.Add("ek.fra1.fact.a.b.c", id, m.Data)
		f.Add(m.Subject, "", m.Data[:len(m.Data)/2])
	}
	f.Add("", "", []byte(nil))
	f.Fuzz(func(t *testing.T, subject, id string, body []byte) {
		header := nats.Header{}
		if x, err := facts.Decode(body); err == nil {
			for name, value := range x.CloudEvent(id) {
				header["ce-"+name] = []string{value}
			}
		}
		got, gotID, err := decode(subject, header, body)
		if err != nil {
			if gotID != "" || got.V != 0 {
				t.Errorf("decode = %+v, %q with error %v, want nothing beside the error", got, gotID, err)
			}
			return
		}
		m, againID, err := encode(&got)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != subject || againID != id || gotID != id || !bytes.Equal(m.Data, body) {
			t.Errorf("accepted %q %q %q, which is published as %q %q %q", subject, id, body, m.Subject, againID, m.Data)
		}
		if got, want := slices.Sorted(maps.Keys(m.Header)), slices.Sorted(maps.Keys(header)); !slices.Equal(got, want) {
			t.Errorf("headers %q, want %q", got, want)
		}
	})
}

func TestClaimedIDIsBounded(t *testing.T) {
	if got := claimedID(nats.Header{"CE-ID": {strings.Repeat("x", 1<<16)}}); len(got) != facts.MaxNameBytes {
		t.Errorf("claimed id of %d bytes, want %d", len(got), facts.MaxNameBytes)
	}
	if got := claimedID(nats.Header{"ce-id": {}}); got != "" {
		t.Errorf("claimed id %q, want none", got)
	}
	if _, _, err := encode(&facts.Fact{}); !errors.Is(err, facts.ErrFact) {
		t.Errorf("encode of no fact = %v, want %v", err, facts.ErrFact)
	}
}
