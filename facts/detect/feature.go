package detect

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// form says how a feature is computed from its terms, and with it how its
// noise depends on the number of requests behind it.
type form uint8

const (
	formRate   form = iota // events per second and weight: log(1+x); noise falls with the root of the count
	formLevel              // things at hand, such as requests in flight: log(1+x); noise as a count's
	formAmount             // something per request: log of the shrunk ratio; noise falls with the root of requests
	formShare              // share of requests, 0 to 1: the shrunk ratio; noise of a binomial share at the peers' level
	formTime               // mean time of the requests served: log(1+x), missing when there were none; noise as an amount's
	formScale              // any other number that grows from zero: log(1+x), extended oddly below zero; noise alike at any load
	formPlain              // a number with a scale of its own, such as a utilisation: as it is, or the ratio to its denominator
)

// term is a quantity of a member at one tick: the sum of those of its metrics
// that were seen, less the growth of a gauge since the tick before.
type term struct {
	sum        []string
	lessGrowth string // a gauge or ""
}

// recipe tells how a feature is made. The first alternative whose metrics are
// there is used, for the numerator and the denominator each; of several recipes
// of one name, the first that can be made.
type recipe struct {
	name   string
	form   form
	num    []term
	den    []term // requests, or requests served; nil unless the form is a ratio or a mean, or plain
	unless string // the recipe is not used when this feature could be made
}

func sum(metrics ...string) term { return term{sum: metrics} }

// Requests, as the balancer and as the member count them, when they arrive and
// when they are gone: what came in is out, or still inside, so that a queue
// that fills is no loss.
var (
	arrivals      = []term{sum("hx_stot"), sum("be_requests")}
	departures    = []term{{[]string{"hx_stot"}, "hx_scur"}, {[]string{"be_requests"}, "be_inflight"}}
	ownArrivals   = []term{sum("be_requests"), sum("hx_stot")}
	ownDepartures = []term{{[]string{"be_requests"}, "be_inflight"}, {[]string{"hx_stot"}, "hx_scur"}}
)

// recipes are the features of the sources evenkeel knows: HAProxy's statistics
// (hx_*) and the members' own pages (be_*).
var recipes = []recipe{
	{name: "request_rate", form: formRate, num: arrivals},
	{name: "in_flight", form: formLevel, num: []term{sum("hx_scur"), sum("be_inflight")}},
	{name: "queue", form: formLevel, num: []term{sum("hx_qcur")}},
	{name: "latency_ms", form: formTime,
		num: []term{sum("be_svc_ms"), sum("hx_rtime")}, den: []term{sum("be_served"), sum("hx_hrsp_2xx")}},
	{name: "bytes_per_request", form: formAmount, num: []term{sum("hx_bout"), sum("be_bytes_out")}, den: departures},
	{name: "cpu_per_request", form: formAmount, num: []term{sum("be_cpu")}, den: ownArrivals},
	{name: "downstream_per_request", form: formAmount, num: []term{sum("be_downstream")}, den: ownArrivals},
	{name: "completions_per_request", form: formShare, num: []term{sum("be_served")}, den: ownDepartures},
	{name: "success_per_request", form: formShare, num: []term{sum("hx_hrsp_2xx")}, den: departures},
	{name: "error_rate", form: formShare,
		num: []term{sum("hx_hrsp_5xx", "hx_econ", "hx_eresp"), sum("be_errors")}, den: arrivals},
	{name: "retry_rate", form: formShare, num: []term{sum("hx_wretr", "hx_wredis")}, den: arrivals},
	{name: "abort_rate", form: formShare, num: []term{sum("hx_cli_abrt", "hx_srv_abrt")}, den: arrivals},
	{name: "memory_mb", form: formScale, num: []term{sum("be_mem_mb")}},
}

// balancerPrefix is of the metrics that the balancer tells of its members.
const balancerPrefix = "hx_"

// Metrics that are configuration or history of a member.
const (
	metricWeight = "hx_weight"   // the balancer's weight; 0: no traffic is sent
	metricUptime = "be_uptime_s" // seconds since the member's process started
)

// unscored are the known metrics that say nothing of their own: membership and
// configuration; doubles and parts of others; averages over the last 1,024
// requests, which repeat late what others say at once; and what the process
// around the member uses, which wanders in health.
var unscored = []string{
	facts.MetricAdmin, facts.MetricUp, metricWeight, metricUptime,
	"hx_lbtot", "hx_bin", "hx_hrsp_4xx", "be_queue",
	"hx_qtime", "hx_ctime", "hx_rtime", "hx_ttime",
	"be_proc_cpu", "be_rss_mb", "be_goroutines", "be_fds",
}

// feature is a recipe bound to the metrics that are there.
type feature struct {
	name     string
	form     form
	num, den term
}

func (t term) equal(o term) bool {
	return slices.Equal(t.sum, o.sum) && t.lessGrowth == o.lessGrowth
}

func (f feature) equal(o feature) bool {
	return f.name == o.name && f.form == o.form && f.num.equal(o.num) && f.den.equal(o.den)
}

// features returns the features that can be made of the metrics, which are
// sorted: those declared, in their order; then, unless those are to be all, the
// known ones in the order of the recipes, and one for each unknown metric,
// under its own name. A name is given once, and metrics to be ignored are not
// there.
// Cost: O(recipes·log metrics + metrics).
func (c *Config) features(metrics []string) []feature {
	metrics = slices.DeleteFunc(slices.Clone(metrics), func(m string) bool { return slices.Contains(c.Ignore, m) })
	s := selection{metrics: metrics, made: map[string]bool{}, known: map[string]bool{}}
	for i := range c.Features {
		s.make(c.Features[i].recipe())
		s.made[c.Features[i].Name] = true // its metrics may come later
	}
	if c.DeclaredOnly {
		return s.out
	}
	for _, m := range unscored {
		s.known[m] = true
	}
	for _, r := range slices.Concat(recipes, httpRecipes, nodeRecipes) {
		s.make(r)
	}
	for _, m := range metrics {
		if !s.known[m] {
			s.make(recipe{name: m, form: genericForm(m), num: []term{sum(m)}})
		}
	}
	return s.out
}

// selection is the features made so far.
type selection struct {
	metrics     []string // that are there, sorted
	out         []feature
	made, known map[string]bool // names of features; metrics that are part of some recipe
}

// make adds what the recipe gives, if anything.
func (s *selection) make(r recipe) {
	for _, t := range slices.Concat(r.num, r.den) {
		for _, m := range t.sum {
			s.known[m] = true
		}
	}
	num, ok := firstTerm(r.num, s.metrics)
	den, okDen := firstTerm(r.den, s.metrics)
	if ok && (okDen || r.den == nil) && !s.made[r.name] && !s.made[r.unless] {
		s.made[r.name] = true
		s.out = append(s.out, feature{name: r.name, form: r.form, num: num, den: den})
	}
}

// firstTerm returns the first alternative that has a metric, with the metrics
// it has.
func firstTerm(alternatives []term, metrics []string) (term, bool) {
	has := func(m string) bool {
		_, ok := slices.BinarySearch(metrics, m)
		return ok
	}
	for _, t := range alternatives {
		found := term{sum: slices.DeleteFunc(slices.Clone(t.sum), func(m string) bool { return !has(m) })}
		if len(found.sum) == 0 {
			continue
		}
		if has(t.lessGrowth) {
			found.lessGrowth = t.lessGrowth
		}
		return found, true
	}
	return term{}, false
}

// genericForm guesses from its name how an unknown metric behaves.
func genericForm(metric string) form {
	for _, s := range []string{"share", "ratio", "fraction", "percent", "usage", "utilization"} {
		if strings.Contains(metric, s) {
			return formPlain
		}
	}
	return formScale
}
