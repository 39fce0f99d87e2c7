// Package config reads evenkeel.yaml, the one file an operator edits, and
// refuses everything in it that it does not fully understand: an unknown or
// repeated key, a duration without a unit, a value that would be unsafe. Each
// complaint names the place, what was found and what is wanted, and shows the
// line:
//
//	evenkeel.yaml:12:11: groups.web.tick: found "1", want a duration with a unit, such as 1s
//	   12 |     tick: 1
//	      |           ^
//
// All complaints about a file, up to [MaxErrors], are reported at once.
//
// # The keys
//
//	env           name of the environment; part of every subject and of every entry of the log. Required.
//	data          directory of the log and of the embedded broker's store. Required.
//	trust         sha256:… of the first register of people, written down by hand. Without it nobody can approve
//	              rules, and every group observes.
//	nats          the broker that carries facts. Default: {embedded: true}.
//	  embedded    true: a broker inside this process, not reachable from outside.
//	  url         an external one instead: tls://HOST:PORT; nats://HOST:PORT on loopback only.
//	  creds       file with the credentials for url.
//	  tls         ca, cert, key: files; cert and key go together.
//	console
//	  listen      HOST:PORT of /healthz, /readyz and /metrics. Default 127.0.0.1:8420. Loopback only:
//	              the console cannot tell who is asking yet. Port 0 takes any free one.
//	groups        one entry for each group, by name; at least one, at most MaxGroups.
//	  NAME
//	    source    where its frames come from: haproxy, prometheus, promql, otlp, or several joined. Required.
//	      haproxy
//	        socket   path of the stats socket, or tcp:HOST:PORT. Required.
//	        backend  name of the backend whose servers are the members. Required.
//	      prometheus
//	        members  member name: URL of its exposition (http or https). Required.
//	        metrics  exposition name: metric name in the frame. NAME{label="value"} selects label sets, with
//	                 =, !=, =~ or !~ as in PromQL. Default: the be_* metrics, and those of node_exporter and of
//	                 common HTTP servers.
//	      promql     a Prometheus server, asked once a tick whatever the number of members.
//	        url      http://HOST:PORT, or https. Required.
//	        queries  metric name in the frame: PromQL, with one series for each member. Required. A query that
//	                 finds nothing makes every reading partial; where a member that is up has had none of what
//	                 is counted, say so: … or on (instance) 0 * (up{job="api"} == 1)
//	        member   the label that names the member. Default instance.
//	        delay    how long the server needs to know a sample: best its scrape interval. At most a tick when
//	                 promql is the only source, because the frame is that much older than its tick.
//	                 Default 5s, or a tick if that is shorter.
//	        timeout  of one query, 100ms to 1m. Default 5s; three quarters of a tick end it in any case.
//	        bearer_token_file  file with a token for the server, and
//	        basic_auth_file    one with USER:PASSWORD: want https, unless the server is on this host.
//	        ca_file  file with the authorities that vouch for it, PEM. Default: the system's.
//	      otlp       metrics that the members push: OTLP over HTTP, in protobuf or JSON, at /v1/metrics.
//	        listen   HOST:PORT of a port for this group alone; without tls on loopback only. Required.
//	        token_file  file with the token that every request must carry, at least 16 characters; mode 0600. Required.
//	        member   the resource attribute that names the member. Default service.instance.id, or host.name where
//	                 that is missing. With haproxy it must hold the names that the balancer has for its servers.
//	        metrics  OTLP name: metric name in the frame; a histogram gives NAME_count and NAME_sum. Default: all,
//	                 named as on a Prometheus page, such as http_server_request_duration_seconds_count.
//	        stale    how old a value may be, a tick to 1h: longer than the members' export interval, which is best
//	                 a tick. Default three ticks.
//	        tls      cert, key: files, PEM; the key of mode 0600.
//	    tick          one sampling interval, 100ms to 1m. Default 1s, and 15s when promql is the only source.
//	    epoch         the period over which false alarms are counted; whole ticks, at least 60, at most 24h.
//	              Default 360 ticks, and no less than 6m.
//	    false_alarms  N per DURATION that a healthy group may raise, such as 1 per 30d. Default 1 per 30d.
//	    warmup        healthy time that is fitted before anything is judged; whole ticks, at least 60, at most 7d.
//	              Default 600 ticks.
//	    margin        factor on the threshold, 1 to 100: stricter by an amount that nothing certifies. Default 1.
//	    backfill      how much of the past is learnt from at the start, 1h to 400d; promql must be the only source.
//	              Default none.
//	    features      name: how a feature is made of metrics of the frame, in addition to those made by themselves.
//	      kind        rate (events per second), level (things at hand), amount (something per request), share (of
//	                  requests, 0 to 1), time (a mean time of requests), scale (any other number that grows from
//	                  zero) or plain (a number as it is, such as a utilisation). Required.
//	      of          list of metrics that are added up. Required. They are not judged by themselves.
//	      per         list of metrics, added up as the denominator: required for amount, share and time; possible
//	                  for plain.
//	      less_growth a gauge whose growth is taken off per: requests in flight, so that a queue is no loss.
//	    automatic_features
//	              false: there are no features but those declared. Default true.
//	    ignore        list of metrics that no feature is made of.
//	    cohorts       name: list of the members that are of one kind, such as a rack or a version.
//	                  A cohort that is out of balance as one is told in place of its members.
//	    mode          observe, suggest or act: may only lower what the pack allows. Default observe.
//	    executor      the hand; required in mode act.
//	      haproxy     socket (a TCP one on loopback only) and backend, as under source.
//	    pack          directory of the rule pack. Required.
//
// A duration is a whole number and one of the units ms, s, m, h and d. A path
// is absolute, or relative to the directory of the file. Limits on what an act
// may do are not here but in the pack, because they need two people.
//
// Of YAML, anchors, aliases, merge keys, tags, multi-line strings and several
// documents are refused: a file read at night has one meaning, on its face.
//
// The package reads the file it is given and nothing else: whether a directory
// or a socket exists is found out by the part that opens it.
//
//	c, err := config.Load("/etc/evenkeel/evenkeel.yaml")
//	if err != nil {
//		return err // prints as above
//	}
//	fmt.Println(c.Env, c.Groups[0].Name, c.Groups[0].Tick)
package config
