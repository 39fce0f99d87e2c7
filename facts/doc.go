// Package facts is evenkeel's vocabulary: what a balanced group was seen to do
// (a [Frame]) and what a detector concluded from it (a [Fact]), with their
// canonical encodings.
//
// A group is a set of members behind one balancer that are meant to be alike.
// A frame is one reading of a group: members × metrics at one tick. A fact is
// a statement about a group or one of its members, with the evidence for it,
// how long it may be believed, and the false-alarm rate it was made at.
//
// # Encoding of a fact
//
// A fact is one JSON object: keys sorted, no blanks, no unknown keys, no HTML
// escaping, measurements as decimal strings (never JSON floats), times RFC 3339
// UTC with milliseconds, at most [MaxFactBytes]. There is exactly one encoding
// of a fact: [Decode] refuses bytes that [Fact.Encode] would not have written,
// so the identity of a fact, [Fact.ID], is the SHA-256 of its bytes wherever
// they are seen. When a fact travels it carries the CloudEvents 1.0 attributes
// of [Fact.CloudEvent] beside the body (binary content mode).
//
// # Encoding of a frame
//
// A recording is long CSV with the header "time_s,group,member,metric,value",
// sorted by time; a missing value is an absent row, never a zero. Package
// facts/source reads and writes it.
//
// The package imports only the standard library, keeps no state, starts no
// goroutine, and all its functions may be called concurrently.
package facts
