package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"
)

func TestIsDatabaseError(t *testing.T) {
	t.Parallel()
	database := openNew(t)
	_, broken := database.Exec(t.Context(), "INSERT INTO no_such_table VALUES (1)")
	_, duplicate := database.Exec(t.Context(), "INSERT INTO setting (name, value) VALUES ('a', 1), ('a', 2)")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, ended := database.Exec(canceled, "DELETE FROM setting")
	for _, test := range []struct {
		name string
		err  error
		want bool
	}{
		{"a statement that SQLite refuses", broken, true},
		{"a constraint that is violated", duplicate, true},
		{"one that is wrapped", fmt.Errorf("failed to store a key: %w", broken), true},
		{"one that is joined with others", errors.Join(errors.New("x"), broken), true},
		{"a transaction that SQLite has given up", fmt.Errorf("failed to store a key: %w", errGaveUp), true},
		{"a context that ended before the statement began", ended, false},
		{"a row that is not there", sql.ErrNoRows, false},
		{"a value that cannot be opened", ErrWrongKey, false},
		{"no error", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, IsDatabaseError(test.err))
		})
	}
}

func TestMayPass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		want bool
	}{
		{"a full disk", fmt.Errorf("failed to store a key: %w", sqlite3.Error{Code: sqlite3.ErrFull}), true},
		{"a file that another process holds", sqlite3.Error{Code: sqlite3.ErrBusy}, true},
		{"a constraint of SQLite", sqlite3.Error{Code: sqlite3.ErrConstraint}, false},
		{"a transaction that SQLite has given up", errGaveUp, true},
		{"a server that does not answer", &postgresError{errNoAnswer}, true},
		{"a locked table", &postgresError{&pgconn.PgError{Code: "55P03"}}, true},
		{"a server that stops", &postgresError{&pgconn.PgError{Code: "57P01"}}, true},
		{"a full disk of the server", &postgresError{&pgconn.PgError{Code: "53100"}}, true},
		{"a constraint of PostgreSQL", &postgresError{&pgconn.PgError{Code: "23505"}}, false},
		{"a value that PostgreSQL does not take", &postgresError{&pgconn.PgError{Code: "22001"}}, false},
		{"an unknown outcome", fmt.Errorf("x: %w", errOutcomeUnknown), true},
		{"the end of a context", context.Canceled, false},
		{"no error", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, MayPass(test.err))
		})
	}
}
