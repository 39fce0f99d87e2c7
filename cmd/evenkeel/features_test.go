package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

// What the source reads of a common page by itself has to be what the detector
// knows the features of.
func TestFeaturesOfCommonPages(t *testing.T) {
	for _, tt := range []struct {
		name, page string
		want       []string
	}{
		{"a host with node_exporter", "../../testdata/exposition/node_exporter.txt", []string{
			"cpu_utilization", "iowait_share", "steal_share", "load1", "context_switches", "memory_available_share",
			"disk_busy", "disk_time_per_io", "disk_read_bytes", "disk_written_bytes", "network_in_bytes", "network_out_bytes",
			"network_errors", "tcp_retransmits"}},
		{"an HTTP server", "../../testdata/exposition/http_server.txt", []string{
			"request_rate", "in_flight", "request_time_s", "bytes_per_request", "error_rate", "cpu_per_request",
			"process_memory_bytes", "open_fds", "goroutines"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page, err := os.ReadFile(tt.page)
			if err != nil {
				t.Fatal(err)
			}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Write(page) //nolint:errcheck // a scraper that is gone scrapes again
			}))
			defer s.Close()
			members := map[string]string{"m1": s.URL, "m2": s.URL}
			p, err := source.NewPrometheus(source.PrometheusConfig{Group: "web", Members: members})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			d, err := detect.New(detect.Config{Env: "test", Group: "web"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				f, err := p.Read(t.Context(), time.Unix(int64(i+1), 0).UTC())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := d.Observe(f); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.Features(); !slices.Equal(got, tt.want) {
				t.Errorf("features:\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

// The configuration and the detector have one idea of what a feature may be.
func TestKindsOfFeaturesAreFormsOfTheDetector(t *testing.T) {
	for _, form := range append(detect.Forms(), "ratio") {
		for _, per := range []string{"", "per: [y], ", "per: [y], less_growth: z, ", "less_growth: z, ", "per: [x], "} {
			text := "env: t\ndata: d\ngroups:\n  web:\n    source: {haproxy: {socket: s, backend: b}}\n    pack: p\n" +
				"    features: {f: {" + per + "kind: " + string(form) + ", of: [x]}}\n"
			f := detect.Feature{Name: "f", Form: form, Of: []string{"x"}}
			switch {
			case strings.Contains(per, "[x]"):
				f.Per = []string{"x"}
			case strings.Contains(per, "[y]"):
				f.Per = []string{"y"}
			}
			if strings.Contains(per, "less_growth") {
				f.LessGrowth = "z"
			}
			c, err := config.Parse("f.yaml", "/", []byte(text))
			if want := f.Check(); (err == nil) != (want == nil) {
				t.Errorf("kind %s with %q: the configuration says %v, the detector %v", form, per, err, want)
			}
			if err != nil {
				continue
			}
			if got := detectFor(&c.Groups[0]).Features; !reflect.DeepEqual(got, []detect.Feature{f}) {
				t.Errorf("kind %s with %q: %+v, want %+v", form, per, got, f)
			}
		}
	}
}
