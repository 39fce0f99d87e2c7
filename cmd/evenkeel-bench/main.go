package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := options{}
	root := &cobra.Command{Use: "evenkeel-bench", Short: "Measure what evenkeel costs on this machine",
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return loop(cmd.Context(), o, stdout) }}
	root.AddCommand(&cobra.Command{Use: "loop", Short: "Fact to decision, frame to facts, appends (the default)", Args: cobra.NoArgs,
		RunE: root.RunE}, calibrationCommand(&o, stdout), detectCommand(&o, stdout), serversCommand(&o), framesCommand(&o, stdout), backtestCommand(&o, stdout))
	f := root.PersistentFlags()
	f.StringVarP(&o.output, "output", "o", "table", "table or json")
	f.StringVar(&o.dir, "dir", "", "directory on the disk to be measured (default: the system's for temporary files)")
	f.IntVar(&o.runs, "runs", 5, "runs of each measurement")
	f.IntVar(&o.rate, "rate", 1000, "facts a second")
	f.DurationVar(&o.length, "for", 3*time.Second, "length of one run")
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "evenkeel-bench: error: %v\n", err)
		return 1
	}
	return 0
}

// options are the flags.
type options struct {
	output, dir string
	runs, rate  int
	length      time.Duration
}

func (o *options) check() error {
	switch {
	case o.output != "table" && o.output != "json":
		return fmt.Errorf("output %q, want table or json", o.output)
	case o.runs < 1 || o.runs > 100:
		return fmt.Errorf("%d runs, want 1 to 100", o.runs)
	case o.rate < 1 || o.rate > 100_000:
		return fmt.Errorf("rate %d, want 1 to 100000 facts a second", o.rate)
	case o.length < 100*time.Millisecond || o.length > time.Minute:
		return fmt.Errorf("runs of %v, want 100ms to 1m", o.length)
	}
	return nil
}

// loop runs every measurement and prints the results.
func loop(ctx context.Context, o options, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	var all []result
	for _, measure := range []func(context.Context, options) ([]result, error){measureDecide, measureFrames, measureAppends} {
		r, err := measure(ctx, o)
		if err != nil {
			return err
		}
		all = append(all, r...)
	}
	return printResults(w, o.output, all)
}
