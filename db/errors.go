package db

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// IsDatabaseError reports whether SQLite itself returned err or an error that err wraps: for example because the disk is full,
// because another process holds the file, or because a trigger refused a row. The stores of mautrix, which use the same
// database, return such errors too. Errors of this package that say something about stored values, like ErrWrongKey, are not
// database errors, and neither is sql.ErrNoRows.
func IsDatabaseError(err error) bool {
	var failure sqlite3.Error
	return errors.As(err, &failure)
}
