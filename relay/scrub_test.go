package relay

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inFiles reports whether a text is anywhere in the files of the database.
func (w *world) inFiles(text string) bool {
	w.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		data, err := os.ReadFile(w.dbPath + suffix)
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(w, err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

func TestDeliveredTextsLeaveTheFiles(t *testing.T) {
	t.Parallel()
	const first, second, third = "the-first-xylophone", "the-second-xylophone", "the-third-xylophone"
	w := newWorld(t)
	w.start()
	w.link()
	w.matrix.say(adminUser, first)
	w.wazo.Post(w.room.UUID, w.alice, second, "")
	w.awaitRelayed(first)
	w.awaitShown("Alice Martin: " + second)
	w.awaitEmpty()
	require.Eventually(t, func() bool { return !w.inFiles(first) && !w.inFiles(second) }, 30*time.Second, 50*time.Millisecond, "while the relay runs")

	w.matrix.say(adminUser, third)
	w.awaitRelayed(first, third)
	w.awaitEmpty()
	w.halt()
	require.False(t, w.inFiles(third), "after it was stopped")
	w.start()
	require.False(t, w.inFiles(third), "after it was started again")
}
