//go:build !linux

package engine

import "runtime/debug"

// boundMemory makes the process collect ever more as it comes near so many
// bytes. Other systems than Linux do not say how much address space a process
// has, or do not hold it to a bound: here the bound on memory is soft, and what
// goes far beyond it is ended by boundTime, which holds everywhere.
func boundMemory(more uint64) error {
	debug.SetMemoryLimit(int64(more))
	return nil
}
