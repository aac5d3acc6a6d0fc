package bot

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestAgeOfAnEvent(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name       string
		unsigned   int64 // ms
		sent       time.Time
		acceptedAt time.Time
		want       time.Duration
	}{
		{"the homeserver tells it", 5000, now.Add(-time.Hour), now, 5 * time.Second},
		{"it grows while the event waits in the inbox", 5000, now, now.Add(-time.Minute), 65 * time.Second},
		{"without it the clocks have to do", 0, now.Add(-time.Minute), now, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			evt := &event.Event{Timestamp: test.sent.UnixMilli(), Unsigned: event.Unsigned{Age: test.unsigned}}
			require.InDelta(t, test.want, age(evt, jsontime.UM(test.acceptedAt)), float64(2*time.Second))
		})
	}
}

// Dendrite tells no age of an event.
func TestPingMeasuresByTheClocksIfTheHomeserverTellsNoAge(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.pushTimeline(roomID, string(toJSON(map[string]any{
		"type": "m.room.message", "event_id": f.hs.newEventID(), "sender": adminUser, "origin_server_ts": time.Now().Add(-90 * time.Second).UnixMilli(),
		"content": map[string]any{"msgtype": "m.text", "body": "!wazo ping"},
	})))
	f.hs.awaitSent(roomID, "Pong! Your message took 9")
}

func TestRefusalsAreSaidOnceAnHour(t *testing.T) {
	var r refusals
	now := time.Now()
	require.True(t, r.first(guestUser, now))
	require.False(t, r.first(guestUser, now.Add(59*time.Minute)))
	require.True(t, r.first(adminUser, now), "others are told too")
	require.True(t, r.first(guestUser, now.Add(61*time.Minute)))
}

func TestCommandIsRunOnceAlsoIfItsRemovalFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	repair := f.refuseWrites("DELETE", "inbox", "true")
	f.hs.say(roomID, adminUser, "!wazo version")
	await.Until(t, "two failures to remove the command", func() bool {
		return strings.Count(f.logged.String(), "failed to remove command from the inbox") >= 2
	})
	repair()
	f.inboxIsEmpty()
	f.hs.say(roomID, adminUser, "!wazo ping")
	f.hs.awaitSent(roomID, "Pong!")
	answers := 0
	for _, sent := range f.hs.sentTo(roomID) {
		if sent.body() == "`1.2.3`" {
			answers++
		}
	}
	require.Equal(t, 1, answers)
}

// A command that a stop left in the inbox may be obeyed before the homeserver answers.
func TestStatusBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.haveDevice()
	f.hs.addRoom(roomID, adminUser)
	f.open()
	command, err := json.Marshal(map[string]any{
		"type": "m.room.message", "event_id": "$status", "sender": adminUser, "origin_server_ts": time.Now().UnixMilli(),
		"content": map[string]any{"msgtype": "m.text", "body": "!wazo status"},
	})
	require.NoError(t, err)
	require.NoError(t, f.db.Inbox.Insert(t.Context(), &db.InboxRow{
		Kind: db.InboxCommand, Room: roomID, EventID: "$status", Payload: string(command), AcceptedAt: jsontime.UnixMilliNow(),
	}))
	require.NoError(t, f.bot.Prepare(t.Context()))
	require.NoError(t, f.core.Identify(t.Context()))
	gate := f.gateSyncs()
	f.run()
	await.Receive(t, "the first request for news", gate.asked)
	answer := f.hs.awaitSent(roomID, "- Matrix:").body()
	require.Contains(t, answer, "- Matrix: **has a problem**; the homeserver has not answered yet; this room")
	gate.pass <- struct{}{}
}

// TestAddressesStayInDirectChats: who has the same name as others is told from them by an address, but not in front of
// everybody.
func TestAddressesStayInDirectChats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, email := range []string{"ann@acme.example", "moss@acme.example"} {
		f.wazo.AddUser(wazotest.User{Username: email, Password: "x", Firstname: "Ann", Lastname: "Moss", Email: email, Tenant: f.alice.Tenant})
	}
	f.start()
	f.first()
	f.hs.addRoom(roomID, adminUser, guestUser)
	f.hs.addRoom(otherRoom, adminUser)
	f.hs.say(roomID, adminUser, "!wazo create Ann Moss")
	require.NotContains(t, f.hs.awaitSent(roomID, "Several people match").body(), "@")
	f.hs.say(otherRoom, adminUser, "!wazo create Ann Moss")
	require.Contains(t, f.hs.awaitSent(otherRoom, "Several people match").body(), "moss@acme.example")
}

// What an event edits stands beside its ciphertext. Clients need not repeat it within.
func TestEncryptedEditOfACommand(t *testing.T) {
	t.Parallel()
	f, robin := linkedWithoutKey(t, time.Minute)
	f.hs.push(robin.wholeKey())
	command := robin.message("!wazo pnig")
	var sent struct {
		EventID string `json:"event_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(command), &sent))
	f.hs.pushTimeline(roomID, command)
	f.hs.awaitSent(roomID, "I don't know the command")
	f.hs.pushTimeline(roomID, robin.editOf(sent.EventID, "!wazo ping"))
	answer := f.hs.awaitSent(roomID, "Pong!")
	require.Equal(t, map[string]any{"event_id": sent.EventID}, answer.Content["m.relates_to"].(map[string]any)["m.in_reply_to"])
	f.hs.pushTimeline(roomID, robin.editOf(sent.EventID, "not for Wazo"), robin.message("the end"))
	f.awaitOnWazo("the end")
	for _, m := range f.wazo.Messages(f.project.UUID) {
		require.NotContains(t, m.Content, "not for Wazo")
	}
}
