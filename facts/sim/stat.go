package sim

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// statColumns are the columns of show stat, in HAProxy's order up to the last
// that a member's reading needs; those that are not filled stay empty.
//
// Source: the first line that HAProxy 2.6.12 answers.
const statColumns = "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status," +
	"weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max," +
	"check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate," +
	"req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime"

// Ids that HAProxy gives out; ours are fixed: the frontend is 2, the backend 3.
const (
	backendID  = 3
	typeServer = 2
	bitServers = 4 // in the second argument of show stat
)

// showStat answers show stat [<proxy> <types> <server>]; frontend and backend
// totals are never asked for, and not shown.
func (b *Builtin) showStat(proxy, types string) string {
	switch proxy {
	case "", "-1", strconv.Itoa(backendID), b.backend:
	default:
		return answerNoProxy
	}
	var out strings.Builder
	out.WriteString("# " + statColumns + ",\n")
	names := strings.Split(statColumns, ",")
	if mask, err := strconv.Atoi(types); types == "" || err == nil && mask&bitServers != 0 {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, s := range b.servers {
			values := s.stat(b.backend, i+1)
			for _, name := range names {
				out.WriteString(values[name] + ",")
			}
			out.WriteByte('\n')
		}
	}
	return out.String() + "\n"
}

// stat returns a server's line by column.
func (s *server) stat(backend string, id int) map[string]string {
	v := map[string]string{"pxname": backend, "svname": s.name, "status": s.status()}
	for _, n := range []struct {
		column string
		value  uint64
	}{
		{"qcur", 0}, {"qmax", 0}, {"scur", uint64(s.current)}, {"smax", uint64(s.most)},
		{"stot", s.assigned}, {"lbtot", s.assigned}, {"bin", s.bytesIn}, {"bout", s.bytesOut},
		{"dresp", 0}, {"econ", s.econ}, {"eresp", s.eresp}, {"wretr", 0}, {"wredis", s.redispatched},
		{"weight", uint64(s.weight)}, {"act", 1}, {"bck", 0}, {"chkfail", s.checksFailed},
		{"lastchg", uint64(time.Since(s.since).Seconds())},
		{"pid", 1}, {"iid", backendID}, {"sid", uint64(id)}, {"type", typeServer},
		{"hrsp_1xx", s.answers[1]}, {"hrsp_2xx", s.answers[2]}, {"hrsp_3xx", s.answers[3]},
		{"hrsp_4xx", s.answers[4]}, {"hrsp_5xx", s.answers[5]}, {"hrsp_other", s.answers[0]},
		{"cli_abrt", s.clientAborts}, {"srv_abrt", s.serverAborts}, {"qtime", 0},
		{"ctime", uint64(s.connectMs.mean())}, {"rtime", uint64(s.responseMs.mean())}, {"ttime", uint64(s.totalMs.mean())},
	} {
		v[n.column] = strconv.FormatUint(n.value, 10)
	}
	return v
}

// status says how the server stands: a check that fails outranks a drain, a
// maintenance outranks the check. A fraction tells of a mind about to change.
func (s *server) status() string {
	word := "UP"
	switch {
	case s.admin == adminMaint:
		return "MAINT"
	case !s.up && s.health == 0:
		return "DOWN"
	case !s.up:
		return fmt.Sprintf("DOWN %d/%d", s.health, checkRise)
	case s.admin == adminDrain:
		word = "DRAIN"
	}
	if s.health < bestHealth {
		return fmt.Sprintf("%s %d/%d", word, s.health-checkRise+1, checkFall)
	}
	return word
}

// stateColumns are the columns of show servers state, version 1.
const stateColumns = "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight " +
	"srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state " +
	"bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr " +
	"srv_agent_addr srv_agent_port"

// Values of srv_op_state.
const (
	opStopped = 0
	opRunning = 2
)

func (b *Builtin) showServersState(backend string) string {
	if backend != "" && backend != b.backend {
		return answerCantFind
	}
	var out strings.Builder
	out.WriteString("1\n# " + stateColumns + "\n")
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.servers {
		host, port, _ := strings.Cut(s.address, ":")
		op := opStopped
		if s.up && s.admin != adminMaint {
			op = opRunning
		}
		fmt.Fprintf(&out, "%d %s %d %s %s %d %d %d %d %d 6 3 %d 6 0 0 0 - %s - 0 0 - - 0\n", backendID, b.backend, i+1, s.name, host,
			op, s.admin, s.weight, fullWeight, int(time.Since(s.since).Seconds()), s.health, port)
	}
	return out.String() + "\n"
}

func (b *Builtin) showInfo() string {
	up := time.Since(b.started)
	return fmt.Sprintf("Name: evenkeel\nVersion: %s\nNbthread: 1\nPid: %d\nUptime_sec: %d\nMaxconn: %d\nStart_time_sec: %d\nStopping: 0\n\n",
		b.Version, os.Getpid(), int(up.Seconds()), maxConns, b.started.Unix())
}
