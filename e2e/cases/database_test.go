package cases

import (
	"path/filepath"
	"testing"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/e2e/harness"

	"github.com/stretchr/testify/require"
)

// onPostgres skips a test unless the databases of the relays are on PostgreSQL.
func onPostgres(t *testing.T) {
	t.Helper()
	server, err := harness.PostgresServer(t.Context())
	require.NoError(t, err)
	if server == nil {
		t.Skip("E2E_DATABASE is not postgres")
	}
}

// onSQLite returns the configuration of a relay whose database is a file, also if those of the others are on PostgreSQL.
func onSQLite(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"DATABASE_URL": filepath.Join(t.TempDir(), "relay.db")}
}

// databaseFiles returns files that contain what is in the relay's database: those of SQLite, or a dump of PostgreSQL.
func (s *fixture) databaseFiles(t *testing.T) []string {
	t.Helper()
	database := s.Relay.Getenv("DATABASE_URL")
	if db.IsPostgres(database) {
		dump := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, s.Relay.CopyDatabase(s.ctx, dump))
		return []string{dump}
	}
	files, err := filepath.Glob(database + "*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}
