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
}

func recordCommand() *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Record what a group shows, for 'evenkeel detect'",
		Long: `Record what a balancer and the members of a group show, tick by tick, as long
CSV: time_s,group,member,metric,value. The recording ends after --for or at
Ctrl-C, and is whole either way.`,
		Example: `  evenkeel record --haproxy unix:/run/haproxy/admin.sock --backend web \
      --member m01=http://10.0.0.1:9100/metrics --for 10m -O web.csv.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return record(cmd.Context(), o, cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.haproxy, "haproxy", "", "stats socket of the balancer, unix:/path or tcp:host:port")
	f.StringVar(&o.backend, "backend", "", "backend whose servers are the members")
	f.StringArrayVar(&o.members, "member", nil, "member and its Prometheus page, NAME=URL (repeatable)")
	f.StringVar(&o.group, "group", "", "name of the group (default: the backend's)")
	f.DurationVar(&o.every, "every", time.Second, "time from one reading to the next")
	f.DurationVar(&o.length, "for", 0, "how long to record (default: until Ctrl-C)")
	f.StringVarP(&o.out, "out", "O", "", "file to write, compressed when it ends with .gz")
	f.BoolVar(&o.force, "force", false, "overwrite the file when it exists")
	return cmd
}

// record reads the group once, to say at once what is wrong and to have
// counters to compare with, and then records until it is time or ctx ends.
func record(ctx context.Context, o recordOptions, progress io.Writer) error {
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
	w, err := source.CreateRecording(o.out, o.force)
	if err != nil {
		hint := ""
		if errors.Is(err, os.ErrExist) {
			hint = "choose another name, or overwrite it with --force"
		}
		return &exitError{exitFailed, err, hint}
	}
	r := recorder{poller: poller, w: w, progress: progress, reported: time.Now()}
	err = errors.Join(r.run(ctx, int64((o.length+o.every-1)/o.every)), w.Close())
	r.report()
	if err == nil && poller.Stats().Frames == 0 {
		err = fmt.Errorf("record %s: no tick gave a frame", o.out)
	}
	return err
}

// reader returns the source that the flags name, and what to call when it is
// no longer needed.
func (o *recordOptions) reader() (source.Reader, func(), error) {
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	var balancer *source.HAProxy
	if o.haproxy != "" {
		var err error
		balancer, err = source.NewHAProxy(source.HAProxyConfig{Address: o.haproxy, Backend: o.backend, Group: o.group})
		if err != nil {
			return nil, nil, err
		}
		if len(o.members) == 0 {
			return balancer, func() {}, nil
		}
	}
	pages, err := o.pages()
	if err != nil {
		return nil, nil, err
	}
	members, err := source.NewPrometheus(source.PrometheusConfig{Group: o.group, Members: pages})
	if err != nil {
		return nil, nil, err
	}
	if balancer == nil {
		return members, members.Close, nil
	}
	both, err := source.NewJoin(o.group, balancer, members)
	return both, members.Close, err
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
	case o.haproxy == "" && len(o.members) == 0:
		return errors.New("record: nothing to read: want --haproxy and --backend, or --member, or all of them")
	}
	return nil
}

// pages returns the --member flags as member → URL.
func (o *recordOptions) pages() (map[string]string, error) {
	pages := map[string]string{}
	for _, s := range o.members {
		name, url, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("record: --member %.100q: want NAME=URL", s)
		}
		if _, twice := pages[name]; twice {
			return nil, fmt.Errorf("record: --member %s is given twice: want one page for each member", name)
		}
		pages[name] = url
	}
	return pages, nil
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
