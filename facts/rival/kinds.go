package rival

import (
	"cmp"
	"math"
	"slices"
)

// KindScore is the comparison for one kind of fault.
type KindScore struct {
	Fault            string  `json:"fault"`
	Found            int     `json:"found"`
	Of               int     `json:"of"`
	MedianDelay      float64 `json:"median_delay_s"`
	RightMemberFirst int     `json:"right_member_first"`
}

// Kinds sums the rows up by kind of fault, in order of name.
func (s *Score) Kinds() []KindScore {
	byKind := map[string][]FaultScore{}
	for _, r := range s.Rows {
		byKind[r.Fault] = append(byKind[r.Fault], r)
	}
	out := []KindScore{}
	for kind, rows := range byKind {
		part := Score{Rows: rows}
		k := KindScore{Fault: kind, Of: len(rows), MedianDelay: middleOf(part.Delays())}
		for _, r := range rows {
			if r.Found {
				k.Found++
			}
			if r.RightFirst {
				k.RightMemberFirst++
			}
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b KindScore) int { return cmp.Compare(a.Fault, b.Fault) })
	return out
}

// middleOf returns the median of s, which is sorted; 0 when it is empty.
func middleOf(s []float64) float64 {
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// quantile returns the nearest-rank q-quantile of s, which is sorted; 0 when it
// is empty.
func quantile(s []float64, q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	const rounding = 1e-9 // of q·n, which is whole for most
	rank := int(math.Ceil(q*float64(len(s)) - rounding))
	return s[min(max(rank, 1), len(s))-1]
}
