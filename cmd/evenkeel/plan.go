package main

import (
	"cmp"
	"errors"
	"fmt"
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
	d := detect.Config{Group: c.Name, Tick: c.Tick, Epoch: c.Epoch, Alpha: c.Epoch.Seconds() / c.FalseAlarms.Seconds(), Margin: c.Margin,
		Warmup: cmp.Or(c.Warmup, learnTicks*c.Tick), MinEpochs: learnEpochs,
		DeclaredOnly: c.DeclaredOnly, Ignore: c.Ignore, Cohorts: c.Cohorts}
	for _, f := range c.Features {
		d.Features = append(d.Features, detect.Feature{Name: f.Name, Form: detect.Form(f.Kind), Of: f.Of, Per: f.Per, LessGrowth: f.LessGrowth})
	}
	return d
}

// plan says what is to be expected of a group, on one line.
func plan(site *config.Config, c *config.Group) (string, error) {
	d := detectFor(c)
	d.Env = site.Env
	a, err := d.Ages()
	if err != nil {
		return "", fmt.Errorf("group %s: %w", c.Name, err)
	}
	text := c.Name + ": observe; "
	if site.Trust != "" && c.Mode != config.Observe {
		text = c.Name + ": observe, and " + string(c.Mode) + " by what two people approved; "
	}
	if c.Backfill > 0 {
		text += "learns from " + span(c.Backfill) + " of the past; then "
	}
	text += fmt.Sprintf("first alarm %s, 1 per %s certified %s, ",
		later(a.Judged-c.Backfill), span(c.FalseAlarms), later(a.Certified-c.Backfill))
	if a.Compared > 0 {
		text += "tests against the past join " + later(a.Compared-c.Backfill)
	} else {
		text += "tests against the past never join: they take longer epochs"
	}
	if c.Mode != config.Observe && site.Trust == "" {
		text += fmt.Sprintf("; not %s: %s", c.Mode, whyObserve)
	}
	return text, nil
}

// later says when something comes that is d away.
func later(d time.Duration) string {
	if d <= 0 {
		return "at once"
	}
	return "after " + span(d)
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
