package app

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/dbtest"
)

// onPostgres gives the relay a database on a server. It skips the test if the databases of tests are files.
func (f *fixture) onPostgres() (location string) {
	f.Helper()
	if !dbtest.Enabled() {
		f.Skip("make test-postgres runs it")
	}
	location = dbtest.Location(f)
	f.env["DATABASE_URL"], f.env["SECRET_KEY"] = location, secretKey
	return location
}

func TestRelayOnPostgreSQL(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.onPostgres()
	f.startOnce()
	stop := f.serve()
	f.awaitWell()
	lines, out := f.check()
	require.NoError(t, out.err)
	require.Contains(t, lines[1], "ok: database")
	require.Contains(t, out.stdout, ", which a running relay uses")
	failure, hint := f.fails("login")
	require.Contains(t, failure, "another process uses the database")
	require.Contains(t, hint, "only one relay can use a database")
	require.NoError(t, stop().err)
	f.env["SECRET_KEY"] = "another"
	failure, _ = f.fails()
	require.Contains(t, failure, "another SECRET_KEY")
}

// Two relays on one database would deliver everything twice.
func TestRelayEndsWhenItsDatabaseIsTaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	location := f.onPostgres()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan outcome, 1)
	go func() { ended <- f.run(ctx) }()
	f.awaitWell()
	conn, err := pgx.Connect(ctx, location)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "UPDATE lease SET holder = 'another'; UPDATE writer SET holder = 'another', epoch = epoch + 1")
	require.NoError(t, err)
	require.NoError(t, conn.Close(ctx))
	out := <-ended
	require.ErrorIs(t, out.err, errTakenOver)
	require.Contains(t, out.errors, "hint: this relay stood still")
}

// What was accepted last may be gone, and only a start asks for it again.
func TestRelayEndsWhenItsServerHasLostCommits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	location := f.onPostgres()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan outcome, 1)
	go func() { ended <- f.run(ctx) }()
	f.awaitWell()
	conn, err := pgx.Connect(ctx, location)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "UPDATE writer SET token = token - 1")
	require.NoError(t, err)
	require.NoError(t, conn.Close(ctx))
	out := <-ended
	require.ErrorIs(t, out.err, db.ErrOlder)
	require.Contains(t, out.errors, "start the relay again")
}

func TestServerThatRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	location := f.onPostgres()
	conn, err := pgx.Connect(t.Context(), location)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE state_groups_state (x INTEGER)")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	failure, hint := f.fails()
	require.Contains(t, failure, "Synapse")
	require.Contains(t, hint, "that only the relay uses")
}
