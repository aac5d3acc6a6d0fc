//go:build !linux

package harness

import "syscall"

// Only Linux can tie a child's life to its parent's; elsewhere a parent that is
// killed leaves its children behind.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
