package main

import (
	"encoding/json"
	"io"
	"math"
	"time"
)

// demoResult is what --once -o json prints; null means that it did not happen.
type demoResult struct {
	Balancer            string    `json:"balancer"`
	Members             int       `json:"members"`
	Rate                float64   `json:"rate"` // requests per second
	Fault               string    `json:"fault"`
	Member              string    `json:"member"`          // empty: the fault is in none
	Baseline            float64   `json:"baseline_s"`      // healthy time before the onset
	Alarm               *float64  `json:"alarm_after_s"`   // after the onset, the first on the member
	Drained             *float64  `json:"drained_after_s"` // after the onset: read back from the balancer
	Lost                *float64  `json:"lost_share_60s"`  // of all requests of the minute after the onset
	LostAfterDrain      *float64  `json:"lost_share_after_drain"`
	HealthyMembersActed int       `json:"healthy_members_acted_on"`
	Audit               demoAudit `json:"audit"`
}

type demoAudit struct {
	Entries  int64 `json:"entries"`
	Verified bool  `json:"verified"`
}

// writeResult writes the result as one line of JSON.
func (s *demoStory) writeResult(w io.Writer) error {
	return json.NewEncoder(w).Encode(s.result)
}

// rounded returns v with three decimals, to be pointed to.
func rounded(v float64, decimals int) *float64 {
	p := math.Pow10(decimals)
	v = math.Round(v*p) / p
	return &v
}

// seconds returns the time from one instant to another in seconds, to the
// millisecond; nil when either has not come.
func seconds(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	return rounded(to.Sub(from).Seconds(), 3)
}
