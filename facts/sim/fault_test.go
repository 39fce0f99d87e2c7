package sim

import (
	"strings"
	"testing"
	"time"
)

func TestParseFault(t *testing.T) {
	for _, tt := range []struct {
		in     string
		want   Fault
		benign bool
	}{
		{"none", Fault{None, 0}, true},
		{"empty", Fault{Empty, 0}, false},
		{"partial", Fault{Partial, 0.3}, false},
		{"partial=0.1", Fault{Partial, 0.1}, false},
		{"slow=2", Fault{Slow, 2}, false},
		{"hog", Fault{Hog, 3}, false},
		{"surge=1.4", Fault{Surge, 1.4}, true},
		{"restart", Fault{Restart, 0}, true},
		{"dependency", Fault{Dependency, 4}, true},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseFault(tt.in)
			if err != nil || got != tt.want || got.Benign() != tt.benign {
				t.Errorf("got %+v, benign %v, %v, want %+v, %v", got, got.Benign(), err, tt.want, tt.benign)
			}
			if got.String() != tt.in {
				t.Errorf("it prints as %s, want %s", got, tt.in)
			}
		})
	}
}

func TestParseFaultRefuses(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "want one of none, empty"},
		{"blackhole", "want one of none, empty"},
		{"empty=2", "empty has no size"},
		{"partial=0", "a share of requests, above 0 and at most 1"},
		{"partial=1.1", "a share of requests"},
		{"slow=101", "a factor, above 0 and at most 100"},
		{"slow=NaN", "a factor"},
		{"slow=", "a factor"},
		{"hog=-1", "a factor"},
	} {
		if _, err := ParseFault(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want an error with %q", tt.in, err, tt.want)
		}
	}
}

func TestConduct(t *testing.T) {
	well := conduct{kind: None, cpu: 1, dependency: 1}
	does := func(k Kind) conduct { return conduct{kind: k, cpu: 1, dependency: 1} }
	for _, tt := range []struct {
		name  string
		fault Fault
		since time.Duration
		u     float64
		want  conduct
	}{
		{"none is well", Fault{None, 0}, time.Minute, 0, well},
		{"empty is empty at once", Fault{Empty, 0}, 0, 0, does(Empty)},
		{"hollow stays hollow", Fault{Hollow, 0}, time.Hour, 0.9, does(Hollow)},
		{"partial fails below its share", Fault{Partial, 0.3}, time.Second, 0.29, does(Empty)},
		{"partial works at its share", Fault{Partial, 0.3}, time.Second, 0.3, well},
		{"slow stretches everything", Fault{Slow, 5}, time.Second, 0, conduct{None, 5, 5, 0}},
		{"hog stretches the computing and fills the processor", Fault{Hog, 3}, time.Second, 0, conduct{None, 3, 1, 0.75}},
		{"flap begins empty", Fault{Flap, 0}, 0, 0, does(Empty)},
		{"flap is empty to the end of a period", Fault{Flap, 0}, FlapPeriod - 1, 0, does(Empty)},
		{"flap is well in the second period", Fault{Flap, 0}, FlapPeriod, 0, well},
		{"flap is empty in the third", Fault{Flap, 0}, 2 * FlapPeriod, 0, does(Empty)},
		{"a restart is no conduct", Fault{Restart, 0}, time.Second, 0, well},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.fault.conduct(tt.since, tt.u); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
