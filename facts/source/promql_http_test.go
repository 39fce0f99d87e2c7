package source

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFile writes text to a new file and returns its name.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPromQLCredentials(t *testing.T) {
	for _, tt := range []struct {
		name    string
		file    string
		set     func(c *PromQLConfig, name string)
		want    string // the header
		rotated string
		then    string // the header after the file was rewritten
	}{
		{"a bearer token", "t0k3n\n", func(c *PromQLConfig, name string) { c.BearerTokenFile = name }, "Bearer t0k3n", "newer", "Bearer newer"},
		{"a user and a password", "ann:pass word:\n", func(c *PromQLConfig, name string) { c.BasicAuthFile = name }, "Basic YW5uOnBhc3Mgd29yZDo=", "b:", "Basic Yjo="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.Header.Get("Authorization")
				fmt.Fprint(w, vectorOf(`cpu|,"instance":"a"|1`, `rate|,"instance":"a"|1`))
			}))
			defer s.Close()
			c, name := testPromQL(s.URL), writeFile(t, "secret", tt.file)
			tt.set(&c, name)
			p := newTestPromQL(t, c)
			if _, err := p.Read(t.Context(), tick0); err != nil || got != tt.want {
				t.Errorf("Read: got header %q and error %v, want %q", got, err, tt.want)
			}
			if err := os.WriteFile(name, []byte(tt.rotated), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Read(t.Context(), tick0); err != nil || got != tt.then {
				t.Errorf("Read after a change of the file: got header %q and error %v, want %q", got, err, tt.then)
			}
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Read(t.Context(), tick0); err == nil || !strings.Contains(err.Error(), "no such file") {
				t.Errorf("Read without the file: got error %v, want that it is not there", err)
			}
		})
	}
}

func TestPromQLRefusesCredentialsWithoutRepeatingThem(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		basic      bool
		want       string
	}{
		{"an empty file", " \n", false, "want 1 to 16384"},
		{"a file that is too long", strings.Repeat("s3cret", 4000), false, "want 1 to 16384"},
		{"two lines", "s3cret\ns3cret", false, "more than one line"},
		{"a token with blanks", "Bearer s3cret", false, "want the token alone"},
		{"a password without a user", ":s3cret", true, "want USER:PASSWORD"},
		{"a user without a password", "s3cret", true, "want USER:PASSWORD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, name := testPromQL("http://127.0.0.1:1"), writeFile(t, "file", tt.file)
			if tt.basic {
				c.BasicAuthFile = name
			} else {
				c.BearerTokenFile = name
			}
			_, err := NewPromQL(c)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("NewPromQL: got error %v, want one with %q and not what is in the file", err, tt.want)
			}
		})
	}
}

func TestPromQLTrustsTheAuthoritiesItIsGiven(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, vectorOf(`cpu|,"instance":"a"|1`, `rate|,"instance":"a"|1`))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of the client that hangs up
	s.StartTLS()
	defer s.Close()
	c := testPromQL(s.URL)
	if _, err := newTestPromQL(t, c).Read(t.Context(), tick0); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("Read with the system's authorities: got error %v, want that the certificate is not trusted", err)
	}
	c.CAFile = writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	if _, err := newTestPromQL(t, c).Read(t.Context(), tick0); err != nil {
		t.Errorf("Read with the server's authority: got error %v, want none", err)
	}
	c.CAFile = writeFile(t, "empty.pem", "")
	if _, err := NewPromQL(c); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("NewPromQL with an empty file: got error %v, want that it holds none", err)
	}
}
