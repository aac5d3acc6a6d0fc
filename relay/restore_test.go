package relay

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// snapshot copies the database of a halted fixture; restore brings it back.
func (f *fixture) snapshot() (restore func()) {
	f.Helper()
	data, err := os.ReadFile(f.dbPath)
	require.NoError(f, err)
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	batch, synced := f.matrix.batch, len(f.matrix.rooms[roomID])
	return func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(f.dbPath + suffix); err != nil && !os.IsNotExist(err) {
				require.NoError(f, err)
			}
		}
		require.NoError(f, os.WriteFile(f.dbPath, data, 0o600))
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		f.matrix.batch, f.matrix.synced[roomID] = batch, synced
		clear(f.matrix.byTxn) // homeservers forget transaction ids
	}
}

func TestDatabaseRestoredFromABackupDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 5} {
		t.Run(fmt.Sprintf("timeline limit %d", limit), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.matrix.limit = limit
			f.start()
			f.link()
			f.matrix.say(adminUser, "before")
			f.wazo.Post(f.room.UUID, f.alice, "before", "")
			f.awaitRelayed("before")
			f.awaitShown("Alice Martin: before")
			f.awaitEmpty()
			f.halt()
			restore := f.snapshot()
			f.start()
			texts := []string{"ok", "ok", "one", "two", "ok", "three", "four"}
			for _, text := range texts {
				f.matrix.say(adminUser, text)
				f.wazo.Post(f.room.UUID, f.bob, text, "")
			}
			toWazo := append([]string{"before"}, texts...)
			toMatrix := append([]string{"Alice Martin: before"}, prefixed("Bob Stone: ", texts)...)
			f.awaitRelayed(toWazo...)
			f.awaitShown(toMatrix...)
			f.awaitEmpty()
			f.halt()
			restore()
			f.matrix.say(adminUser, "ok")
			f.start()
			f.matrix.say(adminUser, "after")
			f.wazo.Post(f.room.UUID, f.bob, "after", "")
			f.awaitRelayed(append(toWazo, "ok", "after")...)
			f.awaitShown(append(toMatrix, "Bob Stone: after")...)
			f.awaitEmpty()
			require.Equal(t, append(toWazo, "ok", "after"), f.relayed())
			require.Equal(t, append(toMatrix, "Bob Stone: after"), f.matrix.shown())
		})
	}
}
