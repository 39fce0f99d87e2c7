package source

import (
	"encoding/binary"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
)

// Answers are three small messages, written here: the decoder's module has them
// only together with all of gRPC.
//
//	ExportMetricsServiceResponse { ExportMetricsPartialSuccess partial_success = 1; }
//	ExportMetricsPartialSuccess  { int64 rejected_data_points = 1; string error_message = 2; }
//	google.rpc.Status            { int32 code = 1; string message = 2; … }
//
// The code of a status is left out, as the protocol allows: the status of the
// answer says all.
//
// Source: OpenTelemetry protocol 1.x, "OTLP/HTTP Response".

const (
	typeProto = "application/x-protobuf"
	typeJSON  = "application/json"
)

// pushForm is the encoding of a request, and so of its answer.
type pushForm struct {
	json    bool
	unknown bool // neither: answered in JSON, which people can read
}

// formFor returns the form that the request says it has.
func formFor(r *http.Request) pushForm {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && t == typeProto:
		return pushForm{}
	case err == nil && t == typeJSON:
		return pushForm{json: true}
	}
	return pushForm{json: true, unknown: true}
}

// success returns the answer to a request that was taken, wholly or in part.
func (f pushForm) success(r pushRefusals) []byte {
	if f.json {
		type partialSuccess struct {
			Rejected string `json:"rejectedDataPoints"`
			Message  string `json:"errorMessage"`
		}
		var answer struct {
			Partial *partialSuccess `json:"partialSuccess,omitempty"`
		}
		if r.points > 0 {
			answer.Partial = &partialSuccess{strconv.Itoa(r.points), r.String()}
		}
		return asJSON(answer)
	}
	if r.points == 0 {
		return nil
	}
	rejected := binary.AppendUvarint([]byte{1<<3 | wireVarint}, uint64(r.points))
	return appendBytes(nil, 1, string(appendBytes(rejected, 2, r.String())))
}

// failure returns the answer to a request that was not taken.
func (f pushForm) failure(message string) []byte {
	if f.json {
		return asJSON(struct {
			Message string `json:"message"`
		}{message})
	}
	return appendBytes(nil, 2, message)
}

// asJSON encodes v, which holds numbers and texts only.
func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	return b
}

// appendBytes appends a field of text, or of a message, to a protobuf message.
func appendBytes(b []byte, field byte, text string) []byte {
	b = append(b, field<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// write sends an answer.
func (f pushForm) write(w http.ResponseWriter, status int, body []byte) {
	t := typeProto
	if f.json {
		t = typeJSON
	}
	w.Header().Set("Content-Type", t)
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the sender is gone: nobody to tell
}
