package source

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// failedSuffix ends the name of that part of a count of requests that has a
// status of 500 or more.
const failedSuffix = "_5xx"

// statusAttributes are those in which servers put the status of an answer: by
// OpenTelemetry's conventions, by its old ones, and as pages have it.
var statusAttributes = []string{"http.response.status_code", "http.status_code", "status_code", "status", "code"}

// pushPlace is the columns that a number goes to, by slot.
type pushPlace struct {
	all    int
	failed int // of the requests that failed; -1: it counts no requests
}

// place holds the columns of a metric. Who holds them leaves them.
func (in *intake) place(m pmetric.Metric, kind pushKind, suffix string) (pushPlace, error) {
	all, err := in.columns.slot(m.Name(), m.Unit(), kind != kindLevel, suffix)
	to := pushPlace{all, -1}
	if err != nil || kind == kindLevel || !countsRequests(in.columns.bySlot[all].name) {
		return to, err
	}
	if failed, err := in.columns.slot(m.Name(), m.Unit(), true, suffix+failedSuffix); err == nil {
		to.failed = failed
	}
	return to, nil
}

func (in *intake) leave(p pushPlace) {
	in.columns.release(p.all)
	if p.failed >= 0 {
		in.columns.release(p.failed)
	}
}

// countsRequests reports whether the named metric of the frame is one of those
// that count the requests of common servers.
func countsRequests(name string) bool {
	for _, c := range requestCounters {
		if c.as == name {
			return true
		}
	}
	return false
}

// put takes one value of a point. Those requests of a member that did not fail
// stand with zero among its failed ones, which are so known from the first
// push on.
func (in *intake) put(to pushPlace, kind pushKind, d moment, value float64) error {
	if err := in.point(to.all, kind, d, value); err != nil || to.failed < 0 {
		return err
	}
	failed, known := failedRequest(d.Attributes())
	if !known {
		return nil
	}
	if !failed {
		value = 0
	}
	return in.point(to.failed, kind, d, value)
}

// failedRequest reports whether the attributes have a status, and whether it is
// 500 or more.
func failedRequest(attributes pcommon.Map) (failed, known bool) {
	i := slices.IndexFunc(statusAttributes, func(key string) bool {
		_, ok := attributes.Get(key)
		return ok
	})
	if i < 0 {
		return false, false
	}
	v, _ := attributes.Get(statusAttributes[i])
	status := scalar(v)
	return len(status) == 3 && status[0] == '5', true
}
