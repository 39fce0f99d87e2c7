package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/console"
)

// report returns the standing of each part, and that the switch is on.
func (l *loop) report() console.Report {
	r := l.standings.report()
	if note := l.stopNote(); note != "" {
		r.Notes = append(r.Notes, note)
	}
	return r
}

// sayStop tells once that the stop switch is on, and once that it is not any
// more. It returns what was said.
func (l *loop) sayStop(said string) string {
	note := l.stopNote()
	switch {
	case note == said:
	case note == "":
		l.config.Logger.Info("resumed")
	default:
		l.config.Logger.Warn("stopped", "what", note)
	}
	return note
}

// stopNote says who stopped the acts, since when and why, and what ends it;
// empty: nobody did.
func (l *loop) stopNote() string {
	s := l.guard.Stopped()
	if !s.On {
		return ""
	}
	what, file := "nothing is taken out", filepath.Join(l.config.Data, stopFile)
	if s.Freeze {
		what += " or put back"
	}
	return fmt.Sprintf("%s since %s, by %s: %s: to end it, stop this process, remove %s if it is there, and have two people run 'evenkeel resume --data %s'",
		what, s.Since.Format(time.RFC3339), s.By, s.Reason, file, l.config.Data)
}

// lookAtStore sees whether the embedded broker still has the directory that its
// facts are in: its open files would outlive it, and end with the process.
func (l *loop) lookAtStore() {
	if l.store == nil {
		return
	}
	dir := filepath.Join(l.config.Data, busDir)
	now, err := os.Stat(dir)
	if err == nil && !os.SameFile(l.store, now) {
		err = fmt.Errorf("%s is not the directory that was there at the start", dir)
	}
	if err != nil {
		l.standings.bad(partStore, err)
		return
	}
	l.standings.good(partStore, "")
}
