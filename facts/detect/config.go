package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Defaults, in ticks: a detector knows no other time scale.
const (
	defaultEpochTicks  = 360 // one hour of 10-second ticks: long against any window
	defaultWarmupTicks = 600
	defaultSettleTicks = 15 // above the ten seconds that a cold start of a common service takes
	defaultMinEpochs   = 10
	defaultAlpha       = 1.0 / 120
)

// Bounds on a configuration, each with room above any sensible value.
const (
	minTick      = time.Millisecond
	maxTick      = time.Hour
	maxTicks     = 1 << 20 // epoch, warm-up and settling: 12 days of seconds
	minWarmup    = 16      // below it nothing can be fitted
	maxWindow    = 256     // ticks: the ring of one member holds them
	maxWindows   = 8
	maxMargin    = 100
	maxEpochs    = 1 << 17 // healthy epochs kept, 5 MiB a test; one alarm in 30 days by epochs of six minutes takes 72,000 for a tenth of alpha
	maxCells     = 1 << 16 // and cells of members and epochs, in tier T2
	maxIdleTicks = 3600    // a member unseen for so many ticks is forgotten
)

// Config says what to watch and how strict to be. The zero value of a field is
// its default.
type Config struct {
	Env   string // environment, part of every fact
	Group string // the group whose frames are observed
	ID    string // of this detector; default "detect"
	Build string // version of the program, part of every fact

	Tick   time.Duration // time between two frames; default 1s
	Epoch  time.Duration // what Alpha is per, long against the windows, or epochs are not exchangeable; default 360 ticks
	Alpha  float64       // declared probability of a false alarm of the group in one epoch, in (0, 1); default 1/120
	Warmup time.Duration // healthy time that is fitted before anything is judged; default 600 ticks, at least 16

	// Settle is how long a member that has been away is not judged, nor held
	// up to others, after its return; default 15 ticks.
	Settle time.Duration
	// Slide is the time constant with which the baseline of a member follows
	// it, so that drift is no alarm; at least an epoch, default a day or 24
	// epochs, whichever is longer. Negative: baselines stay as they were fitted.
	Slide time.Duration
	// Margin multiplies the threshold; at least 1, the default. It makes the
	// test stricter by an amount that nothing certifies.
	Margin float64
	// MinEpochs is the number of healthy epochs seen before the first alarm;
	// default 10. It is without meaning when Calibration is given.
	MinEpochs int
	// Shares are those of Alpha that the tests beside that of the peers get
	// when they join; default 0.1 each.
	Shares Shares
	// Horizon is the number of healthy epochs behind each threshold; the oldest
	// go first. Default twice what the test needs to certify its share of
	// Alpha, at least 4·MinEpochs. A test whose share needs more never joins.
	Horizon int
	// Pool takes the threshold of the peers' test from the cells members × epochs (tier T2)
	// instead of the epochs' maxima (T1): for members that are alike and a
	// history that is short.
	Pool bool
	// Windows are the trailing windows of the statistic in ticks, ascending,
	// the first 1; default 1, 3, 8, 20 for ticks up to 2s and 1, 3, 12, 36
	// above.
	Windows []int
	// Calibration is what healthy recordings taught. With it the warm-up fits
	// the members only, and judging starts at once. Nil: the detector learns
	// from the group itself, for as long as that takes.
	Calibration *Calibration
	// Learnt is what an earlier detector of the same group has learnt, as of
	// the same Env, Tick, Epoch, Windows, Features and Cohorts: there is no
	// warm-up, and judging goes on with the first frame under its thresholds
	// and version. A member that it does not know is fitted as any that comes
	// late. When the first frame is later than Slide after the last that was
	// learnt from, all members are fitted anew in this way, and a new version
	// begins. Nil: there is none. Not together with Calibration.
	Learnt *Learnt

	// Features are declared in addition to those that are made by themselves
	// of known metrics and of each unknown one; DeclaredOnly: instead of them.
	Features     []Feature
	DeclaredOnly bool
	Ignore       []string // metrics that no feature is made of
	// Cohorts names the cohort of a member: those of one rack or version, who
	// are each other's peers when they are at least four in the warm-up. Who is
	// not in it is a cohort with all others of whom that is true. A cohort that
	// is out of balance as one is told in place of its members.
	Cohorts map[string]string
}

// Shares are the parts of alpha of the tests beside that of the peers, which
// has the rest. A test joins, and takes its part, when its history could certify
// it; one with 0 beside others that are not never does.
type Shares struct {
	Anchor float64 // creep: against the peers, as it was when the baseline was made
	Own    float64 // a member against itself at this hour of the day
	Common float64 // the group against its past at this hour: a shift, never an imbalance
	Slow   float64 // evidence that gathers over epochs (T3); joins when the peers' test could certify the rest
}

// defaultShare leaves the peers' test, which finds most, the most.
const defaultShare = 0.1

func (s Shares) sum() float64 { return s.Anchor + s.Own + s.Common + s.Slow }

// withDefaults returns c with its zero fields filled, or an error that names
// the field, what was found and what is wanted.
func (c Config) withDefaults() (Config, error) {
	def := func(d *time.Duration, ticks int) {
		if *d == 0 {
			*d = time.Duration(ticks) * c.Tick
		}
	}
	if c.ID == "" {
		c.ID = "detect"
	}
	if c.Tick == 0 {
		c.Tick = time.Second
	}
	if c.Tick < minTick || c.Tick > maxTick {
		return c, fmt.Errorf("detect: tick %v, want %v to %v", c.Tick, minTick, maxTick)
	}
	def(&c.Epoch, defaultEpochTicks)
	def(&c.Warmup, defaultWarmupTicks)
	def(&c.Settle, defaultSettleTicks)
	if c.Slide == 0 {
		c.Slide = max(24*time.Hour, defaultSlideEpochs*c.Epoch)
	}
	if c.Alpha == 0 {
		c.Alpha = defaultAlpha
	}
	if c.Margin == 0 {
		c.Margin = 1
	}
	if c.MinEpochs == 0 {
		c.MinEpochs = defaultMinEpochs
	}
	if c.Shares == (Shares{}) {
		c.Shares = Shares{Anchor: defaultShare, Own: defaultShare, Common: defaultShare, Slow: defaultShare}
	}
	if c.Windows == nil {
		c.Windows = []int{1, 3, 8, 20}
		if c.Tick > 2*time.Second {
			c.Windows = []int{1, 3, 12, 36}
		}
	}
	return c, c.check()
}

func (c *Config) check() error {
	for _, n := range []struct{ what, name string }{{"environment", c.Env}, {"group", c.Group}, {"detector", c.ID}} {
		if err := facts.CheckName(n.what, n.name); err != nil {
			return fmt.Errorf("detect: %w", err)
		}
	}
	for _, d := range []struct {
		what string
		d    time.Duration
		min  int
	}{{"epoch", c.Epoch, 1}, {"warm-up", c.Warmup, minWarmup}, {"settling", c.Settle, 0}} {
		if low, high := time.Duration(d.min)*c.Tick, maxTicks*c.Tick; d.d < low || d.d > high {
			return fmt.Errorf("detect: %s %v, want %v to %v at ticks of %v", d.what, d.d, low, high, c.Tick)
		}
	}
	switch {
	case c.Slide > 0 && c.Slide < c.Epoch:
		return fmt.Errorf("detect: sliding over %v, want at least an epoch of %v, or a negative time for never", c.Slide, c.Epoch)
	case !(c.Alpha > 0 && c.Alpha < 1):
		return fmt.Errorf("detect: alpha %v per epoch, want more than 0 and less than 1", c.Alpha)
	case c.Alpha*(maxEpochs+1) < 1:
		return fmt.Errorf("detect: alpha %v per epoch of %v takes %.0f epochs to certify, want at most %d: choose longer epochs",
			c.Alpha, c.Epoch, 1/c.Alpha, maxEpochs)
	case !(c.Margin >= 1 && c.Margin <= maxMargin):
		return fmt.Errorf("detect: margin %v, want 1 to %v", c.Margin, maxMargin)
	case c.MinEpochs < 1 || c.MinEpochs > maxEpochs:
		return fmt.Errorf("detect: %d epochs before the first alarm, want 1 to %d", c.MinEpochs, maxEpochs)
	case !(min(c.Shares.Anchor, c.Shares.Own, c.Shares.Common, c.Shares.Slow) >= 0 && c.Shares.sum() < 1):
		return fmt.Errorf("detect: shares of alpha %+v, want none below 0 and a sum below 1", c.Shares)
	case c.Horizon != 0 && (c.Horizon < c.MinEpochs || c.Horizon > maxEpochs):
		return fmt.Errorf("detect: horizon of %d epochs, want %d, those before the first alarm, to %d", c.Horizon, c.MinEpochs, maxEpochs)
	case len(c.Windows) == 0 || len(c.Windows) > maxWindows || c.Windows[0] != 1 || !slices.IsSorted(c.Windows) ||
		len(slices.Compact(slices.Clone(c.Windows))) != len(c.Windows) || c.Windows[len(c.Windows)-1] > maxWindow:
		return fmt.Errorf("detect: windows %v, want at most %d ascending lengths from 1 to %d ticks, the first 1",
			c.Windows, maxWindows, maxWindow)
	case c.Calibration != nil && c.Learnt != nil:
		return errors.New("detect: a calibration, and something learnt from the group itself, want one of the two")
	case c.Calibration != nil && !slices.Equal(c.Calibration.windows, c.Windows):
		return fmt.Errorf("detect: windows %v, but the calibration was made with %v", c.Windows, c.Calibration.windows)
	case c.Calibration != nil && c.Calibration.epoch != c.Epoch:
		return fmt.Errorf("detect: epoch %v, but the calibration was made with %v", c.Epoch, c.Calibration.epoch)
	}
	return c.checkFeatures()
}

// ticks returns d in ticks, at least 0.
func (c *Config) ticks(d time.Duration) int { return int(d / c.Tick) }

// horizon is the number of epochs that a test with a part of alpha keeps.
func (c *Config) horizon(part float64) int {
	if c.Horizon > 0 {
		return c.Horizon
	}
	least := 4 * float64(c.MinEpochs)
	if part == 0 { // it never joins
		return int(min(least, maxEpochs))
	}
	return int(min(max(math.Ceil(2/(c.Alpha*part)), least), maxEpochs))
}

// rate returns the false-alarm rate of one in n epochs.
func (c *Config) rate(n float64) facts.Rate {
	ms := math.Round(n * float64(c.Epoch) / float64(time.Millisecond))
	if ms >= math.MaxInt64/float64(time.Millisecond) {
		return facts.Rate(math.MaxInt64 / int64(time.Hour) * int64(time.Hour))
	}
	return facts.Rate(ms) * facts.Rate(time.Millisecond)
}

// declared is the rate that the operator asked for.
func (c *Config) declared() facts.Rate { return c.rate(1 / c.Alpha) }
