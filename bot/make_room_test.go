package bot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const madeChat = id.RoomID("!made0:a.example")

// startMapped starts the relay with robin mapped to alice, whom the chat "Lunch" has with the relay account, and
// "Project" with bob.
func (f *fixture) startMapped() {
	f.Helper()
	f.hs.shy = true
	f.start()
	f.first()
	_, err := f.core.Map(f.Context(), adminUser, adminUser, f.alice.UUID, true)
	require.NoError(f, err)
}

// portal returns the portal of a room, nil if there is none.
func (f *fixture) portal(room id.RoomID) *db.Portal {
	f.Helper()
	portal, err := f.core.Portal(f.Context(), room)
	require.NoError(f, err)
	return portal
}

func (f *fixture) awaitInvites(n int) {
	f.Helper()
	f.hs.await(fmt.Sprintf("%d invites", n), func() bool { return len(f.hs.invites) >= n })
}

func TestRoomOfAConversation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startMapped()
	f.wazo.Post(f.project.UUID, f.alice, "hello", "")
	f.awaitInvites(1)
	require.Equal(t, fakeInvite{Room: madeChat, User: adminUser}, f.hs.invites[0])
	var request struct {
		Preset, Name, Topic string
		Invite              []string
		Levels              map[string]any `json:"power_level_content_override"`
		State               []struct {
			Type     string          `json:"type"`
			StateKey *string         `json:"state_key"`
			Content  json.RawMessage `json:"content"`
		} `json:"initial_state"`
		Direct bool `json:"is_direct"`
	}
	require.NoError(t, json.Unmarshal(f.hs.created[0], &request))
	require.Equal(t, "private_chat", request.Preset)
	require.Equal(t, "Project", request.Name)
	require.Equal(t, txt.ConversationTopic(), request.Topic)
	require.Empty(t, request.Invite, "an invite that is limited would make the whole request fail")
	require.Equal(t, map[string]any{"invite": 100.0}, request.Levels, "no users, which room version 12 forbids")
	require.False(t, request.Direct)
	state := make(map[string]string)
	for _, evt := range request.State {
		require.NotNil(t, evt.StateKey)
		state[evt.Type+" "+*evt.StateKey] = string(evt.Content)
	}
	require.JSONEq(t, `{"history_visibility":"invited"}`, state["m.room.history_visibility "])
	require.JSONEq(t, `{"guest_access":"forbidden"}`, state["m.room.guest_access "])
	require.JSONEq(t, `{"join_rule":"invite"}`, state["m.room.join_rules "])
	bridge := fmt.Sprintf(`{"bridgebot":%q,"protocol":{"id":"wazo","displayname":"Wazo"},"channel":{"id":%q,"displayname":"Project"}}`, botUser, f.project.UUID)
	require.JSONEq(t, bridge, state["m.bridge io.wazo.relay://wazo/"+f.project.UUID])
	require.JSONEq(t, bridge, state["uk.half-shot.bridge io.wazo.relay://wazo/"+f.project.UUID])
	require.Contains(t, state["io.wazo.relay.portal "+f.project.UUID], f.project.UUID)
	require.NotContains(t, state, "m.room.encryption ")
	encrypted := f.bot.roomRequest(relay.RoomPlan{Encrypted: true})
	require.Contains(t, string(toJSON(encrypted)), "m.room.encryption")

	f.hs.allSeen()
	require.Empty(t, f.hs.sentTo(madeChat), "nobody is there yet")
	f.hs.answerInvite(madeChat, "join")
	f.hs.awaitSent(madeChat, "hello")
	f.hs.allSeen()
	for _, sent := range f.hs.sentTo(madeChat) {
		require.NotContains(t, sent.body(), "I can relay messages", "nobody waits to be greeted")
	}
	f.hs.say(madeChat, adminUser, "hi")
	await.Until(t, "the answer on Wazo", func() bool { return f.countOnWazo("hi") > 0 })

	t.Run("mute is answered", func(t *testing.T) {
		f.hs.say(madeChat, adminUser, "!wazo mute")
		f.hs.awaitSent(madeChat, "I will not invite you to the Wazo chat")
	})
	t.Run("the bot leaves after everybody else", func(t *testing.T) {
		f.hs.answerInvite(madeChat, "leave")
		f.hs.await("the bot to leave", func() bool { return len(f.hs.left) == 1 })
		require.Equal(t, fakeLeave{madeChat, txt.ConversationOver()}, f.hs.left[0])
		require.Nil(t, f.portal(madeChat))
	})
}

func TestDirectConversation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lunch := f.wazo.CreateRoom("Lunch", f.account, f.alice)
	f.startMapped()
	f.wazo.Post(lunch.UUID, f.alice, "hello", "")
	f.awaitInvites(1)
	require.Equal(t, fakeInvite{Room: madeChat, User: adminUser, Direct: true}, f.hs.invites[0])
	require.Contains(t, string(f.hs.created[0]), `"is_direct":true`)
}

func TestDirectInviteFallsBackToAnOrdinaryOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startMapped()
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/state/m.room.member/") {
			refuse(w, http.StatusForbidden, "M_FORBIDDEN")
			return true
		}
		return false
	})
	f.hs.addRoom(otherRoom)
	require.NoError(t, f.bot.Invite(t.Context(), otherRoom, guestUser, true))
	require.Equal(t, []fakeInvite{{otherRoom, guestUser, false}}, f.hs.invites)
}

// The answer to the request for the room is lost, but the room is there.
func TestRoomWhoseAnswerWasLostIsAdopted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.hs.losesRooms = true
	f.startMapped()
	f.wazo.Post(f.project.UUID, f.alice, "hello", "")
	f.awaitInvites(1)
	require.NotNil(t, f.portal(madeChat))
	require.Len(t, f.hs.created, 1)
}

func TestRoomThatSomebodyElseMarksIsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startMapped()
	marker := func(sender id.UserID, key string) string {
		return string(toJSON(map[string]any{
			"type": relay.MarkerType.Type, "state_key": key, "event_id": f.hs.newEventID(), "sender": sender,
			"content": map[string]any{"wazo_room": f.project.UUID, "title": "Project", "from": 1, "until": 1},
		}))
	}
	f.hs.addRoom(roomID, guestUser)
	f.hs.addRoom(otherRoom)
	f.hs.pushTimeline(roomID, marker(guestUser, f.project.UUID))
	f.hs.pushTimeline(roomID, marker(botUser, "another room"))
	f.hs.allSeen()
	require.Nil(t, f.portal(roomID))
	f.hs.pushTimeline(otherRoom, marker(botUser, f.project.UUID))
	f.hs.allSeen()
	require.NotNil(t, f.portal(otherRoom), "this is what the bot's own marker does")

	t.Run("a second room is left", func(t *testing.T) {
		f.hs.pushTimeline(roomID, marker(botUser, f.project.UUID))
		f.hs.await("the bot to leave", func() bool { return len(f.hs.left) > 0 })
		require.Equal(t, roomID, f.hs.left[0].Room)
		require.Nil(t, f.portal(roomID))
	})
}

// The homeserver limits new rooms and invites for a long time. The messages of other rooms go on.
func TestLimitsOnRoomsAndInvitesHoldUpNoMessages(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/createRoom", "/invite"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.hs.shy = true
			f.start()
			f.first()
			f.link()
			dinner := f.wazo.CreateRoom("Dinner", f.account, f.alice, f.wazo.AddUser(wazotest.User{Username: "carol", Password: "secret", Firstname: "Carol", Tenant: f.alice.Tenant}))
			_, err := f.core.Map(f.Context(), adminUser, adminUser, f.alice.UUID, true)
			require.NoError(t, err)
			free := make(chan struct{})
			asked := make(chan struct{}, 100)
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, path) {
					return false
				}
				select {
				case <-free:
					return false
				default:
					asked <- struct{}{}
					limited(w, 500*time.Millisecond)
					return true
				}
			})
			f.wazo.Post(dinner.UUID, f.alice, "dinner?", "")
			await.Receive(t, "the request", asked)
			for i := range 3 {
				text := fmt.Sprintf("still there %d", i)
				f.wazo.Post(f.project.UUID, f.alice, text, "")
				f.hs.awaitSent(roomID, text)
			}
			require.False(t, f.bot.IsLimited(), "so that messages are not merged")
			require.Empty(t, f.hs.invites)
			close(free)
			f.awaitInvites(1)
			f.hs.answerInvite(madeChat, "join")
			f.hs.awaitSent(madeChat, "dinner?")
		})
	}
}

func TestRemoveAndRename(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startMapped()
	f.wazo.Post(f.project.UUID, f.alice, "hello", "")
	f.awaitInvites(1)
	f.hs.answerInvite(madeChat, "join")
	f.hs.awaitSent(madeChat, "hello")
	f.hs.setState(madeChat, "m.room.name", map[string]any{"name": "Project"})
	f.wazo.RenameRoom(f.project.UUID, "Plan B")
	await.Until(t, "the new name", func() bool { return f.bot.RoomName(t.Context(), madeChat) == "Plan B" })
	require.NoError(t, f.bot.SetRoomTopic(t.Context(), madeChat, "Plans"))
	topic, err := f.bot.RoomTopic(t.Context(), madeChat)
	require.NoError(t, err)
	require.Equal(t, "Plans", topic)
	_, _, err = f.core.Unmap(t.Context(), adminUser, adminUser.String(), true)
	require.NoError(t, err)
	f.hs.await("the removal", func() bool { return len(f.hs.kicked) == 1 })
	require.Equal(t, fakeLeave{madeChat, txt.ConversationKick()}, f.hs.kicked[0])
}

func TestUnlinkInTheRoomOfAConversation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startMapped()
	_, err := f.core.Map(t.Context(), adminUser, "@sam:a.example", f.alice.UUID, true)
	require.NoError(t, err)
	f.wazo.Post(f.project.UUID, f.alice, "hello", "")
	f.awaitInvites(1)
	f.hs.answerInvite(madeChat, "join")
	f.hs.awaitSent(madeChat, "hello")
	f.hs.say(madeChat, "@sam:a.example", "!wazo unlink")
	f.hs.awaitSent(madeChat, words.Unescape(txt.CannotUnlinkOpened())[:30])
	require.NotNil(t, f.portal(madeChat))
	f.hs.say(madeChat, adminUser, "!wazo unlink")
	f.hs.await("the bot to leave", func() bool { return len(f.hs.left) == 1 })
}
