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
