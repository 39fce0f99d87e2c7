package detect

import (
	"math"
	"testing"
)

func TestBudgetExceeds(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    float64
		peak float64
		want bool
	}{
		{"above", 1, 3, true},
		{"below", 1, 2.7, false},
		{"health is not above nothing", 0, 1, false},
		{"but above less than nothing", -0.001, 0, true},
		{"a peak that is no number is none", 0, math.NaN(), false},
		{"the ceiling is let pass", budgetCeiling, math.Inf(1), false},
		{"just below the ceiling", 7.99, math.Inf(1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := budget{alpha: 0.1, q: tt.q}
			if got := b.exceeds(tt.peak); got != tt.want {
				t.Errorf("exceeds(%v) at q = %v: %v, want %v", tt.peak, tt.q, got, tt.want)
			}
		})
	}
}

func TestBudgetMovesByItsRule(t *testing.T) {
	b := budget{alpha: 0.1}
	if b.bound() != 1 {
		t.Errorf("bound() = %v before the first epoch, want 1", b.bound())
	}
	b.observe(10)
	if b.q != 0.45 || b.excesses != 1 || b.epochs != 1 {
		t.Errorf("after an excess %+v, want q = 0.45", b)
	}
	b.observe(1)
	if math.Abs(b.q-0.4) > 1e-12 || b.excesses != 1 || b.epochs != 2 {
		t.Errorf("after a quiet epoch %+v, want q = 0.4", b)
	}
	b.epochs = 1700
	if got, want := b.bound(), 0.1+8.5/850; math.Abs(got-want) > 1e-12 {
		t.Errorf("bound() = %v after 1700 epochs, want %v", got, want)
	}
}
