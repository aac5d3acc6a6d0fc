package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"
)

// privateMode is the mode of all files that belong to the database: only their owner may read and write them.
const privateMode = 0o600

// createPrivately creates the file of a database with privateMode if it does not exist. SQLite alone would let the
// umask decide. To SQLite an empty file is a new database, and the files that it makes beside the database get the mode
// of the database.
func createPrivately(path string) (isNew bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, privateMode)
	if err != nil {
		return false, fmt.Errorf("failed to open database: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("failed to open database: %w", err)
	}
	return info.Size() == 0, nil
}

// tighten takes the files of a database away from everybody but their owner. Earlier versions, or a copy from a backup,
// may have left them readable for others. What cannot be changed is only logged: some file systems have no modes, and a
// relay that ran before must not stop for that.
func tighten(path string, log zerolog.Logger) {
	files := []string{path + ".lock", KeyFile(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		files = append(files, real, real+"-wal", real+"-shm") // SQLite puts its files beside the real one
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err == nil && info.Mode().Perm()&^privateMode != 0 {
			err = os.Chmod(file, info.Mode().Perm()&privateMode)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Warn().Err(err).Str("file", file).Msg("Failed to make a file readable by its owner only")
		}
	}
}
