package source

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// canned answers every request with the same status and text.
type canned struct {
	status int
	text   string
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.text))}, nil
}

// FuzzPromQLAnswer feeds whatever a server may answer to an instant query and to
// a range query: no panic, and every frame is valid and of an instant asked for.
func FuzzPromQLAnswer(f *testing.F) {
	at := tick0.Unix()
	f.Add(200, vectorOf(`cpu|,"instance":"a"|1`, `rate|,"instance":"b"|NaN`, `rate||2`))
	f.Add(200, vectorOf(`cpu|,"instance":"a"|1`, `cpu|,"instance":"a","x":"y"|-Inf`))
	f.Add(200, fmt.Sprintf(`{"status":"success","warnings":["w"],"data":{"resultType":"matrix","result":[{"metric":{"evenkeel_metric":"cpu","instance":"a"},"values":[[%d,"1"],[%d.5,"2e3"]]}]}}`, at, at))
	f.Add(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"evenkeel_metric":"cpu","instance":"a"},"histogram":[%d,{"count":"1","sum":"1","buckets":[[0,"1","2","1"]]}]}]}}`, at))
	f.Add(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"scalar","result":[%d,"1"]}}`, at))
	f.Add(200, `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`)
	f.Add(200, `{"status":"success","data":null}`)
	f.Add(400, `{"status":"error","errorType":"bad_data","error":"5:3: parse error"}`)
	f.Add(422, `{"status":"success"}`)
	f.Add(503, `{"error":"`+"\x00\xff"+`"}`)
	f.Add(405, "")
	f.Fuzz(func(t *testing.T, status int, text string) {
		p := newTestPromQL(t, testPromQL("http://127.0.0.1:1"))
		client, err := api.NewClient(api.Config{Address: "http://127.0.0.1:1", RoundTripper: canned{status, text}})
		if err != nil {
			t.Fatal(err)
		}
		p.api = promv1.NewAPI(client)
		frame, err := p.Read(t.Context(), tick0)
		switch {
		case frame == nil && err == nil:
			t.Fatal("Read: got neither a frame nor an error")
		case frame != nil && (frame.Check() != nil || !frame.Time.Equal(tick0) || err != nil && !partial(err)):
			t.Fatalf("Read: got %+v, %v; want a valid frame of %v", frame, err, tick0)
		}
		const steps = 4
		h, err := p.History(tick0, tick0.Add(steps*time.Second), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for range steps + 1 {
			frame, err := h.Next(t.Context())
			switch {
			case errors.Is(err, io.EOF):
				return
			case frame == nil && err == nil:
				t.Fatal("Next: got neither a frame nor an error")
			case frame != nil && (frame.Check() != nil || !h.all.holds(frame.Time)):
				t.Fatalf("Next: got %+v, want a valid frame of an instant asked for", frame)
			}
		}
	})
}

// FuzzJoinQueries checks that a parse error at any place of a joined query is
// told of the metric whose expression is there, on a line that it has.
func FuzzJoinQueries(f *testing.F) {
	f.Add("up", "sum(\n\nup # x\n)", 6)
	f.Add("\n\n", "x", 3)
	f.Fuzz(func(t *testing.T, cpu, rate string, line int) {
		q, err := joinQueries([]string{"cpu", "rate"}, map[string]string{"cpu": cpu, "rate": rate})
		if err != nil {
			return
		}
		lines := strings.Split(q.text, "\n")
		if line < 1 || line > len(lines) {
			return
		}
		got := q.locate(fmt.Sprintf("%d:1: parse error", line))
		want := "1:1: parse error" // above all expressions
		for i, expr := range []string{cpu, rate} {
			if in := line - q.first[i]; in >= 0 && in <= strings.Count(expr, "\n")+1 {
				want = fmt.Sprintf("query of metric %s: %d:1: parse error", q.names[i], in+1)
			}
		}
		if got != want {
			t.Errorf("locate line %d of %q: got %q, want %q", line, q.text, got, want)
		}
	})
}
