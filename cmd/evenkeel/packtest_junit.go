package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The part of the JUnit report that build servers read: a suite for each rule, a
// case for each test.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"` // seconds
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// printJUnit writes tests, generated tests and survived mistakes as cases.
func printJUnit(w io.Writer, r testReport) error {
	out := junitReport{Name: r.Pack}
	for _, t := range r.Tests {
		c := junitCase{Name: t.Name, File: t.File, Line: t.Line, Time: fmt.Sprintf("%.6f", t.took.Seconds())}
		if len(t.Why) > 0 {
			c.Failure = &junitFailure{t.Why[0], strings.Join(t.Why, "\n")}
		}
		out.add(t.Rule, c)
	}
	for _, b := range r.Bounds {
		c := junitCase{Name: fmt.Sprintf("%s at %s", b.Part, b.Value), Time: "0"}
		if b.Fires != b.Want {
			c.Failure = &junitFailure{Message: fmt.Sprintf("fires %t, want %t", b.Fires, b.Want)}
		}
		out.add(b.Rule+".bounds", c)
	}
	if r.Mutation != nil {
		for _, m := range r.Mutation.Survived {
			out.add(m.Rule+".mutants", junitCase{Name: m.What, File: m.File, Line: m.Line, Time: "0",
				Failure: &junitFailure{"no test notices", m.Text}})
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add puts a case into the suite of its class.
func (r *junitReport) add(class string, c junitCase) {
	c.Class = class
	if len(r.Suites) == 0 || r.Suites[len(r.Suites)-1].Name != class {
		r.Suites = append(r.Suites, junitSuite{Name: class, Time: "0"})
	}
	s := &r.Suites[len(r.Suites)-1]
	s.Cases = append(s.Cases, c)
	s.Tests++
	r.Tests++
	if c.Failure != nil {
		s.Failures++
		r.Failures++
	}
}
