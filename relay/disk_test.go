package relay

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
)

// fillDisk leaves the database no room to grow until the returned function is called.
func (w *world) fillDisk() (makeRoom func()) {
	w.Helper()
	w.db.RawDB.SetMaxOpenConns(1) // the limit is per connection
	var pages int
	require.NoError(w, w.db.QueryRow(w.ctx, `PRAGMA page_count`).Scan(&pages))
	limit := func(pages int) {
		w.Helper()
		var got int
		require.NoError(w, w.db.QueryRow(w.ctx, `PRAGMA max_page_count = `+strconv.Itoa(pages)).Scan(&got))
	}
	limit(pages + 1)
	return func() { limit(1 << 30) }
}

func TestFullDiskStopsAcceptingAndRecovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.awaitEmpty()
	w.matrix.setPaused(true)
	makeRoom := w.fillDisk()
	before, err := w.db.Setting.Get(w.ctx, db.SettingNextBatch)
	require.NoError(t, err)

	text := strings.Repeat("x", 15_000) // more than a page, less than an event
	evt := &event.Event{ID: "$big", Sender: adminUser, RoomID: roomID, Type: event.EventMessage}
	require.NoError(t, json.Unmarshal([]byte(`{"msgtype": "m.text", "body": "`+text+`"}`), &evt.Content))
	answer := Sync{Since: before, NextBatch: "after", Rooms: []RoomSync{{Room: roomID, Events: []Event{{Event: evt}}}}}
	require.ErrorContains(t, w.core.AcceptSync(w.ctx, answer), "full")
	token, err := w.db.Setting.Get(w.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	require.Equal(t, before, token, "what is not stored is not acknowledged")
	// Wazo's messages are not acknowledged either: the connection is given up, and history brings them.
	w.wazo.Post(w.room.UUID, w.alice, "wazo "+text, "")

	makeRoom()
	require.NoError(t, w.core.AcceptSync(w.ctx, answer))
	w.awaitRelayed(text)
	w.awaitShown("Alice Martin: wazo " + text)
}
