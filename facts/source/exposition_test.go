package source

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

func TestParseExposition(t *testing.T) {
	for _, tt := range []struct {
		name  string
		names map[string]string
		page  string
		want  string // samples in order of their names: "name kind value"
	}{
		{"counters and gauges that begin with be_", nil,
			"# TYPE be_requests_total counter\nbe_requests_total 12\n# TYPE be_cpu gauge\nbe_cpu 0.25\n# TYPE go_threads gauge\ngo_threads 7\n",
			"be_cpu gauge 0.25, be_requests counter 12"},
		{"a counter is summed over its label sets", nil,
			"# TYPE be_errors_total counter\nbe_errors_total{code=\"500\"} 3\nbe_errors_total{code=\"503\"} 4\n",
			"be_errors counter 7"},
		{"without a type, _total makes a counter", nil, "be_a_total 5\nbe_b 6\n", "be_a counter 5, be_b gauge 6"},
		{"a counter keeps a name without _total", nil, "# TYPE be_a counter\nbe_a 5\n", "be_a counter 5"},
		{"named metrics are read under the names given, and no others",
			map[string]string{"process_cpu_seconds_total": "be_proc_cpu", "go_goroutines": "be_goroutines", "absent": "be_x"},
			"process_cpu_seconds_total 1.5\n# TYPE go_goroutines gauge\ngo_goroutines 20\nbe_cpu 1\n",
			"be_goroutines gauge 20, be_proc_cpu counter 1.5"},
		{"what is not a finite number is missing", nil,
			"# TYPE be_a gauge\nbe_a NaN\n# TYPE be_b gauge\nbe_b -Inf\n# TYPE be_c_total counter\nbe_c_total +Inf\nbe_d_total -1\nbe_e 1\n",
			"be_a gauge NaN, be_b gauge NaN, be_c counter NaN, be_d counter NaN, be_e gauge 1"},
		{"histograms and summaries are passed over", nil,
			"# TYPE be_h histogram\nbe_h_bucket{le=\"+Inf\"} 1\nbe_h_sum 1\nbe_h_count 1\n# TYPE be_s summary\nbe_s_sum 1\nbe_s_count 1\nbe_e 1\n",
			"be_e gauge 1"},
		{"label sets are selected, and what was not counted yet is zero",
			map[string]string{`req_total{code=~"5.."}`: "failed", `req_total{code!~"5..",path!="/m"}`: "good", `req_total{code="418"}`: "tea", `req_total{kind="x"}`: "none", `temp{at="in"}`: "inside"},
			"# TYPE req_total counter\nreq_total{code=\"200\",path=\"/\"} 3\nreq_total{code=\"200\",path=\"/m\"} 9\nreq_total{code=\"503\"} 4\nreq_total{code=\"500\"} 1\n" +
				"# TYPE temp gauge\ntemp{at=\"in\"} 20\ntemp{at=\"out\"} 5\n",
			"failed counter 5, good counter 3, inside gauge 20, tea counter 0"},
		{"of histograms and summaries sum and count are read by name",
			map[string]string{"h_sum": "h_s", `h_count{code="200"}`: "h_200", "s_count": "s_n", "s_sum": "s_s"},
			"# TYPE h histogram\nh_bucket{le=\"+Inf\",code=\"200\"} 3\nh_sum{code=\"200\"} 1.5\nh_count{code=\"200\"} 3\nh_bucket{le=\"+Inf\",code=\"500\"} 1\nh_sum{code=\"500\"} 1\nh_count{code=\"500\"} 1\n" +
				"# TYPE s summary\ns_sum 7\ns_count 2\n",
			"h_200 counter 3, h_s counter 2.5, s_n counter 2, s_s counter 7"},
		{"common metrics are read by themselves; gauges among them are added up", nil,
			"# TYPE http_requests_total counter\nhttp_requests_total{status=\"200\"} 3\nhttp_requests_total{status=\"502\"} 1\n" +
				"# TYPE http_requests_in_flight gauge\nhttp_requests_in_flight{handler=\"a\"} 2\nhttp_requests_in_flight{handler=\"b\"} 3\n# TYPE go_goroutines gauge\ngo_goroutines 9\n",
			"go_goroutines gauge 9, http_requests counter 4, http_requests_5xx counter 1, http_requests_in_flight gauge 5"},
		{"without a status nothing is said of failures", nil, "# TYPE http_requests_total counter\nhttp_requests_total{path=\"/\"} 3\n", "http_requests counter 3"},
		{"timestamps and help are allowed", nil, "# HELP be_e says \\\\ much\nbe_e 1 1395066363000\n", "be_e gauge 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pick, err := newPicker(tt.names)
			if err != nil {
				t.Fatal(err)
			}
			samples, err := parseExposition([]byte(tt.page), pick)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, name := range slices.Sorted(maps.Keys(samples)) {
				s := samples[name]
				got = append(got, fmt.Sprint(name, " ", kindName(s.counter), " ", s.value))
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("samples: got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseExpositionRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		names map[string]string
		page  string
		want  string
	}{
		{"a page that is something else", nil, "<html>\n", "not in the Prometheus text format"},
		{"a number that is none", nil, "be_a one\n", "text format parsing error in line 1"},
		{"a page cut off", nil, "be_a", "unexpected end of input"},
		{"braces before any name, on which the parser panics", nil, "{} 0\nbe_a 1\n", "the parser gave up on it"},
		{"a page without a wanted metric", nil, "go_threads 1\n", "no wanted metric among the page's 1: want counters and gauges named be_…, or those of common servers and exporters"},
		{"a page without a named metric", map[string]string{"a": "b", "c": "d"}, "go_threads 1\n", "want one of a c"},
		{"a gauge with several label sets", nil, "be_queue{q=\"a\"} 1\nbe_queue{q=\"b\"} 2\n", "metric be_queue: gauge with 2 label sets: want one"},
		{"a counter and a gauge of one name", nil, "be_a 1\nbe_a_total 2\n", "also named be_a in the frame"},
		{"a named histogram", map[string]string{"h": "h"}, "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
			"metric h: it is a histogram: want a counter or a gauge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pick, err := newPicker(tt.names)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseExposition([]byte(tt.page), pick); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseExposition: got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func FuzzParseExposition(f *testing.F) {
	f.Add([]byte("# TYPE be_requests_total counter\nbe_requests_total{a=\"b\"} 12\nbe_requests_total 3\n# TYPE be_cpu gauge\nbe_cpu 0.25\n"))
	f.Add([]byte("be_a_total -Inf\nbe_b 1e400\nbe_c 0x1p-2 17\n"))
	f.Add([]byte("# TYPE be_h histogram\nbe_h_bucket{le=\"+Inf\"} 1\nbe_h_sum 1\nbe_h_count 1\n"))
	f.Add([]byte("{\"be_quoted\", x=\"y\"} 1\n"))
	f.Add([]byte("# comment\n{}0"))
	f.Fuzz(func(t *testing.T, page []byte) {
		samples, err := parseExposition(page, picker{})
		if err != nil {
			return
		}
		for name, s := range samples {
			if err := facts.CheckName("metric", name); err != nil {
				t.Error(err)
			}
			if math.IsInf(s.value, 0) || s.counter && s.value < 0 {
				t.Errorf("%s %s: got %v", kindName(s.counter), name, s.value)
			}
		}
	})
}

// typicalPage is the page of a member with 14 metrics of its own among those of
// a Go process.
func typicalPage() []byte {
	var b strings.Builder
	for i := range 14 {
		fmt.Fprintf(&b, "# HELP be_m%02d_total What is counted.\n# TYPE be_m%02d_total counter\nbe_m%02d_total %d\n", i, i, i, 1000+i)
	}
	for i := range 40 {
		fmt.Fprintf(&b, "# HELP go_m%02d What the runtime says.\n# TYPE go_m%02d gauge\ngo_m%02d %d\n", i, i, i, 1000+i)
	}
	return []byte(b.String())
}

func BenchmarkParseExposition(b *testing.B) {
	page := typicalPage()
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseExposition(page, picker{}); err != nil {
			b.Fatal(err)
		}
	}
}
