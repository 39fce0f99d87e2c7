package source

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	// pushPath is where the protocol has its metrics.
	pushPath = "/v1/metrics"

	// maxReading bounds the requests whose bodies are read at the same time, so
	// that bodies take no more than 64 times the bound on one of them.
	maxReading = 64
	// maxParsing bounds those that are decoded, which takes tens of times the
	// room of the body, and no time to speak of.
	maxParsing = 2
	// placeTime is how long a request waits for its turn: members that push at
	// the same tick are served one after the other.
	placeTime = time.Second
	// retrySeconds is when a request that was not served may come again.
	retrySeconds = "1"
)

// pushFailure is a request that is answered with an error.
type pushFailure struct {
	status int
	text   string
}

func (f *pushFailure) Error() string { return f.text }

func refuse(status int, format string, args ...any) error {
	return &pushFailure{status, oneLine(fmt.Sprintf(format, args...))}
}

// ServeHTTP takes one request: POST /v1/metrics with Authorization: Bearer and
// the token. Its answers are those of OTLP/HTTP: 200 with the number of data
// points refused; 400 for a body that cannot be decoded, 401 without the token,
// 404, 405, 413 for too large a body, 415 for another encoding, and 429 with
// Retry-After when too many others are being served.
func (p *Push) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form := formFor(r)
	refused, err := p.handle(w, r, form)
	if err == nil {
		p.stats.requests.Add(1)
		form.write(w, http.StatusOK, form.success(refused))
		return
	}
	p.stats.failed.Add(1)
	status := http.StatusBadRequest
	if f, ok := errors.AsType[*pushFailure](err); ok {
		status = f.status
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.Header().Set("Connection", "close") // places are for those who have the token
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusUnsupportedMediaType:
		w.Header().Set("Accept-Encoding", "gzip")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", retrySeconds)
	}
	form.write(w, status, form.failure(err.Error()))
}

// handle takes the data points of a request and returns those refused.
func (p *Push) handle(w http.ResponseWriter, r *http.Request, form pushForm) (none pushRefusals, err error) {
	switch {
	case !p.bears(r):
		return none, refuse(http.StatusUnauthorized, "want Authorization: Bearer and the token of this group")
	case r.URL.Path != pushPath:
		return none, refuse(http.StatusNotFound, "path %.100s: want %s", r.URL.Path, pushPath)
	case r.Method != http.MethodPost:
		return none, refuse(http.StatusMethodNotAllowed, "method %.20s: want POST", r.Method)
	case form.unknown:
		return none, refuse(http.StatusUnsupportedMediaType, "content type %.100s: want %s or %s", r.Header.Get("Content-Type"), typeProto, typeJSON)
	case r.ContentLength > p.config.MaxBytes:
		return none, p.tooLarge()
	}
	late := time.NewTimer(placeTime)
	defer late.Stop()
	select {
	case p.reading <- struct{}{}:
		defer func() { <-p.reading }()
	case <-late.C:
		return none, refuse(http.StatusTooManyRequests, "%d requests are being served already: want fewer at the same time", maxReading)
	}
	body, err := p.body(w, r)
	if err != nil {
		return none, err
	}
	p.parsing <- struct{}{} // until it is taken in: what is decoded is many times the body
	defer func() { <-p.parsing }()
	all, err := decodeMetrics(body, form.json)
	if err != nil {
		return none, refuse(http.StatusBadRequest, "decode: %v", err)
	}
	return p.take(all, time.Now()), nil
}

func (p *Push) tooLarge() error {
	return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes: push fewer data points at a time", p.config.MaxBytes)
}

// body reads and decompresses the body of r.
func (p *Push) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var from io.Reader = http.MaxBytesReader(w, r.Body, p.config.MaxBytes)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, ok := p.unzip.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		defer p.unzip.Put(z)
		if err := z.Reset(from); err != nil {
			return nil, refuse(http.StatusBadRequest, "gzip: %v", err)
		}
		from = z
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "content encoding %.100s: want gzip or none", encoding)
	}
	body, err := io.ReadAll(io.LimitReader(from, p.config.MaxBytes+1))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || int64(len(body)) > p.config.MaxBytes {
		return nil, p.tooLarge()
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "read the body: %v", err)
	}
	return body, nil
}

// decodeMetrics decodes a request in JSON or in protobuf, within the bounds.
func decodeMetrics(body []byte, json bool) (pmetric.Metrics, error) {
	if json {
		if err := boundJSON(body); err != nil {
			return pmetric.Metrics{}, err
		}
		return (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(body)
	}
	if err := boundProto(body); err != nil {
		return pmetric.Metrics{}, err
	}
	return (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
}
