package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// redrawEvery is how often a terminal is told how far a command is; what takes
// less is silent.
const redrawEvery = time.Second

// meter tells how far a command is: on a terminal on one line, elsewhere in a
// line every progressEvery.
type meter struct {
	w        io.Writer
	what     string // is counted
	terminal bool
	begun    time.Time
	next     time.Time // when it tells again
	drawn    bool
}

func newMeter(w io.Writer, what string) *meter {
	f, ok := w.(*os.File)
	m := &meter{w: w, what: what, terminal: ok && term.IsTerminal(int(f.Fd())), begun: time.Now()}
	m.next = m.begun.Add(m.pause())
	return m
}

func (m *meter) pause() time.Duration {
	if m.terminal {
		return redrawEvery
	}
	return progressEvery
}

// at is called for each step that is done.
func (m *meter) at(done, total int64) {
	now := time.Now()
	if now.Before(m.next) || total == 0 {
		return
	}
	m.next = now.Add(m.pause())
	left := time.Duration(float64(now.Sub(m.begun)) / float64(max(done, 1)) * float64(total-done))
	line := fmt.Sprintf("evenkeel: %d of %d %s (%d %%), %s left", done, total, m.what, 100*done/total, span(left))
	if m.terminal {
		m.drawn = true
		fmt.Fprintf(m.w, "\r\033[K%s", line)
		return
	}
	fmt.Fprintln(m.w, line)
}

// end clears the line on the terminal.
func (m *meter) end() {
	if m.drawn {
		fmt.Fprint(m.w, "\r\033[K")
	}
}
