package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/evenkeel/evenkeel/facts"
)

// MaxPaperBytes bounds a parcel of papers: with its headers it stays below what
// a broker takes by default, 1 MiB. Larger ones go another way.
const MaxPaperBytes = 768 << 10

// paperStop is the kind of paper that has a subject of its own, so that a client
// of the broker may be permitted to stop and nothing else.
const paperStop = "stop"

// PaperHandler handles one parcel of papers: what people signed, as it came. nil
// means that it was dealt with, be it refused; an error has it delivered again,
// before any other.
type PaperHandler = func(ctx context.Context, body []byte) error

// PublishPaper stores a parcel of papers in EK_GOV, under ek.<env>.gov.<kind>,
// or ek.<env>.stop for the kind stop. id makes it unique: publishing it again
// within two minutes stores it once. Who may publish is no matter of trust:
// papers prove themselves. Errors as [Bus.Publish], and one for a body of more
// than [MaxPaperBytes] or than the broker takes.
func (b *Bus) PublishPaper(ctx context.Context, kind, id string, body []byte) error {
	for _, name := range []string{kind, id} {
		if err := facts.CheckName("paper", name); err != nil {
			return b.failed(fmt.Errorf("bus: publish paper: %w", err))
		}
	}
	if limit := min(MaxPaperBytes, b.nc.MaxPayload()-8<<10); int64(len(body)) > limit {
		return b.failed(fmt.Errorf("bus: publish paper %s: %d bytes, want at most %d: send it another way", kind, len(body), limit))
	}
	m := nats.NewMsg(subject(b.cfg.Env, "gov", kind))
	if kind == paperStop {
		m.Subject = subject(b.cfg.Env, paperStop)
	}
	m.Data = body
	return b.publish(ctx, paperStream, m, id)
}

// ConsumePapers delivers the papers of the environment to handle, the oldest
// that is kept first, as [Bus.Consume] delivers facts.
func (b *Bus) ConsumePapers(ctx context.Context, durable string, handle PaperHandler) error {
	return b.consume(ctx, durable, flow{stream: paperStream, backlog: true,
		filter: []string{subject(b.cfg.Env, "gov") + ".>", subject(b.cfg.Env, paperStop)},
		take: func(ctx context.Context, m jetstream.Msg, _ uint64) (bool, error) {
			return false, handle(ctx, m.Data())
		},
		taken: func(s *Stats, _ uint64, _ bool) { s.Papers++ }})
}
