package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// maxSince bounds how far back a recording may begin: longer than servers
// remember.
const maxSince = days(10 * 365 * 24 * time.Hour)

// days is a flag that holds a duration, which may be given in whole days.
type days time.Duration

// String returns the duration as [days.Set] reads it; "" for none.
func (d *days) String() string {
	const day = days(24 * time.Hour)
	switch {
	case *d == 0:
		return ""
	case *d%day == 0:
		return fmt.Sprintf("%dd", *d/day)
	}
	return time.Duration(*d).String()
}

// Set reads a number of days, such as 14d, or a duration, such as 36h.
func (d *days) Set(s string) error {
	v, err := time.ParseDuration(s)
	if n, ok := strings.CutSuffix(s, "d"); ok {
		var whole uint64
		whole, err = strconv.ParseUint(n, 10, 16)
		v = time.Duration(whole) * 24 * time.Hour
	}
	if err != nil || v <= 0 || days(v) > maxSince {
		return errors.New("want a duration such as 14d or 36h, at most 3650d")
	}
	*d = days(v)
	return nil
}

// Type names the kind of value in the help.
func (d *days) Type() string { return "duration" }

// checkPast refuses flags that have no meaning for the past, or only there.
func (o *recordOptions) checkPast() error {
	if o.since == 0 {
		if o.given("step") {
			return errors.New("record: --step is for --since: want --every for what is to come")
		}
		return nil
	}
	if len(o.queries) == 0 {
		return errors.New("record: --since: only a Prometheus server remembers: want --prometheus and --query")
	}
	for _, flag := range []string{"haproxy", "member", "every", "for"} {
		if o.given(flag) {
			return fmt.Errorf("record: want --since or --%s, not both", flag)
		}
	}
	return nil
}

// recordPast records what a Prometheus server remembers. The end of ctx is no
// error: what was recorded until then is whole.
func recordPast(ctx context.Context, o recordOptions, progress io.Writer) error {
	server, err := o.server()
	if err != nil {
		return &exitError{exitUsage, err, "see 'evenkeel record --help'"}
	}
	defer server.Close()
	to := time.Now().Add(-o.prometheus.Delay)
	from := to.Add(-time.Duration(o.since))
	h, err := server.History(from, to, o.step)
	if err != nil {
		return &exitError{exitUsage, err, "see --since and --step"}
	}
	f, trouble := h.Next(ctx)
	if errors.Is(trouble, io.EOF) {
		trouble = fmt.Errorf("record %s: no query has a value from %s to now", o.out, from.UTC().Format(time.RFC3339))
	}
	if f == nil {
		return &exitError{exitFailed, trouble, "nothing was recorded, and no file was written"}
	}
	w, err := o.create()
	if err != nil {
		return err
	}
	r := pastRecorder{recorder: recorder{w: w, progress: progress, reported: time.Now()}}
	err = r.run(ctx, h, f, trouble)
	r.report()
	return errors.Join(err, w.Close())
}

// pastRecorder is a recording of the past under way.
type pastRecorder struct {
	recorder
	frames, partial int
}

// run records f, with what is missing from it, and the frames that follow.
func (r *pastRecorder) run(ctx context.Context, h *source.History, f *facts.Frame, trouble error) error {
	for f != nil {
		if err := r.add(f, trouble); err != nil {
			return err
		}
		f, trouble = h.Next(ctx)
	}
	if errors.Is(trouble, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return &exitError{exitFailed, trouble, "the recording holds what came before"}
}

// add records a frame, and tells of what is missing from it.
func (r *pastRecorder) add(f *facts.Frame, trouble error) error {
	r.tell(trouble)
	r.last = f
	if r.frames++; trouble != nil {
		r.partial++
	}
	if time.Since(r.reported) >= progressEvery {
		r.report()
		r.reported = time.Now()
	}
	return r.w.Write(f)
}

// report says in one line how far the recording is.
func (r *pastRecorder) report() {
	fmt.Fprintf(r.progress, "evenkeel: recorded %d frames, %d of them partial; last: %s at %s, %d members, %d metrics\n",
		r.frames, r.partial, r.last.Group, r.last.Time.Format(time.RFC3339), len(r.last.Members), len(r.last.Metrics))
}
