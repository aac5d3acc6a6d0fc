// Package db stores everything that the relay must remember over a restart. It is the only package that contains SQL.
//
// The database is one SQLite file, or a database on a PostgreSQL server, which is accessed through dbutil. dialect.go
// says how the SQL suits both. Each table has a file here with a type for its rows and a type for its queries. The
// tables payload and request belong to the queue and are in queue.go. upgrades/01-latest.sql is the schema and explains
// the columns. The other files in upgrades bring an older database up to date; CONTRIBUTING.md says how to add one.
//
// Every method takes part in the transaction that its context carries, see [Database.DoTxn]. Work that must wait for
// the end of the transaction, such as waking a worker, is passed to [AfterCommit].
//
// Times have one of two types, because two clocks are involved: [Time] is a time of this machine, [WazoTime] is a time
// of chatd, the chat server of Wazo. Secrets are encrypted by a [Box] before they are stored.
//
// An accepted message becomes a [Row] in the queue of its portal and direction. After it was delivered, the row is
// replaced by a [Message], which maps the Wazo message to its Matrix event.
package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"
	_ "go.mau.fi/util/dbutil/litestream" // registers sqlite3-fk-wal-fullsync
)

// dialect sets synchronous=FULL: that a delivery was attempted must still be known after a power cut. See also sync.go.
const dialect = "sqlite3-fk-wal-fullsync"

// idleConnections is how many connections of the pool are kept that nobody uses now. They are cheap, see conn.go.
const idleConnections = 64

// owner is the name under which the program marks a database as its own.
const owner = "wazo-matrix-relay"

// ErrUnsupportedURL is returned by Open for a database that is neither SQLite nor PostgreSQL.
var ErrUnsupportedURL = errors.New("only SQLite files and PostgreSQL are supported as database")

//go:embed upgrades/*.sql
var upgradeFiles embed.FS

// Database is the open database. It has a field for each table. Close it when it is no longer used.
type Database struct {
	*dbutil.Database
	box      *Box
	lock     *os.File
	file     string    // without symbolic links: SQLite puts its own files beside it; empty: it is on PostgreSQL
	postgres *postgres // nil: it is SQLite
	log      zerolog.Logger

	scrub    sync.Mutex // held by scrubTexts; guards what follows
	scrubbed string     // textsState when the texts were last written anew

	Setting       *Settings
	Account       *Accounts
	Portal        *Portals
	PortalMember  *PortalMembers
	Opening       *Openings
	Asked         *Asked
	Closed        *Closed
	Person        *People
	Mute          *Mutes
	Pause         *Pauses
	Queue         *Queue
	Message       *Messages
	ShownReaction *ShownReactions
	ShownReply    *ShownReplies
	SaidOnce      *SaidOnce
	LastEdit      *LastEdits
	Reaction      *Reactions
	Native        *NativeReactions
	ReplyMark     *ReplyMarks
	Orphan        *Orphans
	Gap           *Gaps
	Inbox         *Inbox
	Command       *Commands
	WazoCommand   *WazoCommands
	Notice        *Notices
	Listing       *Listings
	DirectChat    *DirectChats
	NamedRoom     *NamedRooms
	Identity      *Identities
	LoginDialogue *LoginDialogues
	Told          *Told
	Outside       *Outsides
	OutsideTry    *OutsideTries
	TextMessage   *TextMessages
	Explanation   *Explanations
	Withheld      *Withheld
	Media         *MediaFiles
	Avatar        *Avatars
}

// Location returns where the database is that a DATABASE_URL names: the path of a file, or the URL of a database on
// PostgreSQL, see IsPostgres. The value is either a path or a URL with the scheme sqlite, file, postgres or postgresql.
// Location returns ErrUnsupportedURL for everything else.
func Location(databaseURL string) (string, error) {
	scheme, rest, found := strings.Cut(databaseURL, ":")
	switch {
	case databaseURL == "":
		return "", ErrUnsupportedURL
	case !found:
		return databaseURL, nil
	case IsPostgres(databaseURL):
		if _, err := newPostgres(databaseURL, zerolog.Nop()); err != nil {
			return "", err
		}
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

// Open opens a database at a location, see Location, and upgrades its schema. It creates the file if it does not exist.
// Before an upgrade it copies a file, see UpgradeCopy. Only the owner of the file can read it and the files beside it,
// also if others could before. It returns ErrInUse if another process has the database open, ErrNotCopied if there is
// no room for the copy, and ErrWrongKey if the database was written with another secret.
func Open(ctx context.Context, location, secret string, log zerolog.Logger) (*Database, error) {
	if IsPostgres(location) {
		return openPostgres(ctx, location, secret, log)
	}
	lock, err := lock(location)
	if err != nil {
		return nil, err
	}
	isNew, err := createPrivately(location)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	tighten(location, log)
	db, err := open(location, secret, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	db.lock = lock
	if err = db.copyBeforeUpgrade(ctx); err != nil {
		err = fmt.Errorf("failed to open database: %w", err)
	} else if err = db.Upgrade(ctx); err != nil {
		err = fmt.Errorf("failed to upgrade database: %w", err)
	} else if err = db.checkKey(ctx); err == nil {
		err = db.scrubOnce(ctx, isNew)
	}
	if err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	db.closeIdle()
	return db, nil
}

// closeIdle closes the connections to which something was said that concerns a connection.
func (db *Database) closeIdle() {
	db.RawDB.SetMaxIdleConns(-1)
	db.RawDB.SetMaxIdleConns(idleConnections)
}

// OpenToRead opens an existing database for reading only. A running relay may have it open at the same time. The schema
// is not upgraded. OpenToRead returns ErrWrongKey if the database was written with another secret.
func OpenToRead(ctx context.Context, location, secret string, log zerolog.Logger) (*Database, error) {
	if IsPostgres(location) {
		return openPostgresToRead(ctx, location, secret, log)
	}
	db, err := open(location, secret, log)
	if err != nil {
		return nil, err
	}
	if _, err = db.Setting.GetSecret(ctx, keyCheck); err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	return db, nil
}

// Close closes the database, so that another process can open it. After Open and Close, a copy of the database file is
// complete without the files beside it, and deleted texts are not in it.
func (db *Database) Close() error {
	if db.postgres != nil {
		return errors.Join(db.Database.Close(), db.postgres.close())
	} else if db.lock == nil {
		return db.Database.Close()
	}
	// SQLite also does this when the last connection is closed. The connection of a transaction whose context has ended
	// may be closed after this method returns, however.
	_, err := db.RawDB.Exec("PRAGMA wal_checkpoint(FULL)")
	return errors.Join(err, db.scrubAtClose(context.Background()), db.Database.Close(), db.lock.Close())
}

// IsShared reports whether several processes can be started on the database, of which one is active, see OpenAsStandby.
func (db *Database) IsShared() bool { return db.postgres != nil }

// Lost is closed when another process has taken a database on PostgreSQL over, or when the server has lost what it had
// stored, so that this process can store nothing any more. It is nil with SQLite: nobody can take a file away from a
// process.
func (db *Database) Lost() <-chan struct{} {
	if db.postgres == nil || db.postgres.writer == nil {
		return nil
	}
	return db.postgres.writer.lost
}

// WhyLost returns, after Lost is closed, ErrInUse if another process has taken the database over, or ErrOlder.
func (db *Database) WhyLost() error { return db.postgres.writer.whyLost }

// IsActive reports whether this process may act, as far as it knows without asking anybody: whether it is certain that
// no other process has taken the database over. With SQLite it always may.
func (db *Database) IsActive() bool {
	return db.postgres == nil || db.postgres.writer == nil || db.postgres.writer.lease.isValid()
}

// AwaitActive returns when this process may act, see IsActive: at once, or as soon as a server is back that did not
// answer. It returns ErrInUse if another process has taken the database over, and the error of ctx if that ends first.
func (db *Database) AwaitActive(ctx context.Context) error {
	if db.postgres == nil || db.postgres.writer == nil {
		return nil
	}
	return db.postgres.writer.lease.await(ctx)
}

// open sets up the database without reading or writing the file.
func open(path, secret string, log zerolog.Logger) (*Database, error) {
	pool, err := openPool(dialect, "file:"+(&url.URL{Path: path}).EscapedPath()+"?_txlock=immediate&_stmt_cache_size=256&_secure_delete=on")
	if err != nil {
		return nil, fmt.Errorf("failed to open database: %w", err)
	}
	pool.SetMaxIdleConns(idleConnections)
	raw, err := dbutil.NewWithDB(pool, dialect)
	if err != nil {
		return nil, fmt.Errorf("failed to open database: %w", err)
	}
	raw.UpgradeTable = upgradeTable()
	db := newDatabase(raw, secret, log)
	if db.file, err = filepath.EvalSymlinks(path); err != nil {
		return nil, fmt.Errorf("failed to open database: %w", err)
	}
	return db, nil
}

// newDatabase returns the tables of a database of either kind.
func newDatabase(raw *dbutil.Database, secret string, log zerolog.Logger) *Database {
	raw.Owner = owner
	raw.Log = dbutil.ZeroLogger(log)
	db := &Database{Database: raw, box: NewBox(secret), log: log}
	db.Setting = &Settings{db: raw, box: db.box}
	db.Account = newAccounts(raw, db.box)
	db.Portal = newPortals(raw)
	db.PortalMember = newPortalMembers(raw)
	db.Opening = newOpenings(raw)
	db.Asked = &Asked{db: raw}
	db.Closed = &Closed{db: raw}
	db.Person = &People{db: raw}
	db.Mute = &Mutes{db: raw}
	db.Pause = newPauses(raw)
	db.Queue = newQueue(raw)
	db.Message = newMessages(raw)
	db.ShownReaction = newShownReactions(raw)
	db.ShownReply = newShownReplies(raw)
	db.SaidOnce = &SaidOnce{db: raw}
	db.LastEdit = &LastEdits{db: raw}
	db.Reaction = newReactions(raw)
	db.Native = newNativeReactions(raw)
	db.ReplyMark = newReplyMarks(raw)
	db.Orphan = newOrphans(raw)
	db.Gap = newGaps(raw)
	db.Inbox = newInbox(raw)
	db.Command = newCommands(raw)
	db.WazoCommand = newWazoCommands(raw)
	db.Notice = newNotices(raw)
	db.Listing = &Listings{db: raw}
	db.DirectChat = &DirectChats{db: raw}
	db.NamedRoom = &NamedRooms{db: raw}
	db.Identity = newIdentities(raw)
	db.LoginDialogue = &LoginDialogues{db: raw}
	db.Told = &Told{db: raw}
	db.Outside = newOutsides(raw)
	db.OutsideTry = &OutsideTries{db: raw}
	db.TextMessage = newTextMessages(raw)
	db.Explanation = &Explanations{db: raw}
	db.Withheld = &Withheld{db: raw}
	db.Media = newMediaFiles(raw, db.box)
	db.Avatar = &Avatars{db: raw, box: db.box}
	return db
}

// PickleKey returns the key that protects the end-to-end encryption keys in this database.
func (db *Database) PickleKey() []byte {
	return db.box.derive("pickle")
}

const keyCheck = "key_check"

// checkKey returns ErrWrongKey if the database was first opened with another secret.
func (db *Database) checkKey(ctx context.Context) error {
	value, err := db.Setting.GetSecret(ctx, keyCheck)
	if err != nil {
		return err
	} else if value == "" {
		return db.Setting.SetSecret(ctx, keyCheck, keyCheck)
	}
	return nil
}
