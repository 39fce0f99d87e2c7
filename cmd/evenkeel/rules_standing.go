package main

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/knowledge"
)

// stopReport is a stop as the commands print it.
type stopReport struct {
	By      string   `json:"by"`
	Digest  string   `json:"digest"`
	Missing int      `json:"missing"`
	Resumed []string `json:"resumed"`
	Scope   string   `json:"scope"`
	Since   string   `json:"since"`
	Why     string   `json:"why"`
}

func reportStop(x knowledge.StopRecord) stopReport {
	return stopReport{x.By, x.Digest, x.Missing, append([]string{}, x.Resumed...), x.Scope, stamp(x.Since), x.Why}
}

func (r *stopReport) text() string {
	return fmt.Sprintf("%s by %s since %s: %s (%s; %s)", r.Scope, r.By, r.Since, r.Why, r.Digest, toResume(r.Resumed, r.Missing))
}

// asideReport is a rule that was put aside, as the commands print it.
type asideReport struct {
	Digest  string   `json:"digest"`
	Group   string   `json:"group"`
	Missing int      `json:"missing"`
	Resumed []string `json:"resumed"`
	Rule    string   `json:"rule"`
	Since   string   `json:"since"`
	Version string   `json:"version"`
	Why     string   `json:"why"`
}

func reportQuarantine(q knowledge.Quarantine) asideReport {
	return asideReport{q.Digest, q.Group, q.Missing, append([]string{}, q.Resumed...), q.Rule, stamp(q.Since), q.Version, q.Why}
}

func (r *asideReport) text() string {
	return fmt.Sprintf("rule %s of group %s in %s since %s: %s (%s; %s)", r.Rule, r.Group, r.Version, r.Since,
		r.Why, r.Digest, toResume(r.Resumed, r.Missing))
}

// toResume says who asked for the end of something, and how many have to.
func toResume(resumed []string, missing int) string {
	s := fmt.Sprintf("%d more to resume", missing)
	if len(resumed) > 0 {
		s = "resumed by " + strings.Join(resumed, ", ") + ", " + s
	}
	return s
}
