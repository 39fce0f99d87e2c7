package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// scoreSink compares alarms with the truth and prints the result.
type scoreSink struct {
	w             io.Writer
	json          bool
	epoch, warmup time.Duration
	tick          time.Duration
	lines         *factLines // nil: facts are not printed
	warnings      io.Writer

	labels []label
	groups []*scoredGroup // in order of appearance
}

// scoredGroup is one group of one recording.
type scoredGroup struct {
	file, group string
	first, last time.Time
	members     []string     // all that were in a frame, sorted
	alarms      []facts.Fact // as they came
}

func (s *scoreSink) frame(file string, f *facts.Frame) {
	g := s.group(file, f.Group)
	if g == nil {
		g = &scoredGroup{file: file, group: f.Group, first: f.Time}
		s.groups = append(s.groups, g)
	}
	g.last = f.Time
	for _, m := range f.Members {
		if at, known := slices.BinarySearch(g.members, m); !known {
			g.members = slices.Insert(g.members, at, m)
		}
	}
}

// group returns what is known of a group, nil when nothing is. The one that is
// being read is the last, or close to it.
func (s *scoreSink) group(file, group string) *scoredGroup {
	for _, g := range slices.Backward(s.groups) {
		if g.file == file && g.group == group {
			return g
		}
	}
	return nil
}

func (s *scoreSink) fact(file string, f *facts.Fact) error {
	if f.Kind == facts.Imbalance && f.State == facts.Alarm {
		g := s.group(file, f.Group)
		g.alarms = append(g.alarms, *f)
	}
	if s.lines != nil {
		return s.lines.fact(file, f)
	}
	return nil
}

func (s *scoreSink) end() error {
	if err := s.warn(); err != nil {
		return err
	}
	if s.lines != nil {
		return nil
	}
	r := s.result()
	if s.json {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return fmt.Errorf("detect: score: %w", err)
		}
		_, err = fmt.Fprintf(s.w, "%s\n", b)
		return err
	}
	return r.print(s.w)
}

// detectScore is the comparison as it is printed.
type detectScore struct {
	HealthyEpochs    int          `json:"healthy_epochs"`
	FalseAlarms      int          `json:"false_alarms"` // healthy epochs with an alarm
	Faults           int          `json:"faults"`
	Found            int          `json:"found"`
	MedianDelay      float64      `json:"median_delay_s"` // of the faults found
	RightMemberFirst int          `json:"right_member_first"`
	Rows             []faultScore `json:"rows"`
	FalseRows        []falseAlarm `json:"false_alarm_rows"`
}

// faultScore is one fault.
type faultScore struct {
	Run         string   `json:"run"`
	Fault       string   `json:"fault"`
	Member      string   `json:"member"`
	Found       bool     `json:"found"`   // an alarm stood for the member between onset and end
	Delay       float64  `json:"delay_s"` // from onset to the first alarm of the member
	First       string   `json:"first_alarmed"`
	RightFirst  bool     `json:"right_member_first"`
	OthersToo   []string `json:"others_alarmed"` // healthy members alarmed while it lasted
	BeforeOnset int      `json:"alarms_before_onset"`
	Metrics     []string `json:"metrics"` // named by the first alarm of the member
}

// falseAlarm is a healthy epoch with an alarm.
type falseAlarm struct {
	Run    string  `json:"run"`
	At     float64 `json:"at_s"`
	Member string  `json:"member"`
}

func (s *scoreSink) result() *detectScore {
	r := &detectScore{Rows: []faultScore{}, FalseRows: []falseAlarm{}}
	var delays []float64
	for _, g := range s.groups {
		faulty := false
		for _, l := range s.labels {
			if l.group != g.group {
				continue
			}
			faulty = true
			row := scoreFault(g, l)
			r.Rows = append(r.Rows, row)
			if row.Found {
				r.Found++
				delays = append(delays, row.Delay)
			}
			if row.RightFirst {
				r.RightMemberFirst++
			}
		}
		if !faulty {
			s.scoreHealthy(g, r)
		}
	}
	r.Faults = len(r.Rows)
	if slices.Sort(delays); len(delays) > 0 {
		r.MedianDelay = (delays[(len(delays)-1)/2] + delays[len(delays)/2]) / 2
	}
	return r
}

// scoreFault compares the alarms of a group with one fault of it.
func scoreFault(g *scoredGroup, l label) faultScore {
	row := faultScore{Run: g.group, Fault: l.fault, Member: l.member, OthersToo: []string{}, Metrics: []string{}}
	for i := range g.alarms {
		a := &g.alarms[i]
		switch t := a.Time.Time; {
		case !t.After(l.onset):
			row.BeforeOnset++
			continue
		case t.After(l.end):
			continue
		}
		if row.First == "" {
			row.First = a.Member
			row.RightFirst = a.Member == l.member
		}
		if a.Member != l.member {
			if !slices.Contains(row.OthersToo, a.Member) {
				row.OthersToo = append(row.OthersToo, a.Member)
			}
			continue
		}
		if !row.Found {
			row.Found, row.Delay = true, a.Time.Sub(l.onset).Seconds()
			for _, e := range a.Effect {
				row.Metrics = append(row.Metrics, e.Metric)
			}
		}
	}
	return row
}

// scoreHealthy counts the complete epochs after the warm-up, and those of them
// with an alarm.
func (s *scoreSink) scoreHealthy(g *scoredGroup, r *detectScore) {
	start := g.first.Add(s.warmup - s.tick)
	epochs := int(g.last.Sub(start) / s.epoch)
	r.HealthyEpochs += max(epochs, 0)
	counted := map[int]bool{}
	for _, a := range g.alarms {
		e := int((a.Time.Sub(start) - 1) / s.epoch)
		if e < epochs && !counted[e] {
			counted[e] = true
			r.FalseAlarms++
			r.FalseRows = append(r.FalseRows, falseAlarm{g.group, a.Time.Sub(time.Unix(0, 0)).Seconds(), a.Member})
		}
	}
}

func (r *detectScore) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tFAULT\tMEMBER\tFOUND\tDELAY\tFIRST ALARM\tALSO\tBECAUSE OF")
	for _, f := range r.Rows {
		found, delay := "no", "-"
		if f.Found {
			found, delay = "yes", strconv.FormatFloat(f.Delay, 'g', -1, 64)+"s"
		}
		first := f.First
		if first == "" {
			first = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", f.Run, f.Fault, f.Member, found, delay, first, len(f.OthersToo), list(f.Metrics))
	}
	fmt.Fprintln(w, "\nFAULT\tFOUND\tOF\tMEDIAN DELAY\tRIGHT MEMBER FIRST")
	for _, c := range r.classes() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%gs\t%d\n", c.fault, c.found, c.of, c.delay, c.right)
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%gs\t%d\n", r.Found, r.Faults, r.MedianDelay, r.RightMemberFirst)
	if err := w.Flush(); err != nil {
		return err
	}
	if r.HealthyEpochs == 0 {
		return nil
	}
	fmt.Fprintf(out, "\nfalse alarms: %d of %d healthy epochs\n", r.FalseAlarms, r.HealthyEpochs)
	for _, f := range r.FalseRows {
		fmt.Fprintf(out, "  %s at %gs: %s\n", f.Run, f.At, orGroup(f.Member))
	}
	return nil
}

func list(metrics []string) string {
	return fmt.Sprint(metrics[:min(3, len(metrics))])
}

// classScore is the comparison for one kind of fault.
type classScore struct {
	fault            string
	found, of, right int
	delays           []float64
	delay            float64 // median
}

// classes sums the rows up by fault, in order of name.
func (r *detectScore) classes() []classScore {
	var out []classScore
	for _, f := range r.Rows {
		i := slices.IndexFunc(out, func(c classScore) bool { return c.fault == f.Fault })
		if i < 0 {
			i = len(out)
			out = append(out, classScore{fault: f.Fault})
		}
		c := &out[i]
		c.of++
		if f.Found {
			c.found++
			c.delays = append(c.delays, f.Delay)
		}
		if f.RightFirst {
			c.right++
		}
	}
	for i := range out {
		if d := out[i].delays; len(d) > 0 {
			slices.Sort(d)
			out[i].delay = (d[(len(d)-1)/2] + d[len(d)/2]) / 2
		}
	}
	slices.SortFunc(out, func(a, b classScore) int {
		if a.fault < b.fault {
			return -1
		}
		return 1
	})
	return out
}
