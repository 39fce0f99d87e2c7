package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// The demo's times, all after the onset unless said otherwise.
const (
	lastAnswers   = sim.DefaultTimeout + time.Second // after the watch, for the fate of its last requests
	learnMore     = time.Minute                      // beyond the baseline, for a pool that did not come to rest
	disturbance   = 30 * time.Second                 // a surge, or a slow dependency, lasts
	mendAfter     = 10 * time.Second                 // after the drain: somebody mends the member
	storyStep     = 20 * time.Millisecond            // how finely the story keeps time
	progressAfter = 10 * time.Second                 // between two lines on how it is going
)

// demoStory keeps the demo's time, tells it, and measures. It is for one
// goroutine.
type demoStory struct {
	c     demoConfig
	out   io.Writer
	stage *demoStage

	opened   bool
	learnt   bool      // the detector certifies what was declared
	begun    time.Time // the loop's start
	onset    time.Time
	alarm    time.Time // first on the victim
	drained  time.Time // victim
	mended   time.Time // or the disturbance's end
	progress time.Time // last line on how it is going
	summed   bool      // that was said

	standing map[string]bool // members whose alarm stands
	alarms   int             // that began
	told     map[string]bool // what is worth a line only once
	acted    map[string]bool // healthy members that were acted on

	result demoResult
}

func newDemoStory(c demoConfig, out io.Writer) *demoStory {
	return &demoStory{c: c, out: out, standing: map[string]bool{}, told: map[string]bool{}, acted: map[string]bool{},
		result: demoResult{Members: c.members, Rate: c.rate, Fault: c.kind.String(), Member: c.victim}}
}

// say tells a line with the seconds since the onset; before it, those until it
// is due, negative.
func (s *demoStory) say(format string, args ...any) {
	zero := s.onset
	if zero.IsZero() {
		zero = s.due()
	}
	fmt.Fprintf(s.out, "%7.1f s  %s\n", time.Since(zero).Seconds(), fmt.Sprintf(format, args...))
}

// once tells a line that is told once only, whatever it says in the end.
func (s *demoStory) once(key, format string, args ...any) {
	if !s.told[key] {
		s.told[key] = true
		s.say(format, args...)
	}
}

// due returns when the fault is to begin.
func (s *demoStory) due() time.Time { return s.begun.Add(s.c.baseline + s.c.pause) }

// open tells what there is.
func (s *demoStory) open(stage *demoStage, dir string) {
	s.stage, s.opened, s.begun = stage, true, time.Now()
	s.result.Balancer = stage.front.Version
	kept := "gone at the end"
	if s.c.data != "" {
		kept = "kept"
	}
	fmt.Fprintf(s.out, "evenkeel demo: %d members behind %s at %s, %g requests a second, fault %s, seed %d\n",
		s.c.members, stage.front.Version, stage.front.URL, s.c.rate, s.c.kind, s.c.seed)
	fmt.Fprintf(s.out, "everything is written to %s, %s; Ctrl-C ends it\n\n", dir, kept)
	s.say("learning for %v how this pool behaves when it is well", s.c.baseline)
}

// run keeps the story going until it has ended or live does.
func (s *demoStory) run(live context.Context, events <-chan loopEvent) error {
	clock := time.NewTicker(storyStep)
	defer clock.Stop()
	for {
		select {
		case <-live.Done():
			s.sumUp()
			return nil
		case e := <-events:
			s.hear(e)
		case now := <-clock.C:
			if ended, err := s.step(now); ended || err != nil {
				return err
			}
		}
	}
}

// step does what is due, and reports whether the story has ended.
func (s *demoStory) step(now time.Time) (ended bool, err error) {
	switch {
	case s.onset.IsZero():
		return false, s.await(now)
	case s.mended.IsZero() && s.mendDue(now):
		s.mended = now
		if err := s.stage.end(s.c); err != nil {
			return false, err
		}
		s.say("%s", mending(s.c))
	}
	if !s.summed && s.answered(now) {
		s.sumUp()
		return s.c.once, nil
	}
	if now.Sub(s.progress) >= progressAfter && !s.summed {
		s.progress = now
		s.tellLoss(now)
	}
	return false, nil
}

// mendDue reports whether what was begun is to end now. A drained member is
// mended; a fault that nobody acts on lasts.
func (s *demoStory) mendDue(now time.Time) bool {
	switch s.c.kind.Kind {
	case sim.Surge, sim.Dependency:
		return now.After(s.onset.Add(disturbance))
	case sim.Restart, sim.None:
		return false
	}
	return !s.drained.IsZero() && now.After(s.drained.Add(mendAfter))
}

// await begins the fault when it is due and the detector has learnt enough. It
// gives up on a pool that teaches it nothing.
func (s *demoStory) await(now time.Time) error {
	switch {
	case now.Before(s.due()):
		return nil
	case s.learnt:
		return s.strike(now)
	case now.After(s.due().Add(learnMore)):
		return &exitError{exitFailed, fmt.Errorf("demo: %v were not enough to learn how the pool behaves when it is well", s.c.baseline+learnMore),
			"is the machine busy with something else? try a lower --rate, or a longer --baseline"}
	}
	s.once("learning", "still learning: the pool is not calm enough")
	return nil
}

// strike begins the fault.
func (s *demoStory) strike(now time.Time) error {
	if err := s.stage.begin(s.c); err != nil {
		return err
	}
	s.onset, s.progress = now, now
	s.result.Baseline = now.Sub(s.begun).Truncate(time.Millisecond).Seconds()
	s.say("%s", striking(s.c))
	if share := expectedLoss(s.c); share > 0.05 {
		s.say("without a remedy about %.0f %% of all requests will be lost, for as long as it lasts", 100*share)
	}
	return nil
}

// answered reports whether the watch is over and what became of its requests
// is known.
func (s *demoStory) answered(now time.Time) bool {
	end := s.onset.Add(s.c.watch)
	return now.After(end) && (s.watched().Pending() == 0 || now.After(end.Add(lastAnswers)))
}

// watched returns what became of the requests after the onset.
func (s *demoStory) watched() sim.Tally {
	return s.stage.client.Tally(s.onset, s.onset.Add(s.c.watch))
}

// tellLoss tells how the last seconds went.
func (s *demoStory) tellLoss(now time.Time) {
	t := s.stage.client.Tally(now.Add(-progressAfter), now)
	s.say("the last %.0f s: %.1f %% of %d requests lost, the others took %d ms", progressAfter.Seconds(),
		100*t.LostShare(), t.Sent, t.MeanLatency().Milliseconds())
}

// sumUp measures the time after the onset, or what there was of it.
func (s *demoStory) sumUp() {
	if s.summed || s.onset.IsZero() {
		return
	}
	s.summed = true
	s.result.Alarm, s.result.Drained = seconds(s.onset, s.alarm), seconds(s.onset, s.drained)
	s.result.HealthyMembersActed = len(s.acted)
	end := s.onset.Add(s.c.watch)
	t := s.watched()
	if time.Now().Before(end) {
		s.say("ended after %d requests, %.1f %% of them lost", t.Sent, 100*t.LostShare())
		return
	}
	s.result.Lost = rounded(t.LostShare(), 5)
	s.say("the first %.0f s: %.1f %% of %d requests lost%s", s.c.watch.Seconds(), 100*t.LostShare(), t.Sent, comparison(s.c))
	if !s.drained.IsZero() && s.drained.Before(end) {
		after := s.stage.client.Tally(s.drained, end)
		s.result.LostAfterDrain = rounded(after.LostShare(), 5)
		s.say("after the drain: %.2f %%", 100*after.LostShare())
	}
	if n := len(s.acted); n > 0 {
		s.say("acted on %d members that were well: that should not happen", n)
	}
	if !s.c.once {
		s.say("the loop goes on; Ctrl-C ends it")
	}
}

// audited tells what an auditor finds.
func (s *demoStory) audited(dir string) {
	word := "verified"
	if !s.result.Audit.Verified {
		word = "NOT VERIFIED"
	}
	fmt.Fprintf(s.out, "\naudit log: %d entries, %s offline\n", s.result.Audit.Entries, word)
	if s.c.data != "" {
		fmt.Fprintf(s.out, "look at it with: evenkeel audit show --data %s\n", dir)
	}
}
