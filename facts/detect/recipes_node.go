package detect

// nodeRecipes are the features of members of which node_exporter tells, by the
// names of a frame: a counter's without _total. What grows with the traffic is
// taken per request when somebody counts requests, and by itself otherwise.
var nodeRecipes = []recipe{
	{name: "cpu_per_request", form: formAmount, num: []term{sum("node_cpu_busy_seconds")}, den: anyRequests},
	each("cpu_utilization", formPlain, "node_cpu_busy_seconds", "node_cpu_seconds"),
	each("iowait_share", formPlain, "node_cpu_iowait_seconds", "node_cpu_seconds"),
	each("steal_share", formPlain, "node_cpu_steal_seconds", "node_cpu_seconds"),
	{name: "load1", form: formScale, num: []term{sum("node_load1")}},
	{name: "context_switches", form: formScale, num: []term{sum("node_context_switches")}},
	each("memory_available_share", formPlain, "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
	{name: "disk_busy", form: formScale, num: []term{sum("node_disk_io_time_seconds")}},
	{name: "disk_time_per_io", form: formAmount, num: []term{sum("node_disk_read_time_seconds", "node_disk_write_time_seconds")},
		den: []term{sum("node_disk_reads_completed", "node_disk_writes_completed")}},
	{name: "disk_read_bytes", form: formScale, num: []term{sum("node_disk_read_bytes")}},
	{name: "disk_written_bytes", form: formScale, num: []term{sum("node_disk_written_bytes")}},
	{name: "network_in_per_request", form: formAmount, num: []term{sum("node_network_receive_bytes")}, den: anyRequests},
	{name: "network_in_bytes", form: formScale, num: []term{sum("node_network_receive_bytes")}, unless: "network_in_per_request"},
	{name: "network_out_per_request", form: formAmount, num: []term{sum("node_network_transmit_bytes")}, den: anyRequests},
	{name: "network_out_bytes", form: formScale, num: []term{sum("node_network_transmit_bytes")}, unless: "network_out_per_request"},
	{name: "network_errors", form: formScale, num: []term{sum("node_network_receive_errs", "node_network_transmit_errs",
		"node_network_receive_drop", "node_network_transmit_drop")}},
	each("tcp_retransmits", formShare, "node_netstat_Tcp_RetransSegs", "node_netstat_Tcp_OutSegs"),
}
