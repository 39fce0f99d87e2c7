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
// and, as commands of their own,
//
//	evenkeel-bench calibration --runs 20 --seed 1
//
// counts the epochs in which a detector alarms on synthetic groups in health,
// beside the number that its thresholds promise: for groups of 3 to 1,000
// members, five laws of their metrics, and four declared rates. Groups of 1,000
// take most of its time, some minutes for each run; --members leaves them out.
//
//	evenkeel-bench backtest  # 1,000,000 facts on 5,000 rules
//
// takes the time of a backtest from a file of facts to its report, that which the
// processors spent on it, and the heap that is in use at most, packs included;
// with --base two packs decide.
//
// Three more commands are about detection:
//
//	evenkeel-bench frames                       # groups of 10, 30, 1,000 and 10,000 members
//	evenkeel-bench detect --data DIR --svg FILE # DIR/*.csv.gz and DIR/labels.csv
//	evenkeel-bench detect --asd DIR             # or --d2 DIR
//
// frames measures what a detector takes of a core and of memory: nanoseconds a
// cell, million cells a second, the share of a core when a tick is a second, and
// the memory that is in use after it, garbage and frames excluded. The first run
// of a large group comes after some seconds of warm-up.
//
// detect compares the detectors with the methods that others use (package
// facts/rival), in one run, on the same features, at the same declared rate: on
// labelled recordings of groups, as "evenkeel demo --record" writes them, or on a
// public data set with a sample every five minutes. It draws the share of the
// faults found against the delay.
//
// Every number of time is the median of several runs; the lowest and highest run
// stand beside it, since on a machine with neighbours they say more than the
// median.
package main
