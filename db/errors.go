package db

import (
	"database/sql/driver"
	"errors"

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
