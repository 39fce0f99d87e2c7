package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
)

// chain is what the log holds of a decision's story besides the decision.
type chain struct {
	fact  audit.Record   // that it is about
	after []audit.Record // of its intents: the guard's verdict, the calls, the outcomes
}

// readChain reads the story of the decision in entry seq. The whole rest of the
// log is looked through: a hold may end a day later.
func readChain(ctx context.Context, r *audit.Reader, seq int64, intents []actions.Intent) (c chain, err error) {
	c.fact, err = recordAt(ctx, r, seq-1)
	if err != nil || len(intents) == 0 {
		return c, err
	}
	acts := make([][]byte, len(intents))
	for i := range intents {
		acts[i] = []byte(intents[i].ID())
	}
	err = r.Scan(ctx, seq+1, -1, func(rec audit.Record) error {
		for _, act := range acts {
			if bytes.Contains(rec.Bytes, act) {
				c.after = append(c.after, rec)
				break
			}
		}
		return nil
	})
	return c, err
}

// storyBody is what the entries of an act's story may say.
type storyBody struct {
	Answer string `json:"answer"`
	Detail string `json:"detail"`
	Limit  string `json:"limit"`
	Out    int    `json:"out"`
	Result string `json:"result"`
	Size   int    `json:"size"`
	Verb   string `json:"verb"`
	Why    string `json:"why"`
}

// tellAct says in a line what an entry tells of an act.
func tellAct(e audit.Stored) string {
	var b storyBody
	if err := json.Unmarshal(e.Body, &b); err != nil {
		return err.Error()
	}
	var out string
	switch e.Type {
	case "intent":
		out = fmt.Sprintf("admitted: %d of %d out after it", b.Out, b.Size)
	case "action.refused":
		out = fmt.Sprintf("REFUSED by limit %s: %s", b.Limit, b.Detail)
	case "action.sent":
		out = fmt.Sprintf("%s asked of the balancer", b.Verb)
		if b.Why != "act" {
			out += ", to " + b.Why
		}
	case "action.result":
		out = strings.TrimSuffix(b.Answer+": "+b.Detail, ": ")
	case "outcome":
		out = strings.TrimSuffix(strings.ToUpper(b.Result)+": "+b.Detail, ": ")
	case typeDropped:
		out = "DROPPED: " + b.Why
	case "fact.accepted":
		out = "taken in as a fact"
	}
	return out
}
