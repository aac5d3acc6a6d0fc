package cases

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/internal/postgrestest"

	"github.com/stretchr/testify/require"
)

// A relay moves from SQLite to PostgreSQL in the middle of a dialogue, with its links, its log-ins and its encryption
// keys.
func TestPostgresTakesADatabaseOver(t *testing.T) {
	onPostgres(t)
	inEachSetting(t, testPostgresTakesADatabaseOver)
}

func testPostgresTakesADatabaseOver(t *testing.T, robin client, encrypted bool) {
	file := filepath.Join(t.TempDir(), "relay.db")
	s := open(t, robin, stage.Config{Env: map[string]string{"DATABASE_URL": file}})
	target, err := harness.NewDatabase(s.ctx)
	require.NoError(t, err)
	d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(restartLines)}
	d.interrupt = func() error {
		if err := s.Relay.Stop(); err != nil {
			return err
		}
		outcome, err := s.Relay.Run(s.ctx, "migrate-database", file, target)
		if err == nil && (outcome.Code != 0 || !strings.Contains(outcome.Output, "each of them was compared")) {
			err = fmt.Errorf("the database was not moved: %s", outcome.Output)
		}
		if err != nil {
			return err
		}
		s.Relay.Setenv("DATABASE_URL", target)
		return s.Relay.Restart(s.ctx)
	}
	d.run(t)
	d.requireTalk(t)
	d.requireExact(t)
	outcome, err := s.Relay.Run(s.ctx, "backup", filepath.Join(t.TempDir(), "copy.db"))
	require.NoError(t, err)
	require.Equal(t, 1, outcome.Code)
	require.Contains(t, outcome.Output, "pg_dump")
	outcome, err = s.Relay.Run(s.ctx, "--check")
	require.NoError(t, err)
	require.Contains(t, outcome.Output, "ok: database")
}

// The server of this test is its own, because others would miss theirs.
func TestPostgresIsAwayForAWhile(t *testing.T) {
	onPostgres(t)
	t.Parallel()
	server, err := postgrestest.Start(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Remove()) })
	s := open(t, withMautrix(), stage.Config{Env: map[string]string{"DATABASE_URL": server.URL("postgres")}})
	portal := s.link(t, harness.RoomOptions{})
	d := dialogue{portal: portal, lines: 4}
	d.requireTalk(t)
	require.NoError(t, server.Stop())
	s.awaitReadyz(t, "the database is gone", func(r readiness) bool {
		return !r.OK && len(r.Why) == 1 && strings.Contains(r.Why[0], "PostgreSQL does not confirm") // neither server is to blame
	})
	require.NoError(t, server.Run(t.Context()))
	s.awaitReadyz(t, "the database is back", func(r readiness) bool { return r.OK })
	d.requireTalk(t)
}
