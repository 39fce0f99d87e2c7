package bus

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/evenkeel/evenkeel/facts"
)

// attributePrefix begins the headers that are CloudEvents attributes.
const attributePrefix = "ce-"

// encode returns the message that carries f, and f's id.
//
// The binding asks for spaces, quotes, percent signs and what is not ASCII in a
// header value to be percent-encoded: no attribute of a fact can hold any.
//
// Source: NATS Protocol Binding for CloudEvents 1.0.3-wip, 3.1 (binary content
// mode): attribute a, datacontenttype included, travels as header "ce-" + a.
func encode(f *facts.Fact) (*nats.Msg, string, error) {
	body, err := f.Encode()
	if err != nil {
		return nil, "", err
	}
	id := facts.Digest(body)
	m := nats.NewMsg(factSubject(f))
	m.Data = body
	for name, value := range f.CloudEvent(id) {
		m.Header[attributePrefix+name] = []string{value}
	}
	return m, id, nil
}

// decode returns the fact that a message carries, and its id. The body must be
// a fact's encoding, and the subject and each CloudEvents attribute must be
// those the fact would have been published with.
func decode(subject string, header nats.Header, body []byte) (facts.Fact, string, error) {
	f, err := facts.Decode(body)
	if err != nil {
		return facts.Fact{}, "", err
	}
	if err := checkSubject(subject, &f); err != nil {
		return facts.Fact{}, "", err
	}
	id := facts.Digest(body)
	missing := f.CloudEvent(id)
	for name, values := range header {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), attributePrefix)
		if !ok {
			continue // the broker's own, or somebody's trace
		}
		want, ok := missing[attribute]
		if !ok {
			return facts.Fact{}, "", fmt.Errorf("header %.40q is not an attribute of a fact, or not its first", name)
		}
		if len(values) != 1 || values[0] != want {
			return facts.Fact{}, "", fmt.Errorf("header %s is %.100q, want %q once", attributePrefix+attribute, values, want)
		}
		delete(missing, attribute)
	}
	if len(missing) > 0 {
		return facts.Fact{}, "", fmt.Errorf("no header for the attributes %q", slices.Sorted(maps.Keys(missing)))
	}
	return f, id, nil
}

// claimedID returns what the header says the id is, cut to a bounded length.
func claimedID(header nats.Header) string {
	for name, values := range header {
		if strings.EqualFold(name, attributePrefix+"id") && len(values) > 0 {
			return values[0][:min(len(values[0]), facts.MaxNameBytes)]
		}
	}
	return ""
}
