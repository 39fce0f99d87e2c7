package source

import (
	"bytes"
	"math"
	"strconv"
)

// maxMillis is the end of the year 9999, the last that a fact's time can have.
const maxMillis = 253402300800*1000 - 1

// split cuts a line at its commas into fields, and returns how many there are.
func split(line []byte, fields *[5][]byte) int {
	n := 0
	for {
		i := bytes.IndexByte(line, ',')
		if n < len(fields) {
			if i < 0 {
				fields[n] = line
			} else {
				fields[n] = line[:i]
			}
		}
		n++
		if i < 0 {
			return n
		}
		line = line[i+1:]
	}
}

// parseMillis reads seconds with at most three decimals, as milliseconds.
func parseMillis(b []byte) (ms int64, ok bool) {
	whole, fraction, point := bytes.Cut(b, []byte("."))
	if len(whole) == 0 || len(whole) > 12 || point && (len(fraction) == 0 || len(fraction) > 3) {
		return 0, false
	}
	for i := range len(whole) + 3 {
		c := byte('0')
		switch {
		case i < len(whole):
			c = whole[i]
		case i-len(whole) < len(fraction):
			c = fraction[i-len(whole)]
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		ms = 10*ms + int64(c-'0')
	}
	return ms, ms <= maxMillis
}

// formatMillis writes what parseMillis reads, without needless zeros.
func formatMillis(ms int64) string { return string(appendMillis(nil, ms)) }

func appendMillis(b []byte, ms int64) []byte {
	b = strconv.AppendInt(b, ms/1000, 10)
	if r := ms % 1000; r != 0 {
		b = append(b, '.', byte('0'+r/100), byte('0'+r/10%10), byte('0'+r%10))
		b = bytes.TrimRight(b, "0")
	}
	return b
}

// parseValue reads a finite decimal number; it admits neither words, signs of
// plus in front, hexadecimal digits nor underscores.
func parseValue(b []byte) (float64, bool) {
	for i, c := range b {
		digit := '0' <= c && c <= '9'
		if !digit && c != '.' && c != '-' && c != 'e' && c != 'E' && (c != '+' || i == 0) {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

// appendValue writes v in the fewest digits that parseValue reads back as v:
// plainly, but with an exponent below 0.0001 and from 1e15 on.
func appendValue(b []byte, v float64) []byte {
	format := byte('f')
	if a := math.Abs(v); a != 0 && a < 1e-4 || a >= 1e15 {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}
