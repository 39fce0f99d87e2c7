package audit

import (
	"context"
	"iter"
	"slices"
)

// backwardStep is how many entries [Backward] holds in memory at a time, 16 MiB
// of the largest: what is looked for from the end is mostly near it.
const backwardStep = 256

// Scanner is a log that can be read: a [Log] or a [Reader].
type Scanner interface {
	Scan(ctx context.Context, from, to int64, f func(Record) error) error // to is exclusive
}

// Backward returns the entries below to, the last first. It ends with the error
// of the log, if there is one.
func Backward(ctx context.Context, log Scanner, to int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for ; to > 0; to -= backwardStep {
			var part []Record
			err := log.Scan(ctx, max(0, to-backwardStep), to, func(r Record) error {
				part = append(part, r)
				return nil
			})
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range slices.Backward(part) {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}
