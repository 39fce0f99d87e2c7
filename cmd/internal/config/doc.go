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
//	trust         sha256:… of the first register of people. Optional until rule changes are signed.
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
//	    source    where its frames come from: haproxy, prometheus, or both joined. Required.
//	      haproxy
//	        socket   path of the stats socket, or tcp:HOST:PORT. Required.
//	        backend  name of the backend whose servers are the members. Required.
//	      prometheus
//	        members  member name: URL of its exposition (http or https). Required.
//	        metrics  exposition name: metric name in the frame. Default: the be_* metrics known to the source.
//	    tick          one sampling interval, 100ms to 1m. Default 1s.
//	    epoch         the period over which false alarms are counted; whole ticks, at least 60, at most 24h.
//	              Default 360 ticks, and no less than 6m.
//	    false_alarms  N per DURATION that a healthy group may raise, such as 1 per 30d. Default 1 per 30d.
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
