package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresError is an error of PostgreSQL, or of a connection to it.
type postgresError struct{ err error }

// Error implements error.
func (e *postgresError) Error() string { return e.err.Error() }

// Unwrap returns what the driver returned.
func (e *postgresError) Unwrap() error { return e.err }

// ofPostgres marks an error that the driver returned. What package database/sql waits for, and the end of a context,
// stay what they are.
func ofPostgres(err error) error {
	switch {
	case err == nil, errors.Is(err, driver.ErrBadConn):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &postgresError{err}
}

// errNoAnswer says that a server has stood still for too long.
var errNoAnswer = errors.New("PostgreSQL has not answered in time")

// isStarting reports whether a server may accept a connection later: if it does not answer, or says that it is starting
// or stopping (cannot_connect_now, admin_shutdown) or has too_many_connections.
func isStarting(err error) bool {
	refused, answered := errors.AsType[*pgconn.PgError](err)
	return !answered || slices.Contains([]string{"57P03", "57P01", "53300"}, refused.Code)
}

// isRefusal reports whether the answer to a commit says that nothing was committed. Any other failure leaves open what
// happened: also a server that stops may say so after the commit.
func isRefusal(err error) bool {
	if pgconn.SafeToRetry(err) {
		return true // nothing was sent
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	// statement_completion_unknown and transaction_resolution_unknown
	return ok && refused.SeverityUnlocalized == "ERROR" && refused.Code != "40003" && refused.Code != "08007"
}

// isInTheWay reports whether a transaction has failed only because of another one, and may succeed now
// (serialization_failure, deadlock_detected).
func isInTheWay(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (refused.Code == "40001" || refused.Code == "40P01")
}

// isReadOnly reports whether a server refuses to write (read_only_sql_transaction).
func isReadOnly(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "25006"
}

// isUnacceptable reports whether PostgreSQL does not take a value because of what it is: for example a text that is
// longer than a column of mautrix takes ("Class 22 — Data Exception").
func isUnacceptable(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && strings.HasPrefix(refused.Code, "22")
}

// isNull reports whether a column was to become NULL that may not, see mark.
func isNull(err error, table string) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "23502" && refused.TableName == table
}

// stringsOf returns a list of any type that is like string.
func stringsOf(list any) []string {
	values := reflect.ValueOf(list)
	found := make([]string, values.Len())
	for i := range found {
		found[i] = values.Index(i).String()
	}
	return found
}
