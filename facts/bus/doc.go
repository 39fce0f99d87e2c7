// Package bus carries facts from detectors to the engine over NATS JetStream,
// and papers that people signed to the daemon, and keeps copies of intents,
// results and heartbeats for whoever listens. It is the only importer of nats.go
// and nats-server.
//
// The bus is transport. The record is the audit log: what the bus loses, the
// log does not miss, and what the bus delivers twice, the engine decides once.
//
// # Broker
//
// With [Config.URL] empty the broker runs inside this process: no socket, its
// store in [Config.StoreDir], which one process at a time may hold. With a URL
// it is an external server or cluster; the same streams are applied to either
// and verified at start.
//
//	stream     subjects                                  bounds
//	EK_FACTS   ek.<env>.fact.<detector>.<group>.<kind>   an hour, bytes, facts a subject; refuses when full
//	EK_INTENT  ek.<env>.intent.<group>.<verb>            work queue, 10 minutes, bytes; refuses when full
//	EK_RESULT  ek.<env>.result.<executor>.<group>        an hour, bytes; the oldest go when full
//	EK_GOV     ek.<env>.gov.<kind>, ek.<env>.stop        bytes; the oldest go when full
//	(none)     ek.<env>.hb.<role>.<id>                   heartbeats, not stored
//
// No stream lets anyone delete or purge. Names may hold characters that mean
// something in a subject; a name becomes a token by writing every byte that is
// not a letter, a digit, "_" or "-" as "%" and two upper-case hexadecimal
// digits, so group "web.fra1" is the token "web%2Efra1".
//
// # Message
//
// The body of a fact is its encoding. The CloudEvents attributes of
// [facts.Fact.CloudEvent] travel as headers named with the prefix "ce-" (binary
// content mode). The message id is the fact's id: a fact published again within
// two minutes is stored once.
//
// A paper is a parcel of bytes that the package does not look into: papers prove
// themselves, whoever published them ([Bus.PublishPaper], [Bus.ConsumePapers]).
//
// # Promises
//
//   - Publish returns nil only after the broker stored the message (or had it
//     already), and returns within two seconds, or sooner if the caller's
//     context ends. A full stream is [ErrFull], a broker out of reach
//     [ErrUnreachable]: at once, when the connection is known to be down.
//   - Consume delivers at least once, one fact at a time, in the order of the
//     stream: the fact after one whose handling failed waits for it, also across
//     a restart of either side. A fact is acknowledged only after the handler
//     returned nil.
//   - What is not the encoding of a fact, or disagrees with its subject or its
//     headers, never reaches the handler: it is reported to [Config.OnRefused],
//     counted and not delivered again.
//   - A broker that goes away is sought for ever, with a bounded pause between
//     attempts; [Config.OnState] and [Stats] say so meanwhile. An embedded
//     broker whose disk was full recovers its store when there is room again
//     and somebody publishes.
//   - Close waits for everything the package started, the embedded broker
//     included.
//
// All methods may be called concurrently.
//
// # What it does not do
//
// It takes no decision on freshness: a fact that expired on the way is
// delivered, and the engine refuses it. It does not survive the loss of its
// store; compare [Bus.LastSeq] with what the log has seen to notice a gap. The
// store is synchronised to disk once a second, so a power failure may take the
// last second of facts that were acknowledged.
//
// # Example
//
//	b, err := bus.Open(ctx, bus.Config{Env: "fra1", StoreDir: "/var/lib/evenkeel/bus"})
//	if err != nil {
//		return err
//	}
//	defer func() { err = errors.Join(err, b.Close()) }()
//	if err := b.Publish(ctx, fact); err != nil {
//		return err
//	}
//	return b.Consume(ctx, "engine", func(ctx context.Context, f facts.Fact, id string) error {
//		return record(ctx, f, id) // nil: acknowledged
//	})
package bus
