package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// How long a group is learnt from before it is judged. The epochs are the least
// from which a threshold means anything; more come by themselves.
const (
	learnTicks  = 600
	learnEpochs = 10
)

// detectFor returns how a configured group is watched.
func detectFor(c *config.Group) detect.Config {
	return detect.Config{Tick: c.Tick, Epoch: c.Epoch, Alpha: c.Epoch.Seconds() / c.FalseAlarms.Seconds(),
		Warmup: learnTicks * c.Tick, MinEpochs: learnEpochs}
}

// horizon returns when a healthy group is first judged, and when its history
// can certify the declared rate: m epochs certify one alarm in m+1.
func horizon(c detect.Config) (first, certified time.Duration) {
	const rounding = 1e-9 // of 1/Alpha, which is whole for most rates
	m := int(math.Ceil(1/c.Alpha-rounding)) - 1
	first = c.Warmup + time.Duration(c.MinEpochs)*c.Epoch
	return first, max(first, c.Warmup+time.Duration(m)*c.Epoch)
}

// plan says what is to be expected of a group, on one line.
func plan(c *config.Group) string {
	first, certified := horizon(detectFor(c))
	text := fmt.Sprintf("%s: observe; first alarm after %s, 1 per %s certified after %s", c.Name, span(first), span(c.FalseAlarms), span(certified))
	if c.Mode != config.Observe {
		text += fmt.Sprintf("; not %s: %s", c.Mode, whyObserve)
	}
	return text
}

// span writes a duration of which the largest two units matter.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		d = d.Round(time.Hour)
		text := fmt.Sprintf("%dd", d/day)
		if hours := d % day / time.Hour; hours > 0 {
			text += fmt.Sprintf("%dh", hours)
		}
		return text
	}
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// count returns "1 group", "2 groups".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// checkPacks reads and compiles the packs that c names, each once.
func checkPacks(c *config.Config) error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Groups {
		g := &c.Groups[i]
		if seen[g.Pack] {
			continue
		}
		seen[g.Pack] = true
		if err := checkGroupPack(g); err != nil {
			errs = append(errs, fmt.Errorf("group %s: %w", g.Name, err))
		}
	}
	return errors.Join(errs...)
}

func checkGroupPack(g *config.Group) error {
	p, err := groupPack(g)
	if err != nil {
		return err
	}
	if _, err = compilePack(p); err == nil {
		_, err = packLimits(p)
	}
	if err != nil {
		return packError(g.Pack, err)
	}
	return nil
}
