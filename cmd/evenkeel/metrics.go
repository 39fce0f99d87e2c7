package main

import (
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/cmd/internal/console"
	"github.com/evenkeel/evenkeel/facts/source"
)

// metrics returns the numbers of the process: every count that a part keeps.
func (l *loop) metrics() []console.Metric {
	one := func(name, help string, v int64) console.Metric {
		return console.Metric{Name: "evenkeel_" + name, Help: help, Kind: console.Counter, Samples: console.One(v)}
	}
	log, broker, engine := l.log.Stats(), l.bus.Stats(), l.engine.Stats()
	all := []console.Metric{
		one("log_appended_total", "Entries appended to the log.", log.Appended),
		one("log_commits_total", "Transactions of the log: two syncs of the disk and one signature each.", log.Commits),
		one("log_failed_total", "Transactions of the log that failed.", log.Failed),
		one("bus_published_total", "Facts, intents and results that the broker has.", int64(broker.Published)),
		one("bus_failed_total", "Facts, intents and results that could not be published.", int64(broker.Failed)),
		one("bus_handled_total", "Facts handled and acknowledged.", int64(broker.Handled)),
		one("bus_retried_total", "Facts returned because their handling failed.", int64(broker.Retried)),
		one("bus_refused_total", "Messages that were not facts.", int64(broker.Refused)),
		one("bus_reconnects_total", "Times the connection to the broker came back.", int64(broker.Reconnects)),
		one("outbox_dropped_total", "Announcements that did not reach the broker.", l.outbox.dropped.Load()),
		one("facts_accepted_total", "Facts recorded and decided upon.", engine.Accepted),
		one("facts_refused_total", "Facts recorded as refused.", engine.Refused),
		one("facts_duplicate_total", "Facts delivered again.", engine.Duplicates),
		one("intents_total", "Intents taken for the guard.", engine.Intents),
		one("intents_dropped_total", "Intents that never came to the guard: too many waited for a balancer.", l.desk.dropped.Load()),
		one("intents_withheld_total", "Intents not submitted because of the mode of the group.", engine.Withheld),
		one("rules_faults_total", "Rules that could not be evaluated or were put aside, summed over decisions.", engine.Faults),
		one("decisions_cut_total", "Decisions that stopped before the last rule: they tell humans at most.", engine.Cut),
		{Name: "evenkeel_log_entries", Help: "Entries in the log.", Kind: console.Gauge, Samples: console.One(log.Size)},
		{Name: "evenkeel_intents_waiting", Help: "Intents that wait for a balancer or are in hand.", Kind: console.Gauge, Samples: console.One(l.desk.waiting.Load())},
		{Name: "evenkeel_bus_connected", Help: "1 while the broker can be reached.", Kind: console.Gauge, Samples: console.One(truth(broker.Connected))},
	}
	return append(append(all, l.guardMetrics()...), append(append(l.sourceMetrics(), l.pushMetrics()...), l.standingMetrics())...)
}

func (l *loop) guardMetrics() []console.Metric {
	s := l.guard.Stats()
	outcomes := console.Metric{Name: "evenkeel_outcomes_total", Help: "Outcomes recorded, by result.", Kind: console.Counter}
	for _, r := range slices.Sorted(maps.Keys(s.Outcomes)) {
		outcomes.Samples = append(outcomes.Samples, console.Sample{Label: "result", Text: string(r), Value: float64(s.Outcomes[r])})
	}
	refusals := console.Metric{Name: "evenkeel_refusals_total", Help: "Intents held back, by limit.", Kind: console.Counter}
	for _, r := range slices.Sorted(maps.Keys(s.Refusals)) {
		refusals.Samples = append(refusals.Samples, console.Sample{Label: "limit", Text: r, Value: float64(s.Refusals[r])})
	}
	return []console.Metric{outcomes, refusals,
		{Name: "evenkeel_acts_open", Help: "Acts that have not ended.", Kind: console.Gauge, Samples: console.One(len(l.guard.Open()))},
		{Name: "evenkeel_stopped", Help: "1 while the stop switch is on, for everything, a group or a rule.", Kind: console.Gauge,
			Samples: console.One(truth(len(l.guard.Stops()) > 0))},
		{Name: "evenkeel_readback_failed_total", Help: "Read-backs of a balancer that failed.", Kind: console.Counter, Samples: console.One(s.Unreachable)}}
}

// sourceMetrics counts the ticks of the sources that count them.
func (l *loop) sourceMetrics() []console.Metric {
	frames := console.Metric{Name: "evenkeel_source_frames_total", Help: "Ticks that gave a frame.", Kind: console.Counter}
	partial := console.Metric{Name: "evenkeel_source_partial_total", Help: "Frames from which members or metrics were missing, because they could not be read.", Kind: console.Counter}
	silent := console.Metric{Name: "evenkeel_source_silent_total", Help: "Ticks that gave none.", Kind: console.Counter}
	missed := console.Metric{Name: "evenkeel_source_missed_total", Help: "Ticks that passed while a reading was late.", Kind: console.Counter}
	for _, g := range l.config.Groups {
		p, ok := g.Source.(interface{ Stats() source.PollerStats })
		if !ok {
			continue
		}
		s := p.Stats()
		frames.Samples = append(frames.Samples, console.Sample{Label: "group", Text: g.Name, Value: float64(s.Frames)})
		partial.Samples = append(partial.Samples, console.Sample{Label: "group", Text: g.Name, Value: float64(s.Partial)})
		silent.Samples = append(silent.Samples, console.Sample{Label: "group", Text: g.Name, Value: float64(s.Silent)})
		missed.Samples = append(missed.Samples, console.Sample{Label: "group", Text: g.Name, Value: float64(s.Missed)})
	}
	unpublished := console.Metric{Name: "evenkeel_facts_unpublished_total", Help: "Facts given up by their watcher: the broker was away until they expired.", Kind: console.Counter}
	for i, g := range l.config.Groups {
		unpublished.Samples = append(unpublished.Samples, console.Sample{Label: "group", Text: g.Name, Value: float64(l.watchers[i].Stats().Dropped)})
	}
	return []console.Metric{frames, partial, silent, missed, unpublished}
}

func (l *loop) standingMetrics() console.Metric {
	m := console.Metric{Name: "evenkeel_ready", Help: "1 while the part works, by part.", Kind: console.Gauge}
	for _, c := range l.standings.report().Checks {
		m.Samples = append(m.Samples, console.Sample{Label: "part", Text: c.Part, Value: float64(truth(c.OK))})
	}
	return m
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
