package bot

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
)

// restrictedTo is the content of a join rule that lets the members of some rooms in.
func restrictedTo(rule string, rooms ...id.RoomID) map[string]any {
	allow := []any{map[string]any{"type": "org.example.future", "room_id": "!ignored:a.example"}}
	for _, room := range rooms {
		allow = append(allow, map[string]any{"type": "m.room_membership", "room_id": room})
	}
	return map[string]any{"join_rule": rule, "allow": allow}
}

func TestWhoMayJoinARestrictedRoom(t *testing.T) {
	t.Parallel()
	const space, inner, unseen = id.RoomID("!space:a.example"), id.RoomID("!inner:a.example"), id.RoomID("!unseen:a.example")
	public := map[string]any{"join_rule": "public"}
	unknown, open := txt.OpenThroughUnknown, func(room id.RoomID) string { return txt.OpenThrough(room.String(), txt.OpenJoin()) }
	for _, test := range []struct {
		name  string
		rules map[id.RoomID]map[string]any // invite where there is none
		want  string
	}{
		{"nobody but who is invited", nil, ""},
		{"the members of a closed room", map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", space)}, ""},
		{"the members of a public room", map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", space), space: public}, open(space)},
		{"the same with knocking", map[id.RoomID]map[string]any{roomID: restrictedTo("knock_restricted", space), space: public}, open(space)},
		{"knocking alone opens nothing", map[id.RoomID]map[string]any{roomID: {"join_rule": "knock"}}, ""},
		{"one of several is public", map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", inner, space), space: public}, open(space)},
		{"the bot is not in it", map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", unseen)}, unknown(unseen.String())},
		{"the bot has left it", map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", otherRoom)}, unknown(otherRoom.String())},
		{
			"by way of another restricted room",
			map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", space), space: restrictedTo("restricted", inner), inner: public},
			txt.OpenThrough(space.String(), open(inner)),
		},
		{
			"rooms that name each other let nobody in",
			map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", space), space: restrictedTo("restricted", roomID, space)}, "",
		},
		{"a rule that names no room lets nobody in", map[id.RoomID]map[string]any{roomID: restrictedTo("restricted", "")}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.first()
			for _, room := range []id.RoomID{roomID, space, inner, otherRoom} {
				f.hs.addRoom(room, adminUser)
			}
			f.hs.setMembership(otherRoom, botUser, "leave")
			for room, rule := range test.rules {
				f.hs.setState(room, "m.room.join_rules", rule)
			}
			why, err := f.bot.info.whyOpen(t.Context(), roomID)
			require.NoError(t, err)
			require.Equal(t, test.want, why)
		})
	}
}

func TestManyNamedRoomsAreNotAllLookedAt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	var many []id.RoomID
	for i := range maxNamedRooms + 1 {
		room := id.RoomID(fmt.Sprintf("!many%d:a.example", i))
		f.hs.addRoom(room)
		many = append(many, room)
	}
	f.hs.addRoom(roomID, adminUser)
	f.hs.setState(roomID, "m.room.join_rules", restrictedTo("restricted", many...))
	why, err := f.bot.info.whyOpen(t.Context(), roomID)
	require.NoError(t, err)
	require.Equal(t, txt.OpenThroughUnknown(many[maxNamedRooms].String()), why)
}

// TestAHomeserverThatFailsSaysNothingAboutANamedRoom: it is asked again, rather than taken for a room that the bot is
// not in.
func TestAHomeserverThatFailsSaysNothingAboutANamedRoom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.addRoom(roomID, adminUser)
	f.hs.addRoom(otherRoom, adminUser)
	f.hs.setState(roomID, "m.room.join_rules", restrictedTo("restricted", otherRoom))
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, otherRoom.String()+"/state") {
			return false
		}
		refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	_, err := f.bot.info.whyOpen(t.Context(), roomID)
	require.Error(t, err)
}

// TestALinkedRoomIsAsOpenAsTheSpaceThatItNames follows a linked room whose space changes: while the bot sees it, while
// the bot is away, and when the bot leaves and comes back.
func TestALinkedRoomIsAsOpenAsTheSpaceThatItNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.addRoom(roomID, adminUser)
	f.hs.addRoom(otherRoom, adminUser)
	f.hs.setState(roomID, "m.room.join_rules", restrictedTo("restricted", otherRoom))
	f.hs.say(roomID, adminUser, "!wazo link Project")
	f.awaitLinked()
	opened := txt.RoomWasOpened(txt.OpenThrough(otherRoom.String(), txt.OpenJoin()))
	unseen := txt.RoomWasOpened(txt.OpenThroughUnknown(otherRoom.String()))
	said := 0
	awaitNext := func(text string) {
		t.Helper()
		f.hs.await("the bot to say "+text, func() bool {
			for i, sent := range f.hs.sent {
				if i >= said && sent.Room == roomID && sent.body() == text {
					said = i + 1
					return true
				}
			}
			return false
		})
	}
	rule := func(content map[string]any) string {
		f.hs.setState(otherRoom, "m.room.join_rules", content)
		return string(toJSON(map[string]any{
			"type": "m.room.join_rules", "state_key": "", "event_id": f.hs.newEventID(), "sender": adminUser, "content": content,
		}))
	}

	f.hs.pushTimeline(otherRoom, rule(map[string]any{"join_rule": "public"}))
	awaitNext(opened)
	f.hs.pushTimeline(otherRoom, rule(map[string]any{"join_rule": "invite"}))
	awaitNext(txt.GoesOn())
	// What /sync leaves out of a timeline, it tells in the state before it.
	f.hs.push(fmt.Sprintf(`"rooms":{"join":{%q:{"state":{"events":[%s]}}}}`, otherRoom, rule(map[string]any{"join_rule": "public"})))
	awaitNext(opened)

	f.stop()
	rule(map[string]any{"join_rule": "invite"})
	f.start()
	awaitNext(txt.GoesOn())

	f.hs.setMembership(otherRoom, botUser, "leave")
	f.hs.push(fmt.Sprintf(`"rooms":{"leave":{%q:{"timeline":{"events":[]}}}}`, otherRoom))
	awaitNext(unseen)
	f.hs.setMembership(otherRoom, botUser, "join")
	f.hs.invite(otherRoom, adminUser)
	awaitNext(txt.GoesOn())
	await.Until(t, "an empty inbox", func() bool {
		rows, err := f.db.Inbox.All(t.Context())
		return err == nil && len(rows) == 0
	})
}

// The portal stops before the bot has asked the homeserver, by whatever stands in the state before a timeline.
func TestARoomIsOpenByAnyOfTheStateBeforeATimeline(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, roomID.String()+"/state/m.room.join_rules") {
			return false
		}
		refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	f.hs.push(fmt.Sprintf(`"rooms":{"join":{%q:{"state":{"events":[%s,%s]}}}}`, roomID,
		strings.ReplaceAll(state("m.room.join_rules", "", `{"join_rule":"public"}`), "%ID%", string(f.hs.newEventID())),
		strings.ReplaceAll(state("m.room.history_visibility", "", `{"history_visibility":"shared"}`), "%ID%", string(f.hs.newEventID()))))
	f.hs.allSeen()
	portal, err := f.core.Portal(t.Context(), roomID)
	require.NoError(t, err)
	pauses, err := f.db.Pause.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Len(t, pauses, 1)
	require.Equal(t, string(relay.PauseOpened), pauses[0].Reason)
}

// TestLinkedRoomsThatNameEachOther must not be looked at for ever.
func TestLinkedRoomsThatNameEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.addRoom(roomID, adminUser)
	f.hs.addRoom(otherRoom, adminUser)
	f.hs.setState(roomID, "m.room.join_rules", restrictedTo("restricted", otherRoom))
	f.hs.setState(otherRoom, "m.room.join_rules", restrictedTo("restricted", roomID))
	f.hs.say(roomID, adminUser, "!wazo link Project")
	f.awaitLinked()
	f.hs.say(otherRoom, adminUser, "!wazo link Lunch")
	f.hs.awaitSent(otherRoom, "Linked with")
	f.hs.pushTimeline(otherRoom, `{"type":"m.room.join_rules","state_key":"","event_id":"$rule","sender":"@robin:a.example","content":{"join_rule":"restricted"}}`)
	f.hs.allSeen()
	await.Until(t, "an empty inbox", func() bool {
		rows, err := f.db.Inbox.All(t.Context())
		return err == nil && len(rows) == 0
	})
}
