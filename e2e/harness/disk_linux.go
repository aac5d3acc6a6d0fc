package harness

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FillDisk lets the relay write no file beyond its first bytes, as on a full disk,
// until the returned function is called.
func (r *Relay) FillDisk() (makeRoom func() error, err error) {
	limit := func(bytes uint64) error {
		err := unix.Prlimit(r.proc.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil)
		if err != nil {
			return fmt.Errorf("cannot limit the files of the relay: %w", err)
		}
		return nil
	}
	return func() error { return limit(unix.RLIM_INFINITY) }, limit(1)
}
