package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/cmd/internal/console"
	"github.com/evenkeel/evenkeel/knowledge"
)

// fetched asks a daemon for a change of the office's.
func (o *office) fetched(t *testing.T, h http.Handler, id string) (*changeCase, error) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return fetchCase(t.Context(), id, s.URL, o.trust)
}

// answers returns a daemon that answers with parcels, whatever was asked for: with
// base for what a change is to be compared with.
func answers(t *testing.T, p, base *parcel) *http.ServeMux {
	t.Helper()
	mux := http.NewServeMux()
	for path, b := range map[string][]byte{"/v1/changes": []byte(`{"v":1}`), "/v1/changes/{id}": packed(t, p), "/v1/changes/{id}/base": packed(t, base)} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.Write(b) }) //nolint:errcheck // the asker is gone
	}
	return mux
}

func TestWhatADaemonAnswersIsVerified(t *testing.T) {
	o, stranger := newOffice(t), newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	asked := o.proposal(t, o.pack(t, "asked for"), nil)
	other := o.proposal(t, o.pack(t, "another"), nil)
	asked.registers, other.registers = []knowledge.SignedText{o.register}, []knowledge.SignedText{o.register}
	id, base := knowledge.TextDigest(asked.statements[0].Text), &parcel{registers: asked.registers}
	if k, err := o.fetched(t, answers(t, asked, base), id); err != nil || k.bySomebody() != nil {
		t.Fatalf("what was asked for: %v", err)
	}
	for _, tt := range []struct {
		name string
		lie  func(p *parcel)
		want string
	}{
		{"another bundle", func(p *parcel) { p.bundle = other.bundle }, "the files have the digest"},
		{"no bundle", func(p *parcel) { p.bundle = nil }, "the files have the digest"},
		{"a byte more in a rule", func(p *parcel) {
			p.bundle = maps.Clone(p.bundle)
			p.bundle["README.md"] = append(slices.Clone(p.bundle["README.md"]), ' ')
		}, "the files have the digest"},
		{"another dossier", func(p *parcel) { p.dossier = other.dossier }, "dossier"},
		{"another register", func(p *parcel) { p.registers = []knowledge.SignedText{stranger.register} }, "want the trusted"},
		{"no register", func(p *parcel) { p.registers = nil }, "no people register"},
		{"a register with a byte changed", func(p *parcel) {
			r := p.registers[0]
			r.Text = []byte(strings.Replace(string(r.Text), "Ben Bose", "Ben Rose", 1))
			p.registers = []knowledge.SignedText{r}
		}, "want the trusted"},
		{"another proposal", func(p *parcel) { *p = *other }, "0 begin with"},
		{"another proposal with the files of this one", func(p *parcel) { p.statements = other.statements }, "0 begin with"},
		{"the proposal with a byte changed", func(p *parcel) {
			s := p.statements[0]
			s.Text = []byte(strings.Replace(string(s.Text), "a better", "a bitter", 1))
			p.statements = []knowledge.SignedText{s}
		}, "0 begin with"},
		{"no proposal", func(p *parcel) { p.statements = nil }, "0 begin with"},
		{"nothing", func(p *parcel) { *p = parcel{} }, "register"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := *asked
			tt.lie(&p)
			_, err := o.fetched(t, answers(t, &p, base), id)
			checkTampered(t, err, tt.want)
		})
	}
	t.Run("what is no archive", func(t *testing.T) {
		_, err := o.fetched(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "PK") }), id) //nolint:errcheck // as above
		checkTampered(t, err, "not a valid zip")
	})
	t.Run("without end", func(t *testing.T) {
		_, err := o.fetched(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for b := make([]byte, 1<<16); ; {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}), id)
		checkTampered(t, err, "more than")
	})
	t.Run("a proposal that nobody signed", func(t *testing.T) {
		p, s := *asked, asked.statements[0]
		s.Signatures = nil
		// What others signed does not stand in for it.
		p.statements = append([]knowledge.SignedText{s}, other.statements...)
		k, err := o.fetched(t, answers(t, &p, base), id)
		if err != nil {
			t.Fatal(err)
		}
		checkTampered(t, k.bySomebody(), "no proposal that its author signed")
		if got := k.signers(); got != "nobody whose signature counts now" {
			t.Errorf("it is shown as signed by %s", got)
		}
	})
}

func checkTampered(t *testing.T, err error, want string) {
	t.Helper()
	e, ok := errors.AsType[*exitError](err)
	if !ok || e.code != exitTampered || !strings.Contains(err.Error(), want) {
		t.Errorf("%v (%+v), want exit code %d for %q", err, e, exitTampered, want)
	}
}

func TestWhatAChangeWouldReplaceIsVerifiedToo(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	live := o.live(t, "the live one")
	p := o.proposal(t, o.pack(t, "the next"), nil)
	p.registers = []knowledge.SignedText{o.register}
	id := knowledge.TextDigest(p.statements[0].Text)
	registers := p.registers
	for _, tt := range []struct {
		name string
		base *parcel
		want string
	}{
		{"the live bundle", &parcel{registers: registers, bundle: live.bundle}, ""},
		{"one that is gone", &parcel{registers: registers}, ""},
		{"another bundle", &parcel{registers: registers, bundle: o.pack(t, "a forgery")}, "to be replaced is " + o.governor.ledger.Live().Bundle},
		{"what is no pack", &parcel{registers: registers, bundle: map[string][]byte{"a": nil}}, "pack"},
		{"another register", &parcel{registers: []knowledge.SignedText{newOffice(t).register}, bundle: live.bundle}, "want the trusted"},
		{"no register", &parcel{bundle: live.bundle}, "no people register"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, err := o.fetched(t, answers(t, p, tt.base), id)
			if tt.want != "" {
				checkTampered(t, err, tt.want)
			} else if err != nil || (k.parent != nil) != (tt.base.bundle != nil) {
				t.Errorf("%+v, %v, want it with its parent", k, err)
			}
		})
	}
}

// TestAnswersAreAboutHowThingsStandNow has a standby take the place of what is
// live now, and not of what was live when it was proposed.
func TestAnswersAreAboutHowThingsStandNow(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	standby := o.proposal(t, o.pack(t, "the standby"), map[string]string{"kind": "standby"})
	for _, p := range []*parcel{standby, o.answer(t, "ben", "approve", standby), o.answer(t, "cleo", "approve", standby)} {
		if r := o.take(t, p); r.Result != resultTaken {
			t.Fatal(r.Why)
		}
	}
	o.live(t, "the live one")
	s := httptest.NewServer(console.New(console.Config{Papers: func(context.Context, []byte) (any, bool, error) { return nil, false, nil },
		Changes: o.governor.status, Change: o.governor.change, Base: o.governor.base}).Handler())
	defer s.Close()
	k, err := fetchCase(t.Context(), knowledge.TextDigest(standby.statements[0].Text), s.URL, o.trust)
	if err != nil {
		t.Fatal(err)
	}
	if live := o.governor.ledger.Live(); k.live.Bundle != live.Bundle || k.live.Seq != live.Seq || live.Seq != 1 {
		t.Errorf("in place of %+v, want of what is live now, %+v", k.live, live)
	}
}

func TestFetchSaysWhatToDo(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "others are being answered\x1b[2J", http.StatusServiceUnavailable)
	}))
	defer busy.Close()
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	for _, tt := range []struct {
		name, from, id string
		code           int
		want, hint     string
	}{
		{"nobody is there", closed.URL, "01234567", exitUnreachable, "connection refused", "is 'evenkeel serve' running"},
		{"it has no time", busy.URL, "01234567", exitFailed, "others are being answered<U+001B>[2J", "try again"},
		{"it does not know the change", none.URL, "01234567", exitFailed, "none such", "rules status --from " + none.URL},
		{"too few digits", none.URL, "0123456", exitUsage, "at least 8", "rules status --from"},
		{"a way out of the path", none.URL, "../../v1/papers", exitUsage, "at least 8", "rules status --from"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fetchCase(t.Context(), tt.id, tt.from, "")
			e, ok := errors.AsType[*exitError](err)
			if !ok || e.code != tt.code || !strings.Contains(err.Error(), tt.want) || !strings.Contains(e.hint, tt.hint) {
				t.Errorf("%v, hint %+v, want code %d, %q and %q", err, e, tt.code, tt.want, tt.hint)
			}
		})
	}
	if _, err := fetchStatus(t.Context(), none.URL); !errors.Is(err, errNoSuch) {
		t.Errorf("the status of what is no daemon: %v", err)
	}
}

func TestStatusOfADaemonIsEscaped(t *testing.T) {
	evil := "x\x1b[2J\n\u202ehidden\tapproved"
	r := statusReport{Environment: evil, Register: evil, Live: liveReport{Bundle: evil, Seq: 1, Since: evil},
		Stops:   []stopReport{{By: evil, Scope: evil, Why: evil}},
		Changes: []changeReport{{Change: evil, State: evil, Author: evil, Approvers: []string{evil}, Until: evil, Why: evil}}}
	var b strings.Builder
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.ContainsAny(got, "\x1b\u202e\t") || strings.Count(got, "\n") != 7 {
		t.Errorf("%q, want seven lines of plain characters", got)
	}
}
