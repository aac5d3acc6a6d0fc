package db

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrInUse is returned by Open if another process has the database open. Two relays with one database would deliver
// every message twice.
var ErrInUse = errors.New("another process uses the database")

// lock locks the file beside the database whose name ends with .lock. The kernel releases the lock when the process
// ends, in whatever way.
func lock(databasePath string) (*os.File, error) {
	file, err := os.OpenFile(databasePath+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("failed to open the lock file: %w", err)
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close() // the other error says more
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, databasePath)
		}
		return nil, fmt.Errorf("failed to lock the database: %w", err)
	}
	return file, nil
}
