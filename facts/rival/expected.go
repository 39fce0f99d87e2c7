package rival

import (
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// Features that several kinds of fault touch directly.
const (
	bytesOut    = "bytes_per_request"
	processor   = "cpu_per_request"
	downstream  = "downstream_per_request"
	completions = "completions_per_request"
	success     = "success_per_request"
	errorRate   = "error_rate"
	retryRate   = "retry_rate"
	abortRate   = "abort_rate"
	inFlight    = "in_flight"
	queue       = "queue"
	latency     = "latency_ms"
	memoryMB    = "memory_mb"
)

// TrueMetrics returns the features that a kind of fault acts on directly, and
// nil for a kind that is unknown. What follows from the fault, such as the
// requests that a balancer sends to a member that answers at once or keeps from
// one that is slow, is not among them: an alarm that names only that does not
// say what is wrong.
//
//	empty, flap     an answer at once, without work: bytes, processor, downstream calls and completions per request
//	partial         the same of a share of the requests
//	err, partial500 the same, with an error as the answer: also success and errors
//	drop            the connection is closed without an answer: success, errors, retries, bytes, completions and the work
//	hang            no answer ever: requests in flight and queued, aborts, success, bytes, completions and the work
//	hollow          an answer in time without the calls it needs: downstream calls and bytes
//	slow            service takes longer: latency, requests in flight and queued
//	hog             a neighbour takes the processor: processor time and latency, requests in flight and queued
//	drift           a leak: memory, processor time, latency, requests in flight and queued
//
// dropall and hangall are drop and hang with the health check failing, too.
func TrueMetrics(fault string) []string {
	work := []string{bytesOut, processor, downstream, completions}
	switch fault {
	case "empty", "flap", "partial":
		return work
	case "err", "partial500":
		return append(work, success, errorRate)
	case "drop", "dropall":
		return append(work, success, errorRate, retryRate)
	case "hang", "hangall":
		return append(work, success, errorRate, retryRate, abortRate, inFlight, queue)
	case "hollow":
		return []string{downstream, bytesOut}
	case "slow":
		return []string{latency, inFlight, queue}
	case "hog":
		return []string{processor, latency, inFlight, queue}
	case "drift":
		return []string{memoryMB, processor, latency, inFlight, queue}
	}
	return nil
}

// topMetrics is how many metrics of an alarm are read by people.
const topMetrics = 3

// metrics returns the names of the metrics that an alarm tells of, largest
// effect first.
func metrics(f *facts.Fact) []string {
	names := make([]string, len(f.Effect))
	for i, e := range f.Effect {
		names[i] = e.Metric
	}
	return names
}

// namesTruth reports whether one of the first metrics is one that the fault
// acts on; known is false when nothing is known of the fault.
func namesTruth(fault string, metrics []string) (named, known bool) {
	truth := TrueMetrics(fault)
	for _, m := range metrics[:min(topMetrics, len(metrics))] {
		named = named || slices.Contains(truth, m)
	}
	return named, truth != nil
}
