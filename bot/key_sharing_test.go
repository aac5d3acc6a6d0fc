package bot

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
)

func TestRoomKeyReachesWhoIsThere(t *testing.T) {
	t.Parallel()
	t.Run("also a device that comes while the key is handed out", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		robin := newDevicesOf(t, adminUser, "ONE")
		var once sync.Once
		robin.claiming = func() {
			once.Do(func() {
				robin.add("TWO")
				f.receive(`"device_lists":{"changed":["` + adminUser.String() + `"]}`)
			})
		}
		f.hs.onRequest(robin.serve)
		require.NoError(t, f.send(roomID, secretText, "1"))
		require.NoError(t, f.send(roomID, secretText, "2"))
		require.Positive(t, robin.timesGiven("ONE"))
		require.Positive(t, robin.timesGiven("TWO"))
	})

	t.Run("also those of whom /sync has not told yet after a join", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.addRoom(otherRoom, adminUser)
		f.hs.setState(otherRoom, "m.room.encryption", megolm)
		require.NoError(t, f.bot.inbox.invited(t.Context(), otherRoom, adminUser))
		require.NoError(t, f.send(otherRoom, secretText, "1"))
		members, err := f.bot.client.StateStore.GetRoomJoinedOrInvitedMembers(t.Context(), otherRoom)
		require.NoError(t, err)
		require.Contains(t, members, adminUser)
	})

	t.Run("in a room whose encryption event makes no sense", func(t *testing.T) {
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", map[string]any{"algorithm": 7})
		require.NoError(t, f.send(roomID, secretText, "1"))
		f.requireEncrypted()
	})
}

// What a member's homeserver answers can make mautrix panic. That is no more than a message that waits.
func TestPanicOverAForeignAnswer(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	f.hs.setState(roomID, "m.room.encryption", megolm)
	robin := newDevicesOf(t, adminUser, "ONE")
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/keys/claim") {
			f.hs.answer(w, map[string]any{"one_time_keys": map[id.UserID]any{adminUser: map[string]any{
				"NOBODY": map[string]any{"signed_curve25519:AAAA": map[string]any{"key": "x", "signatures": map[string]any{}}},
			}}})
			return true
		}
		return robin.serve(w, r)
	})
	err := f.send(roomID, secretText, "1")
	var matrixErr *relay.MatrixError
	require.ErrorAs(t, err, &matrixErr)
	require.True(t, matrixErr.NotSent)
	require.True(t, relay.MayPass(err), "the message waits, and is not parked")
	require.Empty(t, f.hs.sentTo(roomID))
	require.True(t, f.bot.token.whileIdle(func() {}), "nothing is held")
}

func TestNothingIsHeldAfterAPanic(t *testing.T) {
	t.Parallel()
	h := newHomeserver(botUser, zerolog.Nop())
	h.sending.block(time.Millisecond) // one by one
	require.Panics(t, func() { _ = h.call(context.Background(), func() error { panic("x") }) })
	require.True(t, h.token.whileIdle(func() {}))
	require.NoError(t, h.call(context.Background(), func() error { return nil }))
}

// A device that could not decrypt the key of a room asks for it. Requests that make no sense, and those of others, are
// no harm.
func TestKeyIsGivenToWhoAsks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.hs.setState(roomID, "m.room.encryption", megolm)
	robin := newDevicesOf(t, adminUser, "ONE")
	f.start()
	f.first()
	f.hs.onRequest(robin.serve)
	require.NoError(t, f.send(roomID, secretText, "1"))
	require.Equal(t, 1, robin.timesGiven("ONE"))
	request := func(device string) map[string]any {
		return map[string]any{
			"action": "request", "requesting_device_id": device, "request_id": "1",
			"body": map[string]any{"algorithm": id.AlgorithmMegolmV1, "room_id": roomID, "session_id": f.hs.sentTo(roomID)[0].Content["session_id"]},
		}
	}
	f.hs.push(toDevice(adminUser, "m.room_key_request", map[string]any{"action": 7}))
	f.hs.push(toDevice(adminUser, "m.room_key_request", request("ONE")))
	await.Until(t, "the key to be given again", func() bool { return robin.timesGiven("ONE") == 2 })
	robin.add("TWO")
	f.hs.push(toDevice(adminUser, "m.room_key_request", request("TWO")))
	f.hs.push(toDevice(adminUser, "m.room_key_request", request("ONE")))
	await.Until(t, "the key to be given once more", func() bool { return robin.timesGiven("ONE") == 3 })
	require.Zero(t, robin.timesGiven("TWO"), "what was said before is not for a new device")
}
