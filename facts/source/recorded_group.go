package source

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// recordedGroup gathers the rows of one group at one time.
type recordedGroup struct {
	name             string
	members, metrics names
	cells            []cell
	shape            shape
}

// cell is one row: indices into the names of members and metrics in order of
// first appearance, and the line it stood on, for errors.
type cell struct {
	member, metric int32
	line           int
	value          float64
}

func newRecordedGroup(name string) *recordedGroup {
	return &recordedGroup{name: name, members: newNames("member", facts.MaxMembers), metrics: newNames("metric", facts.MaxMetrics)}
}

func (g *recordedGroup) add(member, metric []byte, v float64, line int) error {
	m, err := g.members.id(member)
	if err != nil {
		return err
	}
	k, err := g.metrics.id(metric)
	if err != nil {
		return err
	}
	g.cells = append(g.cells, cell{m, k, line, v})
	return nil
}

// frame returns the rows gathered as a frame and starts anew. Its error begins
// with the line number.
func (g *recordedGroup) frame(t time.Time) (*facts.Frame, error) {
	g.members.arrange()
	g.metrics.arrange()
	d := len(g.metrics.sorted)
	values := missing(len(g.members.sorted) * d)
	for _, c := range g.cells {
		v := &values[int(g.members.place[c.member])*d+int(g.metrics.place[c.metric])]
		if !math.IsNaN(*v) {
			return nil, fmt.Errorf("%d: found a second value of %s of %s at time %s, want one",
				c.line, g.metrics.byID[c.metric], g.members.byID[c.member], formatMillis(t.UnixMilli()))
		}
		*v = c.value
	}
	last := g.cells[len(g.cells)-1].line
	g.cells = g.cells[:0]
	f := g.shape.frame(t, g.name, g.members.sorted, g.metrics.sorted, values)
	if err := f.Check(); err != nil { // too many members or metrics: all else was checked
		return nil, fmt.Errorf("%d: %w", last, err)
	}
	g.members.trim()
	g.metrics.trim()
	return f, nil
}

// names is a table of the names of members or metrics seen so far.
type names struct {
	what   string
	limit  int // of names in one frame; the table holds twice as many
	ids    map[string]int32
	byID   []string
	sorted []string // byID in order, after arrange
	place  []int32  // of each id in sorted, after arrange
}

func newNames(what string, limit int) names {
	return names{what: what, limit: limit, ids: map[string]int32{}}
}

// id returns the id of name, which is given one at first sight.
func (n *names) id(name []byte) (int32, error) {
	if id, ok := n.ids[string(name)]; ok {
		return id, nil
	}
	if err := facts.CheckName(n.what, string(name)); err != nil {
		return 0, fmt.Errorf("field %s: %w", n.what, err)
	}
	if len(n.byID) == 2*n.limit {
		return 0, fmt.Errorf("field %s: found %s as one too many, want at most %d", n.what, name, n.limit)
	}
	id := int32(len(n.byID))
	n.ids[string(name)] = id
	n.byID = append(n.byID, string(name))
	return id, nil
}

// arrange brings sorted and place up to date.
func (n *names) arrange() {
	if len(n.sorted) == len(n.byID) {
		return
	}
	n.sorted = slices.Sorted(slices.Values(n.byID))
	n.place = make([]int32, len(n.byID))
	for i, name := range n.sorted {
		n.place[n.ids[name]] = int32(i)
	}
}

// trim forgets all names once more are known than a frame can hold: in a long
// recording of a group whose members come and go, most have gone.
func (n *names) trim() {
	if len(n.byID) > n.limit {
		*n = newNames(n.what, n.limit)
	}
}
