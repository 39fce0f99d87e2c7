// Package detect tests whether a balanced group is out of balance, and who it
// is: frames in, facts out.
//
//	d, err := detect.New(detect.Config{Env: "fra1", Group: "web", Build: version,
//		Epoch: time.Hour, Alpha: 1.0 / 720}) // one false alarm in 30 days
//	…
//	w, err := detect.NewWatcher(detect.WatcherConfig{Detector: d, Source: poller, Publisher: bus})
//	…
//	return w.Run(ctx)
//
// # The test
//
// Each tick goes through five steps, one file each; the section numbers are
// those of the design's page on detection.
//
//  1. Features (feature.go, measure.go; 5.1): rates per weight, levels, times,
//     and what a request is worth: bytes, processor time, downstream calls,
//     completions and successes per request. These survive any balancing rule.
//  2. Peer residual (residual.go, group.go, baseline.go; 5.2): each member
//     against the median of the others. Load, season, surge, a slow
//     dependency: all that is common falls out.
//  3. Scores (rank.go; 5.3): the normal score of the residual's rank in
//     health, with a logarithmic tail.
//  4. Statistic (window.go, law.go, judge.go; 5.4): a whitened quadratic form
//     of the scores' means over several trailing windows, against the spread
//     of the group at that tick; the largest window counts.
//  5. Threshold (conformal.go, epoch.go; 5.5): an order statistic of the peaks
//     that the statistic reached in healthy epochs.
//
// The parts of a score that each metric owes come with the fact (attribute.go;
// 5.7).
//
// # What is promised
//
// T1: if the peaks of the healthy epochs and of the next one are exchangeable,
// the probability of any false alarm of the group in an epoch is at most the
// declared alpha, for any dependence between ticks, metrics and members. With
// m epochs nobody can honestly promise less than 1/(m+1): the fact says what
// is certified beside what is declared, and rules may ask for it. T2, the pooled
// threshold for alike members and little history, bounds the expected number
// of members falsely alarmed in an epoch. A margin on the threshold makes the
// test stricter by an amount that nothing certifies.
//
// Health is learnt, never assumed: from the group itself, which takes a warm-up
// and then epochs ("ageing", in facts of kind health), or at once from healthy
// recordings of groups of the same kind ([Learner], [Calibrate]). A group that
// learns from itself does not learn from a time when an alarm stood; unless
// the member left or restarted, each such time counts as a false alarm in what
// is certified. Learning never blocks: membership is told from the first frame.
//
// A member that is drained, in maintenance, down, absent, or of which more than
// a third of the features is missing, is not judged and nobody's peer; after
// its return it settles first. With two members there is no telling who is
// sick: the alarm is the group's. With one there is nothing to compare.
//
// The same frames give the same facts, byte for byte: there is no clock, no
// random number and no map order in a [Detector], the order of summation is
// fixed, and no product is fused with a sum.
//
// # What it does not do
//
// It does not tell a sick half of a group from the healthy half, nor what is
// wrong with a group that moves as one (group_state.shift says that it moves).
// Baselines do not slide: what is fitted in the warm-up stays. It keeps nothing
// on disk and acts on nothing.
package detect
