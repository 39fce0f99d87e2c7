package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	wantDuration = "a duration with a unit, such as 1s"
	wantRate     = "a rate, such as 1 per 30d"
	wantMode     = "observe, suggest or act"
	wantSocket   = "a path or tcp:HOST:PORT"
	wantMargin   = "a number from 1 to 100, such as 1.1"
	maxSocket    = 107 // bytes of a path that fit into a unix socket address on Linux
)

var (
	durationForm  = regexp.MustCompile(`^([1-9][0-9]{0,8})(ms|s|m|h|d)$`)
	rateForm      = regexp.MustCompile(`^([1-9][0-9]{0,5}) per (.+)$`)
	nameForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	memberForm    = regexp.MustCompile(`^[A-Za-z0-9_.:/@-]{1,128}$`)
	metricForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_:]{0,127}$`)
	selectForm    = regexp.MustCompile(`^[A-Za-z_:][A-Za-z0-9_:]{0,127}(\{ *[A-Za-z_][A-Za-z0-9_]* *(=~|!~|!=|=) *"[^"\\]*" *(, *[A-Za-z_][A-Za-z0-9_]* *(=~|!~|!=|=) *"[^"\\]*" *)*\})?$`)
	patternForm   = regexp.MustCompile(`~ *"([^"]*)"`)
	labelForm     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	attributeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.\-/]{0,254}$`)
	marginForm    = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,6})?$`)
	digestForm    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	units         = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

func checkName(s string) error {
	if !nameForm.MatchString(s) {
		return fmt.Errorf("found %.80q, want a name of letters, digits, _ and -, at most 63", s)
	}
	return nil
}

func checkMember(s string) error {
	if !memberForm.MatchString(s) {
		return fmt.Errorf("found %.80q, want a name of letters, digits and _-.:/@, at most 128", s)
	}
	return nil
}

func checkMetric(s string) error {
	if !metricForm.MatchString(s) {
		return fmt.Errorf("found %.80q, want the name of a metric (letters, digits, _ and :)", s)
	}
	return nil
}

// checkSelector checks the name of a metric on a page, or a selection of its
// label sets.
func checkSelector(s string) error {
	if !selectForm.MatchString(s) {
		return fmt.Errorf(`found %.80q, want the name of a metric, or NAME{label="value"} with =, !=, =~ or !~`, s)
	}
	for _, m := range patternForm.FindAllStringSubmatch(s, -1) {
		if _, err := regexp.Compile(m[1]); err != nil {
			return fmt.Errorf("found %.80q, want a regular expression after ~: %w", s, err)
		}
	}
	return nil
}

func checkLabel(s string) error {
	if !labelForm.MatchString(s) {
		return fmt.Errorf("found %.80q, want the name of a label, such as instance", s)
	}
	return nil
}

func checkQuery(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("found nothing, want a PromQL expression with one series for each member")
	}
	return nil
}

func checkBool(s string) error {
	if s != "true" && s != "false" {
		return fmt.Errorf("found %.60q, want true or false", s)
	}
	return nil
}

func parseMargin(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if !marginForm.MatchString(s) || err != nil || v < 1 || v > 100 {
		return 0, fmt.Errorf("found %.60q, want %s", s, wantMargin)
	}
	return v, nil
}

func checkDigest(s string) error {
	if !digestForm.MatchString(s) {
		return fmt.Errorf("found %.80q, want sha256: and 64 hexadecimal digits", s)
	}
	return nil
}

func checkMode(m Mode) error {
	if m != Observe && m != Suggest && m != Act {
		return fmt.Errorf("found %.60q, want %s", m, wantMode)
	}
	return nil
}

func checkEmbedded(s string) error {
	if s != "true" {
		return fmt.Errorf("found %.60q, want true, or the key url instead", s)
	}
	return nil
}

func checkPath(s string) error {
	if s == "" {
		return errors.New("found nothing, want a path")
	}
	return nil
}

func checkRange(s string, v, low, high time.Duration) error {
	if v < low || v > high {
		return fmt.Errorf("found %s, want %s to %s", s, short(low), short(high))
	}
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("found %.60q, want %s", s, wantDuration)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("found %.60q, want %s", s, wantDuration)
	}
	if n > math.MaxInt64/int64(units[m[2]]) {
		return 0, fmt.Errorf("found %.60q, want less than 292 years", s)
	}
	return time.Duration(n) * units[m[2]], nil
}

// short writes d as a file would: in its largest whole unit.
func short(d time.Duration) string {
	for _, u := range []string{"d", "h", "m", "s"} {
		if d >= units[u] && d%units[u] == 0 {
			return fmt.Sprintf("%d%s", d/units[u], u)
		}
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// parseRate reads "N per DURATION" and returns the mean time between two.
func parseRate(s string) (time.Duration, error) {
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("found %.60q, want %s", s, wantRate)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("found %.60q, want %s", s, wantRate)
	}
	per, err := parseDuration(m[2])
	if err != nil {
		return 0, fmt.Errorf("found %.60q, want %s", s, wantRate)
	}
	between := per / time.Duration(n)
	if between < time.Hour || between > 3650*24*time.Hour {
		return 0, fmt.Errorf("found %.60q, want between 1 per 1h and 1 per 3650d", s)
	}
	return between.Truncate(time.Millisecond), nil
}

// parseSocket returns where a stats socket is, as "unix:/path" or "tcp:host:port".
func parseSocket(s, dir string, local bool) (string, error) {
	address, tcp := strings.CutPrefix(s, "tcp:")
	if !tcp {
		path := resolve(strings.TrimPrefix(s, "unix:"), dir)
		if len(path) > maxSocket {
			return "", fmt.Errorf("the path has %d bytes, want at most %d: the kernel takes no more for a socket", len(path), maxSocket)
		}
		return "unix:" + path, nil
	}
	host, err := splitAddress(address)
	if err != nil {
		return "", fmt.Errorf("found %.60q, want %s", s, wantSocket)
	}
	if local && !loopback(host) {
		return "", fmt.Errorf("found %.60q, want a path or a loopback address: this socket asks nobody who they are", s)
	}
	return s, nil
}

// checkListen checks the console's address.
func checkListen(s string) error {
	host, err := splitAddress(s)
	if err != nil {
		return fmt.Errorf("found %.60q, want HOST:PORT, such as 127.0.0.1:8420", s)
	}
	if !loopback(host) {
		return fmt.Errorf("found %.60q, want a loopback address such as 127.0.0.1:8420: the console cannot tell who is asking; reach it by ssh -L", s)
	}
	return nil
}

// checkPushAddress checks where pushes are taken; secured says that there is a
// certificate for it.
func checkPushAddress(s string, secured bool) error {
	host, err := splitAddress(s)
	if err != nil {
		return fmt.Errorf("found %.60q, want HOST:PORT, such as 127.0.0.1:4318", s)
	}
	if !secured && !loopback(host) {
		return fmt.Errorf("found %.60q, want a loopback address or a tls section: tokens are not taken in the clear", s)
	}
	return nil
}

// checkAttribute checks a name of OpenTelemetry, of an attribute or a metric.
func checkAttribute(s string) error {
	if !attributeForm.MatchString(s) {
		return fmt.Errorf("found %.80q, want a name such as http.server.request.duration", s)
	}
	return nil
}

// checkBroker checks the address of an external broker; secured says that the
// file has TLS settings for it.
func checkBroker(s string, secured bool) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
		return fmt.Errorf("found %.60q, want tls://HOST:PORT", hidePassword(s))
	}
	if u.User != nil {
		return errors.New("found a user or password in the address, want none: they belong into the file named by creds")
	}
	if u.Scheme == "nats" && !secured && !loopback(u.Hostname()) {
		return fmt.Errorf("found %.60q, want tls://… or a tls section: the way to another host is not protected", s)
	}
	return nil
}

// checkExposition checks the address of a member's metrics.
func checkExposition(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("found %.60q, want a URL, such as http://10.0.0.7:9100/metrics", hidePassword(s))
	}
	if u.User != nil {
		return errors.New("found a user or password in the address, want none: errors and entries would repeat it")
	}
	return nil
}

// checkServer checks the address of a Prometheus server; secret says that it
// is sent credentials.
func checkServer(s string, secret bool) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("found %.60q, want a URL, such as http://127.0.0.1:9090", hidePassword(s))
	case u.User != nil:
		return errors.New("found a user or password in the address, want none: they belong into the file named by basic_auth_file")
	case secret && u.Scheme != "https" && !loopback(u.Hostname()):
		return fmt.Errorf("found %.60q, want https://…: credentials are not sent in the clear", s)
	}
	return nil
}

func hidePassword(s string) string {
	if i := strings.LastIndex(s, "@"); i >= 0 {
		return "…" + s[i:]
	}
	return s
}

func splitAddress(s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", err
	}
	if host == "" || strings.ContainsAny(host, "/ ") {
		return "", errors.New("no host")
	}
	return host, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// resolve returns path as seen from dir.
func resolve(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
