package rival

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Print writes the score for people: a row for each fault, one for each kind of
// fault, and the false alarms.
func (s *Score) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tFAULT\tMEMBER\tFOUND\tDELAY\tFIRST ALARM\tALSO\tBECAUSE OF")
	for _, f := range s.Rows {
		found, after := "no", "-"
		if f.Found {
			found, after = "yes", seconds(f.Delay)
		}
		first := f.First
		if first == "" {
			first = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%v\n", f.Run, f.Fault, f.Member, found, after, first,
			len(f.OthersToo), f.Metrics[:min(topMetrics, len(f.Metrics))])
	}
	fmt.Fprintln(w, "\nFAULT\tFOUND\tOF\tMEDIAN DELAY\tRIGHT MEMBER FIRST")
	for _, k := range s.Kinds() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\n", k.Fault, k.Found, k.Of, delay(k.Found, k.MedianDelay), k.RightMemberFirst)
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%s\t%d\n", s.Found, s.Faults, delay(s.Found, s.MedianDelay), s.RightMemberFirst)
	if err := w.Flush(); err != nil {
		return err
	}
	if err := s.printAttribution(out); err != nil {
		return err
	}
	return s.printHealth(out)
}

// delay writes a median delay, of which there is none when nothing was found.
func delay(found int, median float64) string {
	if found == 0 {
		return "-"
	}
	return seconds(median)
}

func (s *Summary) printAttribution(out io.Writer) error {
	if s.Attributed == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\ntrue metric in the top %d: %d of %d faults found (%.0f %%)\n", topMetrics,
		s.TrueMetricFirst, s.Attributed, 100*float64(s.TrueMetricFirst)/float64(s.Attributed))
	return err
}

func (s *Score) printHealth(out io.Writer) error {
	if s.HealthyEpochs == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(out, "\nfalse alarms: %d of %d healthy epochs (95 %%: %s to %s)\n", s.FalseAlarms, s.HealthyEpochs,
		share(s.FalseAlarmLow), share(s.FalseAlarmHigh)); err != nil {
		return err
	}
	for _, f := range s.FalseRows {
		member := f.Member
		if member == "" {
			member = "(group)"
		}
		if _, err := fmt.Fprintf(out, "  %s at %s: %s\n", f.Run, seconds(f.At), member); err != nil {
			return err
		}
	}
	return nil
}

// Print writes the comparison for people: a row for each method, then what each
// found of every kind of fault.
func (c *Comparison) Print(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "recordings: %d; declared: %s per epoch of %s, after %s of warm-up; healthy epochs to calibrate with: %d\n\n",
		c.Recordings, share(c.Alpha), seconds(c.Epoch), seconds(c.Warmup), c.CalibrationEpochs); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METHOD\tFOUND\tOF\tMEDIAN DELAY\t90 %\tRIGHT MEMBER FIRST\tFALSE ALARMS\tHEALTHY EPOCHS\t95 %")
	for _, m := range c.Methods {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t%s to %s\n", m.Method, m.Found, m.Faults, m.delay(m.MedianDelay), m.delay(m.Delay90),
			m.RightMemberFirst, m.FalseAlarms, m.HealthyEpochs, share(m.FalseAlarmLow), share(m.FalseAlarmHigh))
	}
	fmt.Fprint(w, "\nFAULT\tOF")
	for _, m := range c.Methods {
		fmt.Fprintf(w, "\t%s", m.Method)
	}
	fmt.Fprintln(w)
	for i, k := range c.Methods[0].Kinds {
		fmt.Fprintf(w, "%s\t%d", k.Fault, k.Of)
		for _, m := range c.Methods {
			fmt.Fprintf(w, "\t%d", m.Kinds[i].Found)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return c.Methods[0].printAttribution(out)
}

// delay writes a delay, "-" when nothing was found.
func (s *Summary) delay(v float64) string {
	if s.Found == 0 {
		return "-"
	}
	return seconds(v)
}

func seconds(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) + "s" }

// share writes a probability with three significant digits.
func share(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
