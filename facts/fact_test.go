package facts

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// alarm is a whole fact, every part of it set: a member that swallows work.
func alarm() Fact {
	t := time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC)
	params := "sha256:" + strings.Repeat("ab", 32)
	return Fact{
		V: 1, Kind: Imbalance, Env: "fra1", Group: "web", Member: "web-07", State: Alarm,
		Time: At(t), Onset: At(t.Add(-5 * time.Second)), Expires: At(t.Add(10 * time.Second)),
		Evidence: &Evidence{Score: "9.12", Threshold: "4.2", Margin: "1", Tier: "T1", Epochs: 720, Ticks: 5,
			Declared: Rate(30 * 24 * time.Hour), Certified: Rate(30 * 24 * time.Hour)},
		GroupState: &GroupState{Members: 10, Present: 10, Alarmed: 1, Shift: "none"},
		Effect: []Effect{
			{Metric: "request_rate", Value: "212", Peers: "41", Score: "4.9"},
			{Metric: "cpu_per_request", Value: "0.1", Peers: "12", Score: "-4.4"},
		},
		Detector: Detector{ID: "det-a", Build: "v0.1.0", Params: params},
		Window:   params,
	}
}

const alarmText = `{"detector":{"build":"v0.1.0","id":"det-a","params":"sha256:abababababababababababababababababababababababababababababababab"},` +
	`"effect":[{"metric":"request_rate","peers":"41","score":"4.9","value":"212"},{"metric":"cpu_per_request","peers":"12","score":"-4.4","value":"0.1"}],` +
	`"env":"fra1","evidence":{"certified":"1/30d","declared":"1/30d","epochs":720,"margin":"1","score":"9.12","threshold":"4.2","ticks":5,"tier":"T1"},` +
	`"expires":"2026-11-22T05:51:56.000Z","group":"web","group_state":{"alarmed":1,"members":10,"present":10,"shift":"none"},"kind":"imbalance","member":"web-07",` +
	`"onset":"2026-11-22T05:51:41.000Z","state":"alarm","time":"2026-11-22T05:51:46.000Z","v":1,` +
	`"window":"sha256:abababababababababababababababababababababababababababababababab"}`

// assured is alarm with every optional part of its evidence.
func assured() Fact {
	f := alarm()
	f.Evidence.Assured, f.Evidence.Baseline = Rate(10*24*time.Hour), f.Detector.Params
	f.Evidence.P, f.Evidence.E, f.Evidence.Statistic = "0.00138696", "26.8514", StatisticOwn
	return f
}

func TestAFactAboutACohort(t *testing.T) {
	f := alarm()
	f.Member, f.Cohort = "", "rack-2"
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"cohort":"rack-2",` + strings.Replace(alarmText[1:], `"member":"web-07",`, "", 1)
	if string(b) != want {
		t.Errorf("Encode:\n got %s\nwant %s", b, want)
	}
	if back, err := Decode(b); err != nil || back.Cohort != f.Cohort {
		t.Errorf("Decode(Encode()) is about cohort %q, %v; want %q", back.Cohort, err, f.Cohort)
	}
	for _, tt := range []struct {
		name   string
		change func(*Fact)
	}{
		{"a member as well", func(f *Fact) { f.Member = "web-07" }},
		{"a name that is none", func(f *Fact) { f.Cohort = "rack 2" }},
		{"another kind", func(f *Fact) { f.Kind, f.Evidence = Absent, nil }},
	} {
		bad := f
		tt.change(&bad)
		if _, err := bad.Encode(); !errors.Is(err, ErrFact) {
			t.Errorf("a fact about a cohort with %s: %v, want %v", tt.name, err, ErrFact)
		}
	}
}

const assuredEvidence = `"evidence":{"assured":"1/10d","baseline":"sha256:abababababababababababababababababababababababababababababababab",` +
	`"certified":"1/30d","declared":"1/30d","e":"26.8514","epochs":720,"margin":"1","p":"0.00138696","score":"9.12","statistic":"own",` +
	`"threshold":"4.2","ticks":5,"tier":"T1"}`

func TestEvidenceTellsMoreWhenItKnowsMore(t *testing.T) {
	f := assured()
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), assuredEvidence) {
		t.Errorf("Encode:\n got %s\nwant in it %s", b, assuredEvidence)
	}
	if back, err := Decode(b); err != nil || *back.Evidence != *f.Evidence {
		t.Errorf("Decode(Encode()) = %+v, %v; want %+v", back.Evidence, err, f.Evidence)
	}
	for name, change := range map[string][2]string{
		"a p of zero":            {`"p":"0.00138696"`, `"p":"0"`},
		"a p above one":          {`"p":"0.00138696"`, `"p":"1.5"`},
		"a p that is empty":      {`"p":"0.00138696"`, `"p":""`},
		"an e below zero":        {`"e":"26.8514"`, `"e":"-1"`},
		"an e with an exponent":  {`"e":"26.8514"`, `"e":"2e9"`},
		"an unknown statistic":   {`"own"`, `"theirs"`},
		"an assured rate: none":  {`"1/10d"`, `"none"`},
		"a baseline by its name": {`"baseline":"sha256:ab`, `"baseline":"monday`},
	} {
		if _, err := Decode([]byte(strings.Replace(string(b), change[0], change[1], 1))); !errors.Is(err, ErrFact) {
			t.Errorf("%s: Decode = %v, want an error that wraps ErrFact", name, err)
		}
	}
}

func TestEvidenceRefusesWhatCannotBeSpelled(t *testing.T) {
	for name, change := range map[string]func(*Evidence){
		"an assured rate below zero": func(e *Evidence) { e.Assured = -1 },
		"a p that is no number":      func(e *Evidence) { e.P = "NaN" },
	} {
		f := assured()
		change(f.Evidence)
		if _, err := f.Encode(); !errors.Is(err, ErrFact) {
			t.Errorf("%s: Encode = %v, want ErrFact", name, err)
		}
	}
}

func TestFactHasOneEncoding(t *testing.T) {
	f := alarm()
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != alarmText {
		t.Errorf("Encode:\n got %s\nwant %s", b, alarmText)
	}
	back, err := Decode(b)
	if err != nil {
		t.Fatalf("Decode(Encode()): %v", err)
	}
	again, err := back.Encode()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("Encode(Decode(b)) = %s, %v; want the same bytes", again, err)
	}
	id, err := f.ID()
	if err != nil || id != Digest(b) {
		t.Errorf("ID() = %s, %v; want %s", id, err, Digest(b))
	}
}

func TestDecodeRefuses(t *testing.T) {
	edit := func(old, with string) string {
		if !strings.Contains(alarmText, old) {
			t.Fatalf("the example does not hold %q", old)
		}
		return strings.Replace(alarmText, old, with, 1)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "EOF"},
		{"an unknown key", edit(`"v":1`, `"v":1,"vv":2`), "unknown field"},
		{"a key twice", edit(`"group":"web"`, `"group":"web","group":"web"`), "canonical"},
		{"a key in another case", edit(`"group":"web"`, `"Group":"web"`), "canonical"},
		{"keys out of order", edit(`"env":"fra1",`, ``)[:len(alarmText)-len(`"env":"fra1",`)-1] + `,"env":"fra1"}`, "canonical"},
		{"blanks", edit(`"v":1`, `"v": 1`), "canonical"},
		{"a second object", alarmText + "{}", "more after the end"},
		{"a number where text is due", edit(`"score":"9.12"`, `"score":9.12`), "cannot unmarshal"},
		{"a score with an exponent", edit(`"9.12"`, `"9e3"`), "decimal"},
		{"a score that is no number", edit(`"9.12"`, `"NaN"`), "decimal"},
		{"another version", edit(`"v":1`, `"v":2`), "field v"},
		{"an unknown kind", edit(`"imbalance"`, `"imbalanced"`), "field kind"},
		{"an unknown state", edit(`"state":"alarm"`, `"state":"panic"`), "field state"},
		{"a section of another kind", edit(`"imbalance"`, `"absent"`), "field evidence"},
		{"no section for its kind", edit(`"imbalance"`, `"membership"`), "field evidence"},
		{"a time without milliseconds", edit(`:46.000Z`, `:46Z`), "want a time like"},
		{"a time in a zone", edit(`:46.000Z`, `:46.000+01:00`), "want a time like"},
		{"an end before its time", edit(`05:51:56.000Z`, `05:51:45.999Z`), "field expires"},
		{"a rate without a unit", edit(`"1/30d"`, `"1/30"`), "want a rate"},
		{"a rate of another spelling", edit(`"1/30d"`, `"1/720h"`), "canonical"},
		{"a margin below one", edit(`"margin":"1"`, `"margin":"0.5"`), "margin"},
		{"a tier that is none", edit(`"T1"`, `"T9"`), "tier"},
		{"a group with a blank", edit(`"group":"web"`, `"group":"we b"`), "group name"},
		{"a short digest", edit(`"sha256:ab`, `"sha256:b`), "hexadecimal"},
		{"more present than members", edit(`"present":10`, `"present":11`), "group_state"},
		{"too many bytes", alarmText + strings.Repeat(" ", MaxFactBytes), "at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode([]byte(tt.in))
			if !errors.Is(err, ErrFact) {
				t.Fatalf("Decode = %v, want an error that wraps ErrFact", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode = %q, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestEncodeRefusesAnInvalidFact(t *testing.T) {
	f := alarm()
	f.Effect = make([]Effect, MaxEffects+1)
	if _, err := f.Encode(); !errors.Is(err, ErrFact) {
		t.Errorf("Encode with %d effects = %v, want ErrFact", len(f.Effect), err)
	}
	f = alarm()
	f.Kind, f.Evidence, f.Effect = External, nil, nil
	f.External = &ExternalInfo{Digest: f.Window, Source: "am", Type: "alert", Summary: "two\nlines"}
	if _, err := f.Encode(); !errors.Is(err, ErrFact) {
		t.Errorf("Encode of a summary with a line break = %v, want ErrFact", err)
	}
}

// Somebody else's event is held to the same form as our own facts.
func TestExternalFactsAreChecked(t *testing.T) {
	event := func(change func(*ExternalInfo)) Fact {
		f := alarm()
		f.Kind, f.Evidence, f.Effect = External, nil, nil
		f.External = &ExternalInfo{Digest: f.Window, Source: "https://alerts.example/api/v2", Type: "io.prometheus.alert", Severity: "critical", Summary: "disk is full"}
		change(f.External)
		return f
	}
	for _, tt := range []struct {
		name   string
		change func(*ExternalInfo)
		want   string // empty: admitted
	}{
		{"an alert", func(*ExternalInfo) {}, ""},
		{"no severity and no summary", func(x *ExternalInfo) { x.Severity, x.Summary = "", "" }, ""},
		{"a source of 256 bytes", func(x *ExternalInfo) { x.Source = strings.Repeat("x", 256) }, ""},
		{"no source", func(x *ExternalInfo) { x.Source = "" }, "external.source"},
		{"a source of 257 bytes", func(x *ExternalInfo) { x.Source = strings.Repeat("x", 257) }, "external.source"},
		{"no type", func(x *ExternalInfo) { x.Type = "" }, "external.type"},
		{"a severity of 257 bytes", func(x *ExternalInfo) { x.Severity = strings.Repeat("x", 257) }, "external.severity"},
		{"a type with a control character", func(x *ExternalInfo) { x.Type = "a\x1bb" }, "external.type"},
		{"a summary of 1,025 bytes", func(x *ExternalInfo) { x.Summary = strings.Repeat("x", 1025) }, "external.summary"},
		{"no digest of what was received", func(x *ExternalInfo) { x.Digest = "" }, "external.digest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := event(tt.change)
			b, err := f.Encode()
			if tt.want != "" {
				if !errors.Is(err, ErrFact) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Encode = %v, want ErrFact about %s", err, tt.want)
				}
				return
			}
			got, err := Decode(b)
			if err != nil || *got.External != *f.External {
				t.Errorf("Decode = %+v, %v", got.External, err)
			}
		})
	}
	f := event(func(*ExternalInfo) {})
	f.Evidence = alarm().Evidence
	if _, err := f.Encode(); !errors.Is(err, ErrFact) {
		t.Errorf("Encode of an event with evidence = %v, want ErrFact: nobody else certifies a rate", err)
	}
}

func TestMembershipOfAThousandFits(t *testing.T) {
	f := alarm()
	f.Kind, f.State, f.Member, f.Evidence, f.Effect, f.Window = Membership, Watch, "", nil, nil, ""
	for i := range 1000 {
		f.Members = append(f.Members, MemberState{Name: "edge-fra1-rack-" + string(rune('a'+i/100)) + "-" + string(rune('0'+i/10%10)) + string(rune('0'+i%10)), State: StandingMaint})
	}
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); err != nil {
		t.Error(err)
	}
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		in   float64
		want Decimal
	}{
		{0, "0"}, {math.Copysign(0, -1), "0"}, {1, "1"}, {-4.4, "-4.4"}, {212.0000001, "212"}, {123456789, "123457000"},
		{0.000123456789, "0.000123457"}, {1e-20, "0"}, {1e300, "0"}, {math.NaN(), "0"}, {math.Inf(-1), "0"},
	} {
		if got := Number(tt.in); got != tt.want || !got.valid() {
			t.Errorf("Number(%v) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestRate(t *testing.T) {
	for _, tt := range []struct {
		text    string
		per     time.Duration
		perHour float64
	}{
		{"1/30d", 720 * time.Hour, 1.0 / 720}, {"1/36h", 36 * time.Hour, 1.0 / 36}, {"1/155s", 155 * time.Second, 3600.0 / 155},
		{"1/1500ms", 1500 * time.Millisecond, 2400}, {"none", 0, math.Inf(1)},
	} {
		r, err := ParseRate(tt.text)
		if err != nil || time.Duration(r) != tt.per {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", tt.text, time.Duration(r), err, tt.per)
		}
		if got := r.String(); got != tt.text {
			t.Errorf("Rate(%v).String() = %q, want %q", tt.per, got, tt.text)
		}
		if got := r.PerHour(); got != tt.perHour {
			t.Errorf("Rate(%v).PerHour() = %v, want %v", tt.per, got, tt.perHour)
		}
	}
	for _, bad := range []string{"", "1/", "2/30d", "1/0d", "1/-3d", "1/30 d", "30d", "1/99999999999d", "1/9999999999d"} {
		if r, err := ParseRate(bad); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", bad, r)
		}
	}
}

func TestCloudEventNamesItsFact(t *testing.T) {
	f := alarm()
	got := f.CloudEvent("sha256:x")
	for k, want := range map[string]string{"specversion": "1.0", "id": "sha256:x", "source": "/evenkeel/fra1/det-a",
		"type": "com.evenkeel.fact.imbalance.v1", "subject": "web/web-07", "time": "2026-11-22T05:51:46.000Z", "datacontenttype": "application/json"} {
		if got[k] != want {
			t.Errorf("attribute %s = %q, want %q", k, got[k], want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(alarmText))
	whole := assured()
	b, err := whole.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fact, err := Decode(b)
		if err != nil {
			return
		}
		again, err := fact.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("Encode(Decode(%q)) = %q, %v", b, again, err)
		}
	})
}
