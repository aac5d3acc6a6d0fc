package db

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrInUse is returned by Open if another process has the database open: two relays on one would double everything.
var ErrInUse = errors.New("another process uses the database")

// lock takes the lock file beside the database. The kernel frees it with the process, however that ends.
func lock(databasePath string) (*os.File, error) {
	file, err := os.OpenFile(databasePath+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("failed to open the lock file: %w", err)
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close() // the lock's error says more
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, databasePath)
		}
		return nil, fmt.Errorf("failed to lock the database: %w", err)
	}
	return file, nil
}
