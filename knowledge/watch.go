package knowledge

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// When a stage of a rollout is halted. They trade a rollout halted for nothing,
// which costs a night, against a bad one that goes on.
const (
	// tooManyTimes and tooManyMore: a rule may fire twice as often in an hour as
	// in the worst hour of the backtest, and three times more: a quiet rule has
	// little to double.
	tooManyTimes, tooManyMore = 2, 3
	// expectedAtLeast firings and none seen: by chance alone that happens once in
	// 148 stages, exp(-5), if firings come independently.
	expectedAtLeast = 5
	// faultsToHalt refusals to evaluate one rule: where the engine puts it aside.
	faultsToHalt = 3
	// overrunsToHalt decisions beyond their budget, if they are more than one in
	// overrunShare: the 99th percentile is beyond it.
	overrunsToHalt, overrunShare = 3, 100
	// actsToHalt acts that failed, or were undone, if they are more than one in
	// actShare: one or two are what machines do.
	actsToHalt, actShare = 3, 4
	// worseBy is how much the imbalance of the ring must have grown, against
	// before and against the control groups; worseAlone where there are none.
	// worseRuns measurements in a row, so that one of them decides nothing.
	// worseFloor keeps groups that were in balance from growing by nothing much.
	worseBy, worseAlone, worseRuns, worseFloor = 1.25, 2.0, 3, 0.05
)

// Measurement is what a candidate bundle did since the measurement before.
type Measurement struct {
	Time      time.Time
	Fired     map[string]int64   // by rule, wherever the candidate decides: in the ring, and in shadow elsewhere
	Refused   map[string]int64   // times that a rule could not be evaluated, or its budget ran out
	Aside     []string           // rules that were put aside
	Decisions int64              // of the candidate
	Overruns  int64              // of them took longer than their budget
	Acts      int64              // by the candidate that ended
	Failed    int64              // of them failed
	Undone    int64              // of them were undone
	Imbalance map[string]float64 // by group, now; ≥ 0, in any unit, larger is worse
}

// Watch judges one stage of a rollout by what is measured. It keeps no clock and
// is not safe for concurrent use.
type Watch struct {
	dossier *Dossier
	ring    []string
	before  map[string]float64
	began   time.Time

	hour    []Measurement // of the last hour, whose Fired are counted
	fired   map[string]int64
	refused map[string]int64
	sum     Measurement // of counts
	worse   int         // measurements in a row that saw the ring worse
}

// NewWatch begins to watch a stage. ring are the groups that run the candidate
// in it, before is the imbalance of each group before the rollout, as in
// [Measurement].
func NewWatch(d *Dossier, ring []string, before map[string]float64, began time.Time) *Watch {
	return &Watch{dossier: d, ring: ring, before: before, began: began, fired: map[string]int64{}, refused: map[string]int64{}}
}

// Observe takes a measurement in, and returns why the rollout must be halted, ""
// when it need not be. Measurements come in the order of their times. Without a
// backtest there is no band, and firings are not judged.
func (w *Watch) Observe(m Measurement) string {
	for _, judge := range []func(Measurement) string{w.rules, w.often, w.budget, w.acts, w.imbalance} {
		if why := judge(m); why != "" {
			return why
		}
	}
	return ""
}

// rules judges rules that cannot be evaluated.
func (w *Watch) rules(m Measurement) string {
	if len(m.Aside) > 0 {
		return fmt.Sprintf("rule %s was put aside", slices.Min(m.Aside))
	}
	for _, rule := range slices.Sorted(maps.Keys(m.Refused)) {
		if w.refused[rule] += m.Refused[rule]; w.refused[rule] >= faultsToHalt {
			return fmt.Sprintf("rule %s could not be evaluated %d times, or ran out of its budget", rule, w.refused[rule])
		}
	}
	return ""
}

// often judges how often rules fired within an hour.
func (w *Watch) often(m Measurement) string {
	w.hour = append(w.hour, Measurement{Time: m.Time, Fired: maps.Clone(m.Fired)})
	for rule, n := range m.Fired {
		w.fired[rule] += n
	}
	old := 0
	for old < len(w.hour) && !w.hour[old].Time.After(m.Time.Add(-time.Hour)) {
		old++
	}
	w.hour = slices.Delete(w.hour, 0, old)
	if w.dossier.Hours == 0 {
		return ""
	}
	count := map[string]int64{}
	for _, h := range w.hour {
		for rule, n := range h.Fired {
			count[rule] += n
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(count)) {
		most := w.dossier.Band[rule].Most
		if count[rule] > tooManyTimes*most+tooManyMore {
			return fmt.Sprintf("rule %s fired %d times within an hour, in the backtest at most %d", rule, count[rule], most)
		}
	}
	return ""
}

// budget judges how long decisions took.
func (w *Watch) budget(m Measurement) string {
	w.sum.Decisions += m.Decisions
	w.sum.Overruns += m.Overruns
	if o := w.sum.Overruns; o >= overrunsToHalt && o*overrunShare > w.sum.Decisions {
		return fmt.Sprintf("%d of %d decisions took longer than their budget", o, w.sum.Decisions)
	}
	return ""
}

// acts judges what became of acts.
func (w *Watch) acts(m Measurement) string {
	w.sum.Acts += m.Acts
	w.sum.Failed += m.Failed
	w.sum.Undone += m.Undone
	for _, bad := range []struct {
		n    int64
		what string
	}{{w.sum.Failed, "failed"}, {w.sum.Undone, "were undone"}} {
		if bad.n >= actsToHalt && bad.n*actShare > w.sum.Acts {
			return fmt.Sprintf("%d of %d acts %s", bad.n, w.sum.Acts, bad.what)
		}
	}
	return ""
}

// imbalance compares the groups of the ring with themselves before, and with the
// change of the others meanwhile.
func (w *Watch) imbalance(m Measurement) string {
	in := func(group string) bool { return slices.Contains(w.ring, group) }
	ring, ok := w.growth(m, in)
	control, others := w.growth(m, func(group string) bool { return !in(group) })
	limit := worseBy * max(control, 1)
	if !others {
		limit = worseAlone
	}
	if !ok || ring <= limit {
		w.worse = 0
		return ""
	}
	if w.worse++; w.worse < worseRuns {
		return ""
	}
	return fmt.Sprintf("imbalance is %.2f times what it was, in groups outside of the ring %.2f times", ring, max(control, 0))
}

// growth returns how many times as large the imbalance of some groups is as it
// was, summed up over those that were measured then and now; ok is false when
// there are none.
func (w *Watch) growth(m Measurement, of func(group string) bool) (times float64, ok bool) {
	now, before := 0.0, 0.0
	for _, group := range slices.Sorted(maps.Keys(m.Imbalance)) {
		if was, known := w.before[group]; known && of(group) {
			now, before, ok = now+m.Imbalance[group]+worseFloor, before+was+worseFloor, true
		}
	}
	if !ok {
		return 0, false
	}
	return now / before, true
}

// End judges the stage when its time is over: it returns a rule that should have
// fired and never did, "" when there is none.
func (w *Watch) End(now time.Time) string {
	d := w.dossier
	if d.Hours == 0 {
		return ""
	}
	for _, rule := range slices.Sorted(maps.Keys(d.Band)) {
		expected := float64(d.Band[rule].Fired) / float64(d.Hours) * now.Sub(w.began).Hours()
		if expected >= expectedAtLeast && w.fired[rule] == 0 {
			return fmt.Sprintf("rule %s never fired in %v, %.1f firings were expected", rule, now.Sub(w.began).Round(time.Second), expected)
		}
	}
	return ""
}
