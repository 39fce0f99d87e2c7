package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"
)

// maxAnswer bounds one answer: 16,384 servers, the most a group may have, need
// about 2.5 MB of "show stat".
const maxAnswer = 8 << 20

// errNotSent marks an error before the command's first byte was written.
var errNotSent = errors.New("not sent")

// ask sends one command on its own connection and returns the whole answer.
func (h *HAProxy) ask(ctx context.Context, cmd string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	c, err := h.dialer.DialContext(ctx, h.network, h.address)
	if err != nil {
		return "", fmt.Errorf("executor: haproxy: %s: %w (%w)%s", cmd, err, errNotSent, dialHint(err))
	}
	defer c.Close()
	deadline, _ := ctx.Deadline() // always there: see above
	if err := c.SetDeadline(deadline); err != nil {
		return "", fmt.Errorf("executor: haproxy %s: %s: %w (%w)", h.address, cmd, err, errNotSent)
	}
	if err := ctx.Err(); err != nil || !time.Now().Before(deadline) {
		return "", fmt.Errorf("executor: haproxy %s: %s: deadline passed (%w)", h.address, cmd, errNotSent)
	}
	if _, err := io.WriteString(c, cmd+"\n"); err != nil {
		return "", h.fail(cmd, err)
	}
	b, err := io.ReadAll(io.LimitReader(c, maxAnswer+1))
	switch {
	case err != nil:
		return "", h.fail(cmd, fmt.Errorf("no whole answer within %v: %w", h.timeout, err))
	case len(b) > maxAnswer:
		return "", h.fail(cmd, fmt.Errorf("answer longer than %d bytes", maxAnswer))
	case len(b) == 0:
		return "", h.fail(cmd, errors.New("connection closed without an answer: is this a stats socket?"))
	case strings.HasPrefix(cmd, "show ") && !bytes.HasSuffix(b, []byte("\n\n")):
		return "", h.fail(cmd, fmt.Errorf("answer cut short after %d bytes", len(b))) // every table ends with an empty line
	}
	return string(b), nil
}

func dialHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ": is haproxy running, and its \"stats socket\" there?"
	case errors.Is(err, fs.ErrPermission):
		return ": this process may not open the socket: see \"user\", \"group\" and \"mode\" of \"stats socket\""
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": nobody listens there: is haproxy running?"
	}
	return ""
}

// answerError turns HAProxy's words into an error that says what to do. The
// texts are those of version 2.6; any other text is an error all the same.
func answerError(text string) error {
	first, _, _ := strings.Cut(text, "\n")
	first = fmt.Sprintf("%.200q", strings.TrimSpace(first))
	for _, k := range []struct{ part, hint string }{
		{"Permission denied", "the socket needs level admin to change servers"},
		{"No such backend", "the backend is not in this haproxy: see its name in the configuration"},
		{"No such proxy", "the backend is not in this haproxy: see its name in the configuration"},
		{"Can't find backend", "the backend is not in this haproxy: see its name in the configuration"},
		{"No such server", "the server is not in the backend: it may have been removed"},
		{"static LB algorithm", "the backend balances statically: drain the server instead of weighing it"},
		{"Absolute weight", "want a weight of 0 to 256"},
		{"Unknown command", "the other end knows no such command: is it haproxy 2.0 or later?"},
		{"expects 'ready', 'drain' and 'maint'", "the other end does not know the state asked for"},
	} {
		if strings.Contains(text, k.part) {
			return fmt.Errorf("answered %s: %s", first, k.hint)
		}
	}
	return fmt.Errorf("answered %s", first)
}
