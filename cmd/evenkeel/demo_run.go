package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/evenkeel/evenkeel/actions/executor"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

// runDemo plays the demo: the story goes to stdout, or to stderr when stdout
// gets the result as JSON.
func runDemo(ctx context.Context, c demoConfig, stdin io.Reader, stdout, stderr io.Writer) error {
	say := stdout
	if c.output == "json" {
		say = stderr
	}
	dir, done, err := demoDir(c.data)
	if err != nil {
		return err
	}
	story := newDemoStory(c, say)
	err = playDemo(ctx, c, dir, story)
	err = errors.Join(err, story.verify(dir))
	if err == nil && c.output == "text" && ctx.Err() == nil {
		err = offerSignature(ctx, dir, c.data != "", stdin, stdout)
	}
	if err = errors.Join(err, done()); err != nil {
		return err
	}
	if c.once && ctx.Err() != nil {
		return &exitError{exitFailed, errInterrupted, ""}
	}
	if c.output == "json" {
		return story.writeResult(stdout)
	}
	return nil
}

// eventsWaiting bounds what the loop has to tell and the story has not heard
// yet: it hears at once unless the terminal is held up, and a loop tells a few
// dozen a second.
const eventsWaiting = 4096

// playDemo runs stage, loop and story until the story ends, ctx does, or a part
// fails, and stops all of them in the reverse order of their start.
func playDemo(ctx context.Context, c demoConfig, dir string, story *demoStory) (err error) {
	live, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	parts := &crew{base: context.WithoutCancel(ctx), fail: fail, why: "the demo ended"}
	defer parts.stop()
	stage, err := openStage(live, parts, c, dir)
	if err != nil {
		return demoError(ctx, live, err)
	}
	events := make(chan loopEvent, eventsWaiting)
	from, closeSource, err := demoSource(stage)
	if err != nil {
		return err
	}
	defer closeSource()
	lc, err := demoLoop(c, dir, stage, from, func(e loopEvent) {
		select {
		case events <- e:
		default: // the terminal is held up: the log has it all the same
		}
	})
	if err != nil {
		return err
	}
	l, err := openLoop(live, lc)
	if err != nil {
		return demoError(ctx, live, err)
	}
	var loopErr error
	parts.start("loop", func(ctx context.Context) error {
		loopErr = l.Run(ctx)
		return loopErr
	})
	story.open(stage, dir)
	err = story.run(live, events)
	parts.stop() // also makes loopErr readable
	return demoError(ctx, live, errors.Join(err, loopErr))
}

// demoError returns why the demo failed: the part that broke first, if one did,
// else err, unless all there is to it is that the user ended the demo.
func demoError(ctx, live context.Context, err error) error {
	if ctx.Err() != nil {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	if live.Err() != nil {
		return context.Cause(live)
	}
	return err
}

// The demo's clock and statistics. A minute of history certifies little: the
// margin makes the test stricter by an amount that nothing certifies, and the
// facts say how little is certified.
const (
	demoTick   = time.Second
	demoEpoch  = 4 * time.Second  // above the longest window, so that neighbours have little in common
	demoWarmup = 16 * time.Second // the least that can be fitted
	demoSlack  = 3 * time.Second  // of the baseline, for the first readings
	demoMargin = 1.4
)

// demoDetect returns how the demo's detector learns within the baseline: two
// fifths of it are fitted, the rest is cut into epochs.
func demoDetect(baseline time.Duration) detect.Config {
	warmup := max(demoWarmup, (2 * baseline / 5).Truncate(demoTick))
	epochs := int((baseline - warmup - demoSlack) / demoEpoch)
	return detect.Config{
		Tick: demoTick, Epoch: demoEpoch, Warmup: warmup, Windows: []int{1, 3}, Pool: true,
		MinEpochs: epochs, Alpha: 1 / float64(epochs+1), // all that so many epochs can certify
		Margin: demoMargin,
	}
}

// demoSource returns what reads the stage, balancer and members at one tick,
// and what gives its connections back.
func demoSource(stage *demoStage) (frameSource, func(), error) {
	balancer, err := source.NewHAProxy(source.HAProxyConfig{Address: stage.front.Admin, Backend: demoGroup})
	if err != nil {
		return nil, nil, err
	}
	pages := map[string]string{}
	for _, s := range stage.pool.Servers() {
		pages[s.Name] = "http://" + s.Address + "/metrics"
	}
	members, err := source.NewPrometheus(source.PrometheusConfig{Group: demoGroup, Members: pages})
	if err != nil {
		return nil, nil, err
	}
	both, err := source.NewJoin(demoGroup, balancer, members)
	if err != nil {
		return nil, nil, err
	}
	poller, err := source.NewPoller(both, demoTick)
	return poller, members.Close, err
}

// demoLoop returns the loop over the stage.
func demoLoop(c demoConfig, dir string, stage *demoStage, from frameSource, observe func(loopEvent)) (loopConfig, error) {
	pack, err := readDemoPack()
	if err != nil {
		return loopConfig{}, err
	}
	hand, err := executor.NewHAProxy(executor.HAProxyConfig{Address: stage.front.Admin, Backend: demoGroup})
	if err != nil {
		return loopConfig{}, err
	}
	g := loopGroup{Name: demoGroup, Source: from, Detect: demoDetect(c.baseline), Executor: hand, Pack: pack, Mode: engine.Act}
	if c.noAct {
		g.Mode, g.Because = engine.Suggest, "--no-act"
	}
	return loopConfig{Data: dir, Env: demoEnv, Groups: []loopGroup{g}, Observe: observe}, nil
}

// verify checks the audit log offline, as an auditor would.
func (s *demoStory) verify(dir string) error {
	if !s.opened {
		return nil
	}
	r, err := audit.Verify(dir)
	if err != nil {
		return err
	}
	s.result.Audit = demoAudit{r.Entries, r.Verified}
	s.audited(dir)
	if !r.Verified {
		return &exitError{exitTampered, fmt.Errorf("demo: the audit log in %s does not verify: %d findings", dir, len(r.Findings)), ""}
	}
	return nil
}
