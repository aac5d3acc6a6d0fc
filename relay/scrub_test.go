package relay

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
)

// inFiles reports whether a text is anywhere in the files of the database.
func (f *fixture) inFiles(text string) bool {
	f.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		data, err := os.ReadFile(f.dbPath + suffix)
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(f, err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

func TestDeliveredTextsLeaveTheFiles(t *testing.T) {
	t.Parallel()
	dbtest.SQLiteOnly(t)
	const first, second, third = "the-first-xylophone", "the-second-xylophone", "the-third-xylophone"
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.say(adminUser, first)
	f.wazo.Post(f.room.UUID, f.alice, second, "")
	f.awaitRelayed(first)
	f.awaitShown("Alice Martin: " + second)
	f.awaitEmpty()
	await.Until(t, "the texts to leave the files while the relay runs", func() bool { return !f.inFiles(first) && !f.inFiles(second) })

	f.matrix.say(adminUser, third)
	f.awaitRelayed(first, third)
	f.awaitEmpty()
	f.halt()
	require.False(t, f.inFiles(third), "after it was stopped")
	f.start()
	require.False(t, f.inFiles(third), "after it was started again")
}
