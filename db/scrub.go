package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mau.fi/util/dbutil"
)

// What people wrote leaves the database file when its row is deleted, and not only when SQLite needs the space. Three
// things are needed for that:
//
//   - The pragma secure_delete, which every connection has, overwrites deleted rows with zeros.
//   - When SQLite balances its tree, it copies rows to other pages, and secure_delete does not overwrite what they
//     leave behind. So [Database.Scrub] writes the tables with texts anew.
//   - The write-ahead log keeps earlier pages until they happen to be overwritten. So Scrub also empties it.

// scrubInterval is how often KeepClean looks whether there is something to do.
const scrubInterval = 5 * time.Second

// maxScrubbed is how many bytes of texts Scrub writes anew. A longer queue is written anew when it has become shorter.
const maxScrubbed = 8 << 20

// walTimeout is how long emptying the write-ahead log waits for readers and writers. Writers wait for it in this time.
const walTimeout = 100 * time.Millisecond

// textTables are the tables with texts that people wrote, and the column of the text. No other table refers to their
// rows.
var textTables = map[string]string{"payload": "content", "request": "content", "orphan": "content", "inbox": "payload", "notice": "markdown",
	"wazo_command": "content", "reaction": "emoji"}

// textsState differs if rows with texts have come, have gone or were changed. The ids of the sequences are never used
// again.
const textsState = `SELECT (SELECT COALESCE(GROUP_CONCAT(name || seq), '') FROM sqlite_sequence) || ' ' || (SELECT COUNT(*) FROM payload)
	|| ' ' || (SELECT COUNT(*) FROM request) || ' ' || (SELECT COUNT(*) FROM orphan) || ' ' || (SELECT COUNT(*) FROM inbox)
	|| ' ' || (SELECT COUNT(*) FROM notice) || ' ' || (SELECT COUNT(*) FROM wazo_command) || ' ' || (SELECT COUNT(*) FROM reaction) || ' ' || (SELECT COALESCE(SUM(revision), 0) FROM queue)`

// KeepClean calls Scrub at once and every few seconds until ctx ends. It does nothing on PostgreSQL, whose server alone
// decides when it overwrites what was deleted.
func (db *Database) KeepClean(ctx context.Context) {
	if db.postgres != nil {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(scrubInterval)
	defer ticker.Stop()
	for {
		if err := db.Scrub(ctx); err != nil && ctx.Err() == nil {
			db.log.Err(err).Msg("Failed to overwrite deleted texts")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Scrub removes from the files of the database what remains of deleted texts. It does nothing if nothing was written
// since it was called last. If somebody is reading or writing all the time, something remains until the next call.
func (db *Database) Scrub(ctx context.Context) error {
	if info, err := os.Stat(db.file + "-wal"); err == nil && info.Size() == 0 {
		return nil
	}
	if err := db.scrubTexts(ctx); err != nil {
		return err
	}
	_, err := db.emptyWAL(ctx)
	return err
}

// scrubAtClose does what Scrub does, but only if nobody else has the database open, which is when the log can be
// emptied. The connection of a transaction whose context has ended may linger. While it reads, SQLite could not copy
// what Scrub writes into the database file, and a copy of that file would not be complete.
func (db *Database) scrubAtClose(ctx context.Context) error {
	emptied, err := db.emptyWAL(ctx)
	if err != nil || !emptied {
		return err
	}
	if err = db.scrubTexts(ctx); err != nil {
		return err
	}
	_, err = db.emptyWAL(ctx)
	return err
}

// scrubTexts writes the tables with texts anew if texts may have been deleted since it was called last.
func (db *Database) scrubTexts(ctx context.Context) error {
	db.scrub.Lock()
	defer db.scrub.Unlock()
	state := ""
	err := db.DoTxn(ctx, func(ctx context.Context) error {
		if err := db.QueryRow(ctx, textsState).Scan(&state); err != nil {
			return fmt.Errorf("failed to see whether texts were deleted: %w", err)
		} else if state == db.scrubbed {
			return nil
		}
		return db.rewriteTexts(ctx, &state)
	})
	if err == nil {
		db.scrubbed = state
	}
	return err
}

// rewriteTexts writes the tables with texts anew. If they are too large for that, it sets the state to one that is
// never found.
func (db *Database) rewriteTexts(ctx context.Context, state *string) error {
	var size int64
	for table, column := range textTables {
		var bytes int64
		if err := db.QueryRow(ctx, "SELECT COALESCE(SUM(LENGTH(CAST("+column+" AS BLOB))), 0) FROM "+table).Scan(&bytes); err != nil {
			return fmt.Errorf("failed to measure the table %s: %w", table, err)
		}
		size += bytes
	}
	if size > maxScrubbed {
		*state = ""
		return nil
	}
	for table := range textTables {
		if err := db.rewrite(ctx, table); err != nil {
			return fmt.Errorf("failed to write the table %s anew: %w", table, err)
		}
	}
	return nil
}

// rewrite takes all rows out of a table, so that SQLite overwrites all of its pages, and puts them back in order, so
// that SQLite does not have to move them.
func (db *Database) rewrite(ctx context.Context, table string) error {
	rows, err := db.Query(ctx, "SELECT * FROM "+table+" ORDER BY rowid")
	if err != nil {
		return err
	}
	columns, err := rows.Columns()
	if err != nil {
		return errors.Join(err, rows.Close())
	}
	kept, err := dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) ([]any, error) {
		values := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		return values, row.Scan(targets...)
	}, nil).AsList()
	if err != nil {
		return err
	}
	if _, err = db.Exec(ctx, "DELETE FROM "+table); err != nil {
		return err
	}
	insert := "INSERT INTO " + table + " VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	for _, values := range kept {
		if _, err = db.Exec(ctx, insert, values...); err != nil {
			return err
		}
	}
	return nil
}

// emptyWAL copies the write-ahead log into the database and makes it empty. It returns false if somebody reads or
// writes for longer than walTimeout.
func (db *Database) emptyWAL(ctx context.Context) (emptied bool, err error) {
	ctx = context.WithoutCancel(ctx) // it takes no longer than walTimeout
	conn, err := db.RawDB.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("failed to get a connection: %w", err)
	}
	defer func() { _ = conn.Close() }() // it is closed already
	// The connection has a time-out of its own from now on, so it is not used again.
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	var busy, ignored int
	if err = conn.QueryRowContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", walTimeout.Milliseconds())).Scan(&ignored); err == nil {
		err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &ignored, &ignored)
	}
	if err != nil {
		return false, fmt.Errorf("failed to empty the write-ahead log: %w", err)
	}
	return busy == 0, nil
}

// scrubVersion is the user_version of a database in which no connection has deleted a text without overwriting it.
// Databases of earlier versions of the relay have 0.
const scrubVersion = 1

// scrubOnce writes a database anew that an earlier version has used. If that fails, for example because there is no
// space for a copy, the relay runs nevertheless, and the next start tries again.
func (db *Database) scrubOnce(ctx context.Context, isNew bool) error {
	var version int
	if err := db.QueryRow(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("failed to see whether texts were overwritten: %w", err)
	} else if version >= scrubVersion {
		return nil
	}
	if !isNew {
		if _, err := db.Exec(ctx, "VACUUM"); err != nil {
			db.log.Warn().Err(err).Msg("Failed to overwrite texts that were deleted by an earlier version; trying again at the next start")
			return nil
		}
	}
	if _, err := db.Exec(ctx, fmt.Sprintf("PRAGMA user_version = %d", scrubVersion)); err != nil {
		return fmt.Errorf("failed to note that texts were overwritten: %w", err)
	}
	return nil
}
