package source

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
)

// maxSecretBytes bounds a file with credentials; tokens have up to a few KiB.
const maxSecretBytes = 16 << 10

// queryTransport carries queries to one server: it adds the credentials, and
// ends an answer that is too large.
type queryTransport struct {
	base     *http.Transport
	maxBytes int64
	secret   func() (string, error) // the header Authorization; nil: none
}

// newQueryTransport checks where the server is, and reads once the files that
// c names.
func newQueryTransport(c PromQLConfig) (*queryTransport, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("address: found %.100q, want one like http://127.0.0.1:9090", redact(c.URL))
	case u.User != nil:
		return nil, errors.New("address: found a user in it: want the credentials in a file")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("address: found %.100q, want no ? and no # in it", c.URL)
	case c.BearerTokenFile != "" && c.BasicAuthFile != "":
		return nil, errors.New("found a bearer token file and a basic auth file: want one of them")
	case cmp.Or(c.BearerTokenFile, c.BasicAuthFile) != "" && u.Scheme != "https" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("address: found %.100q, want https: credentials are not sent in the clear", c.URL)
	}
	roots, err := authorities(c.CAFile)
	if err != nil {
		return nil, err
	}
	t := &queryTransport{maxBytes: cmp.Or(c.MaxBytes, DefaultAnswerBytes), base: &http.Transport{
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns:           1, // queries follow one another
		MaxResponseHeaderBytes: maxHeaderBytes,
	}}
	switch {
	case c.BearerTokenFile != "":
		t.secret = func() (string, error) { return bearer(c.BearerTokenFile) }
	case c.BasicAuthFile != "":
		t.secret = func() (string, error) { return basicAuth(c.BasicAuthFile) }
	default:
		return t, nil
	}
	_, err = t.secret()
	return t, err
}

// redact returns an address that could not be used without what may be a
// password in it.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is none"
	}
	return u.Redacted()
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// authorities returns the certificates in the named file, or nil without a name.
func authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authorities: %s holds no certificate, want some in PEM", name)
	}
	return pool, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *queryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.secret != nil {
		secret, err := t.secret()
		if err != nil {
			return nil, errors.Join(err, closeBody(req))
		}
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", secret)
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.maxBytes, limit: t.maxBytes}
	return resp, nil
}

func closeBody(req *http.Request) error {
	if req.Body == nil {
		return nil
	}
	return req.Body.Close()
}

// refuseRedirect keeps queries and credentials on the server they are for.
func refuseRedirect(to *http.Request, _ []*http.Request) error {
	return fmt.Errorf("redirected to %.100q: want the address of the server itself", to.URL.Redacted())
}

// errTooLarge says that an answer was cut off.
var errTooLarge = errors.New("raise the limit, or ask for less")

// boundedBody is a body that fails when it is longer than the limit.
type boundedBody struct {
	io.ReadCloser
	left, limit int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes: %w", b.limit, errTooLarge)
	}
	return n, err
}

// bearer returns the header that carries the token in the named file.
func bearer(name string) (string, error) {
	line, err := secretLine(name)
	if err != nil {
		return "", fmt.Errorf("bearer token: %w", err)
	}
	if bytes.ContainsRune(line, ' ') {
		return "", fmt.Errorf("bearer token: %s holds blanks, want the token alone", name)
	}
	return "Bearer " + string(line), nil
}

// basicAuth returns the header that carries the user and the password in the
// named file.
func basicAuth(name string) (string, error) {
	line, err := secretLine(name)
	if err != nil {
		return "", fmt.Errorf("basic auth: %w", err)
	}
	if user, _, ok := bytes.Cut(line, []byte(":")); !ok || len(user) == 0 {
		return "", fmt.Errorf("basic auth: %s: want USER:PASSWORD in it", name)
	}
	return "Basic " + base64.StdEncoding.EncodeToString(line), nil
}

// secretLine returns the one line in the named file. Its errors never repeat
// what is in there.
func secretLine(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: nothing to lose
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return nil, err
	}
	line := bytes.TrimSpace(b)
	if len(line) == 0 || len(b) > maxSecretBytes {
		return nil, fmt.Errorf("%s has %d bytes or more, want 1 to %d", name, len(line), maxSecretBytes)
	}
	for _, c := range line {
		if c < ' ' || c == 0x7f {
			return nil, fmt.Errorf("%s holds more than one line, want one", name)
		}
	}
	return line, nil
}
