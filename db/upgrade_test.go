package db

import (
	"database/sql"
	_ "embed"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/v1.sql
var schemaV1 string

// A database of version 1 with one row of each kind in its queues.
const contentV1 = `
	CREATE TABLE version (version INTEGER, compat INTEGER);
	INSERT INTO version VALUES (1, 1);
	CREATE TABLE database_owner (key INTEGER PRIMARY KEY DEFAULT 0, owner TEXT NOT NULL);
	INSERT INTO database_owner VALUES (0, 'wazo-matrix-relay');
	INSERT INTO account (id, username) VALUES (1, 'relay');
	INSERT INTO portal (id, matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public) VALUES (1, '!a', 'w', 'Support', 1, '@robin:a', 1, 0);
	INSERT INTO queue (id, portal_id, direction, kind, source, author, position, payload, state, request, part, attempts, accepted_at) VALUES
		(1, 1, 'to_wazo', 'message', '$new', '@robin:a', 1, '{"content":{"body":"new"}}', 'new', '', 0, 0, 5),
		(2, 1, 'to_wazo', 'message', '$tried', '@robin:a', 2, '{"content":{"body":"tried"}}', 'attempted', '{"content":"tried"}', 0, 2, 6),
		(3, 1, 'to_wazo', 'message', '$encrypted', '@robin:a', 3, '{"type":"m.room.encrypted","content":{"session_id":"abc"}}', 'waiting', '', 0, 0, 7),
		(5, 1, 'to_wazo', 'message', '$parked', '@robin:a', 5, '{"type":"m.room.encrypted","content":{"session_id":"def"}}', 'parked', '', 0, 0, 7),
		(6, 1, 'to_wazo', 'message', '$broken', '@robin:a', 6, '{"type":', 'parked', '', 0, 0, 7),
		(4, 1, 'to_matrix', 'message', 'uuid', 'alice', 4, '{"content":"long"}', 'attempted', '{"parts":[{"body":"one"},{"body":"two"}]}', 1, 1, 8);
`

func TestDatabaseOfVersion1IsUpgraded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	old, err := sql.Open("sqlite3", path)
	require.NoError(t, err)
	for _, script := range []string{schemaV1, contentV1} {
		_, err = old.Exec(script)
		require.NoError(t, err)
	}
	require.NoError(t, old.Close())
	db := openAt(t, path, "key")

	require.Equal(t, schemaOf(t, openAt(t, filepath.Join(t.TempDir(), "new.db"), "key")), schemaOf(t, db), "it has the schema of a new one")
	portal, err := db.Portal.ByID(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "Support", portal.Title)
	for source, want := range map[string]Row{
		"$new":       {ID: 1, Position: 1, State: StateNew, Payload: `{"content":{"body":"new"}}`, AcceptedAt: 5},
		"$tried":     {ID: 2, Position: 2, State: StateAttempted, Payload: `{"content":{"body":"tried"}}`, Parts: 1, Attempts: 2, AcceptedAt: 6},
		"$encrypted": {ID: 3, Position: 3, State: StateNew, Payload: `{"type":"m.room.encrypted","content":{"session_id":"abc"}}`, Session: "abc", AcceptedAt: 7},
		"$parked":    {ID: 5, Position: 5, State: StateParked, Payload: `{"type":"m.room.encrypted","content":{"session_id":"def"}}`, Session: "def", AcceptedAt: 7},
		"$broken":    {ID: 6, Position: 6, State: StateParked, Payload: `{"type":`, AcceptedAt: 7},
	} {
		row, err := db.Queue.BySource(t.Context(), 1, ToWazo, source)
		require.NoError(t, err)
		want.PortalID, want.Direction, want.Kind, want.Source, want.Author = 1, ToWazo, KindMessage, source, "@robin:a"
		require.Equal(t, &want, row)
	}
	request, err := db.Queue.Request(t.Context(), 2, 0)
	require.NoError(t, err)
	require.Equal(t, `{"content":"tried"}`, request)
	row, err := db.Queue.BySource(t.Context(), 1, ToMatrix, "uuid")
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{row.Parts, row.Part})
	for part, body := range []string{"one", "two"} {
		request, err = db.Queue.Request(t.Context(), row.ID, part)
		require.NoError(t, err)
		var sent struct{ Content struct{ Body string } }
		require.NoError(t, json.Unmarshal([]byte(request), &sent))
		require.Equal(t, body, sent.Content.Body)
	}
}

func schemaOf(t *testing.T, db *Database) map[string]string {
	t.Helper()
	found := make(map[string]string)
	rows, err := db.Query(t.Context(), "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT IN ('version', 'database_owner')")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name, sql string
		require.NoError(t, rows.Scan(&name, &sql))
		found[name] = sql
	}
	require.NoError(t, rows.Err())
	return found
}
