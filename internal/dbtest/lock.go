package dbtest

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// LockTable keeps everybody from a table, as VACUUM FULL does, until the returned function is called or the test ends.
// It skips the test if the databases of tests are not on PostgreSQL: only a table there can be locked.
func LockTable(t testing.TB, location, table string) (unlock func()) {
	t.Helper()
	if !isPostgres(location) {
		t.Skip("only PostgreSQL has this; make test runs it")
	}
	ctx := context.Background() // unlock may be called at the end of a test
	conn, err := pgx.Connect(ctx, location)
	require.NoError(t, err)
	unlock = sync.OnceFunc(func() { require.NoError(t, conn.Close(ctx)) })
	t.Cleanup(unlock)
	_, err = conn.Exec(ctx, "BEGIN; LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	return unlock
}
