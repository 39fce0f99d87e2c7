package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// falseShare is the share of groups acted on together that may on average be
// healthy: one in ten.
const falseShare = 0.1

// together stands between the engine and the desk. Each group keeps its own
// false-alarm rate; of many groups, some alarm falsely at any time. So when
// alarms stand in several groups at once, capacity is taken only from those
// whose evidence is strong enough for all of them together: the e-BH procedure
// (detect.Discoveries) over the groups, each with the largest e-value of its
// standing alarms, those without an alarm with none. An alarm in one group alone
// is acted on at its group's own rate, and several members of a group are
// within it. What gives capacity back, and what tells a human, is never held.
type together struct {
	submit func(context.Context, actions.Intent) (actions.Outcome, error)
	refuse func(context.Context, actions.Intent, error) // told what is not handed on, and why

	mu     sync.Mutex             // guards what follows
	groups []string               // sorted
	alarms []map[accused]believed // of each group
}

// accused is whom an alarm is about; neither: the group.
type accused struct{ member, cohort string }

// believed is one alarm that stands, for as long as its fact may be believed.
type believed struct {
	e       float64 // its e-value
	expires time.Time
}

func newTogether(groups []string, submit func(context.Context, actions.Intent) (actions.Outcome, error),
	refuse func(context.Context, actions.Intent, error)) *together {
	t := &together{submit: submit, refuse: refuse, groups: slices.Sorted(slices.Values(groups))}
	for range groups {
		t.alarms = append(t.alarms, map[accused]believed{})
	}
	return t
}

// see takes in a fact that was decided upon.
func (t *together) see(f facts.Fact) {
	if f.Kind != facts.Imbalance {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	who := accused{f.Member, f.Cohort}
	g, ok := slices.BinarySearch(t.groups, f.Group)
	switch {
	case !ok:
	case f.State == facts.Alarm && f.Evidence != nil:
		t.alarms[g][who] = believed{f.Evidence.E.Float(), f.Expires.Time}
	default:
		delete(t.alarms[g], who)
	}
}

// Submit hands an intent on, or refuses it when too many groups alarm together
// for what is known of its own.
func (t *together) Submit(ctx context.Context, i actions.Intent) (actions.Outcome, error) {
	if i.Verb != actions.Restore && i.Verb != actions.Notify {
		if err := t.doubt(i); err != nil {
			t.refuse(ctx, i, err)
			return actions.Outcome{}, nil
		}
	}
	return t.submit(ctx, i)
}

// doubt returns why an intent is held back at this look, or nil.
func (t *together) doubt(i actions.Intent) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := make([]float64, len(t.groups))
	standing := 0
	for g, alarms := range t.alarms {
		for m, a := range alarms {
			if !i.Time.Before(a.expires) {
				delete(alarms, m)
				continue
			}
			e[g] = max(e[g], a.e)
		}
		if len(alarms) > 0 {
			standing++
		}
	}
	at, ok := slices.BinarySearch(t.groups, i.Group)
	if !ok || standing < 2 {
		return nil
	}
	sure, err := detect.Discoveries(e, falseShare)
	if err != nil {
		return err
	}
	if slices.Contains(sure, at) {
		return nil
	}
	return fmt.Errorf("alarms stand in %d of %d groups, and an e-value of %.3g is too weak to act on all of them: "+
		"one in %.0f might be healthy", standing, len(t.groups), e[at], 1/falseShare)
}
