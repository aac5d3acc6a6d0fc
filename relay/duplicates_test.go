package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// sayAgain has the homeserver store one more event of the bot, with a tag.
func (f *fixture) sayAgain(tag Tag) id.EventID {
	return f.matrix.add(roomID, botUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "again", TagKey: tag})
}

// duplicates returns the events that are to be taken back.
func (f *fixture) duplicates() (events []id.EventID) {
	f.Helper()
	rows, err := f.db.Inbox.All(f.ctx)
	require.NoError(f, err)
	for _, row := range rows {
		require.Equal(f, db.InboxDuplicate, row.Kind)
		require.Equal(f, roomID, row.Room)
		events = append(events, row.EventID)
	}
	return events
}

// A homeserver may store an event long after it was sent again, because its outcome was unknown.
func TestEventThatTheHomeserverStoresLateIsTakenBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	one := f.wazo.Post(f.room.UUID, f.alice, "one", "")
	two := f.wazo.Post(f.room.UUID, f.alice, "two", "")
	f.awaitShown("Alice Martin: one", "Alice Martin: two")
	f.awaitEmpty()
	tag := func(first string, also ...string) Tag {
		tag := Tag{Kind: TagMessage, UUID: wazoapi.UUID(first)}
		for _, uuid := range also {
			tag.Also = append(tag.Also, wazoapi.UUID(uuid))
		}
		return tag
	}
	require.Empty(t, f.duplicates(), "the echo of an event is no other event")
	again := f.sayAgain(tag(one.UUID))
	both := f.sayAgain(tag(one.UUID, two.UUID))
	f.sayAgain(tag(two.UUID, "of a later state of a database that was restored"))
	f.sayAgain(Tag{Kind: TagMessage, UUID: wazoapi.UUID(one.UUID), Part: 1}) // its second part was not shown yet
	f.sayAgain(Tag{Kind: TagNotice})
	f.matrix.say(adminUser, "last")
	f.awaitRelayed("last")
	require.Equal(t, []id.EventID{again, both}, f.duplicates())
}
