package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// realServer is a Prometheus server that scrapes three members every second,
// and whose memory holds three hours of three others, written before it started.
type realServer struct {
	url     string
	members []*fakeMember // addresses of the members are their names
	end     time.Time     // of what was written before
}

// pastCPU is the value of the gauge past_cpu of every member at time t.
func pastCPU(t time.Time) float64 { return float64(t.Unix() / 15 % 100) }

// startPrometheus starts a server and waits until it is ready.
func startPrometheus(t *testing.T) *realServer {
	t.Helper()
	s := &realServer{end: time.Now().UTC().Add(-time.Hour).Truncate(time.Minute)}
	dir := t.TempDir()
	s.writePast(t, dir)
	var targets []string
	for i := range 3 {
		m := newFakeMember(t)
		m.say(fmt.Sprintf("# TYPE cpu gauge\ncpu %d.5\n", i))
		s.members = append(s.members, m)
		targets = append(targets, strconv.Quote(m.Listener.Addr().String()))
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs: [{job_name: api, static_configs: [{targets: [%s]}]}]\n",
		strings.Join(targets, ", "))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.url = runPrometheus(t, dir)
	wait(t, "the server is ready", func() error {
		resp, err := http.Get(s.url + "/-/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
	return s
}

// writePast makes the storage in dir with three hours, at 15 s, of past_cpu and
// of the counter past_requests_total, which grows by 30 at each sample.
func (s *realServer) writePast(t *testing.T, dir string) {
	t.Helper()
	samples := func(name, suffix, kind string, value func(i int, at time.Time) float64) string {
		b := strings.Builder{}
		fmt.Fprintf(&b, "# TYPE %s %s\n", name, kind)
		for _, member := range []string{"p1", "p2", "p3"} {
			for i := range 3 * 240 {
				at := s.end.Add(time.Duration(i-3*240) * 15 * time.Second)
				fmt.Fprintf(&b, "%s%s{instance=%q} %v %d\n", name, suffix, member, value(i, at), at.Unix())
			}
		}
		return b.String()
	}
	text := samples("past_cpu", "", "gauge", func(_ int, at time.Time) float64 { return pastCPU(at) }) +
		samples("past_requests", "_total", "counter", func(i int, _ time.Time) float64 { return float64(30 * i) }) + "# EOF\n"
	file := filepath.Join(dir, "past.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tool := exec.Command(program(t, "promtool"), "tsdb", "create-blocks-from", "openmetrics", "-q", file, filepath.Join(dir, "data"))
	if out, err := tool.CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
}

// program returns where a program of Debian's package prometheus is.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: want Debian's package prometheus, which 'make test' installs: %v", name, err)
	}
	return path
}

// runPrometheus starts the server in dir on a free port, and returns its address.
func runPrometheus(t *testing.T, dir string) string {
	t.Helper()
	proc := exec.Command(program(t, "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0", "--query.max-samples=20000")
	proc.Dir = dir
	log, err := proc.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := proc.Start(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var said strings.Builder
	found := make(chan string, 1)
	wg.Go(func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			fmt.Fprintln(&said, lines.Text())
			if _, address, ok := strings.Cut(lines.Text(), `msg="Listening on" address=`); ok && len(found) == 0 {
				found <- "http://" + address
			}
		}
		close(found)
	})
	t.Cleanup(func() {
		_ = proc.Process.Kill() // it may have ended already
		wg.Wait()
		_ = proc.Wait() // says by which signal
		if t.Failed() {
			t.Logf("prometheus wrote:\n%s", said.String())
		}
	})
	select {
	case url, ok := <-found:
		if ok {
			return url
		}
		t.Fatal("prometheus ended before it listened")
	case <-time.After(2 * time.Minute):
		t.Fatal("prometheus did not listen within 2 minutes")
	}
	return ""
}

// wait polls until the condition holds.
func wait(t *testing.T, what string, condition func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	t.Fatalf("waited in vain until %s: %v", what, err)
}

// reader returns a reader of the given queries.
func (s *realServer) reader(t *testing.T, queries map[string]string) *PromQL {
	t.Helper()
	return newTestPromQL(t, PromQLConfig{URL: s.url, Group: "api", Queries: queries})
}

func TestPromQLWithARealServer(t *testing.T) {
	s := startPrometheus(t)
	t.Run("members come, are read and go", s.testLive)
	t.Run("errors are told with the server's words", s.testErrors)
	t.Run("history is what readings would have been", s.testHistory)
	t.Run("history asks for less when it was too much", s.testTooMuch)
}

func (s *realServer) testLive(t *testing.T) {
	p := s.reader(t, map[string]string{
		"cpu":     `cpu{job="api"} # of all cores`,
		"scrapes": `sum by (instance) (0 * count_over_time(cpu[1500ms]) + 2)`,
		"twice":   `2 * cpu`,
		"zero":    `sum by (instance) (rate(nothing_of_that_name[1m])) or on (instance) 0 * (up{job="api"} == 1)`,
	})
	whole := func(members []*fakeMember) func() error {
		return func() error {
			f, err := p.Read(t.Context(), time.Now())
			if err != nil || len(f.Members) != len(members) {
				return fmt.Errorf("got %+v, %v; want %d members", f, err, len(members))
			}
			for _, m := range members {
				name := m.Listener.Addr().String()
				cpu := float64(slices.Index(s.members, m)) + 0.5
				if got := f.Row(slices.Index(f.Members, name)); !slices.Equal(got, []float64{cpu, 2, 2 * cpu, 0}) {
					return fmt.Errorf("%s: got %v, want cpu %v", name, got, cpu)
				}
			}
			return f.Check()
		}
	}
	wait(t, "all members are there", whole(s.members))
	s.members[1].say("")
	wait(t, "the member that fails is gone", whole([]*fakeMember{s.members[0], s.members[2]}))
}

func (s *realServer) testErrors(t *testing.T) {
	for _, tt := range []struct {
		name, query, want string
	}{
		{"a syntax error", "up +\n + )", "the server says: bad_data: query of metric b: "},
		{"an unknown function", "no(up)", "unknown function"},
		{"a number instead of a vector", "1", "expected type instant vector"},
		{"many to many", "up * on () group_left up", "the server says: execution: "},
		{"two series of one member", `label_replace(past_cpu offset 70m, "instance", "p1", "instance", ".*") or past_cpu offset 70m`, "the server says: execution: "},
		{"a query that finds nothing", "nothing_of_that_name", "1 of 2 failed: metric b: no series"},
		{"series without a member", "sum(up)", "metric b: {} has no label instance"},
		{"series that are twins", `{__name__=~"up|scrape_duration_seconds"}`, "has two series, scrape_duration_seconds{"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := s.reader(t, map[string]string{"a": "up", "b": tt.query}).Read(t.Context(), time.Now())
			if err == nil || !strings.Contains(err.Error(), tt.want) || (f != nil) != partial(err) {
				t.Errorf("Read: got %v, %v; want an error with %q", f, err, tt.want)
			}
		})
	}
}

var pastQueries = map[string]string{"past_cpu": "past_cpu", "past_requests": "rate(past_requests_total[1m])"}

func (s *realServer) testHistory(t *testing.T) {
	p := s.reader(t, pastQueries)
	from := s.end.Add(-3 * time.Hour)
	frames := s.history(t, p, from, s.end, 15*time.Second)
	if len(frames) != 3*240 || !frames[0].Time.Equal(from) {
		t.Fatalf("history: got %d frames from %v on, want 720 from %v on", len(frames), frames[0].Time, from)
	}
	for i, f := range frames {
		rate := 2.0 // 30 each 15 s
		if i == 0 {
			rate = math.NaN()
		}
		for _, m := range []string{"p1", "p2", "p3"} {
			cpu, requests := f.At(m, "past_cpu"), f.At(m, "past_requests")
			if cpu != pastCPU(f.Time) || i > 4 && math.Abs(requests-rate) > 1e-9 || (i == 0) != math.IsNaN(requests) {
				t.Fatalf("frame %v of %s: got cpu %v and rate %v, want %v and %v", f.Time, m, cpu, requests, pastCPU(f.Time), rate)
			}
		}
		if i%90 > 0 {
			continue
		}
		now, err := p.Read(t.Context(), f.Time)
		if i > 0 && err != nil || compact(t, now) != compact(t, f) {
			t.Errorf("reading at %v: got %s, %v; want as in history: %s", f.Time, compact(t, now), err, compact(t, f))
		}
	}
}

func (s *realServer) testTooMuch(t *testing.T) {
	// 3 hours × 6 series × 1 s are 64,800 values, and the server admits 20,000.
	frames := s.history(t, s.reader(t, pastQueries), s.end.Add(-3*time.Hour), s.end.Add(-time.Minute), time.Second)
	if len(frames) != 3*3600-60 {
		t.Errorf("history: got %d frames, want %d", len(frames), 3*3600-60)
	}
}

// history returns all frames of the time, partial ones included.
func (s *realServer) history(t *testing.T, p *PromQL, from, to time.Time, step time.Duration) []*facts.Frame {
	t.Helper()
	h, err := p.History(from, to, step)
	if err != nil {
		t.Fatal(err)
	}
	var frames []*facts.Frame
	for {
		f, err := h.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return frames
		}
		if f == nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
}
