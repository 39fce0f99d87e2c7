package executor

import (
	"context"
	"fmt"
	"sync"

	"github.com/evenkeel/evenkeel/actions"
)

// dryRunKept bounds the acts a DryRun remembers: the last ones, for people.
const dryRunKept = 256

// DryRun reads a group through another executor and changes nothing. It is
// safe for concurrent use.
type DryRun struct {
	inner actions.Executor

	mu   sync.Mutex // guards acts
	acts []actions.Act
}

// NewDryRun returns an executor that observes through inner.
func NewDryRun(inner actions.Executor) *DryRun { return &DryRun{inner: inner} }

// Observe reads the group through the inner executor.
func (d *DryRun) Observe(ctx context.Context, group string) (actions.Inventory, error) {
	return d.inner.Observe(ctx, group)
}

// Apply remembers the act and returns an error that wraps [actions.ErrDryRun].
func (d *DryRun) Apply(_ context.Context, a actions.Act) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.acts) == dryRunKept {
		d.acts = append(d.acts[:0], d.acts[1:]...)
	}
	d.acts = append(d.acts, a)
	return fmt.Errorf("executor: %s %s/%s: %w", a.Verb, a.Group, a.Member, actions.ErrDryRun)
}

// Acts returns the last acts that would have been applied, oldest first, at
// most 256.
func (d *DryRun) Acts() []actions.Act {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]actions.Act(nil), d.acts...)
}
