package detect

import "math"

// kappas are the exponents of the bets κ·p^(κ−1) against a small p: from one
// that wins much, seldom, to one that wins little, often.
var kappas = [...]float64{0.05, 0.15, 0.3, 0.5, 0.75}

// betCount counts the bets: one for each kappa, and the one on the top rank.
const betCount = len(kappas) + 1

// bets turn the rank of a peak into e-values: numbers that are never negative
// and whose mean in health is at most 1, so that large ones are evidence.
type bets struct {
	sums [len(kappas)][]float64 // sums[b][j] = Σ i^(κ−1) over i = 1 … j+1
}

// place returns the e-value of each bet on the rank of one peak among of
// peaks, itself included; rank 1 is the largest, 1 ≤ rank ≤ of. In health all
// ranks are equally likely, and the mean of each bet over them is exactly 1:
//
//	e_κ(r) = of·r^(κ−1)/Σ_i i^(κ−1),  e_top(r) = 1/2 + of/2·1{r = 1}.
//
// The first is κ·p^(κ−1) at p = r/of, divided by its mean over the ranks, which
// is below 1, much so for a small κ. With of = 1 every bet is 1: no evidence.
// Cost: O(1), and once O(of) when of is larger than ever before.
//
// Source: V. Vovk, R. Wang: E-values: calibration, combination and
// applications. Annals of Statistics 49 (2021), arXiv:1912.06116, for κ·p^(κ−1).
func (b *bets) place(rank, of int) (e [betCount]float64) {
	b.grow(of)
	for i, kappa := range kappas {
		e[i] = float64(of) * math.Pow(float64(rank), kappa-1) / b.sums[i][of-1]
	}
	e[betCount-1] = 0.5
	if rank == 1 {
		e[betCount-1] += float64(of) / 2
	}
	return e
}

// mean returns the mean of the bets, which is an e-value itself.
func (b *bets) mean(rank, of int) float64 {
	return meanOf(b.place(rank, of))
}

func (b *bets) grow(of int) {
	for i, kappa := range kappas {
		s := b.sums[i]
		for j := len(s); j < of; j++ {
			next := math.Pow(float64(j+1), kappa-1)
			if j > 0 {
				next += s[j-1]
			}
			s = append(s, next)
		}
		b.sums[i] = s
	}
}

func meanOf(e [betCount]float64) float64 {
	sum := 0.0
	for _, v := range e {
		sum += v
	}
	return sum / float64(len(e))
}
