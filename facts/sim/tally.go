package sim

import (
	"sync"
	"time"
)

// TallyStep is the resolution of a tally, and tallySteps how many steps it
// remembers: 20 minutes, which no run that is looked at exceeds.
const (
	TallyStep  = 100 * time.Millisecond
	tallySteps = 12_000
)

// Tally is what became of the requests that were sent in an interval.
type Tally struct {
	Sent    int // every request that was due, also those that were shed
	OK      int // answered with the right body, late ones included
	Late    int // of OK, after more than a second
	Empty   int // lost: 200 with an empty body
	Status  int // lost: a status other than 200
	Bad     int // lost: 200 with a body that is not whole
	Conn    int // lost: connection refused, reset or closed
	Timeout int // lost: no answer in time
	Shed    int // lost: never sent, because too many were in flight

	latency time.Duration // of OK, summed up
}

// Lost returns how many requests got no right answer.
func (t Tally) Lost() int { return t.Empty + t.Status + t.Bad + t.Conn + t.Timeout + t.Shed }

// Pending returns how many requests are still without an answer.
func (t Tally) Pending() int { return t.Sent - t.OK - t.Lost() }

// LostShare returns the lost share of the requests that were sent, 0 to 1; 0
// when none was sent.
func (t Tally) LostShare() float64 {
	if t.Sent == 0 {
		return 0
	}
	return float64(t.Lost()) / float64(t.Sent)
}

// MeanLatency returns the mean time to a right answer; 0 when there is none.
func (t Tally) MeanLatency() time.Duration {
	if t.OK == 0 {
		return 0
	}
	return t.latency / time.Duration(t.OK)
}

// fate is what became of one request.
type fate int

const (
	good fate = iota
	lostEmpty
	lostStatus
	lostBad
	lostConn
	lostTimeout
	shed
)

func (t *Tally) add(f fate, latency time.Duration) {
	switch f {
	case good:
		t.OK++
		t.latency += latency
		if latency > lateAfter {
			t.Late++
		}
	case lostEmpty:
		t.Empty++
	case lostStatus:
		t.Status++
	case lostBad:
		t.Bad++
	case lostConn:
		t.Conn++
	case lostTimeout:
		t.Timeout++
	case shed:
		t.Shed++
	}
}

func (t *Tally) merge(o Tally) {
	t.Sent += o.Sent
	t.OK += o.OK
	t.Late += o.Late
	t.Empty += o.Empty
	t.Status += o.Status
	t.Bad += o.Bad
	t.Conn += o.Conn
	t.Timeout += o.Timeout
	t.Shed += o.Shed
	t.latency += o.latency
}

// tally counts by the step in which a request was sent. The zero value is ready.
type tally struct {
	mu    sync.Mutex
	ring  [tallySteps]Tally
	steps [tallySteps]int64 // the step each place of the ring holds, in TallyStep since 1970
}

func stepOf(t time.Time) int64 { return t.UnixNano() / int64(TallyStep) }

// at returns the counts of a step, cleared if the place held an older one, or
// nil if it holds a newer one already. The caller holds mu.
func (y *tally) at(step int64) *Tally {
	i := step % tallySteps
	switch {
	case y.steps[i] > step:
		return nil
	case y.steps[i] < step:
		y.steps[i], y.ring[i] = step, Tally{}
	}
	return &y.ring[i]
}

// send counts a request that is due at t.
func (y *tally) send(t time.Time) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if s := y.at(stepOf(t)); s != nil {
		s.Sent++
	}
}

// end counts what became of a request that was sent at t.
func (y *tally) end(t time.Time, f fate, latency time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if s := y.at(stepOf(t)); s != nil {
		s.add(f, latency)
	}
}

// sum adds up the steps that begin from from to before to.
func (y *tally) sum(from, to time.Time) Tally {
	y.mu.Lock()
	defer y.mu.Unlock()
	var out Tally
	first, end := stepOf(from.Add(TallyStep-1)), stepOf(to.Add(TallyStep-1))
	for i, s := range y.steps {
		if s != 0 && s >= first && s < end {
			out.merge(y.ring[i])
		}
	}
	return out
}
