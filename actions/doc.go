// Package actions decides whether a machine may be touched, and sees to it that
// what was touched is put right again. A rule wants something: an [Intent]. The
// [Guard] judges it against the [Limits] of its group, records it, calls the
// group's [Executor], reads the effect back, and holds, undoes or escalates. One
// intent's life in here is an act.
//
// # The life of an act
//
//	intent ─► refused (by which limit)
//	   │
//	   ▼ recorded
//	sending ─► failed            certainly no effect
//	   │ applied, or its effect seen
//	   ▼
//	verifying ─► done ─► holding ─► released   put back, or ended by another hand
//	   │ no effect in time             │ held too long
//	   ▼                               ▼
//	undoing ─► undone ─────────────► escalated  a human's, until seen in service
//
// Every arrow is one entry of the audit log, durable before anything follows
// from it: intent, action.refused, action.sent, action.result, outcome; and
// stop, resume, lease.acquired (the epoch).
//
// # Promises
//
//   - Record, then act: no executor is called before the intent is durable. If
//     the log cannot be written nothing new is done.
//   - The log is the only store. Open acts, budgets, cooldowns, stops and the
//     epoch are a fold of it: a restart continues where a crash left off, and
//     after a failed append the log is read for what it kept.
//   - The limit on members out holds for the state after the act, and counts
//     whoever took them out, acts on their way, and acts whose fate is unknown.
//     After a crash nothing new is done until every call that may still be on
//     its way is over and its member has been read back.
//   - Putting back is held back by no limit but a freeze, and only what this
//     guard took out is put back, unless an operator asks.
//   - A balancer that does not answer changes nothing; a hold that it forgot in
//     a restart is applied again through the limits; a member that another hand
//     put back, or took over, is let go.
//   - A stop of everything, a group or a rule holds at once for acts that wait
//     and for those the guard would repeat, and over a restart.
//   - What takes capacity is asked about ([Config].Verify) right before each call.
//   - Submitting an intent twice does it once.
//   - Groups do not wait for each other.
//
// # Limits
//
// Outcome.Limit names what held an intent back: intent, target, verb, stop,
// freeze, unapproved, stale, warm-up, recovery, unreachable, busy, held, standing,
// owner, rate, cooldown, attempts, panic, membership drop, max out, min healthy. An
// operator's intent (Rule "operator:NAME") is held by all of them but the age
// of facts and ownership.
//
// # Rehearsal
//
// A [Rehearsal] judges intents by the same limits over members that are only
// told to it, with no log and no machine: what would have been let through.
//
// # What it does not do
//
// It does not fence an actuator that cannot remember (HAProxy cannot); it waits
// out the lease instead, which needs the caller's and the balancer's idea of a
// second to agree, not their clocks. It cannot tell its own call whose answer
// was lost from the same change by another hand at that moment, and takes it for
// its own. Two guards on one log are kept apart by the log's lock.
//
// # Example
//
//	limits := actions.DefaultLimits()
//	limits.Verbs = []actions.Verb{actions.Drain, actions.Restore}
//	guard, err := actions.NewGuard(ctx, actions.Config{
//		Log:    log,
//		Groups: []actions.Group{{Name: "web", Executor: haproxy, Limits: limits}},
//	})
//	if err != nil {
//		return err
//	}
//	go guard.Run(ctx) // owned by the caller, who waits for it
//	outcome, err := guard.Submit(ctx, intent)
package actions
