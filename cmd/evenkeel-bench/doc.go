// Command evenkeel-bench measures what evenkeel costs on this machine, with
// the parts that run in production: the embedded broker, the log on a real
// disk, the engine with a real pack.
//
//	evenkeel-bench loop              # a table
//	evenkeel-bench loop -o json      # one object
//	evenkeel-bench loop --dir /data  # on the disk that holds /data
//	evenkeel-bench servers --asd DIR --d2 DIR  # promised and realised rates on real servers
//
// It measures
//
//   - decide: from the publication of a fact to its decision being durable in
//     the log, at a paced rate; the median and the 99th percentile of a run.
//     The rate is what was reached, when the machine cannot keep up with the
//     one asked for.
//   - frames: nanoseconds a cell (a feature of a member) from a frame to its
//     facts, on a group in health.
//   - appends: entries a second that 256 producers make durable together.
//
// and, as a command of its own,
//
//	evenkeel-bench calibration --runs 20 --seed 1
//
// counts the epochs in which a detector alarms on synthetic groups in health,
// beside the number that its thresholds promise: for groups of 3 to 1,000
// members, five laws of their metrics, and four declared rates. Groups of 1,000
// take most of its time, some minutes for each run; --members leaves them out.
//
// Every number of the first kind is the median of several runs; the lowest and highest run stand
// beside it, since on a machine with neighbours they say more than the median.
package main
