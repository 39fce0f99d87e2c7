package rival

import (
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts/detect"
)

// scoreSeries alarms each member by its own sliding threshold and compares that
// with the segments.
func scoreSeries(name string, r *Run, scores [][]float64, s *Series, c detect.Config) SeriesScore {
	out := SeriesScore{Method: name, Segments: len(s.Segments), HitRate: -1}
	alarmed := make([][]bool, len(r.ticks))
	for t := range alarmed {
		alarmed[t] = make([]bool, len(r.members))
	}
	for m := range r.members {
		slideMember(r, scores, m, c, alarmed)
	}
	var delays, hits []float64
	for i := range s.Segments {
		g := &s.Segments[i]
		t, found := firstAlarm(r, alarmed, g)
		if !found {
			continue
		}
		out.Found++
		delays = append(delays, r.ticks[t].at.Sub(g.From).Seconds())
		if name == oursName && g.Metrics != nil {
			hits = append(hits, hitRate(r.ticks[t].why(slices.Index(r.members, g.Member)), g.Metrics))
		}
	}
	slices.Sort(delays)
	out.MedianDelay = middleOf(delays)
	if len(hits) > 0 {
		out.HitRate = mean(hits)
	}
	countHealthy(r, alarmed, s, c.Epoch, &out)
	if out.HealthyEpochs > 0 {
		out.Realised = float64(out.FalseAlarms) / float64(out.HealthyEpochs)
	}
	out.FalseAlarmLow, out.FalseAlarmHigh = clopperPearson(out.FalseAlarms, out.HealthyEpochs, confidence)
	return out
}

// slideMember marks the ticks at which member m is above the threshold of its
// last epochs.
func slideMember(r *Run, scores [][]float64, m int, c detect.Config, alarmed [][]bool) {
	var past []float64
	limit, peak, epoch := math.Inf(1), 0.0, 0
	for t, tick := range r.ticks {
		if e := epochOf(tick.at, r.start, c.Epoch); e != epoch {
			past = append(past, peak)
			past = past[max(0, len(past)-slideEpochs):]
			limit, peak, epoch = threshold(past, c.Alpha), 0, e
		}
		if s := scores[t][m]; s > 0 {
			peak = max(peak, s)
			alarmed[t][m] = s > limit
		}
	}
}

// firstAlarm returns the tick of the segment's first alarm of its member.
func firstAlarm(r *Run, alarmed [][]bool, g *Segment) (t int, found bool) {
	m := slices.Index(r.members, g.Member)
	for t, tick := range r.ticks {
		if m >= 0 && alarmed[t][m] && g.holds(g.Member, tick.at) {
			return t, true
		}
	}
	return 0, false
}

// why returns the features behind our score of a member at this tick.
func (t *tick) why(member int) []string {
	for _, row := range t.rows {
		if row.member == member {
			return row.why
		}
	}
	return nil
}

// hitRate returns the share of the true names that are among as many of the
// first.
func hitRate(named, truth []string) float64 {
	hits := 0.0
	for _, n := range named[:min(len(named), len(truth))] {
		if slices.Contains(truth, n) {
			hits++
		}
	}
	return hits / float64(len(truth))
}

func mean(s []float64) float64 {
	sum := 0.0
	for _, v := range s {
		sum += v
	}
	return sum / float64(len(s))
}

// countHealthy counts each member's complete epochs after s.From that no
// segment of it touches, and those with an alarm.
func countHealthy(r *Run, alarmed [][]bool, s *Series, epoch time.Duration, out *SeriesScore) {
	last := r.ticks[len(r.ticks)-1].at
	complete := int(last.Sub(r.start) / epoch)
	for m, name := range r.members {
		sick, loud := make([]bool, complete+1), make([]bool, complete+1)
		own := slices.DeleteFunc(slices.Clone(s.Segments), func(g Segment) bool { return g.Member != name })
		for t, tick := range r.ticks {
			e := epochOf(tick.at, r.start, epoch)
			loud[e] = loud[e] || alarmed[t][m]
			for i := range own {
				sick[e] = sick[e] || own[i].holds(name, tick.at)
			}
		}
		for e := range complete {
			if sick[e] || r.start.Add(time.Duration(e)*epoch).Before(s.From) {
				continue
			}
			out.HealthyEpochs++
			if loud[e] {
				out.FalseAlarms++
			}
		}
	}
}
