// Package source turns bytes from outside into frames: what HAProxy says on its
// stats socket, what members expose for Prometheus, what a Prometheus server
// knows of them, what members push by OTLP, and recordings of all.
//
// # Readings
//
// [HAProxy], [Prometheus] and [PromQL] each take one reading of a group when
// asked to; [Join] takes several at once and gives one frame. A [Poller] asks at
// every tick:
//
//	balancer, err := source.NewHAProxy(source.HAProxyConfig{
//		Address: "unix:/run/haproxy/admin.sock", Backend: "web"})
//	…
//	members, err := source.NewPrometheus(source.PrometheusConfig{Group: "web",
//		Members: map[string]string{"m01": "http://10.0.0.1:9100/metrics"}})
//	…
//	both, err := source.NewJoin("web", balancer, members)
//	…
//	p, err := source.NewPoller(both, time.Second)
//	…
//	for {
//		f, err := p.Next(ctx)
//		if f == nil && !errors.Is(err, source.ErrSilent) {
//			return err // ctx ended
//		}
//		// err says what was not seen; f, when there is one, is good
//	}
//
// # Frames
//
// Every frame is in normal form: it holds the members and metrics that have a
// value at that tick, and no other, so that members and metrics may come and
// go from one frame to the next. What was not seen is missing (NaN) and never
// zero: rates in the first frame, and after a counter was reset; members that
// did not answer. While the names do not change, frames of a group share the
// slices Members and Metrics; nobody may modify them.
//
// Rates are per second over the time that really passed between two readings,
// never negative, and missing rather than guessed. What a [PromQL] gives is what
// its queries say.
//
// # Pushes
//
// Members that nobody can reach push their metrics instead: a [Push] is an HTTP
// handler for OTLP, which any OpenTelemetry program or collector speaks, and a
// reader of what came. It always asks for a token, and for TLS anywhere but on
// loopback:
//
//	p, err := source.NewPush(source.PushConfig{Group: "web", Member: "host.name",
//		Tick: time.Second, TokenFile: "/etc/evenkeel/web.token"})
//	…
//	s, err := p.Listen(ctx, source.PushListen{Address: "127.0.0.1:4318"})
//	…
//	go func() { ended <- s.Run(ctx) }()
//	poller, err := source.NewPoller(p, time.Second)
//
// A program pushes there with
//
//	OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://127.0.0.1:4318/v1/metrics
//	OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf
//	OTEL_EXPORTER_OTLP_METRICS_HEADERS=authorization=Bearer%20TOKEN
//	OTEL_METRIC_EXPORT_INTERVAL=1000
//	OTEL_RESOURCE_ATTRIBUTES=host.name=m01
//
// OTLP rather than Prometheus remote write, because of who keeps the receiving
// side: the module that decodes OTLP here is stable and is the one that the
// OpenTelemetry collector itself uses. A handler for remote write is to be had
// from an experimental module, which promises nothing, or with all of the
// Prometheus server. Besides, OTLP says of every counter since when it has been
// counting, so that a restart needs no guess, and an answer can tell the sender
// what was refused.
//
// # The past
//
// A Prometheus server also tells what was: [PromQL.History] gives the frames that
// readings at each tick of the past weeks would have given, so that a baseline
// is learnt in minutes. A server that scrapes every 15 s cannot show a fault
// sooner than that; watch what must be seen at once at its origin.
//
//	s, err := source.NewPromQL(source.PromQLConfig{URL: "http://127.0.0.1:9090", Group: "api",
//		Queries: map[string]string{"request_rate": "sum by (instance) (rate(http_requests_total[1m]))"}})
//	…
//	h, err := s.History(now.AddDate(0, 0, -14), now, 15*time.Second)
//	…
//	for f, err := h.Next(ctx); !errors.Is(err, io.EOF); f, err = h.Next(ctx) {
//		if f == nil {
//			return err
//		}
//		// err says what is missing from f
//	}
//
// # Recordings
//
// A [Recording] gives the frames of a file, and [RecordingWriter] writes them
// so that they come back identical; [Recording] documents the format.
//
// # Promises
//
// Everything that comes from outside is bounded: bytes of an answer, a page, a
// request or a line, series, members, metrics, groups, connections, and time. Every error says where,
// what was found and what is wanted. Constructors connect to nothing and start
// nothing; every goroutine ends before the call that started it returns, except
// those of the connections that [Prometheus.Close] and [PromQL.Close] drop. No error
// repeats a password or a token. Values are not for concurrent use unless said
// otherwise.
//
// The package does not decide what a missing member means, writes to no
// balancer, and logs nothing.
package source
