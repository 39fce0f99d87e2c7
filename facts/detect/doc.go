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
// # The tests
//
// Each tick goes through the steps below to the score U of each member against
// its peers. Three more statistics are computed once a block of some ticks, and
// each of the four is held against a history of its own. Notation: member i,
// feature k, tick t.
//
// # Features
//
// In feature.go and measure.go. Rates per weight, levels and times enter as
// y = log(1+x), shares and utilisations as they are. What a request is worth
// (bytes, processor time, downstream calls, completions, successes) enters as a
// ratio that is drawn to the group's own baseline ratio ρ when few requests are
// behind it,
//
//	y = (num + c·ρ)/(den + c), c = 5 requests,
//
// the logarithm of it for amounts. Ratios survive any balancing rule. A value
// that is missing is no evidence.
//
// # Residuals
//
// In residual.go, group.go, baseline.go and warmup.go. Each member against the
// median of the others, so that it cannot drag its own reference,
//
//	μ = median over j≠i of y_j,  z = (y − a − g·μ)·precision/s,
//
// with offset a, slope g and scale s fitted in the warm-up, and the precision
// that the number of requests gives. Load, season, surge, a slow dependency:
// all that is common falls out.
//
// # Scores
//
// In rank.go. The normal score of the mid-rank of z among the m residuals of
// health, with a tail beyond their 99 % point z99 that grows with the logarithm,
//
//	v = Φ⁻¹((rank + 1/2)/(m + 1)) + 1.5·sign(z)·log(max(1, |z|/z99)).
//
// Rare spikes do not set the threshold, and a black hole is still larger than a
// rank can say.
//
// # Statistic
//
// In window.go, law.go and judge.go. Over trailing windows of several lengths,
// with W the mean of v over a window and Σ its covariance in health, drawn to the
// identity,
//
//	S = √(W'·Σ⁻¹·W)/q,  U = max over windows of S,
//
// q the 99 % point of the root in health. When the whole group is stirred up, S
// is taken against the middle of the others'. Any function could stand here: what
// is promised does not depend on it.
//
// In missing.go. A window in which a feature is missing for longer than it ever
// was in health does without it: S is then that of the other features and their
// own Σ, over the same q. To count what is missing as usual would make evidence
// of whatever goes together with it.
//
// # Statistics over blocks
//
// In block.go, creep.go, history.go and blocks.go. Over means of blocks, some
// twelve ticks, never more than a fifth of an epoch; a score counts until the
// next block ends.
//
//   - own: a member against its own level at this hour of the day, less what the
//     whole group moved;
//   - common: the group's median against its past at this hour. It is never an
//     imbalance, and says which way the group has shifted;
//   - anchor: the fading mean of a member's residuals against the cells that
//     the baseline began with, which do not slide: slow creep. It needs an epoch
//     to come and to go, and hears nothing of what is sudden.
//
// # Thresholds
//
// In conformal.go, test.go and epoch.go. With M_1 … M_m the largest U of any
// member in each of the last m healthy epochs, T1 alarms when U exceeds the
// ⌈(1−α)(m+1)⌉-th smallest. If M_1 … M_m and the M of the running epoch are
// exchangeable, its rank among them is uniform (ties are broken by a hash, as
// good as random), so
//
//	P(any alarm of the group during the epoch) ≤ α,
//
// for any dependence between ticks, metrics and members, and whenever in the
// epoch the alarm is given: the running maximum exceeds the threshold at some
// time if and only if the epoch's does. It is the conformal test of an anomaly
// (Laxhammar and Falkman) with the epoch as the example and ties smoothed (Vovk,
// Gammerman and Shafer), and holds on average over calibrations, not given the
// one at hand; p-values that share a calibration depend on each other (Bates et
// al.), which is why nothing here multiplies them. Epochs that depend on each
// other keep the rate nearly, under weak assumptions on the score (Chernozhukov,
// Wüthrich and Zhu, of time series permuted in blocks): choose them long against
// the windows. The history slides, so that it forgets.
//
// With m epochs nobody can honestly promise less than 1/(m+1): the fact says what
// is certified beside what is declared, and rules may ask for it. Beside it stands
// what is assured, T4: the rate that holds with 95 % confidence given this very
// history (tolerance.go).
//
// The declared α is shared ([Shares]). A test beside the peers' joins when its
// history could certify its share, (m+1)·α·share ≥ 1, which depends on m alone;
// until then the peers' test has it. So the alarms of all together keep α by the
// union bound, an alarm stands while any test is exceeded, and the fact tells
// the one that is exceeded most. What is certified and assured are sums over the
// tests that have joined. A test that never joins costs nothing but time.
//
// T2, for alike members and little history, takes the ⌊α(m+1)⌋-th largest of all
// cells members × epochs. If the law of that array does not change when members
// or epochs are permuted, it bounds by α the expected number of members falsely
// alarmed in an epoch. A margin on the threshold makes either test stricter by an
// amount that nothing certifies. The p-value in a fact is the member's rank among
// all cells while a test at the level 0.01 finds no member unlike the others,
// else among its own epochs (exchange.go); the health fact says which. The
// e-value is a bet on the rank among the epochs' maxima (bets.go): for all
// members of the group at once its mean in health is at most 1, at any tick, so
// that e-BH may be asked about many groups together ([Discoveries], T6).
//
// T3 gathers evidence over epochs (sequential.go, slow.go): it alarms at the
// close of an epoch, for the next one, on average at most once in 1/(α·share)
// epochs in health. T5 holds a test's alarms to its α for any data at all
// (budget.go): after twelve alarms more than that allows, its threshold rises
// above that of the history. Its T counts the epochs that are learnt.
//
// # Attribution
//
// In attribute.go. With P the inverse covariance of the window sums w and h = P·w,
//
//	t_k = h_k²/P_kk
//
// is by how much S² = w'·P·w would fall were w_k what the other features predict
// by least squares; the fact lists sign(w_k)·√t_k.
//
// For own, the values of the peers are those usual for the member at this hour.
//
// # Learning
//
// Health is learnt, never assumed: from the group itself, which takes a warm-up
// and then epochs ("ageing", in facts of kind health), or at once from healthy
// recordings of groups of the same kind ([Learner], [Calibrate]), which calibrate
// the peers' test alone. Learning never blocks: membership is told from the
// first frame.
//
// An epoch with an alarm that ended by itself is learnt as it was seen: it may
// have been a false one, and to leave those out, or to count them for less than
// they were, would lower the threshold with each. A fault that nobody saw to
// costs power until it slides out of the history, or a person says what it was
// ([Detector.Label]). Nothing is learnt from an epoch in which somebody acted
// ([Detector.Acted]) or an alarm ended because its member left or restarted, nor
// from one that was under alarm from end to end.
//
// # Baselines
//
// In version.go. Baselines are told apart by versions. A new one begins when the
// first is fitted, when a member came back as a new process, when others are in
// service for longer than a restart takes, when a metric was taken in, and at a
// person's word ([Detector.Reset]). T3 begins anew with it, and the anchor of the
// member that came back. Facts name the digest of the version.
//
// # Storing
//
// In learnt*.go and resume.go. A [Detector] gives what it has learnt as
// one value ([Detector.Learnt]), of which the same state gives
// the same bytes ([Learnt.Encode], [DecodeLearnt]), and another one goes on with
// it ([Config.Learnt]): under the same version, law and thresholds, judging from
// the first frame on. Windows, alarms and the running epoch begin anew; so does
// the sample that the laws over blocks are learnt from, and the next such law
// waits for a full one. When more time has passed than cells slide in, members
// are fitted anew, as those are that come late, and a new version begins; what
// slides by itself, thresholds and pasts, is kept.
//
// # Sliding
//
// In block.go, slide.go and late.go. What is slow looks at means over blocks of
// a few ticks. At the end of each the offset and the scale of every member follow
// it by a bounded step, with a time constant of a day or more, so that drift is
// no alarm and a burst is not learnt; not while an alarm stands on it, while it
// settles, or in an epoch with an act. Beside them an anchor keeps what the
// baseline began with, to find what creeps. A metric that appears later is fitted
// by itself while the rest goes on.
//
// On five-minute samples of real servers the calibration that goes on learning
// keeps what it promises within [.5, 1.3], and the one that is frozen gives up to
// 37 times as many false alarms (real_test.go).
//
// # Cohorts
//
// In cohort.go and accuse.go. The peers of a member are those of its rack or
// version, when there are at least four. The medians of cohorts are held up to
// each other and judged as one more member each, by the same law, windows and
// threshold: M is the largest U of any member or cohort, and α is for both
// together. A rack that moves as one is told as such, with no member named; so
// is one of which half of the members alarm, at least two, counting those that
// left under alarm. Meanwhile its members are told to be watched, once each, and
// alarm no more: what hits a rack is no reason to take its members out one by
// one. Of two cohorts with names nothing tells which moved, as with two members.
// A detector with a calibration of recordings, or with T2, tells cohorts by their
// members' alarms alone.
//
// # Presence
//
// In member.go and presence.go. A member that is drained, in maintenance or down
// is not judged and nobody's peer; after its return it settles first. It is
// absent when it has no row, when there is a balancer that tells nothing of it,
// or when there is no balancer and more than a third of its features is missing.
// With a balancer, a dead metrics page hides nobody: the member is judged on what
// the balancer sees. Only a member that refuses connections without a page, or
// whose counters have just begun anew, counts as restarting, for a few ticks.
//
// With two members nothing between them tells who is sick: the alarm is the
// group's, and names a member only when that one alone is unlike its own past.
// With one there is nothing to compare but its past.
//
// The same frames give the same facts, byte for byte: there is no clock, no
// random number and no map order in a [Detector], the order of summation is
// fixed, and no product is fused with a sum.
//
// # Cost
//
// Measured in cells: one cell is one feature of one member at one tick, however
// many metrics the feature is made of. Statistics over blocks cost about as much
// as a tick once a block. The end of an epoch costs some milliseconds, whatever the number of
// epochs behind the thresholds: their order is kept, and whether members are
// alike is found out when it is asked. A fact about an alarm looks through the
// cells for its p-value. Each test holds 40 bytes an epoch, and at most 2 MiB of
// cells.
//
// # What it does not do
//
// It does not tell a sick half of a group from the healthy half, nor what is
// wrong with a group that moves as one (group_state.shift says that it moves).
// A test joins late where the declared rate is low: for 1 per 30 days, hours as
// epochs and a share of a tenth after 300 days, unless it is given a larger share.
// What a member shows of its own past is not certified before.
// Epochs are not told apart by the hour: where the statistic of the peers
// differs between day and night, the rate is kept on average over both. A law
// that is learnt anew changes the scale of scores a little; histories go on. It
// writes no file, as what it has learnt is the caller's to store, and acts on
// nothing.
//
// # Sources
//
//   - R. Laxhammar, G. Falkman: Inductive conformal anomaly detection for
//     sequential detection of anomalous sub-trajectories. Annals of Mathematics
//     and Artificial Intelligence 74 (2015), abstract.
//   - V. Vovk, A. Gammerman, G. Shafer: Algorithmic Learning in a Random World.
//     Springer, 2005.
//   - S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia: Testing for outliers with
//     conformal p-values. Annals of Statistics 51 (2023), arXiv:2104.08279,
//     abstract.
//   - V. Chernozhukov, K. Wüthrich, Y. Zhu: Exact and robust conformal inference
//     methods for predictive machine learning with dependent data. COLT 2018,
//     arXiv:1802.06300, abstract.
//
// Those of T3 to T6 stand with their types.
package detect
