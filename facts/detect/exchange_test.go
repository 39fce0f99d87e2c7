package detect

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func TestPooledAndSelfP(t *testing.T) {
	history := [][]memberPeak{epochOf(0, 1, 10), epochOf(1, 2, 20), epochOf(2, 3, 30)}
	for _, tt := range []struct {
		name         string
		now          []memberPeak
		i            int
		pooled, self float64
	}{
		{"the largest of all", epochOf(3, 1.5, 40), 1, 1.0 / 8, 1.0 / 4},
		{"large for itself, not among the others", epochOf(3, 5, 15), 0, 5.0 / 8, 1.0 / 4},
		{"small for itself", epochOf(3, 0.5, 15), 0, 1, 1},
		{"a member not seen before", []memberPeak{{"new", peak{score: 25}}}, 0, 2.0 / 7, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.now[tt.i]
			if got := pooledP(history, tt.now, c); got != tt.pooled {
				t.Errorf("pooledP = %v, want %v", got, tt.pooled)
			}
			if got := selfP(history, c); got != tt.self {
				t.Errorf("selfP = %v, want %v", got, tt.self)
			}
		})
	}
}

// cellsOf returns m epochs of n members that draw makes.
func cellsOf(m, n int, draw func(i int) float64) [][]memberPeak {
	var out [][]memberPeak
	for e := range m {
		scores := make([]float64, n)
		for i := range scores {
			scores[i] = draw(i)
		}
		out = append(out, epochOf(e, scores...))
	}
	return out
}

func TestCompareMembersFindsTheOneThatDiffers(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	history := cellsOf(60, 5, func(i int) float64 {
		if i == 3 {
			return 2 * math.Exp(rng.NormFloat64())
		}
		return math.Exp(rng.NormFloat64())
	})
	history = append(history, []memberPeak{{"", peak{score: math.Inf(1)}}}) // of the group: not a member's
	found := compareMembers(history)
	if len(found) != 5 || found[0].member != "m3" || found[0].p > 0.01 || found[1].p < 0.05 {
		t.Errorf("compareMembers = %+v, want m3 first and alone below 0.05", found)
	}
	if again := compareMembers(history); !slices.Equal(found, again) {
		t.Errorf("compareMembers gives %+v and then %+v", found, again)
	}
	if alone := compareMembers(cellsOf(10, 1, func(int) float64 { return rng.Float64() })); alone != nil {
		t.Errorf("compareMembers of one member = %+v, want nothing to compare", alone)
	}
}

func TestDistanceIsThatOfGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	for range 200 {
		ties := rng.IntN(2) == 0
		history := cellsOf(1+rng.IntN(30), 2+rng.IntN(5), func(int) float64 {
			if ties {
				return float64(rng.IntN(6))
			}
			return rng.NormFloat64()
		})
		own := map[string][]float64{}
		for _, epoch := range history {
			for _, c := range epoch {
				own[c.member] = append(own[c.member], c.score)
			}
		}
		for _, l := range compareMembers(history) {
			var others []float64
			for member, peaks := range own {
				if member != l.member {
					others = append(others, peaks...)
				}
			}
			slices.Sort(others)
			slices.Sort(own[l.member])
			if want := stat.KolmogorovSmirnov(own[l.member], nil, others, nil); math.Abs(l.distance-want) > 1e-12 {
				t.Fatalf("distance of %s in %v is %v, gonum says %v", l.member, own, l.distance, want)
			}
		}
	}
}

// exactKolmogorov returns P(D ≥ d) for samples of n and m values without ties:
// one less the share of lattice paths from (0,0) to (n,m) on which
// |i/n − j/m| stays below d.
func exactKolmogorov(d float64, n, m int) float64 {
	within := func(i, j int) bool {
		return math.Abs(float64(i)/float64(n)-float64(j)/float64(m)) < d-1e-12
	}
	row := make([]float64, m+1) // share of paths, scaled at each step by the chance of a step
	row[0] = 1
	for i := 0; i <= n; i++ {
		for j := 0; j <= m; j++ {
			v := 0.0
			if i == 0 && j == 0 {
				v = 1
			}
			// P(path through (i,j)) when the order of n+m values is uniform.
			if i > 0 {
				v += row[j] * float64(n-i+1) / float64(n+m-i-j+1)
			}
			if j > 0 {
				v += row[j-1] * float64(m-j+1) / float64(n+m-i-j+1)
			}
			if !within(i, j) {
				v = 0
			}
			row[j] = v
		}
	}
	return 1 - row[m]
}

func TestKolmogorovIsCloseToTheExactLaw(t *testing.T) {
	for _, size := range [][2]int{{10, 20}, {10, 290}, {30, 60}, {100, 400}} {
		n, m := size[0], size[1]
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			for k := 1; k <= n; k++ {
				d := float64(k) / float64(n)
				exact := exactKolmogorov(d, n, m)
				got := kolmogorov(d, float64(n)*float64(m)/float64(n+m))
				// Never more than a third below the exact chance where it decides, or the level would not hold.
				if exact > 1e-4 && exact < 0.2 && (got < exact/1.5 || got > exact*1.5) {
					t.Errorf("kolmogorov(%.3f) = %.5f, exact %.5f", d, got, exact)
				}
			}
		})
	}
}

func TestHolm(t *testing.T) {
	l := []likeness{{p: 0.01}, {p: 0.02}, {p: 0.021}, {p: 0.9}}
	holm(l)
	for i, want := range []float64{0.04, 0.06, 0.06, 0.9} {
		if math.Abs(l[i].p-want) > 1e-12 {
			t.Errorf("holm: p-value %d is %v, want %v", i, l[i].p, want)
		}
	}
}

func TestCellsAreSortedByScore(t *testing.T) {
	rng := newSynthetic(5, 1).rng
	for _, n := range []int{0, 1, 2, 300, 5000} {
		cells := make([]ownCell, n)
		for i := range cells {
			cells[i] = ownCell{score: rng.NormFloat64(), of: i}
			if i%3 == 0 { // some are equal
				cells[i].score = float64(rng.IntN(5) - 2)
			}
		}
		want := slices.Clone(cells)
		slices.SortStableFunc(want, func(a, b ownCell) int { return cmp.Compare(a.score, b.score) })
		if got := sortCells(cells); !slices.Equal(got, want) {
			t.Errorf("%d cells are not in the order of their scores, equal ones as they were", n)
		}
	}
}
