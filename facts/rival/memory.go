package rival

// memory is the last few vectors of one member, for the methods that smooth.
type memory struct{ past [][]float64 }

func newMemories(r *Run) []memory { return make([]memory, len(r.members)) }

// add takes in the vector of a tick, which it keeps; anew forgets what was
// before.
func (m *memory) add(anew bool, v []float64) {
	if anew {
		m.past = nil
	}
	if m.past = append(m.past, v); len(m.past) > smoothTicks {
		m.past = m.past[1:]
	}
}

// medians returns the median of each component.
func (m *memory) medians() []float64 {
	out, column := make([]float64, len(m.past[0])), make([]float64, len(m.past))
	for k := range out {
		for i, v := range m.past {
			column[i] = v[k]
		}
		out[k] = median(column)
	}
	return out
}

// means returns the mean of each component.
func (m *memory) means() []float64 {
	out := make([]float64, len(m.past[0]))
	for k := range out {
		for _, v := range m.past {
			out[k] += v[k]
		}
		out[k] /= float64(len(m.past))
	}
	return out
}
