// Package executor touches machines: each type is one way to read a group's
// administrative state back and to change it, an [actions.Executor].
//
//   - [HAProxy] speaks the runtime API of one HAProxy over its stats socket.
//   - [DryRun] reads through another executor and changes nothing.
//
// # Promises
//
// An executor does what one act says, or nothing, and says which: an error of
// Apply that wraps [actions.ErrNotApplied] means that the member was certainly
// not touched and will not be; any other error leaves it unknown, and the guard
// reads back. Nothing is done after an act's deadline, nor to a member whose
// generation is not the expected one; both are looked at immediately before the
// change. Every call is bounded in time and in bytes. No executor retries,
// keeps state about acts, or starts a goroutine.
//
// # What it does not do
//
// It applies no limit (package actions does, before), and it cannot fence:
// HAProxy remembers no token, so a call of a process that died may still land.
// The guard waits out the deadline of such calls.
//
// # Example
//
//	hx, err := executor.NewHAProxy(executor.HAProxyConfig{
//		Address: "unix:/run/haproxy/admin.sock", Backend: "web",
//	})
//	if err != nil {
//		return err
//	}
//	inv, err := hx.Observe(ctx, "web") // standing, weight and work of each server
package executor
