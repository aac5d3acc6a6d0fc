// Package db is the relay's memory: SQLite through dbutil, one file per table, upgrades as numbered SQL files.
//
// Every method takes part in the transaction that its context carries (see Database.DoTxn).
// Times of ours are in milliseconds, times of chatd in microseconds; Wazo's clock and ours are never compared.
package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"
	_ "go.mau.fi/util/dbutil/litestream" // registers sqlite3-fk-wal-fullsync
)

// The attempted mark of a queue row must survive a power cut, hence synchronous=FULL.
const dialect = "sqlite3-fk-wal-fullsync"

// ErrUnsupportedURL is returned by Open for a database that is not SQLite.
var ErrUnsupportedURL = errors.New("only SQLite files are supported as database")

//go:embed upgrades/*.sql
var upgradeFiles embed.FS

// Database is the open database with one accessor per table.
type Database struct {
	*dbutil.Database
	box  *Box
	lock *os.File

	Setting     *Settings
	Account     *Accounts
	Portal      *Portals
	Pause       *Pauses
	Queue       *Queue
	Message     *Messages
	Orphan      *Orphans
	Gap         *Gaps
	Inbox       *Inbox
	Notice      *Notices
	Listing     *Listings
	DirectChat  *DirectChats
	Explanation *Explanations
	Withheld    *Withheld
	Media       *MediaFiles
	Avatar      *Avatars
}

// FilePath returns the file behind a DATABASE_URL: a path, or a URL with the scheme sqlite or file.
// It returns ErrUnsupportedURL for anything else.
func FilePath(databaseURL string) (string, error) {
	scheme, rest, found := strings.Cut(databaseURL, ":")
	switch {
	case databaseURL == "":
		return "", ErrUnsupportedURL
	case !found:
		return databaseURL, nil
	case scheme == "sqlite" || scheme == "file":
		path, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
		if path == "" {
			return "", fmt.Errorf("%w (%q names no file)", ErrUnsupportedURL, databaseURL)
		}
		return path, nil
	case strings.ContainsAny(scheme, "/."):
		return databaseURL, nil
	default:
		return "", fmt.Errorf("%w (got %q)", ErrUnsupportedURL, scheme+":")
	}
}

// Open opens the SQLite file at path, making it if need be, and upgrades its schema.
// It returns ErrInUse if another process has it open, ErrWrongKey if it was written with another secret.
func Open(ctx context.Context, path, secret string, log zerolog.Logger) (*Database, error) {
	lock, err := lock(path)
	if err != nil {
		return nil, err
	}
	db, err := open(path, secret, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	db.lock = lock
	if err = db.Upgrade(ctx); err != nil {
		err = fmt.Errorf("failed to upgrade database: %w", err)
	} else {
		err = db.checkKey(ctx)
	}
	if err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	return db, nil
}

// OpenToRead opens a database that exists and that a relay may be using; nothing may be written. It returns ErrWrongKey if it
// was written with another secret.
func OpenToRead(ctx context.Context, path, secret string, log zerolog.Logger) (*Database, error) {
	db, err := open(path, secret, log)
	if err != nil {
		return nil, err
	}
	if _, err = db.Setting.GetSecret(ctx, keyCheck); err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	return db, nil
}

// Close closes the database and frees it for others. If it was open to be written, a copy of the file alone is whole then.
func (db *Database) Close() error {
	if db.lock == nil {
		return db.Database.Close()
	}
	// SQLite does this too when the last connection ends. Of a transaction whose context has ended, that may be after Close.
	_, err := db.RawDB.Exec("PRAGMA wal_checkpoint(FULL)")
	return errors.Join(err, db.Database.Close(), db.lock.Close())
}

// open puts the database together without using it.
func open(path, secret string, log zerolog.Logger) (*Database, error) {
	raw, err := dbutil.NewWithDialect("file:"+(&url.URL{Path: path}).EscapedPath()+"?_txlock=immediate&_stmt_cache_size=64", dialect)
	if err != nil {
		return nil, fmt.Errorf("failed to open database: %w", err)
	}
	raw.Owner = "wazo-matrix-relay"
	raw.Log = dbutil.ZeroLogger(log)
	raw.UpgradeTable = dbutil.BuildUpgradeTable().WithFSPath(upgradeFiles, "upgrades").Finish()
	db := &Database{Database: raw, box: NewBox(secret)}
	db.Setting = &Settings{db: raw, box: db.box}
	db.Account = newAccounts(raw, db.box)
	db.Portal = newPortals(raw)
	db.Pause = newPauses(raw)
	db.Queue = newQueue(raw)
	db.Message = newMessages(raw)
	db.Orphan = newOrphans(raw)
	db.Gap = newGaps(raw)
	db.Inbox = newInbox(raw)
	db.Notice = newNotices(raw)
	db.Listing = &Listings{db: raw}
	db.DirectChat = &DirectChats{db: raw}
	db.Explanation = &Explanations{db: raw}
	db.Withheld = &Withheld{db: raw}
	db.Media = newMediaFiles(raw, db.box)
	db.Avatar = &Avatars{db: raw, box: db.box}
	return db, nil
}

// PickleKey returns the key that protects the end-to-end encryption keys in this database.
func (db *Database) PickleKey() []byte {
	return db.box.derive("pickle")
}

const keyCheck = "key_check"

// checkKey compares the secret with the one the database was first opened with.
func (db *Database) checkKey(ctx context.Context) error {
	value, err := db.Setting.GetSecret(ctx, keyCheck)
	if err != nil {
		return err
	} else if value == "" {
		return db.Setting.SetSecret(ctx, keyCheck, keyCheck)
	}
	return nil
}
