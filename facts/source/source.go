package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Reader takes one reading of a group. [HAProxy], [Prometheus], [PromQL] and
// [Join] are readers; a [Poller] calls one at every tick.
//
// Read returns a frame whose time is t, or earlier by the delay that a [PromQL]
// was given, and nil; or a frame and an error that
// is a [*PartialError]: the frame is good, but part of the group could not be
// seen; or no frame and the reason. It ends when ctx does.
type Reader interface {
	Read(ctx context.Context, t time.Time) (*facts.Frame, error)
}

// maxParts bounds the causes that a [PartialError] carries: enough to see the
// pattern, when thousands of members fail alike.
const maxParts = 8

// PartialError comes beside a frame and says which part of the group is
// missing from it.
type PartialError struct {
	Group  string
	Failed int     // members or parts that could not be read
	Of     int     // members or parts that were asked
	Causes []error // one for each that failed, the first 8 of them
}

// Error names how many failed, and the causes kept.
func (e *PartialError) Error() string {
	texts := make([]string, len(e.Causes))
	for i, c := range e.Causes {
		texts[i] = strings.TrimPrefix(c.Error(), "source: ")
	}
	return fmt.Sprintf("source: read %s: %d of %d failed: %s", e.Group, e.Failed, e.Of, strings.Join(texts, "; "))
}

// Unwrap returns the causes.
func (e *PartialError) Unwrap() []error { return e.Causes }

// add counts a failure and keeps its cause while there is room.
func (e *PartialError) add(cause error) {
	e.Failed++
	if len(e.Causes) < maxParts {
		e.Causes = append(e.Causes, cause)
	}
}

// orNil returns e as an error, or nil when nothing failed.
func (e *PartialError) orNil() error {
	if e.Failed == 0 {
		return nil
	}
	return e
}

// partial reports whether err is nothing worse than a missing part.
func partial(err error) bool {
	_, ok := errors.AsType[*PartialError](err)
	return ok
}
