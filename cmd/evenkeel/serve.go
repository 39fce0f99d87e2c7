package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/actions/executor"
	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts/bus"
	"github.com/evenkeel/evenkeel/facts/source"
	"github.com/evenkeel/evenkeel/knowledge"
)

// whyObserve is why a group does not act, whatever its file says, as long as no
// rules that people approved are live.
const whyObserve = "acting needs rules that two people have approved"

// trialTime bounds the first readings of all sources together, at the start.
const trialTime = 2 * time.Second

func serveCommand() *cobra.Command {
	var file string
	var since days
	cmd := &cobra.Command{
		Use:   "serve -c FILE [--since DURATION]",
		Short: "Watch the configured groups until told to stop",
		Long: `Watch the groups of a configuration file: read their sources, detect, decide
and record. Until rules that two people approved are live every group runs in
mode observe: what would be done is in the log, and nothing is done.

With the key trust the daemon takes in what people sign: parcels and lone papers
from the folder inbox of the data directory, from the broker, and on the
console's address under /v1/papers; under /v1/changes everybody there may read
what was proposed. Without it nobody governs.

A group that a Prometheus server knows by query learns from the past first, as
far back as its key backfill says, or --since in place of it; a new group is
judged within minutes.

SIGTERM or Ctrl-C ends it: what is under way is finished and recorded first.
/healthz, /readyz and /metrics answer on the address console.listen.`,
		Example: "  evenkeel serve -c /etc/evenkeel/evenkeel.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return &exitError{exitUsage, errors.New("serve: no configuration file given"), "add -c evenkeel.yaml"}
			}
			return serve(cmd.Context(), file, time.Duration(since), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file")
	cmd.Flags().Var(&since, "since", "learn from the past first, from this long ago on, such as 14d or 36h")
	return cmd
}

// serve runs the loop that the file describes until ctx ends. If since is not
// 0, it stands for every backfill.
func serve(ctx context.Context, file string, since time.Duration, stderr io.Writer) error {
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	if since > 0 {
		for i := range c.Groups {
			c.Groups[i].Backfill = since
		}
	}
	lc, done, err := loopFor(ctx, c, logger)
	defer done()
	if err != nil {
		return err
	}
	l, err := openLoop(ctx, lc)
	if err != nil {
		return err
	}
	if err := keepPacks(c, lc); err != nil {
		return errors.Join(err, l.close())
	}
	logger.Info("serving", "env", c.Env, "data", c.Data, "console", "http://"+l.listener.Addr().String(), "groups", len(c.Groups))
	if err := l.Run(ctx); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

// keepPacks keeps the packs of the configuration, as those that people approve are
// kept: the log names them by their digests, and whoever makes its decisions again
// needs the bytes, also when the files were edited since.
func keepPacks(c *config.Config, lc loopConfig) error {
	for i := range c.Groups {
		p, err := readBothWays(c.Groups[i].Pack)
		if err != nil {
			return err
		}
		if p.Digest != lc.Groups[i].Pack.Digest {
			return fmt.Errorf("serve: %s changed while it was read: try again", c.Groups[i].Pack)
		}
		if _, err := (store{c.Data}).putBundle(p.files); err != nil {
			return err
		}
	}
	return nil
}

// loopFor returns the loop that c describes, and what gives the connections of
// its sources back.
func loopFor(ctx context.Context, c *config.Config, logger *slog.Logger) (lc loopConfig, done func(), err error) {
	lc = loopConfig{Keep: true, Data: c.Data, Env: c.Env, Console: c.Console.Listen, Digest: c.Digest, Trust: c.Trust, Logger: logger,
		Bus: bus.Config{URL: c.NATS.URL, CredsFile: c.NATS.Creds, CAFile: c.NATS.TLS.CA, CertFile: c.NATS.TLS.Cert, KeyFile: c.NATS.TLS.Key}}
	var closers []func()
	done = func() {
		for _, f := range closers {
			f()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	for i := range c.Groups {
		s, err := sourceFor(ctx, &c.Groups[i])
		closers = append(closers, s.close)
		var g loopGroup
		if err == nil {
			g, err = groupFor(ctx, c, &c.Groups[i], s, logger)
		}
		if err != nil {
			return lc, done, fmt.Errorf("group %s: %w", c.Groups[i].Name, err)
		}
		lc.Groups = append(lc.Groups, g)
	}
	return lc, done, nil
}

// groupFor returns the group that c describes, with its source. Where no people
// register is pinned nobody can have approved anything: the group observes, and
// its hand is one that touches nothing.
func groupFor(ctx context.Context, site *config.Config, c *config.Group, s *groupSource, logger *slog.Logger) (g loopGroup, err error) {
	if c.Backfill > 0 && s.server == nil {
		logger.Warn("nobody remembers the past of this group: it begins to learn now", "group", c.Name)
		c.Backfill = 0
	}
	if err := try(ctx, c.Name, s, logger); err != nil {
		return g, err
	}
	poller, err := source.NewPoller(s, c.Tick)
	if err != nil {
		return g, err
	}
	pack, err := groupPack(c)
	if err != nil {
		return g, err
	}
	g = loopGroup{Name: c.Name, Source: poller, Pack: pack, Mode: engine.Observe, Because: whyObserve, Push: s.port, Detect: detectFor(c)}
	if site.Trust != "" { // what is live says how far it may go, and the file may lower that
		g.Mode, g.Because = engine.Mode(c.Mode), ""
	}
	if c.Backfill > 0 {
		g.Past = pastOf(s.server, c)
	}
	expected, err := plan(site, c)
	if err != nil {
		return g, err
	}
	logger.Info("learning", "plan", expected)
	if c.Executor != nil {
		hand, err := executor.NewHAProxy(executor.HAProxyConfig{Address: c.Executor.Address, Backend: c.Executor.Backend})
		if err != nil {
			return g, err
		}
		if g.Executor = hand; site.Trust == "" {
			g.Executor = executor.NewDryRun(hand)
		}
	}
	return g, nil
}

// groupPack returns the pack of a group. That there is none is said with the
// place where the file names it.
func groupPack(c *config.Group) (*knowledge.Pack, error) {
	p, err := readPack(c.Pack)
	if e, ok := errors.AsType[*exitError](err); ok {
		return nil, &exitError{e.code, c.PackError(e.err), e.hint}
	}
	if err != nil {
		return nil, packError(c.Pack, err)
	}
	return p, nil
}
