// Package backtest runs a pack, or two beside each other, over recorded facts:
// what it would have decided, and what the guard would have let through.
//
//	report, err := backtest.Run(ctx, backtest.Config{
//		Candidate: candidate, Base: &base, Engine: build, Facts: feed,
//	})
//	if err != nil {
//		return err
//	}
//	fmt.Println(report.Digest()) // what a proposal names as its evidence
//
// # What is played
//
// Each fact goes the way that it goes live: a fact that was handled before, or
// is out of date, is not decided upon, which the report counts; any other is
// applied to the memory of its group and decided upon by [engine.Program], at
// the newest time that a fact of the group has told so far. A group has a memory
// for each pack, in mode act. The facts of two recordings belong to two groups,
// whatever their names.
//
// What a decision wants goes to a rehearsal of the group's guard
// ([actions.Rehearsal]) with the pack's limits, unless a critical rule had no
// say: every act that it lets through succeeds. The members it looks at are those
// that the facts tell of, without what our own hand did when the facts were
// recorded: members that a recorded act holds out count as in service. Members
// whose names no fact tells count as well.
//
// Facts are not made up. A recorded outcome is that of the act that was recorded,
// and no fact tells of an act that is only rehearsed: a rule that puts members
// back when C.OwnedOut says so is decided upon as in the recording. That is what
// a shadow of the same pack beside the live one sees.
//
// # Report
//
// [Report.Encode] is canonical JSON: sorted keys, integers and texts, no clock,
// no path, no measure of the machine. The same packs, build and facts give the
// same bytes on any number of cores, and [Report.Digest] names them.
//
// # Cost
//
// Facts are read as a stream; batches of them are in memory, with the memories
// of their groups and the counts. Decoding is spread over the cores, and so are
// decisions by group and pack: the facts of one group are decided in their order.
package backtest
