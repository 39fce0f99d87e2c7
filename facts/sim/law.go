package sim

import "math"

// Capture returns the share of all requests that one member of n draws to
// itself under least-connections balancing when it answers at once and the
// others do not: the p in [0, 1] that solves
//
//	L·p² + (n − L)·p − 1 = 0,
//
// where L = inFlight is the number of requests that a healthy pool has in
// flight: rate × mean service time. For L ≫ n the share goes to 1 − (n−1)/L:
// the good members are held to about one request each. It is a fluid
// approximation with ties shared, and a bound from above where the bad member's
// own round trip is not negligible.
//
// Range: n ≥ 1 and inFlight ≥ 0; at inFlight = 0 it is 1/n.
//
// Derivation: a good member has q = L·(1−p)/(n−1) ≤ 1 requests in flight, so
// an arriving request finds (n−1)·(1−q) good members idle beside the bad one,
// and the tie is shared: p = 1/(1 + (n−1)·(1−q)).
func Capture(n int, inFlight float64) float64 {
	if inFlight <= 0 {
		return 1 / float64(max(n, 1))
	}
	b := float64(n) - inFlight
	return (-b + math.Sqrt(b*b+4*inFlight)) / (2 * inFlight)
}
