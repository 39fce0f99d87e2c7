package config

import "strings"

// choices names the keys that are possible, and first the one that name was
// probably meant to be.
func choices(name string, keys []key) string {
	names := make([]string, len(keys))
	best := 0
	for i, k := range keys {
		names[i] = k.name
		if distance(name, k.name) < distance(name, keys[best].name) {
			best = i
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	all := "one of " + strings.Join(names, ", ")
	if distance(name, names[best]) <= 2 { // two slips of the finger
		return names[best] + " (" + all + ")"
	}
	return all
}

// distance returns the number of bytes to insert, delete or replace that turn
// a into b (Levenshtein).
func distance(a, b string) int {
	a = a[:min(len(a), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
