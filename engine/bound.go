package engine

import (
	"fmt"
	"os"
	"syscall"
)

// boundMemory lets the process have at most more bytes of address space than
// it has now.
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

// boundTime lets the process use at most so many seconds of processor time.
func boundTime(seconds int) error { return setLimit(syscall.RLIMIT_CPU, uint64(seconds)) }

// setLimit bounds a resource of this process for good: with both limits equal,
// the system ends the process without asking it.
func setLimit(resource int, to uint64) error {
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: to, Max: to})
}
