package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

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
