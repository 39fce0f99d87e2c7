package sim

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds on the admin socket, as HAProxy has them: connections at once, time
// of one, bytes of a line of commands.
const (
	adminConns   = 10
	adminWait    = 10 * time.Second
	adminCommand = 16 << 10
)

// serveAdmin answers one line of commands a connection until ctx ends.
func (b *Builtin) serveAdmin(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = b.admin.Close() }) // ends Accept
	defer stop()
	slots := make(chan struct{}, adminConns)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := b.admin.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			defer func() { _ = conn.Close() }() // the peer has its answer, or is gone
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			b.converse(conn)
		})
	}
}

func (b *Builtin) converse(conn net.Conn) {
	if conn.SetDeadline(time.Now().Add(adminWait)) != nil {
		return
	}
	line, err := bufio.NewReader(io.LimitReader(conn, adminCommand)).ReadString('\n')
	if err != nil {
		return // too long, or gone
	}
	var answer strings.Builder
	for command := range strings.SplitSeq(strings.TrimSpace(line), ";") {
		answer.WriteString(b.execute(strings.Fields(command)))
	}
	_, _ = io.WriteString(conn, answer.String()) // a peer that is gone asks again
}

// What HAProxy 2.6.12 answers, as read from its socket: an empty line is
// success, any other text is a refusal.
const (
	answerDone        = "\n"
	answerUnknown     = "Unknown command, but maybe one of the following ones is a better match:\n" + answerKnown
	answerNoProxy     = "No such proxy.\n\n"
	answerNoBackend   = "No such backend.\n\n"
	answerCantFind    = "Can't find backend.\n\n"
	answerNoServer    = "No such server.\n\n"
	answerNeedServer  = "Require 'backend/server'.\n\n"
	answerNeedWeight  = "Require <weight> or <weight%>.\n\n"
	answerState       = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"
	answerUsage       = "usage: set server <backend>/<server> state | weight\n\n"
	answerNoNumber    = "Empty weight string empty or preceded by garbage\n"
	answerWeightRange = "Absolute weight can only be between 0 and 256 inclusive.\n\n"

	answerKnown = "  set server <bk>/<srv> [opts]            : change a server's state or weight\n" +
		"  set weight <bk>/<srv>  (DEPRECATED)     : change a server's weight (use 'set server' instead)\n" +
		"  show info                               : report information about the running process\n" +
		"  show servers state [<backend>]          : dump volatile server information (all or for a single backend)\n" +
		"  show stat                               : report counters for each proxy and server\n\n"
)

// execute answers one command.
func (b *Builtin) execute(words []string) string {
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch word(0) + " " + word(1) {
	case "show info":
		return b.showInfo()
	case "show stat":
		return b.showStat(word(2), word(3))
	case "show servers":
		if word(2) == "state" {
			return b.showServersState(word(3))
		}
	}
	switch word(0) + " " + word(1) {
	case "set server":
		switch word(3) {
		case "state":
			return b.setServer(word(2), func(s *server) string { return s.setState(word(4)) })
		case "weight":
			return b.setServer(word(2), func(s *server) string { return s.setWeight(word(4)) })
		}
		return b.setServer(word(2), func(*server) string { return answerUsage })
	case "set weight":
		return b.setServer(word(2), func(s *server) string { return s.setWeight(word(3)) })
	}
	return answerUnknown
}

// setServer lets f change the server that is named as backend/server.
func (b *Builtin) setServer(name string, f func(*server) string) string {
	backend, server, ok := strings.Cut(name, "/")
	switch {
	case !ok:
		return answerNeedServer
	case backend != b.backend:
		return answerNoBackend
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.servers {
		if s.name == server {
			return f(s)
		}
	}
	return answerNoServer
}

func (s *server) setState(state string) string {
	next, ok := map[string]adminState{"ready": adminReady, "drain": adminDrain, "maint": adminMaint}[state]
	if !ok {
		return answerState
	}
	if s.admin == adminMaint && next != adminMaint {
		s.up, s.health = true, checkRise // not checked meanwhile: one bad check takes it out
	}
	if next != s.admin {
		s.admin, s.since = next, time.Now()
	}
	return answerDone
}

func (s *server) setWeight(weight string) string {
	if weight == "" {
		return answerNeedWeight
	}
	number, relative := strings.CutSuffix(weight, "%")
	n, err := strconv.Atoi(number)
	if err != nil {
		return answerNoNumber
	}
	if relative {
		n = n * fullWeight / 100
	}
	if n < 0 || n > maxWeight {
		return answerWeightRange
	}
	s.weight = n
	return answerDone
}
