package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/cmd/internal/console"
)

// report returns the standing of each part, and what is stopped.
func (l *loop) report() console.Report {
	r := l.standings.report()
	r.Notes = append(r.Notes, l.stopNotes()...)
	return r
}

// sayStop tells once that the stop switch is on, and once that it is not any
// more. It returns what was said.
func (l *loop) sayStop(said string) string {
	note := strings.Join(l.stopNotes(), "; ")
	switch {
	case note == said:
	case note == "":
		l.config.Logger.Info("resumed")
	default:
		l.config.Logger.Warn("stopped", "what", note)
	}
	return note
}

// stopNotes says who stopped which acts, since when and why, and what ends it.
func (l *loop) stopNotes() []string {
	var notes []string
	file := filepath.Join(l.config.Data, stopFile)
	for _, s := range l.guard.Stops() {
		what, end := "nothing is taken out", ""
		switch {
		case s.Freeze:
			what += " or put back"
		case s.Scope != actions.Everything:
			what = string(s.Scope) + " takes nothing out"
		}
		switch {
		case l.governance != nil:
			end = ": two people end it, each by 'evenkeel resume' with the digest that 'evenkeel rules status' prints"
			if s.Scope == actions.Everything {
				end += ", and " + file + " must not be there"
			}
		case s.Scope == actions.Everything:
			end = fmt.Sprintf(": to end it, stop this process, remove %s if it is there, and have two people run 'evenkeel resume --data %s'", file, l.config.Data)
		}
		notes = append(notes, fmt.Sprintf("%s since %s, by %s: %s%s", what, s.Since.Format(time.RFC3339), s.By, s.Reason, end))
	}
	return notes
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
