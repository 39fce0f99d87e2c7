package engine

import "syscall"

// boundTime lets the process use at most so many seconds of processor time.
func boundTime(seconds int) error { return setLimit(syscall.RLIMIT_CPU, uint64(seconds)) }

// setLimit bounds a resource of this process for good: with both limits equal,
// the system ends the process without asking it.
func setLimit(resource int, to uint64) error {
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: to, Max: to})
}
