//go:build !linux

package sim

import "syscall"

// endWithParent does nothing where the kernel offers nothing: a parent that is
// killed leaves its balancer behind.
func endWithParent(*syscall.SysProcAttr) {}
