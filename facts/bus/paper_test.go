package bus

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

// papers runs ConsumePapers until the test ends, and keeps what it was given.
type papers struct {
	mu  sync.Mutex
	got []string
}

func (p *papers) read() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func readPapers(t *testing.T, b *Bus, handle func(body []byte) error) *papers {
	t.Helper()
	p := &papers{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = b.ConsumePapers(ctx, "governor", func(_ context.Context, body []byte) error {
			if err := handle(body); err != nil {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.got = append(p.got, string(body))
			return nil
		})
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return p
}

func TestPapersAreKeptUntilSomebodyReadsThem(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		sub := overhear(t, b, "ek.fra1.>")
		for _, paper := range []struct{ kind, id, body string }{
			{"proposal", "sha256:1", "one"}, {"proposal", "sha256:1", "one"}, {"stop", "sha256:2", "two"}, {"approval", "sha256:3", "three"},
		} {
			if err := b.PublishPaper(t.Context(), paper.kind, paper.id, []byte(paper.body)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"ek.fra1.gov.proposal", "ek.fra1.gov.proposal", "ek.fra1.stop", "ek.fra1.gov.approval"} {
			if m, err := sub.NextMsg(patience); err != nil || m.Subject != want {
				t.Fatalf("subject %v, error %v, want %s", m, err, want)
			}
		}
		failures := 2
		p := readPapers(t, b, func(body []byte) error {
			if bytes.Equal(body, []byte("two")) && failures > 0 {
				failures--
				return errors.New("the disk is full")
			}
			return nil
		})
		wait(t, "all papers", func() bool { return len(p.read()) == 3 })
		if got := p.read(); !slices.Equal(got, []string{"one", "two", "three"}) {
			t.Errorf("read %q, want each once, in their order", got)
		}
		wait(t, "their count", func() bool { return b.Stats().Papers == 3 })
	})
}

func TestLargestPaperFitsTheStream(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		p := readPapers(t, b, func([]byte) error { return nil })
		if err := b.PublishPaper(t.Context(), "proposal", "sha256:1", make([]byte, MaxPaperBytes)); err != nil {
			t.Fatal(err)
		}
		wait(t, "the paper", func() bool { return len(p.read()) == 1 })
	})
}
