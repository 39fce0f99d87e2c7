package audit

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// countedLog is a log of so many entries, of which each has its number alone.
type countedLog struct {
	size int64
	fail error // of the entry 0
}

func (l *countedLog) Scan(_ context.Context, from, to int64, f func(Record) error) error {
	if from == 0 && l.fail != nil {
		return l.fail
	}
	for i := from; i < min(to, l.size); i++ {
		if err := f(Record{Seq: i}); err != nil {
			return err
		}
	}
	return nil
}

func TestBackward(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int64
	}{
		{"an empty log", 0}, {"one entry", 1}, {"a whole step", backwardStep}, {"a step and one", backwardStep + 1}, {"several steps", 3*backwardStep + 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got, want []int64
			for r, err := range Backward(t.Context(), &countedLog{size: tt.size}, tt.size) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, r.Seq)
			}
			for i := tt.size - 1; i >= 0; i-- {
				want = append(want, i)
			}
			if !slices.Equal(got, want) {
				t.Errorf("entries %v, want %v", got, want)
			}
		})
	}
}

func TestBackwardEndsWithTheErrorOfTheLog(t *testing.T) {
	log := &countedLog{size: backwardStep + 2, fail: errors.New("torn")}
	n := 0
	var last error
	for _, err := range Backward(t.Context(), log, log.size) {
		n, last = n+1, err
	}
	if n != backwardStep+1 || !errors.Is(last, log.fail) {
		t.Errorf("%d turns and error %v, want the %d entries of one step and then %v", n, last, backwardStep, log.fail)
	}
}
