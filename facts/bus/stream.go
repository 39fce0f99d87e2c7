package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/evenkeel/evenkeel/facts"
)

// Names of the streams.
const (
	factStream   = "EK_FACTS"
	intentStream = "EK_INTENT"
	resultStream = "EK_RESULT"
	paperStream  = "EK_GOV"
)

const (
	// maxMessageBytes is a fact of the largest size with its headers: seven
	// attributes of names of at most 128 bytes.
	maxMessageBytes = facts.MaxFactBytes + 8<<10

	// dedupWindow is how long a message id is remembered: longer than any
	// publisher tries again.
	dedupWindow = 2 * time.Minute

	// intentMaxAge is when an intent that nobody took is beyond use: an
	// executor refuses one this old anyway.
	intentMaxAge = 10 * time.Minute

	// intentMaxBytes and resultMaxBytes are room for tens of thousands of
	// intents and results, of about 1 KiB each; the guard permits a few a
	// minute.
	intentMaxBytes = 64 << 20
	resultMaxBytes = 256 << 20

	// paperMaxBytes is room for thousands of parcels of papers. They are kept
	// for as long as it lasts: the log has what counted.
	paperMaxBytes = 256 << 20
)

// ErrSettings reports a stream, a consumer or a server that has settings under
// which the promises of this package do not hold.
var ErrSettings = errors.New("unsuitable settings on the broker")

// streams returns the streams as c wants them.
func streams(c Config) []jetstream.StreamConfig {
	stream := func(name, what, about string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Description: about,
			// Any environment's: brokers may be shared, stream names are not.
			Subjects:   []string{subjectRoot + ".*." + what + ".>"},
			Storage:    jetstream.FileStorage,
			MaxMsgs:    -1, // bounded by bytes
			MaxAge:     c.MaxAge,
			MaxMsgSize: maxMessageBytes,
			Duplicates: dedupWindow,
			DenyDelete: true, DenyPurge: true,
		}
	}
	f := stream(factStream, "fact", "what detectors concluded")
	f.MaxBytes, f.MaxMsgsPerSubject = c.MaxBytes, c.MaxPerSubject
	f.Discard, f.DiscardNewPerSubject = jetstream.DiscardNew, true

	i := stream(intentStream, "intent", "what executors elsewhere are to do")
	i.Retention, i.MaxAge = jetstream.WorkQueuePolicy, intentMaxAge
	i.MaxBytes, i.MaxMsgsPerSubject, i.Discard = intentMaxBytes, -1, jetstream.DiscardNew

	r := stream(resultStream, "result", "what executors did")
	r.MaxBytes, r.MaxMsgsPerSubject, r.Discard = resultMaxBytes, -1, jetstream.DiscardOld

	p := stream(paperStream, "gov", "what people signed")
	p.Subjects = append(p.Subjects, subjectRoot+".*."+paperStop)
	p.MaxBytes, p.MaxMsgsPerSubject, p.Discard = paperMaxBytes, -1, jetstream.DiscardOld
	p.MaxAge, p.MaxMsgSize = 0, MaxPaperBytes+8<<10
	return []jetstream.StreamConfig{f, i, r, p}
}

// applyStreams creates the streams that are missing and verifies the others.
// It may be called again at any time.
func (b *Bus) applyStreams(ctx context.Context) error {
	for _, want := range streams(b.cfg) {
		if err := b.applyStream(ctx, want); err != nil {
			return fmt.Errorf("stream %s: %w", want.Name, err)
		}
	}
	return nil
}

func (b *Bus) applyStream(ctx context.Context, want jetstream.StreamConfig) error {
	s, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if s, err = b.js.CreateStream(ctx, want); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = b.js.Stream(ctx, want.Name) // another process was faster
		}
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	if d := shapeDifferences(have, want); len(d) > 0 {
		return fmt.Errorf("%w: %s: edit or remove the stream, or use another account", ErrSettings, strings.Join(d, "; "))
	}
	next, changed := withBounds(have, want, b.broker != nil)
	if !changed {
		return nil
	}
	_, err = b.js.UpdateStream(ctx, next)
	return err
}

// shapeDifferences names the settings of a stream that are not a matter of
// size: changing them under a running system could lose messages, or did.
func shapeDifferences(have, want jetstream.StreamConfig) []string {
	var d []string
	differ := func(setting string, found, wanted any) {
		if f, w := fmt.Sprint(found), fmt.Sprint(wanted); f != w {
			d = append(d, fmt.Sprintf("found %s %s, want %s", setting, f, w))
		}
	}
	differ("subjects", have.Subjects, want.Subjects)
	differ("retention", have.Retention, want.Retention)
	differ("storage", have.Storage, want.Storage)
	differ("discard", have.Discard, want.Discard)
	differ("discard_new_per_subject", have.DiscardNewPerSubject, want.DiscardNewPerSubject)
	differ("no_ack", have.NoAck, want.NoAck)
	differ("sealed", have.Sealed, want.Sealed)
	differ("deny_delete", have.DenyDelete, want.DenyDelete)
	differ("deny_purge", have.DenyPurge, want.DenyPurge)
	differ("allow_rollup_hdrs", have.AllowRollup, want.AllowRollup)
	differ("allow_msg_ttl", have.AllowMsgTTL, want.AllowMsgTTL)
	differ("mirror", have.Mirror != nil, false)
	differ("sources", len(have.Sources), 0)
	differ("subject_transform", have.SubjectTransform != nil, false)
	return slices.Clip(d)
}

// withBounds returns have with the bounds of want, and whether that changed
// it. A bound is raised wherever the broker is; it is lowered only in an
// embedded one, whose store is ours: on a shared broker lowering it would drop
// messages that its operator chose to keep.
func withBounds(have, want jetstream.StreamConfig, lower bool) (jetstream.StreamConfig, bool) {
	next, changed := have, false
	fit := func(bound *int64, w int64) {
		unlimited := *bound <= 0
		if *bound == w || unlimited && w <= 0 {
			return
		}
		if lower || unlimited || (w > *bound && w > 0) {
			*bound, changed = w, true
		}
	}
	size, age, dup := int64(next.MaxMsgSize), int64(next.MaxAge), int64(next.Duplicates)
	fit(&next.MaxBytes, want.MaxBytes)
	fit(&next.MaxMsgs, want.MaxMsgs)
	fit(&next.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	fit(&size, int64(want.MaxMsgSize))
	fit(&age, int64(want.MaxAge))
	fit(&dup, int64(want.Duplicates))
	next.MaxMsgSize, next.MaxAge, next.Duplicates = int32(size), time.Duration(age), time.Duration(dup)
	return next, changed
}
