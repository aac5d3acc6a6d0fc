package harness

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	tempPrefix = "wazo-matrix-relay-e2e-"
	lockName   = ".lock"
	memoryDir  = "/dev/shm"
	// memoryNeeded is what memoryDir must have free, in bytes; containers often
	// have less, and a run with a large history needs a part of it.
	memoryNeeded = 1 << 30
)

// TempDir creates a directory for one run's files, in memory where the system offers that (a database there answers
// four times as fast), and returns the function that removes it. E2E_TEMP in the environment names another place. What
// earlier runs left behind when they were killed is removed on the way: a directory whose lock nobody holds has no
// owner.
func TempDir() (dir string, remove func() error, err error) {
	parent := tempParent()
	removeOrphans(parent)
	dir, err = os.MkdirTemp(parent, tempPrefix)
	if err != nil {
		return "", nil, err
	}
	lock, err := ownDir(dir)
	if err != nil {
		return "", nil, err
	}
	return dir, func() error {
		return errors.Join(os.RemoveAll(dir), lock.Close())
	}, nil
}

// ownDir puts a lock file into dir that is locked from its first moment on: a
// lock file without a lock would be taken for an orphan's.
func ownDir(dir string) (*os.File, error) {
	unfinished := filepath.Join(dir, lockName+".unfinished")
	file, err := os.Create(unfinished)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, os.Rename(unfinished, filepath.Join(dir, lockName))
}

func tempParent() string {
	if given := os.Getenv("E2E_TEMP"); given != "" {
		return given
	}
	var memory unix.Statfs_t
	if unix.Access(memoryDir, unix.W_OK) != nil || unix.Statfs(memoryDir, &memory) != nil ||
		memory.Bavail*uint64(memory.Bsize) < memoryNeeded {
		return os.TempDir()
	}
	return memoryDir
}

// removeOrphans leaves alone what it cannot judge: a directory without a lock
// file may belong to a run that is just starting.
func removeOrphans(parent string) {
	locks, _ := filepath.Glob(filepath.Join(parent, tempPrefix+"*", lockName))
	for _, path := range locks {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = file.Close()
	}
}
