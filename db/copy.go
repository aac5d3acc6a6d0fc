package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/crypto/sql_store_upgrade"
	"maunium.net/go/mautrix/sqlstatestore"
)

// ErrNotCopied is returned by Open if the schema must be upgraded, but the database cannot be copied before that. The
// database was not changed then.
var ErrNotCopied = errors.New("failed to copy the database before its schema is upgraded")

// ErrNotARelay is returned by Backup for a file that is not the database of a relay.
var ErrNotARelay = errors.New("the file is not a database of the relay")

// schemas are the tables with the versions of the three schemas in the database, and the newest versions: of the
// relay's own tables, of mautrix's keys, and of mautrix's rooms.
var schemas = []struct {
	table  string
	newest int
}{
	{"version", len(upgradeTable())},
	{sql_store_upgrade.VersionTableName, len(sql_store_upgrade.Table)},
	{sqlstatestore.VersionTableName, len(sqlstatestore.UpgradeTable)},
}

func upgradeTable() dbutil.UpgradeTable {
	return dbutil.BuildUpgradeTable().WithFSPath(upgradeFiles, "upgrades").Finish()
}

// Backup copies the database at path to a file that does not exist yet, and that only its owner can read. A relay may
// use the database at the same time: the copy is of one moment. It contains no deleted texts. It appears under its name
// when it is complete. Backup returns an error that wraps fs.ErrExist if the file exists, and ErrNotARelay if path is
// something else than a database of the relay. It never changes the database.
func Backup(ctx context.Context, path, target string) (err error) {
	if _, err = os.Stat(path); err != nil {
		return fmt.Errorf("failed to open database: %w", err)
	}
	if _, err = os.Lstat(target); err == nil {
		return &fs.PathError{Op: "create", Path: target, Err: fs.ErrExist}
	}
	source, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		return fmt.Errorf("failed to open database: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	var version int
	if err = source.QueryRowContext(ctx, "SELECT version FROM version").Scan(&version); err != nil {
		return fmt.Errorf("%w: %w", ErrNotARelay, err)
	}
	// A link does not replace a file that somebody else has made in the meantime. Some file systems have no links.
	return copyInto(ctx, source, target, func(unfinished string) error {
		err := os.Link(unfinished, target)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return errors.Join(err, os.Remove(unfinished))
		}
		return os.Rename(unfinished, target)
	})
}

// execer runs a statement: a pool of connections, or one of them.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// copyInto copies a database to a file beside the target, and has it put in its place when it is safe on the disk.
// After a failure nothing is left.
func copyInto(ctx context.Context, source execer, target string, place func(unfinished string) error) error {
	dir := filepath.Dir(target)
	// SQLite fills an empty file, whose mode stays.
	file, err := os.CreateTemp(dir, filepath.Base(target)+".*.unfinished")
	if err != nil {
		return fmt.Errorf("failed to make the copy: %w", err)
	}
	if _, err = source.ExecContext(ctx, "VACUUM INTO ?", file.Name()); err != nil {
		err = fmt.Errorf("failed to write the copy: %w", err)
	} else {
		// VACUUM INTO leaves it to the system when the file is written to the disk.
		err = errors.Join(file.Sync(), place(file.Name()))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(file.Name()) // the first error says more
		_ = os.Remove(file.Name() + "-journal")
		return err
	}
	return syncDir(dir)
}

// syncDir has the names in a directory written to the disk.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("failed to open the directory of the copy: %w", err)
	}
	_ = file.Sync() // some file systems cannot do that, and need not
	return file.Close()
}

// UpgradeCopy returns the path of the copy of a database that Open makes before it upgrades the schema from a version.
func UpgradeCopy(databasePath string, version int) string {
	return fmt.Sprintf("%s-v%d.db", strings.TrimSuffix(databasePath, ".db"), version)
}

// copyBeforeUpgrade copies a database whose schema is older than this version of the relay. So an older version of the
// relay can go on with the copy. A copy of the same version from an earlier upgrade is replaced: what is newer counts.
func (db *Database) copyBeforeUpgrade(ctx context.Context) error {
	version, isOld, err := db.schemaVersion(ctx)
	if err != nil || !isOld {
		return err
	}
	target := UpgradeCopy(db.file, version)
	err = copyInto(ctx, db.RawDB, target, func(unfinished string) error { return os.Rename(unfinished, target) })
	if errors.Is(err, context.Canceled) {
		return err // the relay is stopped
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrNotCopied, err)
	}
	db.log.Info().Str("file", target).Int("version", version).Msg("Copied the database before the upgrade of its schema")
	return nil
}

// schemaVersion returns the version of the relay's own tables, and reports whether one of the schemas is old. A new
// database has none.
func (db *Database) schemaVersion(ctx context.Context) (version int, isOld bool, err error) {
	for i, schema := range schemas {
		exists, err := db.TableExists(ctx, schema.table)
		if err != nil {
			return 0, false, fmt.Errorf("failed to read the version of the database: %w", err)
		} else if !exists {
			continue
		}
		var found int
		err = db.QueryRow(ctx, "SELECT version FROM "+schema.table).Scan(&found)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		} else if err != nil {
			return 0, false, fmt.Errorf("failed to read the version of the database: %w", err)
		}
		isOld = isOld || found < schema.newest
		if i == 0 {
			version = found
		}
	}
	return version, isOld && version > 0, nil
}
