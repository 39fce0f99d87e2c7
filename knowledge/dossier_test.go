package knowledge

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func sampleDossier() *Dossier {
	return &Dossier{V: 1, Bundle: bundle("two").Digest, Parent: bundle("one").Digest, Hours: 24,
		Band:  map[string]Band{"drain_black_hole": {Fired: 48, Most: 5}, "notify_slow": {}},
		Tests: Share{12, 12}, Coverage: Share{38, 40}, Mutation: Share{30, 33}, Warnings: []string{"rules/x.grl:3: W10: <shadowed> & doubtful"},
		Backtest: &Backtest{Added: 3, Changed: 1, Removed: 2, Facts: 5000, Digest: TextDigest(nil)}}
}

func TestDossierIsItsBytes(t *testing.T) {
	for _, d := range []*Dossier{sampleDossier(), {V: 1, Bundle: liveH1, Parent: none}} {
		b := d.Encode()
		got, err := DecodeDossier(b)
		if err != nil || !bytes.Equal(got.Encode(), b) {
			t.Errorf("DecodeDossier(%s) = %+v, %v", b, got, err)
		}
	}
	if got, err := DecodeDossier(sampleDossier().Encode()); err != nil || !reflect.DeepEqual(got, sampleDossier()) {
		t.Errorf("DecodeDossier = %+v, %v", got, err)
	}
}

func TestDossiersThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(d *Dossier)
		want string
	}{
		{"another version", func(d *Dossier) { d.V = 2 }, "version 2"},
		{"no bundle", func(d *Dossier) { d.Bundle = none }, `bundle "none"`},
		{"no parent", func(d *Dossier) { d.Parent = "" }, `parent ""`},
		{"more passed than there are", func(d *Dossier) { d.Tests.Part = 13 }, "tests: 13 of 12"},
		{"a negative count", func(d *Dossier) { d.Coverage = Share{-1, 4} }, "coverage: -1 of 4"},
		{"a backtest without its digest", func(d *Dossier) { d.Backtest.Digest = "x" }, `backtest "x"`},
		{"a backtest of negative counts", func(d *Dossier) { d.Backtest.Added = -1 }, "negative"},
		{"a band over no time", func(d *Dossier) { d.Hours = 0 }, "band over 0 hours"},
		{"negative hours", func(d *Dossier) { d.Hours = -1 }, "band over -1 hours"},
		{"more in one hour than in all", func(d *Dossier) { d.Band["drain_black_hole"] = Band{1, 2} }, "fired 1 times"},
		{"fewer at most than on average", func(d *Dossier) { d.Band["drain_black_hole"] = Band{48, 1} }, "at most 1 in one"},
		{"a rule of no name", func(d *Dossier) { d.Band["a b"] = Band{} }, "want the name of a rule"},
		{"a warning of two lines", func(d *Dossier) { d.Warnings[0] = "a\nb" }, "want one line"},
		{"a warning with a character that turns the text", func(d *Dossier) { d.Warnings[0] = "a\u202eb" }, "want one line"},
		{"too many warnings", func(d *Dossier) { d.Warnings = make([]string, maxWarnings+1) }, "1001 warnings"},
	} {
		d := sampleDossier()
		tt.edit(d)
		if _, err := DecodeDossier(d.Encode()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: DecodeDossier = %v, want %q", tt.name, err, tt.want)
		}
	}
	text := string(sampleDossier().Encode())
	for name, b := range map[string]string{
		"another key":        strings.Replace(text, `{"backtest"`, `{"approved":true,"backtest"`, 1),
		"a key twice":        strings.Replace(text, `"v":1`, `"v":1,"v":1`, 1),
		"a blank":            strings.Replace(text, `"v":1`, `"v": 1`, 1),
		"more behind it":     text + "{}",
		"nothing":            "",
		"null":               "null\n",
		"too many bytes":     text + strings.Repeat(" ", maxDossierBytes),
		"a number with a .0": strings.Replace(text, `"hours":24`, `"hours":24.0`, 1),
	} {
		if _, err := DecodeDossier([]byte(b)); err == nil {
			t.Errorf("%s: DecodeDossier = nil", name)
		}
	}
}

func TestDossierFitsItsProposal(t *testing.T) {
	w := newTown(t)
	d := sampleDossier()
	fields := map[string]string{"evidence": TextDigest(d.Encode()), "parent": d.Parent}
	for _, tt := range []struct{ field, value, want string }{
		{"ticket", "CHG-9", ""},
		{"evidence", TextDigest(nil), "names the dossier"},
		{"bundle", bundle("three").Digest, "about the bundle"},
		{"parent", none, "compares with"},
	} {
		f := map[string]string{"evidence": fields["evidence"], "parent": fields["parent"]}
		f[tt.field] = tt.value
		s, err := ParseStatement(w.propose("two", f).Text)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Fits(s); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Fits with %s %s = %v, want %q", tt.field, tt.value, err, tt.want)
		}
	}
}

func FuzzDecodeDossier(f *testing.F) {
	f.Add(sampleDossier().Encode())
	f.Add((&Dossier{V: 1, Bundle: liveH1, Parent: none}).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := DecodeDossier(b)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Encode(), b) {
			t.Errorf("%q encodes as %q", b, d.Encode())
		}
		NewWatch(d, nil, nil, mustTime("2026-11-22T06:00:00Z")).Observe(Measurement{Fired: map[string]int64{"drain": 1}})
	})
}
