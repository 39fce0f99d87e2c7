package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	barFirst = time.Second            // what takes less needs no bar
	barEvery = 250 * time.Millisecond // fast enough to be seen to move
	barCells = 24
)

// progress is a line on a terminal that says how far a command is. On anything
// else it is silent. Its counts may be changed by several goroutines at once.
type progress struct {
	w        io.Writer // nil: no terminal
	facts    atomic.Int64
	done, of atomic.Int64 // of whatever the source is measured in; of is 0 when it is not known

	stop    chan struct{}
	stopped sync.WaitGroup
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	if _, ok := terminal(f); !ok {
		return &progress{}
	}
	return &progress{w: w}
}

func (p *progress) whole(n int64)   { p.of.Store(n) }
func (p *progress) advance(n int64) { p.done.Add(n) }
func (p *progress) count()          { p.facts.Add(1) }

// begin draws from now and then until end is called.
func (p *progress) begin() {
	if p.w == nil {
		return
	}
	p.stop = make(chan struct{})
	p.stopped.Go(p.draw)
}

func (p *progress) end() {
	if p.w == nil {
		return
	}
	close(p.stop)
	p.stopped.Wait()
}

func (p *progress) draw() {
	begun := time.Now()
	next := time.NewTimer(barFirst)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			fmt.Fprintf(p.w, "\r\x1b[K%s", progressLine(p.facts.Load(), p.done.Load(), p.of.Load(), time.Since(begun)))
			next.Reset(barEvery)
		case <-p.stop:
			if time.Since(begun) >= barFirst {
				fmt.Fprint(p.w, "\r\x1b[K")
			}
			return
		}
	}
}

// progressLine says how far a run is after some time.
func progressLine(facts, done, of int64, took time.Duration) string {
	rate := float64(facts) / took.Seconds()
	line := fmt.Sprintf("%d facts, %.0f/s", facts, rate)
	if of <= 0 || done <= 0 {
		return line
	}
	share := min(float64(done)/float64(of), 1)
	full := int(share * barCells)
	left := time.Duration(float64(took) * (1 - share) / share).Round(time.Second)
	return fmt.Sprintf("[%s%s] %3.0f %%  %s, %v left", strings.Repeat("#", full), strings.Repeat("-", barCells-full), 100*share, line, left)
}
