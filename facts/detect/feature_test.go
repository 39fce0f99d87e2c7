package detect

import (
	"math"
	"slices"
	"testing"
)

func TestFeatures(t *testing.T) {
	for _, tt := range []struct {
		name    string
		metrics []string
		want    []string
	}{
		{"nothing gives nothing", nil, nil},
		{"a balancer alone", []string{"hx_bout", "hx_hrsp_2xx", "hx_hrsp_5xx", "hx_qcur", "hx_rtime", "hx_scur", "hx_stot", "hx_up", "hx_weight"},
			[]string{"request_rate", "in_flight", "queue", "latency_ms", "bytes_per_request", "success_per_request", "error_rate"}},
		{"members alone", []string{"be_bytes_out", "be_cpu", "be_downstream", "be_errors", "be_inflight", "be_mem_mb", "be_requests", "be_served", "be_svc_ms"},
			[]string{"request_rate", "in_flight", "latency_ms", "bytes_per_request", "cpu_per_request", "downstream_per_request",
				"completions_per_request", "error_rate", "memory_mb"}},
		{"a ratio needs both its terms", []string{"be_cpu", "be_downstream"}, nil},
		{"unknown metrics keep their names", []string{"disk_ms", "hx_stot", "zebra_count"}, []string{"request_rate", "disk_ms", "zebra_count"}},
		{"servers that count their requests and their failures", []string{"go_goroutines", "http_request_duration_seconds_count",
			"http_request_duration_seconds_count_5xx", "http_request_duration_seconds_sum", "http_response_size_bytes_count",
			"http_response_size_bytes_sum", "process_cpu_seconds", "process_resident_memory_bytes"},
			[]string{"request_rate", "request_time_s", "bytes_per_request", "error_rate", "cpu_per_request", "process_memory_bytes", "goroutines"}},
		{"requests counted twice are one rate", []string{"http_requests", "http_request_duration_seconds_count", "http_request_duration_seconds_sum"},
			[]string{"request_rate", "request_time_s"}},
		{"a balancer and servers that count what they end", []string{"http_requests", "hx_scur", "hx_stot"},
			[]string{"request_rate", "in_flight", "completions_per_request"}},
		{"a process without requests", []string{"process_cpu_seconds", "process_open_fds"}, []string{"process_cpu", "open_fds"}},
		{"nginx", []string{"nginx_connections_active", "nginx_http_requests"}, []string{"request_rate", "in_flight"}},
		{"apache", []string{"apache_accesses", "apache_duration_ms", "apache_sent_kilobytes", "apache_workers_busy"},
			[]string{"request_rate", "in_flight", "request_time_ms", "kilobytes_per_request"}},
		{"envoy", []string{"envoy_http_downstream_cx_tx_bytes", "envoy_http_downstream_rq", "envoy_http_downstream_rq_5xx",
			"envoy_http_downstream_rq_active", "envoy_http_downstream_rq_time_count", "envoy_http_downstream_rq_time_sum"},
			[]string{"request_rate", "in_flight", "request_time_ms", "bytes_per_request", "error_rate"}},
		{"hosts by themselves", []string{"node_cpu_busy_seconds", "node_cpu_seconds", "node_load1", "node_network_receive_bytes",
			"node_network_transmit_bytes", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"},
			[]string{"cpu_utilization", "load1", "memory_available_share", "network_in_bytes", "network_out_bytes"}},
		{"hosts behind a balancer", []string{"hx_stot", "node_cpu_busy_seconds", "node_cpu_seconds", "node_network_transmit_bytes"},
			[]string{"request_rate", "cpu_per_request", "cpu_utilization", "network_out_per_request"}},
		{"a query may be named as its feature", []string{"node_cpu_busy_seconds", "request_rate"}, []string{"request_rate", "cpu_per_request"}},
		{"membership and configuration are not scored", []string{"hx_admin", "hx_up", "hx_weight", "be_uptime_s"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			slices.Sort(tt.metrics)
			var got []string
			for _, f := range (&Config{}).features(tt.metrics) {
				got = append(got, f.name)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("features(%v) = %v, want %v", tt.metrics, got, tt.want)
			}
		})
	}
}

func TestFeaturesPrefersTheBalancer(t *testing.T) {
	f := (&Config{}).features([]string{"be_inflight", "be_requests", "hx_scur", "hx_stot"})[0]
	if !slices.Equal(f.num.sum, []string{"hx_stot"}) {
		t.Errorf("request_rate is made of %v, want hx_stot", f.num.sum)
	}
}

func TestTerm(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		last float64 // of the gauge
		row  []float64
		want float64
	}{
		{"a sum leaves out what is missing", nan, []float64{3, nan, 7}, 3},
		{"nothing seen is missing, not zero", nan, []float64{nan, nan, 7}, nan},
		{"the growth of the gauge is taken off", 5, []float64{10, 20, 7}, 28},
		{"what shrank is added", 9, []float64{10, 20, 7}, 32},
		{"never below zero", 0, []float64{1, 2, 7}, 0},
		{"without the gauge the sum alone", 5, []float64{10, 20, nan}, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, last := boundTerm{columns: []int{0, 1}, growth: 2}, tt.last
			if got := b.at(tt.row, &last); got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
				t.Errorf("at(%v) after %v = %v, want %v", tt.row, tt.last, got, tt.want)
			}
			if last != tt.row[2] && !math.IsNaN(tt.row[2]) {
				t.Errorf("the gauge is remembered as %v, want %v", last, tt.row[2])
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		form                  form
		num, den, weight, rho float64
		want                  float64
	}{
		{"a rate is counted per weight", formRate, 30, 0, 0.5, 0, math.Log(61)},
		{"a level is log(1+x)", formLevel, 7, 0, 1, 0, math.Log(8)},
		{"a share is drawn to the baseline by five requests", formShare, 0, 15, 1, 0.8, 4.0 / 20},
		{"an amount is the log of its ratio to the baseline", formAmount, 0, 15, 1, 4000, math.Log(0.25)},
		{"no requests, no evidence", formAmount, 0, 0, 1, 4000, 0},
		{"an amount that was zero in the baseline", formAmount, 20, 15, 1, 0, math.Log(2)},
		{"a time without requests is missing", formTime, 100, 0, 1, 0, math.NaN()},
		{"a missing denominator is missing", formShare, 3, math.NaN(), 1, 0.5, math.NaN()},
		{"a negative scale is kept, oddly", formScale, -3, 0, 1, 0, -math.Log(4)},
		{"a plain number is itself", formPlain, 0.3, 0, 1, 0, 0.3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := feature{form: tt.form}
			got := f.measure(tt.num, tt.den, tt.weight, tt.rho)
			if math.Abs(got-tt.want) > 1e-12 || math.IsNaN(got) != math.IsNaN(tt.want) {
				t.Errorf("measure = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestUnitUndoesMeasure(t *testing.T) {
	for _, form := range []form{formRate, formLevel, formScale, formPlain} {
		f := feature{form: form}
		for _, x := range []float64{0, 0.25, 3, 1e6} {
			if got := f.unit(f.measure(x, 0, 1, 0), 0); math.Abs(got-x) > 1e-9*(1+x) {
				t.Errorf("form %d: unit(measure(%v)) = %v", form, x, got)
			}
		}
	}
	amount := feature{form: formAmount}
	if got, want := amount.unit(amount.measure(80000, 15, 1, 4000), 4000), (80000+5*4000)/20.0; math.Abs(got-want) > 1e-9*want {
		t.Errorf("an amount reads %v, want %v", got, want)
	}
}

// The precision has to make noise alike: the same imbalance in standard
// deviations, whatever the number of requests.
func TestPrecisionFollowsTheNoise(t *testing.T) {
	rng := newSynthetic(3, 1)
	for _, tt := range []struct {
		name string
		form form
		draw func(n float64) (num, den float64)
	}{
		{"Poisson counts", formRate, func(n float64) (float64, float64) { return rng.poisson(n), 0 }},
		{"binomial shares", formShare, func(n float64) (float64, float64) {
			hits := 0.0
			for range int(n) {
				if rng.rng.Float64() < 0.3 {
					hits++
				}
			}
			return hits, n
		}},
		{"mean times", formTime, func(n float64) (float64, float64) {
			total := 0.0
			for range int(n) {
				total += 100 * math.Exp(0.5*rng.rng.NormFloat64())
			}
			return total / n, n
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := feature{form: tt.form}
			sd := func(n float64) float64 {
				var sum, squares float64
				const draws = 1000
				for range draws {
					num, den := tt.draw(n)
					y := f.measure(num, den, 1, 0.3)
					mu := math.Log(1 + n)
					if tt.form == formShare {
						mu = 0.3
					}
					r := y * f.precision(den, mu)
					sum += r / draws
					squares += r * r / draws
				}
				return math.Sqrt(squares - sum*sum)
			}
			if few, many := sd(20), sd(200); few/many < 0.7 || few/many > 1.4 {
				t.Errorf("standard deviation %.3f at 20 requests, %.3f at 200, want them alike", few, many)
			}
		})
	}
}
