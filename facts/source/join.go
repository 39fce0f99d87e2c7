package source

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Join reads several readers of one group at once and gives one frame: the
// members of the first reader, the metrics of all.
//
// The first reader, normally the balancer, decides who is a member. Without it
// nobody knows who is drained, so when it fails there is no frame. When another
// one fails, or sees members that the first does not know, the frame comes
// without that part beside a [*PartialError]. Values of a [PromQL] with a delay
// are that much older than the frame.
//
// It is not for concurrent use.
type Join struct {
	group string
	parts []Reader
	shape shape
}

// maxJoin bounds the readers of a join: each is a goroutine for every tick.
const maxJoin = 16

// NewJoin returns the join of first and others, all of which must give frames
// of the named group.
func NewJoin(group string, first Reader, others ...Reader) (*Join, error) {
	if err := facts.CheckName("group", group); err != nil {
		return nil, fmt.Errorf("source: join: %w", err)
	}
	if len(others) >= maxJoin {
		return nil, fmt.Errorf("source: join %s: %d readers, want at most %d", group, 1+len(others), maxJoin)
	}
	return &Join{group: group, parts: append([]Reader{first}, others...)}, nil
}

// Read implements [Reader].
func (j *Join) Read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	frames, errs := make([]*facts.Frame, len(j.parts)), make([]error, len(j.parts))
	var wg sync.WaitGroup
	for i, r := range j.parts {
		wg.Go(func() { frames[i], errs[i] = r.Read(ctx, t) })
	}
	wg.Wait()

	if frames[0] == nil {
		return nil, errs[0]
	}
	lost := &PartialError{Group: j.group, Of: len(j.parts)}
	var have []*facts.Frame
	for i, f := range frames {
		if errs[i] != nil {
			lost.add(errs[i])
		}
		if f == nil {
			continue
		}
		if f.Group != j.group {
			return nil, fmt.Errorf("source: join %s: part %d gave a frame of group %s: want the same group", j.group, i+1, f.Group)
		}
		if err := strangers(frames[0].Members, f.Members); err != nil {
			lost.add(err)
		}
		have = append(have, f)
	}
	f, err := j.merge(t, have)
	if err != nil {
		return nil, err
	}
	return f, lost.orNil()
}

// merge gives the members of the first frame the metrics of all.
func (j *Join) merge(t time.Time, frames []*facts.Frame) (*facts.Frame, error) {
	members := frames[0].Members
	var metrics []string
	for _, f := range frames {
		metrics = append(metrics, f.Metrics...)
	}
	slices.Sort(metrics)
	for k := 1; k < len(metrics); k++ {
		if metrics[k] == metrics[k-1] {
			return nil, fmt.Errorf("source: join %s: two parts give metric %s: want different names", j.group, metrics[k])
		}
	}
	values := missing(len(members) * len(metrics))
	for _, f := range frames {
		at := make([]int, len(f.Metrics)) // of each of f's metrics among all
		for k, name := range f.Metrics {
			at[k], _ = slices.BinarySearch(metrics, name)
		}
		for i, name := range f.Members {
			row, ok := slices.BinarySearch(members, name)
			if !ok {
				continue
			}
			for k, v := range f.Row(i) {
				values[row*len(metrics)+at[k]] = v
			}
		}
	}
	return j.shape.frame(t, j.group, members, metrics, values), nil
}

// strangers returns an error that names the first of seen not in known.
func strangers(known, seen []string) error {
	n, first := 0, ""
	for _, name := range seen {
		if _, ok := slices.BinarySearch(known, name); !ok {
			if n == 0 {
				first = name
			}
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d members are unknown to the balancer, the first is %s: want the names it has for its servers", n, first)
}
