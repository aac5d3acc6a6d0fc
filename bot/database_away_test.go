package bot

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay"
)

func TestNoEventIsAtFaultWhileTheDatabaseIs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.hs.allSeen()
	evt, err := parseEvent(json.RawMessage(f.hs.text(adminUser, "hello")), roomID)
	require.NoError(t, err)
	received := relay.Sync{Since: f.nextBatch(), NextBatch: "next", Rooms: []relay.RoomSync{{Room: roomID, Events: []relay.Event{{Event: evt}}}}}
	unlock := dbtest.LockTable(t, f.dbPath, "message")
	loop := &syncLoop{Bot: f.bot}
	loop.isolatePoison(t.Context(), received)
	unlock()
	require.NoError(t, received.Rooms[0].Events[0].ParseError, "it would be parked as unreadable")
}

func TestKeyThatComesWhileTheDatabaseIsAwayIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	robin := f.newEncrypter(adminUser)
	f.hs.allSeen()
	unlock := dbtest.LockTable(t, f.dbPath, "crypto_olm_session")
	f.hs.push(robin.wholeKey())
	f.awaitFailedSync()
	unlock()
	f.hs.pushTimeline(roomID, robin.message("hello"))
	f.awaitOnWazo("hello")
}

func TestMembersThatCannotBeStoredAreAskedForAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.allSeen()
	f.hs.setState(roomID, "m.room.encryption", megolm)
	unlock := dbtest.LockTable(t, f.dbPath, "mx_user_profile")
	_, err := f.bot.encryptedRooms.isEncrypted(t.Context(), roomID)
	require.Error(t, err, "an event would be encrypted for those who were there earlier")
	unlock()
	checked, _ := f.bot.encryptedRooms.get(roomID)
	require.False(t, checked)
	encrypted, err := f.bot.encryptedRooms.isEncrypted(t.Context(), roomID)
	require.NoError(t, err)
	require.True(t, encrypted)
}
