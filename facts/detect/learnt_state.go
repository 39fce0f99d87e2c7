package detect

// learntState is what a detector has learnt, as it is stored. Keys are sorted.
// Arrays are packed, see [packed]; those over features are in their order. What
// is learnt over blocks is of the first features alone, those that there were
// at the first law.
type learntState struct {
	Cohorts   []cohortState   `json:"cohorts"` // by name, the first without one
	Creep     creepState      `json:"creep"`
	Epoch     int64           `json:"epoch"` // start of the running one, Unix milliseconds
	Features  []featureState  `json:"features"`
	Floor     packed[float64] `json:"floor"`
	Histories []historyState  `json:"histories"` // own and common; none: blocks are too long
	Law       *lawState       `json:"law"`
	Members   []memberState   `json:"members"` // in the order of LearntInfo.Members
	Metrics   []string        `json:"metrics"` // seen in the warm-up, sorted
	Rho       packed[float64] `json:"rho"`
	Scale     packed[float64] `json:"scale"`
	Shift     packed[float64] `json:"shift"` // total, median: ticks, past, now, sd
	Slow      []slowState     `json:"slow"`  // by member
	Tests     []testState     `json:"tests"`
	Whole     *pastState      `json:"whole,omitempty"` // the group's own past
}

type featureState struct {
	Den  termState `json:"den"`
	Form form      `json:"form"`
	Name string    `json:"name"`
	Num  termState `json:"num"`
}

type termState struct {
	LessGrowth string   `json:"less_growth,omitempty"`
	Sum        []string `json:"sum,omitempty"`
}

// cells are cells side by side: a, g and the inverse of each feature.
type cells packed[float64]

type cohortState struct {
	Apart bool   `json:"apart"`
	Cells cells  `json:"cells,omitempty"`
	Least cells  `json:"least,omitempty"`
	Name  string `json:"name"`
}

type memberState struct {
	Anchor cells           `json:"anchor,omitempty"`
	Blocks int             `json:"blocks"`          // behind the drift
	Cells  cells           `json:"cells,omitempty"` // none: not fitted
	Cohort string          `json:"cohort"`
	Drift  packed[float64] `json:"drift,omitempty"`
	Known  bool            `json:"known"`
	Past   *pastState      `json:"past,omitempty"`
	Uptime packed[float64] `json:"uptime"` // one number, of the last tick; NaN: never told
}

type creepState struct {
	Scale packed[float64] `json:"scale"`
	Seen  int             `json:"seen"`
}

// lawState is a law over the features named; windows in ticks or blocks.
type lawState struct {
	Features []string        `json:"features"`
	Forms    []formState     `json:"forms"` // one a window
	Gaps     []int           `json:"gaps"`  // longest that each feature was missing, in ticks
	Ranks    packed[float32] `json:"ranks"` // features × rankSteps normal scores
	Windows  []int           `json:"windows"`
	Z99      packed[float64] `json:"z99"`
}

type formState struct {
	Inverse packed[float64] `json:"inverse"` // the upper triangle, row by row
	Root    packed[float64] `json:"root"`    // as in [quadratic]
	Typical packed[float64] `json:"typical"` // one number
}

type historyState struct {
	Blocks  int             `json:"blocks"`
	Law     *lawState       `json:"law,omitempty"` // nil: none yet
	Learnt  int             `json:"learnt"`        // version of the law that the test has learnt under
	Scale   packed[float64] `json:"scale"`
	Stride  int             `json:"stride"`
	Version int             `json:"version"`
}

type pastState struct {
	Aged   int             `json:"aged"`
	Known  uint32          `json:"known"`
	Learnt int             `json:"learnt"`
	Level  packed[float32] `json:"level"` // features × hours
	Recent packed[float32] `json:"recent"`
	Spread packed[float32] `json:"spread"`
	Weight packed[float32] `json:"weight"` // hours
}

type slowState struct {
	Member    string          `json:"member"`
	R         packed[float64] `json:"r"`         // one a bet
	Reference packed[float64] `json:"reference"` // ascending
}

// testState is the history of a test: its epochs, oldest first, and of the
// latest of them the cells, side by side.
type testState struct {
	Aside   asideState      `json:"aside"`
	Budget  budgetState     `json:"budget"`
	Counts  []int           `json:"counts"`  // cells of each of the latest epochs
	Members packed[uint32]  `json:"members"` // of each cell, a place in Names
	Names   []string        `json:"names"`   // in order of appearance
	Peaks   packed[float64] `json:"peaks"`   // of the cells
	Starts  packed[int64]   `json:"starts"`
	Ties    packed[uint64]  `json:"ties"` // of the cells
	Whole   packed[float64] `json:"whole"`
	WholeT  packed[uint64]  `json:"whole_ties"`
}

// asideState are epochs that were taken out by a label, oldest first.
type asideState struct {
	Starts packed[int64]   `json:"starts"`
	Whole  packed[float64] `json:"whole"`
	WholeT packed[uint64]  `json:"whole_ties"`
}

type budgetState struct {
	Epochs   int             `json:"epochs"`
	Excesses int             `json:"excesses"`
	Q        packed[float64] `json:"q"` // one number
}
