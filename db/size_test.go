package db

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// The largest Wazo message, as it is stored: a payload of a MiB that becomes so many events, with HTML twice as large.
const (
	largeParts   = 70
	largePayload = 1 << 20
	largePart    = 2 * largePayload / largeParts
)

func largeRequest() []string {
	request := make([]string, largeParts)
	for i := range request {
		request[i] = strings.Repeat("x", largePart)
	}
	return request
}

// deliverLarge does to a row of many parts what its delivery does.
func (db *Database) deliverLarge(tb testing.TB, portal *Portal, source string, request []string) {
	tb.Helper()
	ctx := tb.Context()
	for part := range request {
		row, err := db.Queue.Next(ctx, portal.ID, ToMatrix)
		require.NoError(tb, err)
		require.Equal(tb, source, row.SourceID)
		there, err := db.Queue.MarkAttempted(ctx, row, request, ms(1))
		require.NoError(tb, err)
		require.True(tb, there)
		content, err := db.Queue.Request(ctx, row.ID, part)
		require.NoError(tb, err)
		require.Equal(tb, len(request[part]), len(content))
		row.Parts = len(request)
		finished, err := db.Queue.FinishPart(ctx, row, part)
		require.NoError(tb, err)
		require.True(tb, finished)
	}
}

func (db *Database) queueLarge(tb testing.TB, portal *Portal, source string) {
	tb.Helper()
	added, err := db.Queue.Insert(tb.Context(), &Row{
		PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: source, Author: "alice", Position: 1,
		Payload: strings.Repeat("x", largePayload), State: StateNew, AcceptedAt: ms(1),
	})
	require.NoError(tb, err)
	require.True(tb, added)
}

func TestDeliveringAPartWritesOnlyThatPart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	db := openAt(t, path, "key")
	portal := db.addPortal(t, "a")
	db.RawDB.SetMaxOpenConns(1) // what follows is said to a connection
	_, err := db.Exec(t.Context(), `PRAGMA wal_autocheckpoint = 0`)
	require.NoError(t, err)
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(path + "-wal") // it only grows now
		require.NoError(t, err)
		return info.Size()
	}
	db.queueLarge(t, portal, "large")
	before := size()
	db.deliverLarge(t, portal, "large", largeRequest())
	// The request, once, and a few pages for each of three changes of a small row.
	require.Less(t, size()-before, int64(2*largePayload+largePayload/2+largeParts*3*4*4096), "written for %d parts", largeParts)
}

func BenchmarkLargeMessage(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "relay.db"), "key", zerolog.Nop())
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	account, err := db.Account.Relay(b.Context(), "relay")
	require.NoError(b, err)
	portal := &Portal{MatrixRoom: "!a:a.example", WazoRoom: "a", Title: "a", ReaderID: account.ID, LinkedBy: "@robin:a.example"}
	require.NoError(b, db.Portal.Insert(b.Context(), portal))
	request := largeRequest()
	for i := 0; b.Loop(); i++ {
		source := fmt.Sprint(i)
		db.queueLarge(b, portal, source)
		db.deliverLarge(b, portal, source, request)
	}
}
