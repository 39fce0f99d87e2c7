package console

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
)

const (
	// papersMedia is what papers have to come as. No page of another site can send
	// it without asking first, and nobody answers that.
	papersMedia = "application/zip"
	// papersTime is for the survey of the largest pack, before the answer.
	papersTime = 30 * time.Second
)

// takePapers hands an archive of papers on and answers what became of them.
func (c *Console) takePapers(w http.ResponseWriter, r *http.Request) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != papersMedia {
		http.Error(w, "want "+papersMedia, http.StatusUnsupportedMediaType)
		return
	}
	select {
	case c.papers <- struct{}{}:
		defer func() { <-c.papers }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "other papers are being taken in", http.StatusServiceUnavailable)
		return
	}
	archive, err := io.ReadAll(http.MaxBytesReader(w, r.Body, c.config.MaxPapers))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "the papers did not come whole", http.StatusBadRequest)
		return
	}
	// A recorder of a test has no deadline to move.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(papersTime))
	answer, refused, err := c.config.Papers(r.Context(), archive)
	if err != nil {
		http.Error(w, "nothing could be recorded: offer them again", http.StatusServiceUnavailable)
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "the answer has no encoding", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if refused {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	w.Write(append(body, '\n')) //nolint:errcheck // the asker is gone: nobody to tell
}
