package relay

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// snapshot copies the database of a halted world; restore brings it back.
func (w *world) snapshot() (restore func()) {
	w.Helper()
	data, err := os.ReadFile(w.dbPath)
	require.NoError(w, err)
	w.matrix.mu.Lock()
	defer w.matrix.mu.Unlock()
	batch, synced := w.matrix.batch, len(w.matrix.rooms[roomID])
	return func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(w.dbPath + suffix); err != nil && !os.IsNotExist(err) {
				require.NoError(w, err)
			}
		}
		require.NoError(w, os.WriteFile(w.dbPath, data, 0o600))
		w.matrix.mu.Lock()
		defer w.matrix.mu.Unlock()
		w.matrix.batch, w.matrix.synced[roomID] = batch, synced
		clear(w.matrix.byTxn) // homeservers forget transaction ids
	}
}

func TestDatabaseRestoredFromABackupDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 5} {
		t.Run(fmt.Sprintf("timeline limit %d", limit), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.matrix.limit = limit
			w.start()
			w.link()
			w.matrix.say(adminUser, "before")
			w.wazo.Post(w.room.UUID, w.alice, "before", "")
			w.awaitRelayed("before")
			w.awaitShown("Alice Martin: before")
			w.awaitEmpty()
			w.halt()
			restore := w.snapshot()
			w.start()
			texts := []string{"ok", "ok", "one", "two", "ok", "three", "four"}
			for _, text := range texts {
				w.matrix.say(adminUser, text)
				w.wazo.Post(w.room.UUID, w.bob, text, "")
			}
			toWazo := append([]string{"before"}, texts...)
			toMatrix := append([]string{"Alice Martin: before"}, prefixed("Bob Stone: ", texts)...)
			w.awaitRelayed(toWazo...)
			w.awaitShown(toMatrix...)
			w.awaitEmpty()
			w.halt()
			restore()
			w.matrix.say(adminUser, "ok")
			w.start()
			w.matrix.say(adminUser, "after")
			w.wazo.Post(w.room.UUID, w.bob, "after", "")
			w.awaitRelayed(append(toWazo, "ok", "after")...)
			w.awaitShown(append(toMatrix, "Bob Stone: after")...)
			w.awaitEmpty()
			require.Equal(t, append(toWazo, "ok", "after"), w.relayed())
			require.Equal(t, append(toMatrix, "Bob Stone: after"), w.matrix.shown())
		})
	}
}
