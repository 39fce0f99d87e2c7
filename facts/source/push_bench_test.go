package source

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// typicalPush is what a member pushes at one second: 20 metrics with two
// attribute sets each.
func typicalPush(b *testing.B, base time.Time, member, second int) []byte {
	b.Helper()
	lines := make([]string, 0, 40)
	for k := range 40 {
		kind := "total"
		if k/2%4 == 0 {
			kind = "gauge"
		}
		lines = append(lines, fmt.Sprintf("m%04d %s http.server.metric%02d %d start=-60 http.request.method=GET http.response.status_code=%d url.scheme=https",
			member, kind, k/2, 1000+second*rand.IntN(100), 200+k%2))
	}
	return asProto(b, pushLines(b, base, float64(second), lines...))
}

// BenchmarkPush is a request of 40 data points in one process: decoding,
// bounds, intake; without the network.
func BenchmarkPush(b *testing.B) {
	for _, json := range []bool{false, true} {
		b.Run(fmt.Sprintf("json=%t", json), func(b *testing.B) {
			p := newTestPush(b, func(c *PushConfig) { c.Tick, c.Stale = time.Second, time.Hour })
			base := time.Now()
			contentType, bodies := typeProto, make([][]byte, 1000)
			for i := range bodies {
				bodies[i] = typicalPush(b, base, i%100, i/100)
				if json {
					all, err := decodeMetrics(bodies[i], false)
					if err != nil {
						b.Fatal(err)
					}
					contentType, bodies[i] = typeJSON, asText(b, all)
				}
			}
			b.SetBytes(int64(len(bodies[0])))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n%len(bodies) == 0 {
					b.StopTimer()
					p.members, p.series, p.sorted = map[string]*pushMember{}, 0, nil
					p.columns = newPushColumns(nil, p.config.MaxMetrics)
					b.StartTimer()
				}
				w := httptest.NewRecorder()
				p.ServeHTTP(w, post(bodies[n%len(bodies)], header("Content-Type", contentType)))
				if w.Code != http.StatusOK || w.Body.Len() > len("{}") {
					b.Fatalf("got status %d: %s", w.Code, w.Body)
				}
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/40, "ns/point")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkPushServer is the same over loopback, one connection.
func BenchmarkPushServer(b *testing.B) {
	p := newTestPush(b, func(c *PushConfig) { c.Stale = time.Hour })
	server := httptest.NewServer(p)
	defer server.Close()
	body := typicalPush(b, time.Now(), 0, 0)
	for b.Loop() {
		r := post(body, nil)
		r.RequestURI = ""
		r.URL.Scheme, r.URL.Host = "http", server.Listener.Addr().String()
		resp, err := server.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPushRead is one tick of the largest group that is planned for:
// 10,000 members with 20 metrics.
func BenchmarkPushRead(b *testing.B) {
	p := newTestPush(b, func(c *PushConfig) { c.Stale = time.Hour })
	base := time.Now()
	for second := range 2 {
		for i := range 10000 {
			all, err := decodeMetrics(typicalPush(b, base, i, second), false)
			if err != nil {
				b.Fatal(err)
			}
			p.take(all, base.Add(time.Duration(second)*time.Second))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if f, err := p.Read(b.Context(), base.Add(time.Second)); err != nil || len(f.Members) != 10000 {
			b.Fatal(err)
		}
	}
}
