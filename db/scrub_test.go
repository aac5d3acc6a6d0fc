package db

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// files returns what the files of a database contain.
func files(t *testing.T, path string) (data []byte) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(path + suffix)
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		data = append(data, content...)
	}
	return data
}

// deliver queues a text, stores a request for it, and takes it out of the queue.
func (db *Database) deliver(t *testing.T, portal *Portal, text string) {
	t.Helper()
	_, err := db.Queue.Insert(t.Context(), &Row{PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: text, Payload: text + text, State: StateNew})
	require.NoError(t, err)
	row, err := db.Queue.BySource(t.Context(), portal.ID, ToMatrix, text)
	require.NoError(t, err)
	_, err = db.Queue.MarkAttempted(t.Context(), row, []string{text}, ms(1))
	require.NoError(t, err)
	there, err := db.Queue.Delete(t.Context(), row.ID)
	require.NoError(t, err)
	require.True(t, there)
}

func TestDeletedTextsAreGone(t *testing.T) {
	t.Parallel()
	const text = "nobody may read this any more"
	for _, test := range []struct {
		name string
		then func(t *testing.T, db *Database, path string) (after string)
	}{
		{name: "while the database is open", then: func(t *testing.T, db *Database, path string) string {
			require.NoError(t, db.Scrub(t.Context()))
			return path
		}},
		{name: "after it was closed", then: func(t *testing.T, db *Database, path string) string {
			require.NoError(t, db.Close())
			return path
		}},
		{name: "after the relay was killed and started again", then: func(t *testing.T, db *Database, path string) string {
			killed := filepath.Join(t.TempDir(), "relay.db")
			for _, suffix := range []string{"", "-wal"} {
				data, err := os.ReadFile(path + suffix)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(killed+suffix, data, 0o600))
			}
			require.Contains(t, string(files(t, killed)), text, "that is why the log is emptied")
			require.NoError(t, openAt(t, killed, "key").Scrub(t.Context()))
			return killed
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "relay.db")
			db := openAt(t, path, "key")
			db.deliver(t, db.addPortal(t, "a"), text)
			require.NotContains(t, string(files(t, test.then(t, db, path))), text)
		})
	}

	t.Run("while somebody reads, at the next time", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		portal := db.addPortal(t, "a")
		rows, err := db.RawDB.Query("SELECT title FROM portal")
		require.NoError(t, err)
		require.True(t, rows.Next())
		db.deliver(t, portal, text)
		require.NoError(t, db.Scrub(t.Context()))
		require.NoError(t, rows.Close())
		require.NoError(t, db.Scrub(t.Context()))
		require.NotContains(t, string(files(t, path)), text)
	})

	t.Run("of an earlier version that did not overwrite them", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		portal := db.addPortal(t, "a")
		db.RawDB.SetMaxOpenConns(1) // what follows is said to a connection
		for _, statement := range []string{"PRAGMA secure_delete = OFF", "PRAGMA user_version = 0"} {
			_, err := db.Exec(t.Context(), statement)
			require.NoError(t, err)
		}
		for i := range 20 {
			db.deliver(t, portal, fmt.Sprint(text, strings.Repeat("!", 1000*i)))
		}
		require.NoError(t, db.Database.Close())
		require.NoError(t, db.lock.Close())
		require.Contains(t, string(files(t, path)), text)
		db = openAt(t, path, "key")
		require.NoError(t, db.Scrub(t.Context()))
		require.NotContains(t, string(files(t, path)), text)
		require.Equal(t, 1, db.count(t, "portal"))
	})
}

// secure_delete alone would fail this test: SQLite copies rows between pages and does not overwrite all that is left
// behind.
func TestNothingIsLeftBehindBetweenMessagesThatStay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "relay.db")
			db := openAt(t, path, "key")
			_, err := db.Exec(t.Context(), "PRAGMA synchronous = OFF") // for speed
			require.NoError(t, err)
			portal := db.addPortal(t, "a")
			random := rand.New(rand.NewPCG(seed, 0))
			var alive []*Row
			for i := range 500 {
				source := fmt.Sprintf("text%04d.", i)
				_, err = db.Queue.Insert(t.Context(), &Row{
					PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: source, State: StateNew,
					Payload: strings.Repeat(source, 1+random.IntN([]int{5, 100, 600}[random.IntN(3)])),
				})
				require.NoError(t, err)
				row, err := db.Queue.BySource(t.Context(), portal.ID, ToMatrix, source)
				require.NoError(t, err)
				alive = append(alive, row)
				for len(alive) > random.IntN(60) {
					gone := random.IntN(len(alive))
					_, err = db.Queue.MarkAttempted(t.Context(), alive[gone], []string{alive[gone].Payload}, ms(1))
					require.NoError(t, err)
					_, err = db.Queue.Delete(t.Context(), alive[gone].ID)
					require.NoError(t, err)
					alive = slices.Delete(alive, gone, gone+1)
				}
			}
			want := make(map[string]string)
			for _, row := range alive {
				want[row.SourceID] = row.Payload
			}
			require.NoError(t, db.Scrub(t.Context()))
			for _, found := range regexp.MustCompile(`text\d{4}\.`).FindAll(files(t, path), -1) {
				require.Contains(t, want, string(found))
			}
			for source, payload := range want {
				row, err := db.Queue.BySource(t.Context(), portal.ID, ToMatrix, source)
				require.NoError(t, err)
				require.Equal(t, payload, row.Payload, "what stays is not changed")
			}
		})
	}
}

func TestScrubKeepsEveryTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	db := openAt(t, path, "key")
	portal := db.addPortal(t, "a")
	db.queueLarge(t, portal, "large")
	row, err := db.Queue.Next(t.Context(), portal.ID, ToMatrix)
	require.NoError(t, err)
	_, err = db.Queue.MarkAttempted(t.Context(), row, []string{"a", "ü\x00b", ""}, ms(1))
	require.NoError(t, err)
	for _, statement := range []string{
		"INSERT INTO orphan (portal_id, wazo_uuid, alias, content, created_at) SELECT id, 'uuid', 'alias', 'content', 7 FROM portal",
		"INSERT INTO inbox (kind, room, event_id, payload, accepted_at) VALUES ('command', '!r', '$2', '{}', 8), ('command', '!r', '$1', '{}', 9)",
		"INSERT INTO notice (room, markdown, created_at) VALUES ('!r', '**text**', 8)",
		"INSERT INTO wazo_command (wazo_uuid, wazo_room, content) VALUES ('uuid', 'room', '!wazo help')",
	} {
		_, err = db.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	dump := func() (lines []string) {
		for table := range textTables {
			rows, err := db.RawDB.Query("SELECT * FROM " + table + " ORDER BY rowid")
			require.NoError(t, err)
			columns, err := rows.Columns()
			require.NoError(t, err)
			for rows.Next() {
				values := make([]any, len(columns))
				for i := range values {
					values[i] = new(any)
				}
				require.NoError(t, rows.Scan(values...))
				line := table
				for _, value := range values {
					line += fmt.Sprintf(" %T %v", *value.(*any), *value.(*any))
				}
				lines = append(lines, line)
			}
			require.NoError(t, rows.Err())
			require.NoError(t, rows.Close())
		}
		return lines
	}
	before := dump()
	require.Len(t, before, 1+3+1+2+1+1)
	require.NoError(t, db.Scrub(t.Context()))
	require.NotEmpty(t, db.scrubbed)
	require.ElementsMatch(t, before, dump())
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	require.Zero(t, info.Size())

	t.Run("a queue that is too long is left for later", func(t *testing.T) {
		for i := range maxScrubbed / largePayload {
			db.queueLarge(t, portal, fmt.Sprint("large ", i))
		}
		require.NoError(t, db.Scrub(t.Context()))
		require.Empty(t, db.scrubbed)
		require.Equal(t, 1+maxScrubbed/largePayload, db.count(t, "payload"))
	})
}

func BenchmarkSmallMessage(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "relay.db"), "key", zerolog.Nop())
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	account, err := db.Account.Relay(b.Context(), "relay")
	require.NoError(b, err)
	portal := &Portal{MatrixRoom: "!a:a.example", WazoRoom: "a", Title: "a", ReaderID: account.ID, LinkedBy: "@robin:a.example"}
	require.NoError(b, db.Portal.Insert(b.Context(), portal))
	request := []string{strings.Repeat("x", 300)}
	for i := 0; b.Loop(); i++ {
		source := fmt.Sprint(i)
		_, err := db.Queue.Insert(b.Context(), &Row{
			PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: source, Author: "alice", Position: 1, Payload: request[0], State: StateNew, AcceptedAt: ms(1),
		})
		require.NoError(b, err)
		db.deliverLarge(b, portal, source, request)
	}
}

// BenchmarkScrub measures what KeepClean does after a message was delivered, beside a queue of a hundred messages.
func BenchmarkScrub(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "relay.db"), "key", zerolog.Nop())
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	account, err := db.Account.Relay(b.Context(), "relay")
	require.NoError(b, err)
	portal := &Portal{MatrixRoom: "!a:a.example", WazoRoom: "a", Title: "a", ReaderID: account.ID, LinkedBy: "@robin:a.example"}
	require.NoError(b, db.Portal.Insert(b.Context(), portal))
	for i := 0; b.Loop(); i++ {
		_, err := db.Queue.Insert(b.Context(), &Row{PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: fmt.Sprint(i), Payload: strings.Repeat("x", 300), State: StateNew})
		require.NoError(b, err)
		if i >= 100 {
			_, err = db.Exec(b.Context(), "DELETE FROM queue WHERE source_id = $1", fmt.Sprint(i-100))
			require.NoError(b, err)
		}
		require.NoError(b, db.Scrub(b.Context()))
	}
}
