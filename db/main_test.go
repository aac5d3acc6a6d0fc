package db

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"go.uber.org/goleak"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ms is a time of this machine's clock in milliseconds, us is one of chatd's clock in microseconds. 0 is the zero time.
func ms(n int64) Time     { return jsontime.UMInt(n) }
func us(n int64) WazoTime { return jsontime.UMicroInt(n) }

// openAt opens a database until the test ends.
func openAt(t *testing.T, path, secret string) *Database {
	t.Helper()
	db, err := Open(t.Context(), path, secret, zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // perhaps closed by the test
	return db
}

func openNew(t *testing.T) *Database {
	t.Helper()
	return openAt(t, dbtest.Location(t), "key")
}

// openNewFile opens a database of SQLite, also when those of the other tests are on PostgreSQL.
func openNewFile(t *testing.T) *Database {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "relay.db"), "key")
}

// addPortal makes a portal of two rooms that carry its name.
func (db *Database) addPortal(t *testing.T, name string) *Portal {
	t.Helper()
	account, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	portal := &Portal{
		MatrixRoom: id.RoomID("!" + name + ":a.example"), WazoRoom: "wazo-" + name, Title: name, ReaderID: account.ID,
		LinkedBy: "@robin:a.example", LinkedAt: ms(1),
	}
	require.NoError(t, db.Portal.Insert(t.Context(), portal))
	return portal
}

// queue adds a message and returns its row.
func (db *Database) queue(t *testing.T, portal *Portal, direction Direction, source string, position int64) *Row {
	t.Helper()
	row := &Row{
		PortalID: portal.ID, Direction: direction, Kind: KindMessage, SourceID: source, Author: "@robin:a.example", Position: position,
		Payload: "{}", State: StateNew, AcceptedAt: ms(1),
	}
	added, err := db.Queue.Insert(t.Context(), row)
	require.NoError(t, err)
	require.True(t, added, "%s waits already", source)
	stored, err := db.Queue.BySource(t.Context(), portal.ID, direction, source)
	require.NoError(t, err)
	require.NotNil(t, stored)
	return stored
}

// queueEncrypted adds a message to Wazo that a Megolm session encrypts, and returns its row.
func (db *Database) queueEncrypted(t *testing.T, portal *Portal, source string, position int64, session string) *Row {
	t.Helper()
	row := &Row{
		PortalID: portal.ID, Direction: ToWazo, Kind: KindMessage, SourceID: source, Author: "@robin:a.example", Position: position,
		Payload: "encrypted", State: StateNew, Session: session, AcceptedAt: ms(1),
	}
	added, err := db.Queue.Insert(t.Context(), row)
	require.NoError(t, err)
	require.True(t, added, "%s waits already", source)
	stored, err := db.Queue.BySource(t.Context(), portal.ID, ToWazo, source)
	require.NoError(t, err)
	require.NotNil(t, stored)
	return stored
}

// drain takes everything out of a queue and returns the sources in the order in which they would be delivered.
func (db *Database) drain(t *testing.T, portal *Portal, direction Direction) (sources []string) {
	t.Helper()
	for {
		row, err := db.Queue.Next(t.Context(), portal.ID, direction)
		require.NoError(t, err)
		if row == nil {
			return sources
		}
		sources = append(sources, row.SourceID)
		there, err := db.Queue.Delete(t.Context(), row.ID)
		require.NoError(t, err)
		require.True(t, there)
	}
}

// count returns how many rows a table has.
func (db *Database) count(t *testing.T, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(context.Background(), "SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}
