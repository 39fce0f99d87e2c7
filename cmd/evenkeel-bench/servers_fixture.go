package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// fixtureMembers is of how many members the samples are saved.
const fixtureMembers = 4

// save writes what tests need to check the table without the recordings, which
// are too large to ship:
//
//	NAME-peaks.csv.gz    member,normal,sliding,frozen: one row an epoch
//	NAME-samples.csv.gz  member,score: one row a tick, of the first few members
//
// Numbers have four significant digits.
func (s *studied) save(dir string) error {
	err := writeGzip(filepath.Join(dir, s.name+"-peaks.csv.gz"), func(w io.Writer) {
		for _, m := range s.members {
			for e, normal := range m.normal {
				fmt.Fprintf(w, "%s,%t,%.4g,%.4g\n", m.name, normal, m.sliding[e], m.frozen[e])
			}
		}
	})
	return errors.Join(err, writeGzip(filepath.Join(dir, s.name+"-samples.csv.gz"), func(w io.Writer) {
		for _, m := range s.members[:min(fixtureMembers, len(s.members))] {
			for _, u := range m.samples {
				fmt.Fprintf(w, "%s,%.4g\n", m.name, u)
			}
		}
	}))
}

// writeGzip writes a compressed file; what goes wrong is told at the end.
func writeGzip(file string, write func(io.Writer)) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w := bufio.NewWriter(z)
	write(w)
	return errors.Join(w.Flush(), z.Close(), f.Close())
}
