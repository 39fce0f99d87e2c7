package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// progressEvery is how often a recording tells how far it is.
const progressEvery = 10 * time.Second

// recordOptions are the flags of "evenkeel record".
type recordOptions struct {
	haproxy, backend, group string
	members                 []string
	every, length           time.Duration
	out                     string
	force                   bool

	prometheus source.PromQLConfig
	queries    []string
	since      days
	step       time.Duration
	given      func(flag string) bool
}

func recordCommand() *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Record what a group shows, for 'evenkeel detect'",
		Long: `Record what a balancer and the members of a group show, or what a Prometheus
server knows of them, tick by tick, as long CSV:
time_s,group,member,metric,value. The recording ends after --for or at Ctrl-C,
and is whole either way.

With --since, record what a Prometheus server remembers instead: a baseline of
weeks in minutes.`,
		Example: `  evenkeel record --haproxy unix:/run/haproxy/admin.sock --backend web \
      --member m01=http://10.0.0.1:9100/metrics --for 10m -O web.csv.gz
  evenkeel record --group api --prometheus http://127.0.0.1:9090 \
      --query request_rate='sum by (instance) (rate(http_requests_total{job="api"}[1m]))' \
      --since 14d --step 15s -O api.csv.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return record(cmd.Context(), o, cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	o.given = f.Changed
	f.StringVar(&o.haproxy, "haproxy", "", "stats socket of the balancer, unix:/path or tcp:host:port")
	f.StringVar(&o.backend, "backend", "", "backend whose servers are the members")
	f.StringArrayVar(&o.members, "member", nil, "member and its Prometheus page, NAME=URL (repeatable)")
	f.StringVar(&o.group, "group", "", "name of the group (default: the backend's)")
	f.DurationVar(&o.every, "every", time.Second, "time from one reading to the next")
	f.DurationVar(&o.length, "for", 0, "how long to record (default: until Ctrl-C)")
	f.StringVarP(&o.out, "out", "O", "", "file to write, compressed when it ends with .gz")
	f.BoolVar(&o.force, "force", false, "overwrite the file when it exists")

	q := &o.prometheus
	f.StringVar(&q.URL, "prometheus", "", "Prometheus server to ask, http://host:port")
	f.StringArrayVar(&o.queries, "query", nil, "metric and its PromQL expression, NAME=EXPR (repeatable)")
	f.StringVar(&q.Member, "label", "instance", "label that names the member")
	f.DurationVar(&q.Delay, "delay", 5*time.Second, "how long the server needs to know a sample")
	f.StringVar(&q.BearerTokenFile, "bearer-token-file", "", "file with a token for the server")
	f.StringVar(&q.BasicAuthFile, "basic-auth-file", "", "file with USER:PASSWORD for the server")
	f.StringVar(&q.CAFile, "ca-file", "", "authorities that vouch for the server, PEM (default: the system's)")
	f.Var(&o.since, "since", "record the past, from this long ago to now, such as 14d or 36h")
	f.DurationVar(&o.step, "step", 15*time.Second, "time from one instant of the past to the next")
	return cmd
}

// record reads the group once, to say at once what is wrong and to have
// counters to compare with, and then records until it is time or ctx ends.
func record(ctx context.Context, o recordOptions, progress io.Writer) error {
	if err := o.check(); err != nil {
		return &exitError{exitUsage, err, "see 'evenkeel record --help'"}
	}
	if o.since > 0 {
		return recordPast(ctx, o, progress)
	}
	reader, done, err := o.reader()
	if err != nil {
		return &exitError{exitUsage, err, "see 'evenkeel record --help'"}
	}
	defer done()
	poller, err := source.NewPoller(reader, o.every)
	if err != nil {
		return &exitError{exitUsage, err, "see --every"}
	}
	if f, err := reader.Read(ctx, time.Now().UTC()); f == nil {
		return &exitError{exitFailed, err, "nothing was recorded, and no file was written"}
	}
	w, err := o.create()
	if err != nil {
		return err
	}
	r := recorder{poller: poller, w: w, progress: progress, reported: time.Now()}
	err = errors.Join(r.run(ctx, int64((o.length+o.every-1)/o.every)), w.Close())
	r.report()
	if err == nil && poller.Stats().Frames == 0 {
		err = fmt.Errorf("record %s: no tick gave a frame", o.out)
	}
	return err
}

// create creates the file to write.
func (o *recordOptions) create() (*source.RecordingWriter, error) {
	w, err := source.CreateRecording(o.out, o.force)
	if err == nil {
		return w, nil
	}
	hint := ""
	if errors.Is(err, os.ErrExist) {
		hint = "choose another name, or overwrite it with --force"
	}
	return nil, &exitError{exitFailed, err, hint}
}

// reader returns the source that the flags name, and what to call when it is
// no longer needed.
func (o *recordOptions) reader() (source.Reader, func(), error) {
	var parts []source.Reader
	var closers []func()
	done := func() {
		for _, c := range closers {
			c()
		}
	}
	if o.haproxy != "" {
		balancer, err := source.NewHAProxy(source.HAProxyConfig{Address: o.haproxy, Backend: o.backend, Group: o.group})
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, balancer)
	}
	if len(o.members) > 0 {
		pages, err := named("member", "URL", o.members)
		if err != nil {
			return nil, nil, err
		}
		members, err := source.NewPrometheus(source.PrometheusConfig{Group: o.group, Members: pages})
		if err != nil {
			return nil, nil, err
		}
		parts, closers = append(parts, members), append(closers, members.Close)
	}
	if len(o.queries) > 0 {
		server, err := o.server()
		if err != nil {
			return nil, nil, err
		}
		parts, closers = append(parts, server), append(closers, server.Close)
	}
	if len(parts) == 1 {
		return parts[0], done, nil
	}
	all, err := source.NewJoin(o.group, parts[0], parts[1:]...)
	return all, done, err
}

// server returns the reader of the Prometheus server.
func (o *recordOptions) server() (*source.PromQL, error) {
	queries, err := named("query", "EXPR", o.queries)
	if err != nil {
		return nil, err
	}
	c := o.prometheus
	c.Group, c.Queries = o.group, queries
	return source.NewPromQL(c)
}

// check refuses flags that do not go together, and fills in the group.
func (o *recordOptions) check() error {
	if o.group == "" {
		o.group = o.backend
	}
	switch {
	case o.out == "":
		return errors.New("record: no file to write: want -O FILE")
	case o.length < 0:
		return fmt.Errorf("record: --for %v: want more than 0", o.length)
	case (o.haproxy == "") != (o.backend == ""):
		return errors.New("record: want --haproxy and --backend together")
	case (o.prometheus.URL == "") != (len(o.queries) == 0):
		return errors.New("record: want --prometheus and --query together")
	case o.haproxy == "" && len(o.members) == 0 && len(o.queries) == 0:
		return errors.New("record: nothing to read: want --haproxy and --backend, or --member, or --prometheus and --query, or all of them")
	}
	return o.checkPast()
}

// named reads the values NAME=what of a flag that may be repeated.
func named(flag, what string, values []string) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range values {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("record: --%s %.100q: want NAME=%s", flag, s, what)
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("record: --%s %s is given twice: want one %s for each name", flag, name, what)
		}
		m[name] = value
	}
	return m, nil
}

// recorder is one recording under way.
type recorder struct {
	poller   *source.Poller
	w        *source.RecordingWriter
	progress io.Writer
	reported time.Time
	trouble  string // what was last said to be wrong
	last     *facts.Frame
}

// run records until the given number of ticks has passed, or without end when
// it is zero. The end of ctx is no error: it is how a person ends a recording.
func (r *recorder) run(ctx context.Context, ticks int64) error {
	for s := r.poller.Stats(); ticks == 0 || s.Frames+s.Silent+s.Missed < ticks; s = r.poller.Stats() {
		f, err := r.poller.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		r.tell(err)
		if f != nil {
			r.last = f
			if err := r.w.Write(f); err != nil {
				return err
			}
		}
		if time.Since(r.reported) >= progressEvery {
			r.report()
			r.reported = time.Now()
		}
	}
	return nil
}

// tell says what is wrong with the source, once for each change.
func (r *recorder) tell(err error) {
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	switch {
	case trouble == r.trouble:
	case err != nil:
		fmt.Fprintf(r.progress, "evenkeel: %s\n", trouble)
	default:
		fmt.Fprintln(r.progress, "evenkeel: the source is whole again")
	}
	r.trouble = trouble
}

// report says in one line how far the recording is.
func (r *recorder) report() {
	s := r.poller.Stats()
	line := fmt.Sprintf("evenkeel: recorded %d frames, %d of them partial; %d ticks silent, %d missed",
		s.Frames, s.Partial, s.Silent, s.Missed)
	if r.last != nil {
		line += fmt.Sprintf("; last: %s, %d members, %d metrics", r.last.Group, len(r.last.Members), len(r.last.Metrics))
	}
	fmt.Fprintln(r.progress, line)
}
