package sim

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestBodies(t *testing.T) {
	bodies := newBodies(rand.New(rand.NewPCG(1, 2)))
	again := newBodies(rand.New(rand.NewPCG(1, 2)))
	total := 0
	for i, b := range bodies {
		if err := checkBody(b); err != nil {
			t.Fatalf("body %d: %v", i, err)
		}
		if !bytes.Equal(b, again[i]) {
			t.Fatalf("body %d differs under the same seed", i)
		}
		total += len(b)
	}
	if mean := float64(total) / bodyKinds; math.Abs(mean-4096) > 800 {
		t.Errorf("mean length %.0f, want about 4096", mean)
	}
}

func TestCheckBody(t *testing.T) {
	good := frameBody([]byte("payload"))
	flip := bytes.Clone(good)
	flip[len(flip)-1] ^= 1
	for _, tt := range []struct {
		name string
		body []byte
		want error
	}{
		{"whole", good, nil},
		{"of nothing", frameBody(nil), nil},
		{"empty", nil, errBodyEmpty},
		{"cut", good[:len(good)-1], errBody},
		{"too long", append(bytes.Clone(good), 'x'), errBody},
		{"one bit wrong", flip, errBody},
		{"somebody's error page", []byte("<html>\n</html>"), errBody},
		{"first line only", []byte("evenkeel\n"), errBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := checkBody(tt.body); !errors.Is(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzCheckBody(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(frameBody([]byte("payload")))
	f.Add([]byte("evenkeel 00 -1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkBody(b) != nil {
			return
		}
		_, payload, _ := bytes.Cut(b, []byte("\n"))
		// Digits may be written in more ways than one; what was sent is the payload.
		if again := frameBody(payload); checkBody(again) != nil || !bytes.HasSuffix(b, payload) {
			t.Errorf("%q was accepted, its own frame %q was not", b, again)
		}
	})
}
