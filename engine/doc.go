// Package engine decides: facts in, intents out, with the reason for what it
// wants and for what it does not want.
//
// Rules are written in GRL, one rule a file:
//
//	rule black_hole "takes requests and does not do the work" salience 90 {
//	  when
//	    F.Kind == "imbalance" && F.State == "alarm" && F.Ticks >= 2 &&
//	    F.Score("bytes_per_request") < 0 && F.Ratio("bytes_per_request") < 0.8
//	  then
//	    Propose("drain", F.Member, "does less of the work per request than its peers");
//	}
//
// F is the fact, C what is remembered of its group; [Vocabulary] lists every
// word there is. Rules only read, derive and propose: they call nothing else,
// and never act.
//
// D holds what rules derive on the way, such as a diagnosis and how sure it is:
// values that the pack declares, that a rule sets after then (D.Sure = true;)
// and that other rules read. A rule is evaluated after all that set what it
// reads; where that is impossible the rules are refused (E16). A value is set
// once in a decision, by the rule of the highest salience that would set it,
// and is unknown before: a rule that can do without asks Known("D.Sure") first.
//
// P holds the constants of a version, which the pack declares with their units
// and ranges: each [Parameter] is put in the place of its name before anything
// reads the rule. P.SlowTicks is a 5 to the parser, the checks, the index and the
// mutants, as if the rule had it; only places and what people are told keep the
// name.
//
// # Program
//
// [Compile] makes a [Program] of a version's rules or says everything that is
// wrong with them, each [Error] with its place and code. A text reaches the
// parser only after a scan of our own found it cheap to parse. Afterwards the
// syntax tree is read in step with the text: what two people read is what runs,
// or it is refused (E01).
//
// [Program.Decide] judges every rule once, in the order of stratum, salience and
// name, and settles their proposals by a fixed table. It is a function of the
// program, the [Memory] and the reading of the clock that it is given: no clock,
// network, map order, file order or global enters, and the same input gives the
// same bytes. A rule is matched, not matched, undecided (it read a word that is
// unknown in this situation), refused (it cost too much or failed) or put aside
// (it failed three times within ten minutes; two people lift that). All but the
// second are in the [Decision]; a broken rule is never silent. All rules together
// have a budget of look-ups, and a deadline for a machine that stands still; a
// decision that was cut by either says so and at most tells humans (see [Cut]).
// One Program serves several goroutines: each decision borrows an instance, in
// which a rule is copied when it is first judged. A [Draft] keeps what was found
// out about rules from one version to the next, so that a change of one rule
// costs that of one rule.
//
// Most rules are out of the question in most situations. An index over the
// comparisons of all conditions and the conditions themselves, compiled to
// functions, find these without the evaluator; both say no only where the
// evaluator would, in the order in which it reads, so that leaving it out
// changes no byte of a decision. The cost of a decision is that of its matches
// and of a few operations for each 64 rules.
//
// # Engine
//
// [Engine.Handle] is the loop's part: fact → memory → decision → log → guard. The
// fact and its decision are recorded in one durable step before anything else
// happens; when that fails, nothing was remembered and nothing is submitted. A
// fact is decided upon once, however often it is delivered. Facts of a group are
// handled one after the other, groups at the same time. [Engine.Restore] rebuilds
// every memory from the log, and [Revisit] makes each decision's own again.
//
// [Engine.Load] puts another program in force, in a mode; each decision says in
// which version and mode it was made. [Engine.Shadow] lets a candidate decide
// beside it on the same facts, without effect.
//
// Entries written: fact.accepted (the fact, whole), decision (its encoding and
// digest), fact.refused (which fact, and why), quarantine.begun (which rule, why,
// and in which decision), quarantine.lifted (which rule, and the people who say
// so; [Aside] reads which rules are put aside), memory.restored (a restart: from
// which entries the memories were rebuilt).
//
// A rule that is put aside stays so until two people lift it or another version
// decides: neither time nor a restart does. An alarm tells of it. Where the pack
// calls the rule critical, nothing is done meanwhile; the decisions advise.
//
// # What it does not do
//
// It touches no machine and judges no limit: that is package actions, of which
// it knows the intent and its outcome only. It does not know where rules come
// from or who approved them. It keeps no timers and starts no goroutine.
//
// The rule language, its parser and the evaluation of conditions are those of
// github.com/hyperjumptech/grule-rule-engine, exactly v1.20.4, which nothing
// outside this package knows. Its own loop, data context, built-in functions,
// binary format and JSON rules are not used; its traps, and where each is
// refused, are the table of TestTraps.
package engine
