package detect

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// order checks that frames are sound, of one group and in order of time.
type order struct {
	group            string
	last             time.Time
	members, metrics []string // of the frame before, which were sound
}

func (o *order) check(f *facts.Frame) error {
	var err error
	if f.Group == o.group && !o.last.IsZero() && same(f.Members, o.members) && same(f.Metrics, o.metrics) {
		err = f.CheckValues()
	} else {
		err = f.Check()
	}
	if err != nil {
		return fmt.Errorf("detect: %w", err)
	}
	if f.Group != o.group {
		return fmt.Errorf("detect: frame of group %s, want %s: %w", f.Group, o.group, facts.ErrShape)
	}
	if !f.Time.After(o.last) {
		return fmt.Errorf("detect: frame of %s at %s, want a time after %s: %w", f.Group,
			f.Time.Format(time.RFC3339Nano), o.last.Format(time.RFC3339Nano), facts.ErrShape)
	}
	o.last, o.members, o.metrics = f.Time, f.Members, f.Metrics
	return nil
}
