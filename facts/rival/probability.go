package rival

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseProbability reads a number between 0 and 1, exclusive, as a decimal or
// as 1/N.
func ParseProbability(text string) (float64, error) {
	num, den, fraction := strings.Cut(text, "/")
	p, err := strconv.ParseFloat(num, 64)
	if fraction && err == nil {
		var d float64
		d, err = strconv.ParseFloat(den, 64)
		p /= d
	}
	if err != nil || !(p > 0 && p < 1) {
		return 0, fmt.Errorf("found %q, want a probability such as 1/30 or 0.01", text)
	}
	return p, nil
}
