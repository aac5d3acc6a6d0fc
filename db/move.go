package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/crypto/sql_store_upgrade"
	"maunium.net/go/mautrix/sqlstatestore"
)

// ErrNotEmpty is returned by Move if there is something in the target.
var ErrNotEmpty = errors.New("the target is not empty")

// ErrDiffers is returned by Move if the target does not have what the source has.
var ErrDiffers = errors.New("the target differs from the source")

// MoveStep says how far a move is: so many rows of a table are moved, or compared.
type MoveStep struct {
	Table    string
	Rows     int
	Compared bool
}

// Moved says what was moved.
type Moved struct{ Tables, Rows int }

// Move copies a database of SQLite to an empty one on PostgreSQL and then compares all rows, in one transaction: after
// a failure the target is empty. Secrets stay sealed with the same key. The source is upgraded like by a start of the
// relay, and not changed otherwise. Move calls progress for each table, and now and then for a long one. It returns
// ErrInUse if a relay uses one of the two, ErrNotEmpty, ErrWrongKey if the source was written with another secret,
// ErrDiffers, and dbutil.ErrUnsupportedDatabaseVersion if a newer version of the relay has written it.
func Move(ctx context.Context, file, target, secret string, log zerolog.Logger, progress func(MoveStep)) (moved Moved, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return moved, fmt.Errorf("failed to open database: %w", err)
	} else if info.Size() == 0 {
		return moved, fmt.Errorf("%w: %s is empty", ErrNotARelay, file)
	}
	server, err := newPostgres(target, log)
	if err != nil {
		return moved, err
	}
	source, err := Open(ctx, file, secret, log)
	if err != nil {
		return moved, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err = upgradeOthers(ctx, source.Database); err != nil {
		return moved, err
	}
	lock, err := lockToMove(ctx, server)
	if err != nil {
		return moved, fmt.Errorf("failed to open the target: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close(context.WithoutCancel(ctx))) }()
	db, err := server.open(secret)
	if err != nil {
		return moved, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m := mover{source: source, target: db, progress: progress}
	err = db.DoTxn(ctx, m.move)
	return m.moved, err
}

// lockToMove takes the lock of a relay, until the connection is closed.
func lockToMove(ctx context.Context, server *postgres) (*pgx.Conn, error) {
	conn, err := server.connect(ctx)
	if err != nil {
		return nil, err
	}
	locked, err := tryLock(ctx, conn)
	if err == nil && !locked {
		err = fmt.Errorf("%w: %s", ErrInUse, Redacted(conn.Config().ConnString()))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// upgradeOthers upgrades the tables of mautrix, which a start of the relay does when it logs in.
func upgradeOthers(ctx context.Context, db *dbutil.Database) error {
	for _, other := range []*dbutil.Database{
		db.Child(sql_store_upgrade.VersionTableName, sql_store_upgrade.Table, nil),
		db.Child(sqlstatestore.VersionTableName, sqlstatestore.UpgradeTable, nil),
	} {
		if err := other.Upgrade(ctx); err != nil {
			return fmt.Errorf("failed to upgrade database: %w", err)
		}
	}
	return nil
}

// mover moves the rows within a transaction on the target.
type mover struct {
	source, target *Database
	progress       func(MoveStep)
	moved          Moved
}

func (m *mover) move(ctx context.Context) error {
	var tables int
	if err := m.target.QueryRow(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()").Scan(&tables); err != nil {
		return fmt.Errorf("failed to look into the target: %w", err)
	} else if tables > 0 {
		return fmt.Errorf("%w: it has %d tables", ErrNotEmpty, tables)
	}
	if err := errors.Join(m.target.Upgrade(ctx), upgradeOthers(ctx, m.target.Database)); err != nil {
		return fmt.Errorf("failed to make the tables: %w", err)
	}
	names, err := m.tables(ctx)
	if err != nil {
		return err
	}
	var all []*movedTable
	for _, name := range names {
		table, err := m.describe(ctx, name)
		if err != nil {
			return fmt.Errorf("failed to describe table %s: %w", name, err)
		}
		all = append(all, table)
	}
	for _, table := range all {
		if err = m.copyTable(ctx, table); err != nil {
			return fmt.Errorf("failed to move table %s: %w", table.name, err)
		}
	}
	if err = m.continueIDs(ctx); err != nil {
		return fmt.Errorf("failed to continue the ids: %w", err)
	}
	for _, table := range all {
		if err = m.compareTable(ctx, table); err != nil {
			return fmt.Errorf("failed to compare table %s: %w", table.name, err)
		}
		m.moved.Tables++
		m.moved.Rows += table.rows
	}
	if _, err = m.target.Setting.GetSecret(ctx, keyCheck); err != nil {
		return fmt.Errorf("failed to open a secret in the target: %w", err)
	}
	return nil
}

// tablesQuery returns the tables of SQLite, with those to which their rows refer.
const tablesQuery = `
	SELECT name, COALESCE((SELECT group_concat("table") FROM pragma_foreign_key_list(name) WHERE "table" <> name), '')
	FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name
`

// tables returns the tables of the source, each behind those to which its rows refer.
func (m *mover) tables(ctx context.Context) (ordered []string, err error) {
	type table struct{ name, refersTo string }
	rows, err := m.source.Query(ctx, tablesQuery)
	left, err := dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (t table, err error) {
		err = row.Scan(&t.name, &t.refersTo)
		return t, err
	}, err).AsList()
	if err != nil {
		return nil, fmt.Errorf("failed to list the tables: %w", err)
	}
	done := make(map[string]bool)
	for len(left) > 0 {
		var later []table
		for _, t := range left {
			ready := true
			for _, other := range strings.Split(t.refersTo, ",") {
				ready = ready && (other == "" || done[other])
			}
			if !ready {
				later = append(later, t)
				continue
			}
			done[t.name] = true
			ordered = append(ordered, t.name)
		}
		if len(later) == len(left) {
			return nil, fmt.Errorf("the tables refer to each other: %v", left)
		}
		left = later
	}
	return ordered, nil
}

// continueIDs has the target give ids behind those that the source has given. None is used again, also if its row is
// gone.
func (m *mover) continueIDs(ctx context.Context) error {
	rows, err := m.target.Query(ctx, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'")
	type column struct{ table, name string }
	columns, err := dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (c column, err error) {
		err = row.Scan(&c.table, &c.name)
		return c, err
	}, err).AsList()
	if err != nil {
		return err
	}
	for _, c := range columns {
		var last, given sql.NullInt64
		if err = m.source.QueryRow(ctx, fmt.Sprintf("SELECT MAX(%s), (SELECT seq FROM sqlite_sequence WHERE name = '%s') FROM %s", c.name, c.table, c.table)).Scan(&last, &given); err != nil {
			return err
		}
		last.Int64 = max(last.Int64, given.Int64)
		if last.Int64 == 0 {
			continue
		}
		if _, err = m.target.Exec(ctx, "SELECT setval(pg_get_serial_sequence($1, $2), $3)", c.table, c.name, last.Int64); err != nil {
			return err
		}
	}
	return nil
}
