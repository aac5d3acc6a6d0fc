package relay

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/dbtest"
)

// fillDisk leaves the database no room to grow until the returned function is called.
func (f *fixture) fillDisk() (makeRoom func()) {
	f.Helper()
	if dbtest.Enabled() {
		return dbtest.RefuseWrites(f, f.db.Database, "INSERT", "payload", "length(NEW.content) > 15000")
	}
	f.db.RawDB.SetMaxOpenConns(1) // the limit is per connection
	var pages int
	require.NoError(f, f.db.QueryRow(f.ctx, `PRAGMA page_count`).Scan(&pages))
	limit := func(pages int) {
		f.Helper()
		var got int
		require.NoError(f, f.db.QueryRow(f.ctx, `PRAGMA max_page_count = `+strconv.Itoa(pages)).Scan(&got))
	}
	limit(pages + 1)
	return func() { limit(1 << 30) }
}

func TestFullDiskStopsAcceptingAndRecovers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.awaitEmpty()
	f.matrix.setPaused(true)
	makeRoom := f.fillDisk()
	before, err := f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)

	text := strings.Repeat("x", 15_000) // more than a page, less than an event
	evt := &event.Event{ID: "$big", Sender: adminUser, RoomID: roomID, Type: event.EventMessage}
	require.NoError(t, json.Unmarshal([]byte(`{"msgtype": "m.text", "body": "`+text+`"}`), &evt.Content))
	answer := Sync{Since: before, NextBatch: "after", Rooms: []RoomSync{{Room: roomID, Events: []Event{{Event: evt}}}}}
	require.ErrorContains(t, f.core.AcceptSync(f.ctx, answer), "full")
	token, err := f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	require.Equal(t, before, token, "what is not stored is not acknowledged")
	// Wazo's messages are not acknowledged either: the connection is given up, and history brings them.
	f.wazo.Post(f.room.UUID, f.alice, "wazo "+text, "")

	makeRoom()
	require.NoError(t, f.core.AcceptSync(f.ctx, answer))
	f.awaitRelayed(text)
	f.awaitShown("Alice Martin: wazo " + text)
}
