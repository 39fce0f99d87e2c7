package source

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds on what a request may make the decoder build. It makes an object of
// a hundred bytes or more from two bytes of input, and calls itself for each
// level of nested attributes: 16 MiB of them overflow the stack, which ends the
// process.
const (
	// maxElements bounds the messages in a request: data points, attributes and
	// their values. Largest batches of collectors have a tenth.
	maxElements = 1 << 18
	// maxNesting bounds messages within messages: metrics have 9 levels, and
	// attributes of attributes have not been seen deeper than 3.
	maxNesting = 32
	// maxField is the largest number of a field that protobuf knows.
	maxField = 1<<29 - 1
)

var (
	errElements = fmt.Errorf("more than %d elements", maxElements)
	errNesting  = fmt.Errorf("more than %d levels of nesting", maxNesting)
	errWire     = errors.New("it is cut off or no protobuf")
)

// wireMessage names a kind of message in a request, and wireFields the fields
// of each that are messages themselves.
//
// Source: OpenTelemetry protocol 1.x, metrics.proto, resource.proto, common.proto.
type wireMessage uint8

const (
	wireLeaf wireMessage = iota // a message without messages that nest
	wireRequest
	wireResourceMetrics
	wireResource
	wireScopeMetrics
	wireScope
	wireMetric
	wireNumbers
	wireNumber
	wireHistograms
	wireHistogram
	wireExponentials
	wireExponential
	wireSummaries
	wireSummary
	wireExemplar
	wirePair
	wireValue
	wireArray
	wirePairs
)

var wireFields = [...]map[uint64]wireMessage{
	wireRequest:         {1: wireResourceMetrics},
	wireResourceMetrics: {1: wireResource, 2: wireScopeMetrics},
	wireResource:        {1: wirePair, 3: wireLeaf},
	wireScopeMetrics:    {1: wireScope, 2: wireMetric},
	wireScope:           {3: wirePair},
	wireMetric:          {5: wireNumbers, 7: wireNumbers, 9: wireHistograms, 10: wireExponentials, 11: wireSummaries, 12: wirePair},
	wireNumbers:         {1: wireNumber},
	wireNumber:          {5: wireExemplar, 7: wirePair},
	wireHistograms:      {1: wireHistogram},
	wireHistogram:       {8: wireExemplar, 9: wirePair},
	wireExponentials:    {1: wireExponential},
	wireExponential:     {1: wirePair, 8: wireLeaf, 9: wireLeaf, 11: wireExemplar},
	wireSummaries:       {1: wireSummary},
	wireSummary:         {6: wireLeaf, 7: wirePair},
	wireExemplar:        {7: wirePair},
	wirePair:            {2: wireValue},
	wireValue:           {5: wireArray, 6: wirePairs},
	wireArray:           {1: wireValue},
	wirePairs:           {1: wirePair},
}

// boundProto returns an error when decoding the request in b would build more
// than the bounds allow. Whether it makes sense is left to the decoder.
func boundProto(b []byte) error {
	left := maxElements
	return boundMessage(b, wireRequest, maxNesting, &left)
}

func boundMessage(b []byte, kind wireMessage, levels int, left *int) error {
	if *left--; *left < 0 {
		return errElements
	}
	if levels == 0 {
		return errNesting
	}
	if kind == wireLeaf {
		return nil
	}
	for len(b) > 0 {
		field, wire, body, rest, err := nextField(b)
		if err != nil {
			return err
		}
		b = rest
		if within, ok := wireFields[kind][field]; ok && wire == wireBytes {
			if err := boundMessage(body, within, levels-1, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// Types of fields on the wire. Groups have not been in use since proto3.
const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

// nextField cuts the first field off b; body is what it holds when that has a
// length of its own.
func nextField(b []byte) (field uint64, wire byte, body, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, nil, nil, errWire
	}
	// A decoder that keeps 32 bits of a number takes a larger one for another
	// field than is seen here.
	if field = tag >> 3; field == 0 || field > maxField {
		return 0, 0, nil, nil, errWire
	}
	b, wire = b[n:], byte(tag&7)
	size := uint64(0)
	switch wire {
	case wireVarint:
		_, n = binary.Uvarint(b)
		if n <= 0 {
			return 0, 0, nil, nil, errWire
		}
		size = uint64(n)
	case wireFixed8:
		size = 8
	case wireFixed4:
		size = 4
	case wireBytes:
		length, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, 0, nil, nil, errWire
		}
		b, size = b[n:], length
	default:
		return 0, 0, nil, nil, errWire
	}
	if size > uint64(len(b)) {
		return 0, 0, nil, nil, errWire
	}
	return field, wire, b[:size], b[size:], nil
}

// boundJSON is boundProto for a request in JSON, whose objects and arrays it
// counts wherever they are.
func boundJSON(b []byte) error {
	left, levels := maxElements, 2*maxNesting // an array and an object for each message
	text, escaped := false, false
	for _, c := range b {
		switch {
		case escaped:
			escaped = false
		case text:
			escaped, text = c == '\\', c != '"'
		case c == '"':
			text = true
		case c == '{', c == '[':
			if left--; left < 0 {
				return errElements
			}
			if levels--; levels < 0 {
				return errNesting
			}
		case c == '}', c == ']':
			levels++
		}
	}
	return nil
}
