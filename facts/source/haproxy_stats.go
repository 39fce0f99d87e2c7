package source

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// statColumns names the metric read from each column of "show stat", and
// whether it is a counter. Sorted by metric.
//
// Source: HAProxy 2.6 management guide, section 9.1 "CSV format".
var statColumns = []struct {
	metric, column string
	counter        bool
}{
	{facts.MetricAdmin, "status", false},
	{"hx_bin", "bin", true},
	{"hx_bout", "bout", true},
	{"hx_cli_abrt", "cli_abrt", true},
	{"hx_ctime", "ctime", false},
	{"hx_econ", "econ", true},
	{"hx_eresp", "eresp", true},
	{"hx_hrsp_2xx", "hrsp_2xx", true},
	{"hx_hrsp_4xx", "hrsp_4xx", true},
	{"hx_hrsp_5xx", "hrsp_5xx", true},
	{"hx_lbtot", "lbtot", true},
	{"hx_qcur", "qcur", false},
	{"hx_qtime", "qtime", false},
	{"hx_rtime", "rtime", false},
	{"hx_scur", "scur", false},
	{"hx_srv_abrt", "srv_abrt", true},
	{"hx_stot", "stot", true},
	{"hx_ttime", "ttime", false},
	{facts.MetricUp, "status", false},
	{"hx_weight", "weight", false},
	{"hx_wredis", "wredis", true},
	{"hx_wretr", "wretr", true},
}

// statMetrics is the metric column of statColumns.
var statMetrics = func() []string {
	names := make([]string, len(statColumns))
	for k, c := range statColumns {
		names[k] = c.metric
	}
	return names
}()

// serverStat is one server's line. Both slices have one value for each of
// statColumns: NaN where the column is empty, absent or of the other sort.
type serverStat struct {
	name           string
	gauges, counts []float64
}

// parseStats reads the CSV that "show stat" answers and returns the servers of
// the backend, sorted by name. Columns are found by the names in the first
// line, so that releases which add or move columns are read alike; columns
// that are not there are missing values, but for the four it cannot do without.
func parseStats(r io.Reader, backend string) ([]serverStat, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	first, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("stats: read the line of names: %w", err)
	}
	head, err := parseHead(first)
	if err != nil {
		return nil, err
	}
	var stats []serverStat
	for {
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("stats: %w", err)
		}
		if fields[head.proxy] != backend || fields[head.kind] != kindServer {
			continue
		}
		if len(stats) == facts.MaxMembers {
			return nil, fmt.Errorf("stats: more than %d servers", facts.MaxMembers)
		}
		s, err := head.server(fields)
		if err != nil {
			line, _ := c.FieldPos(0)
			return nil, fmt.Errorf("stats:%d: %w", line, err)
		}
		stats = append(stats, s)
	}
	slices.SortFunc(stats, func(a, b serverStat) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(stats); i++ {
		if stats[i].name == stats[i-1].name {
			return nil, fmt.Errorf("stats: two servers are named %s: want different names", stats[i].name)
		}
	}
	return stats, nil
}

// kindServer is the type of a line that tells of a server.
const kindServer = "2"

// statHead tells in which field each column stands.
type statHead struct {
	proxy, name, kind int
	columns           []int // for each of statColumns; -1: not there
}

func parseHead(names []string) (statHead, error) {
	find := func(name string) int { return slices.Index(names, name) }
	h := statHead{find("# pxname"), find("svname"), find("type"), make([]int, len(statColumns))}
	for k, c := range statColumns {
		h.columns[k] = find(c.column)
	}
	if h.proxy < 0 || h.name < 0 || h.kind < 0 || find("status") < 0 {
		return h, fmt.Errorf("stats: first line %.60q: want the columns # pxname, svname, status and type among its names",
			strings.Join(names, ","))
	}
	return h, nil
}

func (h statHead) server(fields []string) (serverStat, error) {
	s := serverStat{strings.Clone(fields[h.name]), missing(len(statColumns)), missing(len(statColumns))}
	if err := facts.CheckName("server", s.name); err != nil {
		return s, err
	}
	for k, c := range statColumns {
		if h.columns[k] < 0 || fields[h.columns[k]] == "" && c.column != "status" {
			continue
		}
		v, err := statValue(c.metric, fields[h.columns[k]])
		if err != nil {
			return s, fmt.Errorf("server %s: column %s: %w", s.name, c.column, err)
		}
		if c.counter {
			s.counts[k] = v
		} else {
			s.gauges[k] = v
		}
	}
	return s, nil
}

func statValue(metric, field string) (float64, error) {
	switch metric {
	case facts.MetricUp:
		up, _, err := standing(field)
		return up, err
	case facts.MetricAdmin:
		_, admin, err := standing(field)
		return admin, err
	}
	n, err := strconv.ParseUint(field, 10, 64)
	if err != nil {
		return math.NaN(), fmt.Errorf("found %.40q, want a whole number that is not negative", field)
	}
	return float64(n), nil
}

// standing reads the status of a server: what HAProxy's check says of it, and
// what a person or a program decided about it. A drained server whose check
// fails is shown as DOWN, and is then down and not drained here; in both
// cases it is out. NOLB (its own health page asked for no more requests) counts
// as drained, and the check of a server in maintenance does not run: it counts
// as up, because its being out is decided, not seen.
//
// Source: HAProxy 2.6, src/stats.c, stats_fill_sv_stats.
func standing(status string) (up, admin float64, err error) {
	if status == "no check" {
		return 1, 0, nil
	}
	word, _, _ := strings.Cut(status, " ") // from "UP 1/2" or "DRAIN (agent)"
	switch word {
	case "UP":
		return 1, 0, nil
	case "DOWN":
		return 0, 0, nil
	case "DRAIN", "NOLB":
		return 1, 1, nil
	case "MAINT":
		return 1, 2, nil
	}
	return 0, 0, fmt.Errorf("found %.40q, want UP, DOWN, NOLB, DRAIN, MAINT or no check", status)
}
