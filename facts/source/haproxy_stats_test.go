package source

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

// statsHead has the columns that HAProxy 2.6 answers first, up to the last one
// that is read.
const statsHead = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis," +
	"status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate," +
	"rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other," +
	"hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk," +
	"last_agt,qtime,ctime,rtime,ttime,\n"

// statsLine is a line of HAProxy 2.6 for server s of backend web with n
// sessions, all of which were answered with 200.
func statsLine(s, status string, n int) string {
	return fmt.Sprintf("web,%s,0,0,2,5,,%d,%d,%d,,0,,0,0,0,0,%s,64,1,0,0,0,10,0,,1,3,1,,%d,,2,7,,9,L7OK,200,1,0,%d,0,0,0,0,,,,,"+
		"0,0,,,,,0,\"OK, fine\",,1,2,30,40,\n", s, n, 100*n, 4000*n, status, n, n)
}

func TestParseStats(t *testing.T) {
	for _, tt := range []struct {
		name, csv string
		want      map[string]float64 // of server m01
		missing   []string
	}{
		{"every column is found by its name", statsHead + statsLine("m01", "UP", 12), map[string]float64{
			"hx_scur": 2, "hx_stot": 12, "hx_lbtot": 12, "hx_bin": 1200, "hx_bout": 48000, "hx_hrsp_2xx": 12, "hx_hrsp_5xx": 0,
			"hx_qtime": 1, "hx_ctime": 2, "hx_rtime": 30, "hx_ttime": 40, "hx_weight": 64, "hx_up": 1, "hx_admin": 0}, nil},
		{"columns may stand elsewhere", "# pxname,type,status,stot,svname\nweb,2,UP,7,m01\n",
			map[string]float64{"hx_stot": 7, "hx_up": 1}, []string{"hx_scur", "hx_bin", "hx_weight"}},
		{"an empty field is missing, as the answers of a backend in mode tcp are",
			"# pxname,svname,type,status,stot,hrsp_2xx\nweb,m01,2,UP,7,\n", map[string]float64{"hx_stot": 7}, []string{"hx_hrsp_2xx"}},
		{"frontends, backends and other proxies are passed over", "# pxname,svname,type,status,stot\n" +
			"web,FRONTEND,0,OPEN,1\nweb,BACKEND,1,UP,2\nother,m01,2,UP,3\nweb,m01,2,UP,4\n",
			map[string]float64{"hx_stot": 4}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stats, err := parseStats(strings.NewReader(tt.csv), "web")
			if err != nil || len(stats) != 1 || stats[0].name != "m01" {
				t.Fatalf("parseStats: got %v, %v; want server m01 alone", stats, err)
			}
			value := func(metric string) float64 {
				k := slices.Index(statMetrics, metric)
				if statColumns[k].counter {
					return stats[0].counts[k]
				}
				return stats[0].gauges[k]
			}
			for metric, want := range tt.want {
				if got := value(metric); got != want {
					t.Errorf("%s: got %v, want %v", metric, got, want)
				}
			}
			for _, metric := range tt.missing {
				if got := value(metric); !math.IsNaN(got) {
					t.Errorf("%s: got %v, want it missing", metric, got)
				}
			}
		})
	}
}

func TestStanding(t *testing.T) {
	for _, tt := range []struct {
		status    string
		up, admin float64
	}{
		{"UP", 1, 0}, {"UP 1/3", 1, 0}, {"no check", 1, 0},
		{"DOWN", 0, 0}, {"DOWN 1/2", 0, 0}, {"DOWN (agent)", 0, 0},
		{"DRAIN", 1, 1}, {"DRAIN 1/2", 1, 1}, {"DRAIN (agent)", 1, 1}, {"NOLB", 1, 1}, {"NOLB 1/2", 1, 1},
		{"MAINT", 1, 2}, {"MAINT (via web/m01)", 1, 2}, {"MAINT (resolution)", 1, 2},
	} {
		if up, admin, err := standing(tt.status); err != nil || up != tt.up || admin != tt.admin {
			t.Errorf("standing(%q): got %v, %v, %v; want %v, %v", tt.status, up, admin, err, tt.up, tt.admin)
		}
	}
	for _, status := range []string{"OPEN", "up", "no", "UPPER"} {
		if _, _, err := standing(status); err == nil {
			t.Errorf("standing(%q): got no error, want one", status)
		}
	}
}

func TestParseStatsRefuses(t *testing.T) {
	const head = "# pxname,svname,type,status,stot\n"
	for _, tt := range []struct{ name, csv, want string }{
		{"nothing", "", "line of names"},
		{"a first line that names no status", "# pxname,svname,type\n", "want the columns # pxname, svname, status and type"},
		{"a line of another length", head + "web,m01,2,UP\n", "wrong number of fields"},
		{"a counter that is no number", head + "web,m01,2,UP,many\n", `stats:2: server m01: column stot: found "many", want a whole number`},
		{"a counter below zero", head + "web,m01,2,UP,-1\n", `found "-1", want a whole number that is not negative`},
		{"a status nobody knows", head + "web,m01,2,SLEEPING,1\n", `column status: found "SLEEPING"`},
		{"no status", head + "web,m01,2,,1\n", `column status: found "", want UP`},
		{"a name that no member may have", head + "web,m 1,2,UP,1\n", `server name "m 1"`},
		{"two servers of one name", head + "web,m01,2,UP,1\nweb,m01,2,UP,1\n", "two servers are named m01"},
		{"a quote without end", head + "web,\"m01,2,UP,1\n", "stats: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseStats(strings.NewReader(tt.csv), "web"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseStats(%q): got error %v, want one with %q", tt.csv, err, tt.want)
			}
		})
	}
}

func TestStatColumnsAreSorted(t *testing.T) {
	if !slices.IsSorted(statMetrics) {
		t.Errorf("metrics: got %v, want them sorted", statMetrics)
	}
}

func FuzzParseStats(f *testing.F) {
	f.Add([]byte(statsHead + statsLine("m01", "UP", 12) + statsLine("m02", "DOWN 1/2", 3)))
	f.Add([]byte("# pxname,svname,type,status,stot\nweb,m01,2,no check,18446744073709551615\n"))
	f.Add([]byte("# pxname,svname,type,status\nweb,\"m\"\"01\",2,MAINT (via a/b)\n\n"))
	f.Add([]byte("No such proxy.\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		stats, err := parseStats(strings.NewReader(string(b)), "web")
		if err != nil {
			return
		}
		for i, s := range stats {
			if err := facts.CheckName("server", s.name); err != nil {
				t.Error(err)
			}
			if i > 0 && stats[i-1].name >= s.name {
				t.Errorf("server %s follows %s: want them sorted and unique", s.name, stats[i-1].name)
			}
			for k, c := range statColumns {
				if v := s.counts[k]; v < 0 || math.IsInf(v, 0) || !c.counter && !math.IsNaN(v) {
					t.Errorf("counter %s: got %v", c.metric, v)
				}
				if v := s.gauges[k]; v < 0 || math.IsInf(v, 0) || c.counter && !math.IsNaN(v) {
					t.Errorf("gauge %s: got %v", c.metric, v)
				}
			}
		}
	})
}

func BenchmarkParseStats1000Servers(b *testing.B) {
	var s strings.Builder
	s.WriteString(statsHead)
	for i := range 1000 {
		s.WriteString(statsLine(fmt.Sprintf("m%04d", i), "UP", 1000*i))
	}
	b.SetBytes(int64(s.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseStats(strings.NewReader(s.String()), "web"); err != nil {
			b.Fatal(err)
		}
	}
}
