package bot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

func TestSyncPace(t *testing.T) {
	var p syncPace
	now := time.Unix(1000, 0)
	require.Zero(t, p.after(true, now), "one message of the bot costs no pause")
	require.Equal(t, echoPause, p.after(true, now.Add(echoesFollow-1)))
	require.Equal(t, echoPause, p.after(true, now.Add(2*echoesFollow-2)), "it goes on as long as the bot sends much")
	require.Zero(t, p.after(true, now.Add(3*echoesFollow)))
	require.Zero(t, p.after(false, now.Add(3*echoesFollow+1)), "what people write ends it")
	require.Zero(t, p.after(true, now.Add(3*echoesFollow+2)))
}

func TestBringsOnlyOwn(t *testing.T) {
	const own, other, room = id.UserID("@bot:a.example"), id.UserID("@robin:a.example"), id.RoomID("!a:a.example")
	says := func(user id.UserID) relay.Event { return relay.Event{Event: &event.Event{Sender: user}} }
	state := says(own)
	state.StateKey = new(string)
	for _, test := range []struct {
		name     string
		events   []relay.Event
		keys     bool
		inbox    bool
		isOwn    bool
		withRoom bool
	}{
		{name: "the bot's own messages", events: []relay.Event{says(own), says(own)}, withRoom: true, isOwn: true},
		{name: "a message of a person", events: []relay.Event{says(own), says(other)}, withRoom: true},
		{name: "a state event of the bot", events: []relay.Event{state}, withRoom: true},
		{name: "a key", events: []relay.Event{says(own)}, withRoom: true, keys: true},
		{name: "an invite", events: []relay.Event{says(own)}, withRoom: true, inbox: true},
		{name: "nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, received := &syncAnswer{}, relay.Sync{}
			if test.withRoom {
				received.Rooms = []relay.RoomSync{{Room: room, Events: test.events}}
			}
			if test.keys {
				answer.ToDevice.Events = append(answer.ToDevice.Events, []byte("{}"))
			}
			if test.inbox {
				received.Inbox = []relay.InboxItem{{}}
			}
			require.Equal(t, test.isOwn, bringsOnlyOwn(answer, received, own))
		})
	}
}
