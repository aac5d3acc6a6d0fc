package db

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/dbtest"
)

func TestFailuresAreNotedThatMayPass(t *testing.T) {
	t.Parallel()
	location := dbtest.Location(t)
	database := openAt(t, location, "key")
	ctx, failed := WatchFailures(t.Context())
	_, err := database.Exec(ctx, "INSERT INTO setting (name, value) VALUES ('a', 'x'), ('a', 'y')")
	require.Error(t, err)
	require.NoError(t, failed(), "this would fail again")
	var value string
	require.Error(t, database.QueryRow(ctx, "SELECT value FROM setting WHERE name = 'none'").Scan(&value))
	require.NoError(t, failed(), "a row that is not there is no failure")

	unlock := dbtest.LockTable(t, location, "setting")
	require.Error(t, database.QueryRow(Unwatched(ctx), "SELECT value FROM setting").Scan(&value))
	require.NoError(t, failed())
	require.Error(t, database.QueryRow(ctx, "SELECT value FROM setting").Scan(&value))
	require.Error(t, failed())
	unlock()
	again, failed := WatchFailures(t.Context())
	require.NoError(t, database.Setting.Set(again, "a", "x"))
	require.NoError(t, failed())
}
