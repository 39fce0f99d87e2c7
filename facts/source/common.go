package source

import (
	"errors"
	"fmt"
)

// untypedCounters are counters whose exporter does not say so.
var untypedCounters = []string{"node_netstat_Tcp_OutSegs", "node_netstat_Tcp_RetransSegs"}

// statusLabels are the labels in which servers put the status of an answer.
var statusLabels = []string{"code", "status", "status_code", "http_response_status_code"}

// requestCounters count the requests that a server has answered, by the names
// that client libraries and frameworks use: Prometheus' own, Micrometer's, and
// OpenTelemetry's.
var requestCounters = []struct{ on, as string }{
	{"http_requests_total", "http_requests"},
	{"http_request_duration_seconds_count", "http_request_duration_seconds_count"},
	{"http_server_requests_seconds_count", "http_server_requests_seconds_count"},
	{"http_server_request_duration_seconds_count", "http_server_request_duration_seconds_count"},
}

// commonPlain are counters and gauges that are summed over all their label
// sets and keep their name, but for _total.
var commonPlain = []struct{ on, as string }{
	// client libraries and frameworks
	{"http_request_duration_seconds_sum", "http_request_duration_seconds_sum"},
	{"http_server_requests_seconds_sum", "http_server_requests_seconds_sum"},
	{"http_server_request_duration_seconds_sum", "http_server_request_duration_seconds_sum"},
	{"http_response_size_bytes_sum", "http_response_size_bytes_sum"},
	{"http_response_size_bytes_count", "http_response_size_bytes_count"},
	{"http_requests_in_flight", "http_requests_in_flight"},
	{"http_server_active_requests", "http_server_active_requests"},
	// nginx, apache and envoy
	{"nginx_http_requests_total", "nginx_http_requests"},
	{"nginx_connections_active", "nginx_connections_active"},
	{"apache_accesses_total", "apache_accesses"},
	{"apache_duration_ms_total", "apache_duration_ms"},
	{"apache_sent_kilobytes_total", "apache_sent_kilobytes"},
	{`apache_workers{state="busy"}`, "apache_workers_busy"},
	{"envoy_http_downstream_rq_total", "envoy_http_downstream_rq"},
	{`envoy_http_downstream_rq_xx{envoy_response_code_class="5"}`, "envoy_http_downstream_rq_5xx"},
	{"envoy_http_downstream_rq_time_sum", "envoy_http_downstream_rq_time_sum"},
	{"envoy_http_downstream_rq_time_count", "envoy_http_downstream_rq_time_count"},
	{"envoy_http_downstream_cx_tx_bytes_total", "envoy_http_downstream_cx_tx_bytes"},
	{"envoy_http_downstream_rq_active", "envoy_http_downstream_rq_active"},
	// node_exporter
	{"node_cpu_seconds_total", "node_cpu_seconds"},
	{`node_cpu_seconds_total{mode!~"idle|iowait"}`, "node_cpu_busy_seconds"},
	{`node_cpu_seconds_total{mode="iowait"}`, "node_cpu_iowait_seconds"},
	{`node_cpu_seconds_total{mode="steal"}`, "node_cpu_steal_seconds"},
	{"node_load1", "node_load1"},
	{"node_context_switches_total", "node_context_switches"},
	{"node_memory_MemAvailable_bytes", "node_memory_MemAvailable_bytes"},
	{"node_memory_MemTotal_bytes", "node_memory_MemTotal_bytes"},
	{"node_disk_io_time_seconds_total", "node_disk_io_time_seconds"},
	{"node_disk_read_time_seconds_total", "node_disk_read_time_seconds"},
	{"node_disk_write_time_seconds_total", "node_disk_write_time_seconds"},
	{"node_disk_reads_completed_total", "node_disk_reads_completed"},
	{"node_disk_writes_completed_total", "node_disk_writes_completed"},
	{"node_disk_read_bytes_total", "node_disk_read_bytes"},
	{"node_disk_written_bytes_total", "node_disk_written_bytes"},
	{`node_network_receive_bytes_total{device!="lo"}`, "node_network_receive_bytes"},
	{`node_network_transmit_bytes_total{device!="lo"}`, "node_network_transmit_bytes"},
	{`node_network_receive_errs_total{device!="lo"}`, "node_network_receive_errs"},
	{`node_network_transmit_errs_total{device!="lo"}`, "node_network_transmit_errs"},
	{`node_network_receive_drop_total{device!="lo"}`, "node_network_receive_drop"},
	{`node_network_transmit_drop_total{device!="lo"}`, "node_network_transmit_drop"},
	{"node_netstat_Tcp_OutSegs", "node_netstat_Tcp_OutSegs"},
	{"node_netstat_Tcp_RetransSegs", "node_netstat_Tcp_RetransSegs"},
}

// processMetrics are of the process that serves the page, which says something
// of the member unless it is an exporter beside it.
var processMetrics = []struct{ on, as string }{
	{"process_cpu_seconds_total", "process_cpu_seconds"},
	{"process_resident_memory_bytes", "process_resident_memory_bytes"},
	{"process_open_fds", "process_open_fds"},
	{"go_goroutines", "go_goroutines"},
}

// exporterMetrics are found on the pages of exporters alone.
var exporterMetrics = []string{"node_cpu_seconds_total", "nginx_http_requests_total", "apache_accesses_total"}

// commonMetrics returns the metrics of common servers, client libraries and
// exporters that are read where they are found; of several with one name in
// the frame, the first that is found.
func commonMetrics() ([]wanted, error) {
	var all []wanted
	var errs []error
	add := func(on, as string, process bool) {
		s, err := parseSelector(on)
		if err != nil {
			errs = append(errs, fmt.Errorf("common metric %s: %w", on, err))
		}
		all = append(all, wanted{selector: s, as: as, common: true, process: process})
	}
	for _, c := range requestCounters {
		add(c.on, c.as, false)
		for _, label := range statusLabels {
			add(c.on+"{"+label+`=~"5.."}`, c.as+"_5xx", false)
		}
	}
	for _, c := range commonPlain {
		add(c.on, c.as, false)
	}
	for _, c := range processMetrics {
		add(c.on, c.as, true)
	}
	return all, errors.Join(errs...)
}
