package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

const pushToken = "0123456789abcdef"

// pushTokenFile writes a token file.
func pushTokenFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(pushToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// pushingMember is an HTTP server that counts what it does since it started.
type pushingMember struct {
	name            string
	start           time.Time
	good, bad       int64
	seconds, memory float64
}

// body returns what the member pushes at now: OTLP in JSON.
func (m *pushingMember) body(now time.Time) string {
	point := func(status int, count int64, seconds float64) string {
		return fmt.Sprintf(`{"attributes":[{"key":"http.response.status_code","value":{"intValue":"%d"}}],"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"%d","sum":%g}`,
			status, m.start.UnixNano(), now.UnixNano(), count, seconds)
	}
	return fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"%s"}}]},"scopeMetrics":[{"metrics":[
{"name":"http.server.request.duration","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[%s,%s]}},
{"name":"process.memory.usage","unit":"By","sum":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"%d","asInt":"%d"}]}}]}]}]}`,
		m.name, point(200, m.good, m.seconds), point(503, m.bad, 0.001*float64(m.bad)), now.UnixNano(), int64(m.memory))
}

// push makes the request of a member.
func (m *pushingMember) push(t *testing.T, url string, now time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/metrics", strings.NewReader(m.body(now)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+pushToken)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Five members push every second; one of them begins to fail fast.
func TestPushedImbalanceIsFound(t *testing.T) {
	const learnt, sick, within = 130, 2, 6
	synctest.Test(t, func(t *testing.T) {
		p, err := source.NewPush(source.PushConfig{Group: "web", Member: "host.name", Tick: time.Second, TokenFile: pushTokenFile(t)})
		if err != nil {
			t.Fatal(err)
		}
		d, err := detect.New(detect.Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 6 * time.Second, MinEpochs: 10,
			Alpha: 0.09, Margin: 1.5, Pool: true})
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(3, 5))
		members := make([]pushingMember, 5)
		for i := range members {
			members[i] = pushingMember{name: memberName(i), start: time.Now(), memory: 1e8}
		}
		found := 0 // ticks after the onset
		for tick := 1; tick <= learnt+within && found == 0; tick++ {
			time.Sleep(time.Second)
			for i := range members {
				m := &members[i]
				n := int64(100 + 10*random.NormFloat64())
				m.memory += 1e5 * random.NormFloat64()
				if i == sick && tick > learnt {
					m.bad += 2 * n
				} else {
					m.good, m.seconds = m.good+n, m.seconds+float64(n)*(0.05+0.002*random.NormFloat64())
				}
				w := httptest.NewRecorder()
				p.ServeHTTP(w, m.push(t, "", time.Now()))
				if w.Code != http.StatusOK || w.Body.String() != "{}" {
					t.Fatalf("push of %s at tick %d: got %d %s, want 200 {}", m.name, tick, w.Code, w.Body)
				}
			}
			f, err := p.Read(t.Context(), time.Now().UTC())
			if err != nil {
				t.Fatal(err)
			}
			all, err := d.Observe(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, fact := range all {
				if fact.Kind != facts.Imbalance || fact.State != facts.Alarm {
					continue
				}
				if tick <= learnt || fact.Member != memberName(sick) {
					t.Fatalf("alarm for %s at tick %d, want one for %s after tick %d", fact.Member, tick, memberName(sick), learnt)
				}
				if top := fact.Effect[0].Metric; top != "error_rate" && top != "request_time_s" {
					t.Errorf("the alarm's first metric is %s, want error_rate or request_time_s", top)
				}
				found = tick - learnt
			}
		}
		if found == 0 {
			t.Errorf("no alarm within %d ticks of the onset; features %q", within, d.Features())
		}
	})
}

func TestServeTakesPushes(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	pack, err := filepath.Abs("packs/demo")
	if err != nil {
		t.Fatal(err)
	}
	write := func(data string) string {
		file := filepath.Join(dir, data+".yaml")
		text := "env: test\ndata: " + data + "\nconsole: {listen: '127.0.0.1:0'}\ngroups:\n  web:\n    tick: 100ms\n    pack: " + pack +
			"\n    source: {otlp: {listen: '127.0.0.1:" + port + "', token_file: " + pushTokenFile(t) + ", member: host.name, stale: 1h}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr syncBuffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve", "-c", write("data")}, io.Discard, &stderr) }()
	console := consoleOf(t, &stderr, code)
	if want := "no member has pushed: want OTLP metrics at /v1/metrics"; !strings.Contains(stderr.String(), want) {
		t.Errorf("standard error %q, want %q in it", stderr.String(), want)
	}
	member := pushingMember{name: "m01", start: time.Now().Add(-time.Minute), memory: 1e8}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(member.push(t, "http://127.0.0.1:"+port, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != "{}" {
		t.Errorf("push = %d %s, %v; want 200 {}", resp.StatusCode, body, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the source is read", func() bool {
		_, m := get(t, console+"/metrics")
		return strings.Contains(m, `evenkeel_ready{part="source web"} 1`) && strings.Contains(m, `evenkeel_push_points_total{group="web"} 3`)
	})
	var refused syncBuffer
	if got := run(ctx, []string{"serve", "-c", write("second")}, &refused, &refused); got != exitFailed ||
		!strings.Contains(refused.String(), "evenkeel: hint: each group has a port of its own") {
		t.Errorf("serve on a port that is taken = %d:\n%s\nwant 1 and a hint", got, refused.String())
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("serve = %d, want 0:\n%s", got, stderr.String())
	}
	if strings.Contains(stderr.String(), pushToken) {
		t.Errorf("standard error repeats the token:\n%s", stderr.String())
	}
}
