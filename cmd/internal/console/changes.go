package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// maxReaders bounds those who are answered at a time with what people proposed:
// a change is megabytes, read from disk and packed for each of them.
const maxReaders = 2

// ErrUnknown reports that there is nothing of the name that was asked for.
var ErrUnknown = errors.New("not known here")

// reader lets a few in at a time to what people proposed; the others may come
// again.
func (c *Console) reader(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case c.readers <- struct{}{}:
			defer func() { <-c.readers }()
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "others are being answered", http.StatusServiceUnavailable)
			return
		}
		// A recorder of a test has no deadline to move.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(papersTime))
		next(w, r)
	}
}

// changes answers how things stand with the rules.
func (c *Console) changes(w http.ResponseWriter, r *http.Request) {
	answer, err := c.config.Changes(r.Context())
	if err != nil {
		http.Error(w, "the log cannot be read", http.StatusServiceUnavailable)
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "the answer has no encoding", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(body, '\n')) //nolint:errcheck // the asker is gone: nobody to tell
}

// archive answers with what read returns of the change that is asked for.
func (c *Console) archive(read ChangeReader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		archive, err := read(r.Context(), r.PathValue("id"))
		if errors.Is(err, ErrUnknown) {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		if err != nil {
			http.Error(w, "the change cannot be read", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", papersMedia)
		w.Write(archive) //nolint:errcheck // the asker is gone: nobody to tell
	}
}
