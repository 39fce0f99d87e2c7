// Package rival compares ways of telling who in a balanced group is sick: ours,
// by package facts/detect, and the methods that others use, on the same
// recordings, the same features, the same declared rate of false alarms and the
// same truth.
//
//	r, err := rival.Compare(ctx, detect.Config{Tick: time.Second, Epoch: time.Minute,
//		Alpha: 1.0 / 30, Warmup: 40 * time.Second}, recordings, labels)
//	…
//	err = r.Print(os.Stdout)
//
// # What every method gets
//
// The features, and the residuals where it wants them, that the detectors
// compute from the frames (detect.Reader), after the same warm-up; of the
// warm-up, its features. A method learns from the healthy recordings and gives
// every member a score at every tick, of which larger is less healthy ([Method]).
//
// # The same declared rate
//
// Nobody's thresholds are taken over: whatever unit a method's score has, its
// threshold is conformal as ours is. With M_1 … M_m the largest scores of any
// member in the m healthy epochs, the threshold is the ⌈(1−α)(m+1)⌉-th
// smallest of them, and an alarm is a score above it. The epochs of a recording
// are scored by a method that learnt from the other healthy recordings, and
// judged by the threshold of their epochs.
//
// # The truth
//
// [Label] says which member was sick from when to when. A fault is found when
// an alarm of its member is given between onset and end; the delay is from the
// onset to the first such tick. Epochs of recordings without a label are
// healthy, and an alarm of anybody in one is a false alarm. No alarm is credited
// with the ticks around it ("point adjustment").
//
// # Long series
//
// [CompareSeries] is for one long recording with labelled stretches, such as
// months of five-minute samples: the first part is learnt from, and the
// threshold slides with the epochs that have passed, whatever they were.
//
// What is held in memory is all frames of all recordings.
package rival
