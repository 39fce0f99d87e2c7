package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/rival"
	"github.com/evenkeel/evenkeel/facts/source"
)

// detectOptions are the flags of "evenkeel detect".
type detectOptions struct {
	calibrate           []string // names, commas and patterns
	alpha               string
	epoch, warmup, tick time.Duration
	labels              string
	compare             bool
	output              string
}

func detectCommand() *cobra.Command {
	var o detectOptions
	cmd := &cobra.Command{
		Use:   "detect FILE...",
		Short: "Run the detectors over recordings",
		Long: `Run the detectors over recordings (time_s,group,member,metric,value; gzip allowed)
and print the facts they give, in order.

With --calibrate, healthy recordings teach what health looks like and how high
the score goes in it; a warm-up then fits the members of each recording. A FILE
that is also among the healthy recordings is judged by the others. Without it
each recording is its own teacher, which takes most of it. What was judged of
each recording is told below the table; when that is nothing, the exit code is 3.

With --score, the truth is read from LABELS.csv (run,onset_s,end_s,member,fault)
and the alarms are compared with it; recordings without a label are healthy.
With --compare beside, the methods that others use judge the same features at the
same declared rate; each healthy recording is judged by the other ones.`,
		Example: `  evenkeel detect web.csv.gz
  evenkeel detect --calibrate 'healthy*.csv.gz' --alpha 1/30 --epoch 60s --warmup 40s fault.csv.gz -o jsonl
  evenkeel detect --calibrate 'h*.csv.gz' --score labels.csv *.csv.gz -o json
  evenkeel detect --calibrate 'h*.csv.gz' --score labels.csv --compare *.csv.gz`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return detectFiles(cmd.Context(), o, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.learnFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.labels, "score", "", "compare with the truth in this file")
	f.BoolVar(&o.compare, "compare", false, "with --score and --calibrate: beside the methods that others use")
	f.StringVarP(&o.output, "output", "o", "table", "table, jsonl (facts) or json (with --score)")
	return cmd
}

// learnFlags adds the flags that say what the detectors learn from.
func (o *detectOptions) learnFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.calibrate, "calibrate", nil, "healthy recordings: names or patterns, separated by commas (repeatable)")
	f.StringVar(&o.alpha, "alpha", "1/30", "declared probability of a false alarm in an epoch, as 1/30 or 0.033")
	f.DurationVar(&o.epoch, "epoch", 0, "what --alpha is per (default 60 ticks)")
	f.DurationVar(&o.warmup, "warmup", 0, "healthy start of each recording, which fits its members (default 40 ticks)")
	f.DurationVar(&o.tick, "tick", 0, "time from one frame to the next (default: that of the recordings)")
}

func detectFiles(ctx context.Context, o detectOptions, files []string, stdout, stderr io.Writer) error {
	s, err := newDetectSession(ctx, o, files)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout)
	if s.o.compare {
		return errors.Join(s.compare(ctx, out, stderr), out.Flush())
	}
	sink := s.sink(out, stderr)
	for _, file := range s.files {
		if err := s.detect(ctx, file, sink); err != nil {
			return err
		}
	}
	told := io.Writer(out)
	if s.o.output != "table" || s.o.labels != "" {
		told = stderr
	}
	return errors.Join(sink.end(), s.tellJudged(told), out.Flush(), s.unjudged())
}

// factSink takes what the detectors say about the recordings, in order.
type factSink interface {
	frame(file string, f *facts.Frame)        // a frame was taken in
	fact(file string, fact *facts.Fact) error // and gave this fact
	end() error                               // after the last recording
}

// detectSession is one run of the command: checked options and what the
// healthy recordings taught.
type detectSession struct {
	o       detectOptions
	alpha   float64
	files   []string
	healthy []healthyRun
	all     *detect.Calibration // of all healthy runs; nil: none
	truth   []rival.Label       // with --score
	judged  []*judgedGroup      // of the recordings, in order
}

// healthyRun is one group of one healthy recording.
type healthyRun struct {
	file, group string
	run         *detect.Run
}

func newDetectSession(ctx context.Context, o detectOptions, files []string) (*detectSession, error) {
	s := &detectSession{o: o}
	usage := func(err error, hint string) (*detectSession, error) { return nil, &exitError{exitUsage, err, hint} }
	switch {
	case len(files) == 0:
		return usage(errors.New("detect: no recording given"), "name at least one FILE.csv or FILE.csv.gz")
	case !slices.Contains([]string{"table", "jsonl", "json"}, o.output):
		return usage(fmt.Errorf("detect: output %q, want table, jsonl or json", o.output), "")
	case o.output == "json" && o.labels == "":
		return usage(errors.New("detect: output json is the score, and needs --score LABELS.csv"), "facts come as jsonl")
	case o.compare && (o.labels == "" || len(o.calibrate) == 0 || o.output == "jsonl"):
		return usage(errors.New("detect: --compare is a score beside others, and needs --score, --calibrate and table or json as output"), "")
	}
	var err error
	if s.alpha, err = rival.ParseProbability(o.alpha); err != nil {
		return usage(fmt.Errorf("detect: --alpha: %w", err), "")
	}
	if s.files, err = recordings(files); err != nil {
		return usage(err, "a client's view holds no metrics: leave it out")
	}
	if o.labels != "" {
		if s.truth, err = rival.ReadLabels(o.labels); err != nil {
			return usage(err, "")
		}
	}
	healthy, err := expand(o.calibrate)
	if err != nil {
		return usage(err, "")
	}
	if err := s.setTick(ctx, slices.Concat(healthy, s.files)); err != nil {
		return nil, err
	}
	for _, file := range healthy {
		if err := s.learn(ctx, file, slices.Contains(o.calibrate, file)); err != nil {
			return nil, err
		}
	}
	if len(s.healthy) > 0 {
		s.all, err = s.calibrateWithout("")
	}
	return s, err
}

const (
	recordingSuffix = ".csv.gz"
	// clientSuffix is of files that hold what a client saw while a recording
	// was made; they lie beside recordings.
	clientSuffix = ".load.csv.gz"
)

// expand returns the recordings that names, patterns and comma separated lists
// of them stand for, sorted, each once.
func expand(lists []string) ([]string, error) {
	var out []string
	for _, p := range strings.Split(strings.Join(lists, ","), ",") {
		if p == "" {
			continue
		}
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("detect: pattern %q: %w", p, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("detect: no file matches %q", p)
		}
		if len(found) > 1 || found[0] != p { // named alone, it is an error
			found = slices.DeleteFunc(found, isClientView)
		}
		out = append(out, found...)
	}
	out, err := recordings(out)
	slices.Sort(out)
	return slices.Compact(out), err
}

func isClientView(file string) bool { return strings.HasSuffix(file, clientSuffix) }

// recordings returns the files without the clients' views of recordings that
// are among them, as a shell's pattern gives. A client's view alone is an error.
func recordings(files []string) ([]string, error) {
	var out []string
	for _, f := range files {
		if !isClientView(f) {
			out = append(out, f)
			continue
		}
		if run := strings.TrimSuffix(f, clientSuffix) + recordingSuffix; !slices.Contains(files, run) {
			return nil, fmt.Errorf("detect: %s holds what a client saw, want the recording %s", f, run)
		}
	}
	return out, nil
}

// config returns the settings for one group.
func (s *detectSession) config(group string, c *detect.Calibration) detect.Config {
	return detect.Config{Env: "recording", Group: group, Build: buildVersion(), Tick: s.o.tick, Epoch: s.o.epoch,
		Alpha: s.alpha, Warmup: s.o.warmup, Calibration: c}
}

// learn reads one healthy recording. A group that the labels call faulty is an
// error when the file was named, and left out when a pattern found it.
func (s *detectSession) learn(ctx context.Context, file string, named bool) error {
	learners := map[string]*detect.Learner{}
	var order []string
	err := eachFrame(ctx, file, func(f *facts.Frame) error {
		l, ok := learners[f.Group]
		if !ok {
			var err error
			if l, err = detect.NewLearner(s.config(f.Group, nil)); err != nil {
				return &exitError{exitUsage, err, ""}
			}
			learners[f.Group] = l
			order = append(order, f.Group)
		}
		return l.Observe(f)
	})
	if err != nil {
		return err
	}
	for _, group := range order {
		if slices.ContainsFunc(s.truth, func(l rival.Label) bool { return l.Group == group }) {
			if named {
				return &exitError{exitUsage, fmt.Errorf("detect: calibrate with %s: its group %s is faulty by %s, want a healthy recording",
					file, group, s.o.labels), ""}
			}
			continue
		}
		run, err := learners[group].Run()
		if err != nil {
			return fmt.Errorf("calibrate with %s: %w", file, err)
		}
		s.healthy = append(s.healthy, healthyRun{file, group, run})
	}
	return nil
}

// eachFrame calls f with the frames of a recording, in order.
func eachFrame(ctx context.Context, file string, f func(*facts.Frame) error) (err error) {
	r, err := source.OpenRecording(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		frame, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(frame); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
}

// calibrateWithout returns what the healthy recordings teach, but for the
// named file. It is an error when that leaves none.
func (s *detectSession) calibrateWithout(file string) (*detect.Calibration, error) {
	var runs []*detect.Run
	for _, h := range s.healthy {
		if file == "" || !sameFile(h.file, file) {
			runs = append(runs, h.run)
		}
	}
	if len(runs) == 0 {
		return nil, &exitError{exitUsage, fmt.Errorf("detect: %s is the only healthy recording and cannot be judged by itself", file),
			"calibrate with at least one more"}
	}
	return detect.Calibrate(s.config("recording", nil), runs)
}

// calibrationFor returns the calibration by which the file is judged.
func (s *detectSession) calibrationFor(file string) (*detect.Calibration, error) {
	if slices.ContainsFunc(s.healthy, func(h healthyRun) bool { return sameFile(h.file, file) }) {
		return s.calibrateWithout(file)
	}
	return s.all, nil
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// detect runs the detectors over one recording, one for each group in it.
func (s *detectSession) detect(ctx context.Context, file string, sink factSink) error {
	calibration, err := s.calibrationFor(file)
	if err != nil {
		return err
	}
	detectors := map[string]*judgedGroup{}
	return eachFrame(ctx, file, func(f *facts.Frame) error {
		d, ok := detectors[f.Group]
		if !ok {
			d = &judgedGroup{file: file, group: f.Group, calibrated: calibration != nil}
			if d.detector, err = detect.New(s.config(f.Group, calibration)); err != nil {
				return &exitError{exitUsage, err, ""}
			}
			detectors[f.Group] = d
			s.judged = append(s.judged, d)
		}
		found, err := d.observe(f)
		if err != nil {
			return err
		}
		sink.frame(file, f)
		for i := range found {
			if err := sink.fact(file, &found[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// sink returns what prints as the options say.
func (s *detectSession) sink(w, warnings io.Writer) factSink {
	if s.o.labels != "" {
		score := &scoreSink{w: w, json: s.o.output == "json", epoch: s.o.epoch, warmup: s.o.warmup, tick: s.o.tick,
			labels: s.truth, warnings: warnings}
		if s.o.output == "jsonl" {
			score.lines = &factLines{w}
		}
		return score
	}
	if s.o.output == "jsonl" {
		return &factLines{w}
	}
	return &alarmTable{w: w}
}

// factLines prints one fact a line: its canonical encoding, with the name of
// the recording as the first key.
type factLines struct{ w io.Writer }

func (l *factLines) frame(string, *facts.Frame) {}

func (l *factLines) fact(file string, f *facts.Fact) error {
	body, err := f.Encode()
	if err != nil {
		return err
	}
	name, err := json.Marshal(file)
	if err != nil {
		return fmt.Errorf("detect: name of %q: %w", file, err)
	}
	_, err = fmt.Fprintf(l.w, "{\"source\":%s,%s\n", name, body[1:])
	return err
}

func (l *factLines) end() error { return nil }
