package dbtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/postgrestest"
)

// Copy returns a copy of a database that nobody has open.
func Copy(t testing.TB, location string) []byte {
	t.Helper()
	if !isPostgres(location) {
		data, err := os.ReadFile(location)
		require.NoError(t, err)
		return data
	}
	var dump bytes.Buffer
	require.NoError(t, postgrestest.RunTool(t.Context(), nil, &dump, "pg_dump", "--format=custom", "--compress=0", "--dbname="+location))
	return dump.Bytes()
}

// Restore puts a copy in the place of a database that nobody has open.
func Restore(t testing.TB, location string, copied []byte) {
	t.Helper()
	Empty(t, location)
	if !isPostgres(location) {
		require.NoError(t, os.WriteFile(location, copied, 0o600))
		return
	}
	require.NoError(t, postgrestest.RunTool(t.Context(), bytes.NewReader(copied), nil, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+location))
}

// Empty removes a database that nobody has open, so that a new one can be made at its location.
func Empty(t testing.TB, location string) {
	t.Helper()
	if isPostgres(location) {
		execute(t, location, emptySchema)
		return
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(location + suffix); !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
	}
}

func isPostgres(location string) bool { return strings.HasPrefix(location, "postgres:") }

// Exists reports whether there is anything at a location.
func Exists(t testing.TB, location string) (exists bool) {
	t.Helper()
	if !isPostgres(location) {
		_, err := os.Stat(location)
		return err == nil
	}
	conn, err := pgx.Connect(t.Context(), location)
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT to_regclass('version') IS NOT NULL").Scan(&exists))
	require.NoError(t, conn.Close(t.Context()))
	return exists
}

// Contents returns everything that a database consists of, by name: its files, or a dump of what is on the server.
func Contents(t testing.TB, location string) map[string]string {
	t.Helper()
	contents := make(map[string]string)
	if isPostgres(location) {
		var dump bytes.Buffer
		require.NoError(t, postgrestest.RunTool(t.Context(), nil, &dump, "pg_dump", "--dbname="+location))
		contents["the dump"] = dump.String()
		return contents
	}
	files, err := filepath.Glob(location + "*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // SQLite has removed it meanwhile
		}
		require.NoError(t, err)
		contents[filepath.Base(file)] = string(data)
	}
	return contents
}
