package facts

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Time is an instant, encoded as RFC 3339 UTC with milliseconds.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z"

// At returns t as it can be encoded: in UTC, cut to milliseconds.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// String returns the encoding of t.
func (t Time) String() string { return t.UTC().Format(timeLayout) }

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON hides time.Time's own encoding.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON accepts exactly what MarshalJSON writes.
func (t *Time) UnmarshalJSON(b []byte) error {
	p, err := time.Parse(`"`+timeLayout+`"`, string(b))
	if err != nil {
		return fmt.Errorf("time %.40s, want a time like \"2026-11-22T05:51:46.000Z\"", b)
	}
	*t = Time{p.UTC()}
	return nil
}

// Decimal is a measurement as text: an optional minus sign, digits, and an
// optional point with digits; no exponent, no NaN, at most 40 bytes.
type Decimal string

var decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// Number returns v rounded to six significant digits, as a Decimal. NaN and
// values outside ±1e15 have no decimal form; they become "0".
func Number(v float64) Decimal {
	if math.IsNaN(v) || math.Abs(v) >= 1e15 || math.Abs(v) < 1e-12 {
		return "0"
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 5, 64), 64)
	if err != nil {
		return "0"
	}
	return Decimal(strconv.FormatFloat(r, 'f', -1, 64))
}

// Float returns the number d spells; 0 for an invalid one.
func (d Decimal) Float() float64 {
	v, err := strconv.ParseFloat(string(d), 64)
	if err != nil {
		return 0
	}
	return v
}

// Rate is a false-alarm rate, given as the mean time between two false alarms
// and written "1/30d". Zero is "none": nothing can be certified.
type Rate time.Duration

// String returns the rate as "1/30d", in the largest of the units d, h, m, s
// and ms that divides it, or "none".
func (r Rate) String() string {
	if r <= 0 {
		return "none"
	}
	for _, u := range rateUnits {
		if time.Duration(r)%u.d == 0 {
			return fmt.Sprintf("1/%d%s", time.Duration(r)/u.d, u.name)
		}
	}
	return fmt.Sprintf("1/%dms", time.Duration(r).Milliseconds())
}

var rateUnits = []struct {
	name string
	d    time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

var rateForm = regexp.MustCompile(`^1/([1-9][0-9]{0,9})(d|h|m|s|ms)$`)

// ParseRate reads what [Rate.String] writes.
func ParseRate(s string) (Rate, error) {
	if s == "none" {
		return 0, nil
	}
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("facts: rate %.40q, want a rate like 1/30d", s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("facts: rate %.40q: %w", s, err)
	}
	for _, u := range rateUnits {
		if u.name == m[2] {
			if n > math.MaxInt64/int64(u.d) {
				return 0, fmt.Errorf("facts: rate %s is below one in 292 years, want more", s)
			}
			return Rate(n * int64(u.d)), nil
		}
	}
	return 0, fmt.Errorf("facts: rate %.40q has no unit", s)
}

// PerHour returns the rate as false alarms per hour.
func (r Rate) PerHour() float64 {
	if r <= 0 {
		return math.Inf(1)
	}
	return float64(time.Hour) / float64(r)
}

// MarshalText implements [encoding.TextMarshaler].
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Rate) UnmarshalText(b []byte) error {
	v, err := ParseRate(string(b))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

func (d Decimal) valid() bool { return len(d) <= 40 && decimalForm.MatchString(string(d)) }
