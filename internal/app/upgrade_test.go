package app

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
)

// tablesOf returns the statements that made the tables of a database, by their names.
func tablesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	database, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer func() { require.NoError(t, database.Close()) }()
	rows, err := database.QueryContext(t.Context(), "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	tables := make(map[string]string)
	for rows.Next() {
		var name, statement string
		require.NoError(t, rows.Scan(&name, &statement))
		tables[name] = statement
	}
	require.NoError(t, rows.Err())
	return tables
}

// The new version of the program is started on the database of an old one, with a linked room in it.
func TestProgramKeepsACopyOfAnOlderDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.env["DATABASE_URL"] = filepath.Join(t.TempDir(), "relay.db")
	schema, err := os.ReadFile("../../db/testdata/v1.sql")
	require.NoError(t, err)
	old, err := sql.Open("sqlite3", f.env["DATABASE_URL"])
	require.NoError(t, err)
	for _, script := range []string{
		string(schema), "CREATE TABLE version (version INTEGER, compat INTEGER); INSERT INTO version VALUES (1, 1)",
		"INSERT INTO account (id, username) VALUES (1, 'relay')",
		"INSERT INTO portal (id, matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public) VALUES (1, '!a:a.example', 'w', 'Support', 1, '@robin:a.example', 1, 0)",
	} {
		_, err = old.ExecContext(t.Context(), script)
		require.NoError(t, err)
	}
	require.NoError(t, old.Close())
	before := tablesOf(t, f.env["DATABASE_URL"])

	out := f.run(t.Context(), "--check")
	require.NoError(t, out.err, out.stdout)
	kept := db.UpgradeCopy(f.env["DATABASE_URL"], 1)
	require.FileExists(t, kept)
	require.Equal(t, before, tablesOf(t, kept), "the older version of the relay can go on with it")
	require.NotEqual(t, before, tablesOf(t, f.env["DATABASE_URL"]))
	read, err := sql.Open("sqlite3", "file:"+kept+"?mode=ro")
	require.NoError(t, err)
	defer func() { require.NoError(t, read.Close()) }()
	var title string
	require.NoError(t, read.QueryRowContext(t.Context(), "SELECT title FROM portal JOIN version ON version.version = 1").Scan(&title))
	require.Equal(t, "Support", title)
}
