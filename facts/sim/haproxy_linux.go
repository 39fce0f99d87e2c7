package sim

import "syscall"

// endWithParent makes the kernel end a child when the thread that started it
// ends, so that not even a parent that is killed leaves a balancer behind.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }
