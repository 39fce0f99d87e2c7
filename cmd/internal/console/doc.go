// Package console answers HTTP for one process:
//
//	GET /healthz   200 "ok" while the loop runs, else 503 and why
//	GET /readyz    200 when every part can do its work, else 503; JSON, one check a part
//	GET /metrics   the process's numbers in the Prometheus text format
//	POST /v1/papers  takes papers that people signed, where they govern: 200 when
//	               all were taken, 422 when one was refused, with JSON that says
//	               what became of each; 503 when nothing could be recorded
//	GET /v1/changes  how things stand with the rules, as 'evenkeel rules status -o
//	               json' prints it
//	GET /v1/changes/ID  the papers of a change with its bundle and dossier, as a zip
//	               archive of what 'evenkeel rules export' writes; ID is the beginning
//	               of the proposal's digest; 404 when it is not known
//	GET /v1/changes/ID/base  the people register in force, and the bundle that the
//	               change would replace, likewise
//
// An answer of /readyz:
//
//	{"ready":false,"checks":[{"part":"bus","ok":true,"detail":"connected"},
//	 {"part":"source web","ok":false,"detail":"silent for 12s: connection refused"}],
//	 "notes":["group web runs in observe: …"]}
//
// A check that fails says that this part waits for something outside to come
// back; the process itself is then still healthy. Notes are what an operator
// should know and cannot change by waiting.
//
// It is made for loopback and cannot tell who is asking: it changes nothing but
// by papers, which prove themselves, and what it answers proves itself likewise or
// is believed by nobody; nothing of it is secret. It answers only requests
// addressed to a loopback name (a page of some other site that was led here by
// DNS is turned away), a bounded number at a time, with short deadlines.
//
// The package knows no part: it is handed functions that look at them. They
// are called concurrently and must return at once.
//
//	c := console.New(console.Config{Healthy: …, Ready: …, Metrics: …})
//	err := c.Serve(ctx, listener) // until ctx ends
package console
