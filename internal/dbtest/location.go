// Package dbtest gives tests their databases: SQLite files, or databases on a PostgreSQL server.
package dbtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Variable is the environment variable with the URL of a server. If it is set, the databases of tests are made there,
// and otherwise they are SQLite files.
const Variable = "TEST_POSTGRES"

// Enabled reports whether the databases of tests are on PostgreSQL.
func Enabled() bool { return os.Getenv(Variable) != "" }

// Location returns where a test's database is, as DATABASE_URL: a file that does not exist yet, or the URL of an empty
// database that is dropped when the test ends.
func Location(t testing.TB) string {
	t.Helper()
	if !Enabled() {
		return filepath.Join(t.TempDir(), "relay.db")
	}
	return New(t, os.Getenv(Variable))
}

const emptySchema = `DROP SCHEMA public CASCADE; CREATE SCHEMA public`

// unused are databases that earlier tests of this process have emptied. To make one takes longer.
var unused struct {
	mu        sync.Mutex
	addresses []string
}

// New makes an empty database until the test ends, on the server of which a URL is given. It returns the URL of the
// database.
func New(t testing.TB, server string) string {
	t.Helper()
	address := take()
	if address == "" {
		name := "test_" + strings.ToLower(rand.Text())
		execute(t, server, "CREATE DATABASE "+name)
		parsed, err := url.Parse(server)
		require.NoError(t, err)
		parsed.Path = "/" + name
		address = parsed.String()
	}
	t.Cleanup(func() {
		execute(t, address, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		execute(t, address, emptySchema)
		unused.mu.Lock()
		defer unused.mu.Unlock()
		unused.addresses = append(unused.addresses, address)
	})
	return address
}

func take() (address string) {
	unused.mu.Lock()
	defer unused.mu.Unlock()
	if len(unused.addresses) > 0 {
		address = unused.addresses[0]
		unused.addresses = unused.addresses[1:]
	}
	return address
}

func execute(t testing.TB, address, statement string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended at its cleanup
	conn, err := pgx.Connect(ctx, address)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, statement)
	require.NoError(t, err)
	require.NoError(t, conn.Close(ctx))
}

// SQLiteOnly skips a test of what only SQLite has when the databases of tests are on PostgreSQL.
func SQLiteOnly(t testing.TB) {
	t.Helper()
	if Enabled() {
		t.Skip("only SQLite has this")
	}
}
