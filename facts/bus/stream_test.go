package bus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// rawStreams returns the stream API of the server at url, as an operator has
// it.
func rawStreams(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestStreamsAreBoundedAndProtected(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		js := strangerStreams(t, b)
		for name, want := range map[string]struct {
			subject   string
			retention jetstream.RetentionPolicy
			discard   jetstream.DiscardPolicy
			age       time.Duration
			bytes     int64
			per       int64
		}{
			factStream:   {"ek.*.fact.>", jetstream.LimitsPolicy, jetstream.DiscardNew, DefaultMaxAge, DefaultMaxBytes, DefaultMaxPerSubject},
			intentStream: {"ek.*.intent.>", jetstream.WorkQueuePolicy, jetstream.DiscardNew, intentMaxAge, intentMaxBytes, -1},
			resultStream: {"ek.*.result.>", jetstream.LimitsPolicy, jetstream.DiscardOld, DefaultMaxAge, resultMaxBytes, -1},
			paperStream:  {"ek.*.gov.> ek.*.stop", jetstream.LimitsPolicy, jetstream.DiscardOld, 0, paperMaxBytes, -1},
		} {
			s, err := js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			g := s.CachedInfo().Config
			size := int32(maxMessageBytes)
			if name == paperStream {
				size = MaxPaperBytes + 8<<10
			}
			if strings.Join(g.Subjects, " ") != want.subject || g.Retention != want.retention || g.Discard != want.discard ||
				g.MaxAge != want.age || g.MaxBytes != want.bytes || g.MaxMsgsPerSubject != want.per || g.MaxMsgSize != size ||
				g.Duplicates != dedupWindow || g.Storage != jetstream.FileStorage || !g.DenyDelete || !g.DenyPurge {
				t.Errorf("stream %s is %+v, want %+v", name, g, want)
			}
			if err := s.Purge(t.Context()); err == nil {
				t.Errorf("stream %s let somebody purge it", name)
			}
		}
		if err := b.Publish(t.Context(), fact(0)); err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(t.Context(), factStream)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteMsg(t.Context(), 1); err == nil {
			t.Error("somebody may delete a fact")
		}
	})
}

func TestStreamOfAnotherShapeIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*jetstream.StreamConfig)
		want   string
	}{
		{"another subject", func(c *jetstream.StreamConfig) { c.Subjects = []string{"ek.fra1.fact.>"} }, "found subjects [ek.fra1.fact.>], want [ek.*.fact.>]"},
		{"in memory", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "found storage Memory, want File"},
		{"drops the oldest", func(c *jetstream.StreamConfig) {
			c.Discard, c.DiscardNewPerSubject = jetstream.DiscardOld, false
		}, "found discard DiscardOld, want DiscardNew"},
		{"a work queue", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, "found retention WorkQueue, want Limits"},
		{"open to deletion", func(c *jetstream.StreamConfig) { c.DenyDelete = false }, "found deny_delete false, want true"},
		{"open to purges", func(c *jetstream.StreamConfig) { c.DenyPurge = false }, "found deny_purge false, want true"},
		{"without acknowledgements", func(c *jetstream.StreamConfig) { c.NoAck = true }, "found no_ack true, want false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := listen(t, func(o *server.Options) { o.JetStreamMaxMemory = maxMaxBytes }).ClientURL()
			c := streams(Config{}.withDefaults())[0]
			tt.change(&c)
			if _, err := rawStreams(t, url).CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), Config{Env: "fra1", URL: url})
			if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "stream EK_FACTS") {
				t.Errorf("Open = %v, want %v with %q", err, ErrSettings, tt.want)
			}
		})
	}
}

func TestBoundsOfAStreamFollowTheConfig(t *testing.T) {
	const mib = 1 << 20
	bounds := func(t *testing.T, js jetstream.JetStream) (int64, time.Duration) {
		t.Helper()
		s, err := js.Stream(t.Context(), factStream)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config.MaxBytes, s.CachedInfo().Config.MaxAge
	}
	for _, tt := range []struct {
		name         string
		bytes        int64
		age          time.Duration
		onlyEmbedded bool // an external broker keeps what it had
	}{
		{"the same", 8 * mib, 2 * time.Hour, false},
		{"larger", 9 * mib, 3 * time.Hour, false},
		{"smaller", 7 * mib, 1 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, c Config) {
				c.MaxBytes, c.MaxAge = 8*mib, 2*time.Hour
				first := open(t, c)
				if err := first.Publish(t.Context(), fact(0)); err != nil {
					t.Fatal(err)
				}
				if err := first.Close(); err != nil {
					t.Fatal(err)
				}
				c.MaxBytes, c.MaxAge = tt.bytes, tt.age
				b := open(t, c)
				wantBytes, wantAge := tt.bytes, tt.age
				if tt.onlyEmbedded && c.URL != "" {
					wantBytes, wantAge = 8*mib, 2*time.Hour
				}
				if bytes, age := bounds(t, strangerStreams(t, b)); bytes != wantBytes || age != wantAge {
					t.Errorf("bounds %d bytes, %s, want %d, %s", bytes, age, wantBytes, wantAge)
				}
				if seq, err := b.LastSeq(t.Context()); err != nil || seq != 1 {
					t.Errorf("LastSeq = %d, %v, want 1: nothing lost", seq, err)
				}
			})
		})
	}
}

func TestUnboundedStreamIsBounded(t *testing.T) {
	url := listen(t, nil).ClientURL()
	js := rawStreams(t, url)
	c := streams(Config{}.withDefaults())[0]
	c.MaxBytes, c.MaxAge, c.MaxMsgSize, c.Replicas = -1, 0, -1, 1
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	open(t, Config{URL: url})
	s, err := js.Stream(t.Context(), factStream)
	if err != nil {
		t.Fatal(err)
	}
	if g := s.CachedInfo().Config; g.MaxBytes != DefaultMaxBytes || g.MaxAge != DefaultMaxAge || g.MaxMsgSize != maxMessageBytes {
		t.Errorf("bounds %d bytes, %s, %d a message, want the defaults", g.MaxBytes, g.MaxAge, g.MaxMsgSize)
	}
}

func TestConsumerOfAnotherShapeIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		create func(*testing.T, jetstream.JetStream) error
		want   string
	}{
		{"one that does not acknowledge", func(t *testing.T, js jetstream.JetStream) error {
			_, err := js.CreateConsumer(t.Context(), factStream, jetstream.ConsumerConfig{Durable: "fra1_engine", AckPolicy: jetstream.AckNonePolicy})
			return err
		}, "found ack policy AckNone, want AckExplicit"},
		{"one that pushes", func(t *testing.T, js jetstream.JetStream) error {
			_, err := js.CreatePushConsumer(t.Context(), factStream, jetstream.ConsumerConfig{Durable: "fra1_engine", DeliverSubject: "x"})
			return err
		}, "want one that is pulled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := open(t, Config{StoreDir: t.TempDir()})
			if err := tt.create(t, strangerStreams(t, b)); err != nil {
				t.Fatal(err)
			}
			if err := b.Consume(t.Context(), "engine", nil); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Consume = %v, want %v with %q", err, ErrSettings, tt.want)
			}
		})
	}
}

func TestConsumerOfOldSettingsIsBroughtUpToDate(t *testing.T) {
	b := open(t, Config{StoreDir: t.TempDir()})
	js := strangerStreams(t, b)
	if _, err := js.CreateConsumer(t.Context(), factStream, jetstream.ConsumerConfig{Durable: "fra1_engine",
		AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1000, MaxDeliver: 3, AckWait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	consume(t, b, nil)
	c, err := js.Consumer(t.Context(), factStream, "fra1_engine")
	if err != nil {
		t.Fatal(err)
	}
	if g := c.CachedInfo().Config; g.MaxAckPending != maxAckPending || g.MaxDeliver != -1 || g.AckWait != ackWait || g.FilterSubject != "ek.fra1.fact.>" {
		t.Errorf("consumer is %+v, want it as Consume creates it", g)
	}
}

func TestEnvironmentsShareABroker(t *testing.T) {
	url := listen(t, nil).ClientURL()
	one, two := open(t, Config{Env: "fra1", URL: url}), open(t, Config{Env: "ams.1", URL: url})
	first, second := consume(t, one, nil), consume(t, two, nil)
	f := fact(0)
	f.Env = "ams.1"
	if err := errors.Join(one.Publish(t.Context(), fact(0)), two.Publish(t.Context(), f)); err != nil {
		t.Fatal(err)
	}
	wait(t, "a fact each", func() bool { return len(first.got()) == 1 && len(second.got()) == 1 })
	if first.got()[0] != idOf(t, fact(0)) || second.got()[0] != idOf(t, f) {
		t.Errorf("handled %q and %q, want %q and %q", first.got(), second.got(), idOf(t, fact(0)), idOf(t, f))
	}
}
