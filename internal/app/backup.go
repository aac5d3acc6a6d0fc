package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/caarlos0/env/v11"

	"wazo-matrix-relay/db"
)

// backupToStdout, as the name of the file, writes the copy to standard output. So a copy comes out of a container.
const backupToStdout = "-"

// backup copies the database to a file. A relay may use the database at the same time. Of the configuration it reads
// only which database that is.
func backup(ctx context.Context, environ []string, file string, stdout io.Writer) error {
	var cfg struct {
		Database databaseLocation `env:"DATABASE_URL" envDefault:"relay.db" hint:"set it to the name of a file, like relay.db"`
	}
	vars := env.ToMap(environ)
	if err := errors.Join(append(readSecretFiles(vars), parse(&cfg, vars)...)...); err != nil {
		return err
	} else if cfg.Database.isPostgres() {
		return hint(errors.New("the database is on PostgreSQL, and this command copies SQLite files only"), "use pg_dump of PostgreSQL: pg_dump --format=custom --file=relay.dump, followed by the URL of the database")
	}
	path := string(cfg.Database)
	if file == backupToStdout {
		return backupHint(streamBackup(ctx, path, stdout))
	}
	if err := db.Backup(ctx, path, file); err != nil {
		return backupHint(err)
	}
	fmt.Fprintf(stdout, "The database was copied to %s. The copy can be used only with the key of the database: SECRET_KEY, or the file %s.\n", file, db.KeyFile(path))
	return nil
}

// streamBackup writes a copy of a database to w. It needs room for the copy beside the database: the root file system
// of a container may be read-only.
func streamBackup(ctx context.Context, path string, w io.Writer) (err error) {
	if isTerminal(w) {
		return hint(errors.New("the copy would be written to the terminal"), "write the name of a file instead of -, or redirect the output to a file; then docker exec must have no -t, and docker compose exec must have -T")
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "backup-")
	if err != nil {
		return fmt.Errorf("failed to make the copy: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	copied := filepath.Join(dir, "copy.db")
	if err = db.Backup(ctx, path, copied); err != nil {
		return err
	}
	file, err := os.Open(copied)
	if err != nil {
		return fmt.Errorf("failed to read the copy: %w", err)
	}
	defer file.Close()
	// The copy keeps its content while it is open. If the reader of a pipe goes away, the process ends without any
	// clean-up.
	if err = os.RemoveAll(dir); err != nil {
		return fmt.Errorf("failed to remove the copy: %w", err)
	}
	if _, err = io.Copy(w, file); err != nil {
		return fmt.Errorf("failed to write the copy to standard output: %w", err)
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// backupHint adds what the administrator can do about a failure of a backup.
func backupHint(err error) error {
	var hinted *hintError
	switch {
	case err == nil, errors.As(err, &hinted), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrExist):
		return hint(err, "the relay replaces no file; choose another name, or remove the file")
	case errors.Is(err, db.ErrNotARelay):
		return hint(err, "set DATABASE_URL to the database that the relay uses")
	case errors.Is(err, fs.ErrNotExist):
		return hint(err, "check DATABASE_URL, and check that the directory of the copy exists")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return hint(err, "run the command as the user who runs the relay, and choose a directory to which this user may write; in the container that is /data")
	default:
		return hint(err, "check that the disk has room for the copy, which is about as large as the database")
	}
}
