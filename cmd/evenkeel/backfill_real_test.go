package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// shop is a group of members that take orders, as a real Prometheus server
// sees them: since an hour before it was started.
type shop struct {
	url     string
	members []string // addresses, which are their names
	sick    atomic.Int64
}

// openShop starts four members and a server that scrapes them every second.
func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	s.sick.Store(-1)
	for i := range 4 {
		m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			orders, bytes := trade()
			if int(s.sick.Load()) == i {
				bytes = 0
			}
			fmt.Fprintf(w, "# TYPE orders gauge\norders %g\n# TYPE order_bytes gauge\norder_bytes %g\n", orders, bytes)
		}))
		t.Cleanup(m.Close)
		s.members = append(s.members, m.Listener.Addr().String())
	}
	dir, port := t.TempDir(), freePort(t)
	s.writePast(t, dir, time.Now())
	config := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs: [{job_name: shop, static_configs: [{targets: ['%s']}]}]\n",
		strings.Join(s.members, "','"))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:"+port)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start prometheus: %v: want the prometheus package of the distribution", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		cmd.Wait() //nolint:errcheck // it ends by the signal it was sent
		if t.Failed() {
			t.Logf("prometheus wrote:\n%s", out.String())
		}
	})
	s.url = "http://127.0.0.1:" + port
	eventually(t, "prometheus is ready", func() bool {
		resp, err := http.Get(s.url + "/-/ready")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return s
}

// trade returns what a healthy member shows.
func trade() (orders, bytes float64) {
	orders = 40 + 4*rand.NormFloat64()
	return orders, orders * 9000 * (1 + 0.02*rand.NormFloat64())
}

// writePast makes a storage with an hour of health before end.
func (s *shop) writePast(t *testing.T, dir string, end time.Time) {
	t.Helper()
	var orders, bytes strings.Builder
	for _, m := range s.members {
		for i := range 3600 {
			a, b := trade()
			at := end.Add(time.Duration(i-3600) * time.Second).Unix()
			fmt.Fprintf(&orders, "orders{instance=%q,job=\"shop\"} %g %d\n", m, a, at)
			fmt.Fprintf(&bytes, "order_bytes{instance=%q,job=\"shop\"} %g %d\n", m, b, at)
		}
	}
	file := filepath.Join(dir, "past.txt")
	text := "# TYPE orders gauge\n" + orders.String() + "# TYPE order_bytes gauge\n" + bytes.String() + "# EOF\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", file, filepath.Join(dir, "data")).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool: %v: want the prometheus package of the distribution:\n%s", err, out)
	}
}

// writeShopConfig writes an evenkeel.yaml for the shop, and returns it and the
// directory of the log.
func writeShopConfig(t *testing.T, s *shop) (file, data string) {
	t.Helper()
	pack, err := filepath.Abs("packs/demo")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, data = filepath.Join(dir, "evenkeel.yaml"), filepath.Join(dir, "data")
	text := `env: test
data: data
console: {listen: '127.0.0.1:0'}
groups:
  shop:
    source:
      promql:
        url: ` + s.url + `
        delay: 1s
        queries:
          orders: orders{job="shop"}
          order_bytes: order_bytes{job="shop"}
    features:
      bytes_per_order: {kind: amount, of: [order_bytes], per: [orders]}
      order_rate: {kind: rate, of: [orders]}
    tick: 1s
    epoch: 60s
    warmup: 60s
    margin: 1.2
    false_alarms: 1 per 1h
    pack: ` + pack + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, data
}

func TestServeJudgesAGroupOfARealPrometheusSoonAfterItsStart(t *testing.T) {
	s := openShop(t)
	file, data := writeShopConfig(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr syncBuffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve", "-c", file, "--since", "1h"}, io.Discard, &stderr) }()
	console := consoleOf(t, &stderr, code)
	learnt := regexp.MustCompile(`msg="learnt from the past" group=shop frames=3[0-9]{3} `)
	eventually(t, "the past is learnt", func() bool { return learnt.MatchString(stderr.String()) })
	eventually(t, "it is ready", func() bool { status, _ := get(t, console+"/readyz"); return status == http.StatusOK })
	s.sick.Store(2)
	alarm := func(e audit.Stored) bool {
		return e.Type == "fact.accepted" && strings.Contains(string(e.Body), `"kind":"imbalance"`) && strings.Contains(string(e.Body), `"state":"alarm"`)
	}
	eventually(t, "an alarm is in the log", func() bool { return slices.ContainsFunc(scanned(t, data), alarm) })
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("serve = %d, want 0:\n%s", got, stderr.String())
	}
	all := verified(t, data)
	first := all[slices.IndexFunc(all, alarm)]
	if body := string(first.Body); !strings.Contains(body, s.members[2]) || !strings.Contains(body, "bytes_per_order") {
		t.Errorf("the first alarm is %s, want one of %s, by bytes_per_order", body, s.members[2])
	}
	if want := "shop: observe; learns from 1h of the past; then first alarm at once"; !strings.Contains(stderr.String(), want) {
		t.Errorf("standard error %q, want %q in it", stderr.String(), want)
	}
}

// scanned returns the entries of a log that is being written.
func scanned(t *testing.T, dir string) []audit.Stored {
	t.Helper()
	r, err := audit.OpenReader(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []audit.Stored
	err = r.Scan(context.Background(), 0, -1, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		all = append(all, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
