package detect

import "slices"

// httpRequests count the requests that a member has answered, as common servers
// and proxies do; request_rate is what a query may be named.
var httpRequests = []term{
	sum("request_rate"), sum("http_requests"), sum("http_request_duration_seconds_count"),
	sum("http_server_requests_seconds_count"), sum("http_server_request_duration_seconds_count"),
	sum("envoy_http_downstream_rq"), sum("nginx_http_requests"), sum("apache_accesses"),
}

// anyRequests are requests by whoever counts them, the member itself first.
var anyRequests = slices.Concat(ownArrivals, httpRequests)

// httpRecipes are the features of members that expose the metrics of common
// HTTP servers, client libraries and proxies. Names are those of a frame: a
// counter's without _total; NAME_5xx is the part of NAME with a status of 500
// or above.
var httpRecipes = []recipe{
	{name: "request_rate", form: formRate, num: httpRequests},
	{name: "in_flight", form: formLevel, num: []term{sum("http_requests_in_flight"), sum("http_server_active_requests"),
		sum("envoy_http_downstream_rq_active"), sum("apache_workers_busy"), sum("nginx_connections_active")}},
	each("request_time_s", formAmount, "http_request_duration_seconds_sum", "http_request_duration_seconds_count"),
	each("request_time_s", formAmount, "http_server_requests_seconds_sum", "http_server_requests_seconds_count"),
	each("request_time_s", formAmount, "http_server_request_duration_seconds_sum", "http_server_request_duration_seconds_count"),
	each("request_time_ms", formAmount, "envoy_http_downstream_rq_time_sum", "envoy_http_downstream_rq_time_count"),
	each("request_time_ms", formAmount, "apache_duration_ms", "apache_accesses"),
	each("bytes_per_request", formAmount, "http_response_size_bytes_sum", "http_response_size_bytes_count"),
	each("bytes_per_request", formAmount, "envoy_http_downstream_cx_tx_bytes", "envoy_http_downstream_rq"),
	each("kilobytes_per_request", formAmount, "apache_sent_kilobytes", "apache_accesses"),
	{name: "completions_per_request", form: formShare, num: httpRequests, den: departures[:1]},
	each("error_rate", formShare, "http_requests_5xx", "http_requests"),
	each("error_rate", formShare, "http_request_duration_seconds_count_5xx", "http_request_duration_seconds_count"),
	each("error_rate", formShare, "http_server_requests_seconds_count_5xx", "http_server_requests_seconds_count"),
	each("error_rate", formShare, "http_server_request_duration_seconds_count_5xx", "http_server_request_duration_seconds_count"),
	each("error_rate", formShare, "envoy_http_downstream_rq_5xx", "envoy_http_downstream_rq"),
	{name: "cpu_per_request", form: formAmount, num: []term{sum("process_cpu_seconds")}, den: anyRequests},
	{name: "process_cpu", form: formScale, num: []term{sum("process_cpu_seconds")}, unless: "cpu_per_request"},
	{name: "process_memory_bytes", form: formScale, num: []term{sum("process_resident_memory_bytes")}},
	{name: "open_fds", form: formLevel, num: []term{sum("process_open_fds")}},
	{name: "goroutines", form: formLevel, num: []term{sum("go_goroutines")}},
}

// each is a recipe of one metric per another, which count the same requests.
func each(name string, f form, num, den string) recipe {
	return recipe{name: name, form: f, num: []term{sum(num)}, den: []term{sum(den)}}
}
