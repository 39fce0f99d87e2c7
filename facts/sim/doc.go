// Package sim is a simulated fleet with known faults: ground truth for the
// tests, and the pool behind evenkeel demo.
//
// What is real: every member is an HTTP server on a loopback port, the balancer
// in front is HAProxy ([HAProxy]) or a reverse proxy of our own that speaks
// HAProxy's runtime protocol ([Builtin]), and a [Client] sends requests whether
// or not the earlier ones were answered, and checks every body it gets. What is
// modelled is the work inside a member (workers that sleep for a lognormal
// time, of which three fifths count as computing and the rest as a call to a
// shared dependency) and the [Fault].
//
//	pool, err := sim.NewPool(sim.PoolConfig{Members: 10, Seed: 1})
//	…
//	proxy, err := sim.NewBuiltin(sim.BalancerConfig{Backend: "web", Servers: pool.Servers()})
//	…
//	client, err := sim.NewClient(sim.ClientConfig{URL: proxy.Front().URL, Rate: 400, Seed: 1})
//	… // start the Run of each, wait for proxy.Ready
//	onset := time.Now()
//	err = pool.Begin("m07", sim.Fault{Kind: sim.Empty})
//	…
//	fmt.Println(client.Tally(onset, onset.Add(time.Minute)).LostShare()) // about 0.67
//
// # Promises
//
// A constructor takes the ports it needs and starts nothing; Run serves until
// its context ends, waits for everything it started (a process included), gives
// the ports back, and must therefore be called once for every value that was
// constructed. All other methods may be called from any goroutine, before,
// during and after Run. Nothing here reaches beyond loopback.
//
// The same seed gives the same service times, body sizes, arrivals and choices
// of a partial fault, member by member; which member gets a request depends on
// the balancer and the machine's clock, so two runs are alike but not equal.
//
// Everything is bounded: requests in flight by [ClientConfig], those that wait
// for a worker, connections to the admin socket, the tally's history.
//
// The package does not judge and does not act: it is watched and acted upon
// through the same sockets as a real fleet.
package sim
