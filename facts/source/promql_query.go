package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// metricLabel is the label that tells the series of a joined query apart.
	metricLabel = "evenkeel_metric"
	// maxQueryBytes bounds one expression: a screen full of PromQL, which
	// belongs into a recording rule of the server.
	maxQueryBytes = 4096
	// maxSaidBytes bounds what an error repeats of the server's words.
	maxSaidBytes = 300
)

// joinedQuery is one query for all metrics.
type joinedQuery struct {
	text  string
	names []string // of the metrics, in order of appearance
	first []int    // line on which the expression of each begins
}

// joinQueries returns the query that answers those of all names at once. Each
// expression stands on lines of its own, so that a comment at its end hides
// nothing and a position in the whole tells whose it is.
func joinQueries(names []string, queries map[string]string) (joinedQuery, error) {
	if n := len(names); n == 0 || n > facts.MaxMetrics {
		return joinedQuery{}, fmt.Errorf("%d queries, want 1 to %d", n, facts.MaxMetrics)
	}
	q := joinedQuery{names: names}
	var b strings.Builder
	line := 1
	for _, name := range names {
		expr := queries[name]
		if err := facts.CheckName("metric", name); err != nil {
			return joinedQuery{}, err
		}
		if strings.TrimSpace(expr) == "" || len(expr) > maxQueryBytes {
			return joinedQuery{}, fmt.Errorf("query of metric %s has %d bytes: want an expression of at most %d", name, len(expr), maxQueryBytes)
		}
		if b.Len() > 0 {
			b.WriteString(" or ")
		}
		fmt.Fprintf(&b, "label_replace((\n%s\n), %q, %q, \"\", \"\")", expr, metricLabel, name)
		q.first = append(q.first, line+1)
		line += 2 + strings.Count(expr, "\n")
	}
	q.text = b.String()
	return q, nil
}

// position finds where in the joined query an error of the server is.
var position = regexp.MustCompile(`\b([0-9]{1,6}):([0-9]{1,6}): parse error`)

// explain returns the cause of err, which a call of the server's API returned:
// whose time was up, what the server said, or why it could not be reached. The
// limited context is the one that the call was given, with its timeout.
func (q joinedQuery) explain(ctx, limited context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case limited.Err() != nil:
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	if e, ok := errors.AsType[*promv1.Error](err); ok {
		return &serverError{kind: e.Type, text: q.locate(said(e))}
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err // without the address, which may hold the whole query
	}
	return err
}

// serverError is what a server answers instead of a result.
type serverError struct {
	kind promv1.ErrorType
	text string
}

func (e *serverError) Error() string { return fmt.Sprintf("the server says: %s: %s", e.kind, e.text) }

// said returns the server's own words in one line: the error in its answer, or
// the beginning of an answer that is none of Prometheus.
func said(e *promv1.Error) string {
	if e.Detail == "" {
		return oneLine(e.Msg)
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(e.Detail), &answer) == nil && answer.Error != "" {
		return oneLine(e.Msg + ": " + answer.Error)
	}
	return oneLine(e.Msg + ": " + e.Detail)
}

// locate puts the name of the metric before a parse error, and the line within
// its expression into it.
func (q joinedQuery) locate(text string) string {
	at := position.FindStringSubmatchIndex(text)
	if at == nil {
		return text
	}
	line, err := strconv.Atoi(text[at[2]:at[3]])
	if err != nil {
		return text
	}
	i, found := slices.BinarySearch(q.first, line)
	if !found {
		i-- // the last that begins before it
	}
	if i < 0 {
		return text
	}
	return fmt.Sprintf("query of metric %s: %s%d%s", q.names[i], text[:at[2]], line-q.first[i]+1, text[at[3]:])
}

// oneLine returns the beginning of s as printable text.
func oneLine(s string) string {
	b := []byte(s)
	if len(b) > maxSaidBytes {
		b = append(b[:maxSaidBytes:maxSaidBytes], "…"...)
	}
	b = bytes.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, bytes.ToValidUTF8(b, nil))
	return string(bytes.Join(bytes.Fields(b), []byte(" ")))
}
