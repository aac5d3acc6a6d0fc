package bot

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

func TestRoomKeyReachesWhoIsThere(t *testing.T) {
	t.Parallel()
	t.Run("also a device that comes while the key is handed out", func(t *testing.T) {
		w := loggedIn(t)
		w.hs.setState(roomID, "m.room.encryption", megolm)
		robin := newDevicesOf(t, adminUser, "ONE")
		var once sync.Once
		robin.claiming = func() {
			once.Do(func() {
				robin.add("TWO")
				w.receive(`"device_lists":{"changed":["` + adminUser.String() + `"]}`)
			})
		}
		w.hs.onRequest(robin.serve)
		require.NoError(t, w.send(roomID, secretText, "1"))
		require.NoError(t, w.send(roomID, secretText, "2"))
		require.Positive(t, robin.timesGiven("ONE"))
		require.Positive(t, robin.timesGiven("TWO"))
	})

	t.Run("also those of whom /sync has not told yet after a join", func(t *testing.T) {
		w := loggedIn(t)
		w.hs.addRoom(otherRoom, adminUser)
		w.hs.setState(otherRoom, "m.room.encryption", megolm)
		require.NoError(t, w.bot.inbox.invited(t.Context(), otherRoom, adminUser))
		require.NoError(t, w.send(otherRoom, secretText, "1"))
		members, err := w.bot.client.StateStore.GetRoomJoinedOrInvitedMembers(t.Context(), otherRoom)
		require.NoError(t, err)
		require.Contains(t, members, adminUser)
	})

	t.Run("in a room whose encryption event makes no sense", func(t *testing.T) {
		w := loggedIn(t)
		w.hs.setState(roomID, "m.room.encryption", map[string]any{"algorithm": 7})
		require.NoError(t, w.send(roomID, secretText, "1"))
		w.requireEncrypted()
	})
}

// What a member's homeserver answers can make mautrix panic. That is no more than a message that waits.
func TestPanicOverAForeignAnswer(t *testing.T) {
	t.Parallel()
	w := loggedIn(t)
	w.hs.setState(roomID, "m.room.encryption", megolm)
	robin := newDevicesOf(t, adminUser, "ONE")
	w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/keys/claim") {
			w.hs.answer(rw, map[string]any{"one_time_keys": map[id.UserID]any{adminUser: map[string]any{
				"NOBODY": map[string]any{"signed_curve25519:AAAA": map[string]any{"key": "x", "signatures": map[string]any{}}},
			}}})
			return true
		}
		return robin.serve(rw, r)
	})
	err := w.send(roomID, secretText, "1")
	var matrixErr *relay.MatrixError
	require.ErrorAs(t, err, &matrixErr)
	require.True(t, matrixErr.NotSent)
	require.Empty(t, w.hs.sentTo(roomID))
	require.True(t, w.bot.token.whileIdle(func() {}), "nothing is held")
}

func TestNothingIsHeldAfterAPanic(t *testing.T) {
	t.Parallel()
	h := &homeserver{}
	h.limiter.block(time.Millisecond) // one by one
	require.Panics(t, func() { _ = h.call(context.Background(), func() error { panic("x") }) })
	require.True(t, h.token.whileIdle(func() {}))
	require.NoError(t, h.call(context.Background(), func() error { return nil }))
}
