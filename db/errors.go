package db

import (
	"database/sql/driver"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
)

// IsDatabaseError reports whether SQLite or PostgreSQL itself returned err or an error that err wraps: for example
// because the disk is full, because another process holds the file, because the server does not answer, or because a
// trigger refused a row. The stores of mautrix, which use the same database, return such errors too. So does a
// transaction that SQLite has given up together with others. Errors of this package that say something about stored
// values, like ErrWrongKey, are not database errors, and neither is sql.ErrNoRows. A value that PostgreSQL would never
// take is no database error either: nothing gets better by waiting.
func IsDatabaseError(err error) bool {
	var failure sqlite3.Error
	return errors.As(err, &failure) || errors.Is(err, errGaveUp) ||
		IsServerError(err) && !isUnacceptable(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, errOutcomeUnknown)
}

// IsServerError reports whether PostgreSQL, or a connection to it, returned err or an error that err wraps.
func IsServerError(err error) bool {
	_, ok := errors.AsType[*postgresError](err)
	return ok
}

// serverClasses are the classes of errors of PostgreSQL that say nothing of what was to be stored: connection
// exceptions, invalid transaction states, rollbacks, insufficient resources, locks, interventions of an operator, and
// system errors.
var serverClasses = []string{"08", "25", "40", "53", "55", "57", "58"}

// passing are the errors of SQLite that say nothing of what was to be stored.
var passing = []sqlite3.ErrNo{
	sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrNomem, sqlite3.ErrReadonly, sqlite3.ErrInterrupt, sqlite3.ErrIoErr, sqlite3.ErrFull,
	sqlite3.ErrCantOpen, sqlite3.ErrProtocol,
}

// MayPass reports whether a database error, see IsDatabaseError, says nothing of what was to be read or stored: the
// same may succeed a moment later. For example the server is restarted, a table is locked, or the disk is full. What
// violates a constraint never passes.
func MayPass(err error) bool {
	if failure, ok := errors.AsType[sqlite3.Error](err); ok {
		return slices.Contains(passing, failure.Code)
	} else if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return len(refused.Code) > 2 && slices.Contains(serverClasses, refused.Code[:2])
	}
	return IsDatabaseError(err)
}
