package engine

import (
	"fmt"
	"os"
	"syscall"
)

// boundMemory lets the process have at most more bytes of address space than
// it has now. What asks for more ends it.
func boundMemory(more uint64) error {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		return fmt.Errorf("/proc/self/statm: %w", err)
	}
	return setLimit(syscall.RLIMIT_AS, pages*uint64(os.Getpagesize())+more)
}
