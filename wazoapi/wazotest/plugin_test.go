package wazotest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pluginFixture is a fixture with a message in its room.
type pluginFixture struct {
	*fixture
	message Message
	access  string
}

func startPlugin(t *testing.T, opts ...Option) *pluginFixture {
	f := &pluginFixture{fixture: start(t, opts...)}
	f.message = f.Post(f.room.UUID, f.bob, "hello", "")
	f.access = f.token(`{}`)
	return f
}

func (f *pluginFixture) call(method, path, body string) (status int, contentType, answer string) {
	f.Helper()
	req, err := http.NewRequestWithContext(f.ctx, method, f.URL()+roomsPath+"/"+f.room.UUID+path, strings.NewReader(body))
	require.NoError(f, err)
	req.Header.Set("X-Auth-Token", f.access)
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, "", ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(f, err)
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(text)
}

// react sends an emoji as alice and returns the status.
func (f *pluginFixture) react(emoji string) int {
	f.Helper()
	body, err := json.Marshal(map[string]string{"emoji": emoji})
	require.NoError(f, err)
	status, _, _ := f.call(http.MethodPost, "/messages/"+f.message.UUID+"/reactions", string(body))
	return status
}

func (f *pluginFixture) unreact(escaped string) int {
	f.Helper()
	status, _, _ := f.call(http.MethodDelete, "/messages/"+f.message.UUID+"/reactions/"+escaped, "")
	return status
}

func (f *pluginFixture) emoji() []string {
	list := []string{}
	for _, x := range f.Reactions(f.room.UUID) {
		list = append(list, x.Emoji)
	}
	return list
}

func TestThePluginComesAndGoes(t *testing.T) {
	t.Parallel()
	f := startPlugin(t)
	assert.Equal(t, http.StatusNotFound, f.react("👍"))
	status, contentType, _ := f.call(http.MethodGet, "/reactions", "")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Equal(t, "text/html; charset=utf-8", contentType)

	f.SetPlugin(true)
	assert.Equal(t, http.StatusCreated, f.react("👍"))
	f.SetPlugin(false)
	assert.Equal(t, http.StatusNotFound, f.react("🎉"))
	assert.Panics(t, func() { f.React(f.room.UUID, f.message.UUID, f.bob, "🎉") })
	f.SetPlugin(true)
	assert.Equal(t, http.StatusConflict, f.react("👍"), "what was stored is there again")

	fault := f.Faults().NoPluginTables()
	for _, path := range []string{"/reactions", "/replies", "/messages/" + f.message.UUID + "/reactions"} {
		status, contentType, _ = f.call(http.MethodGet, path, "")
		assert.Equal(t, http.StatusInternalServerError, status, path)
		assert.Equal(t, "application/json", contentType, path)
	}
	assert.Equal(t, http.StatusInternalServerError, f.react("🎉"))
	assert.Equal(t, http.StatusCreated, f.post(f.access, "messages work"))
	fault.Off()
	assert.Equal(t, []string{"👍"}, f.emoji())
}

func TestFaultsOfThePlugin(t *testing.T) {
	t.Parallel()
	f := startPlugin(t, WithPlugin())
	events := f.listenTo(f.access, "chatd_user_room_message_reaction_created")

	f.Faults().RefuseRelation(JSONError(http.StatusInternalServerError), Times(1).By(f.alice))
	assert.Equal(t, http.StatusInternalServerError, f.react("1"))
	assert.Empty(t, f.emoji(), "nothing was stored")
	f.Faults().RelationPublishFails(Times(1))
	assert.Equal(t, http.StatusInternalServerError, f.react("2"))
	f.Faults().CutRelation(Times(1).InRoom(f.room.UUID))
	assert.Zero(t, f.react("3"))
	f.Faults().NoRelationEvent(Times(1))
	assert.Equal(t, http.StatusCreated, f.react("4"))
	lost := f.Faults().BusLost()
	f.React(f.room.UUID, f.message.UUID, f.bob, "5")
	lost.Off()
	assert.Equal(t, []string{"2", "3", "4", "5"}, f.emoji())
	_, frame, err := events.Read(f.ctx)
	require.NoError(t, err)
	assert.Contains(t, string(frame), `"emoji":"3"`, "the only change that was published")
	code, _ := f.closed(events)
	assert.Equal(t, websocket.StatusInternalError, code, "by the lost bus")
}

func TestAnEmojiIsOneElementOfAPath(t *testing.T) {
	t.Parallel()
	f := startPlugin(t, WithPlugin())
	for _, tt := range []struct {
		emoji, escaped string
		want           int
	}{
		{"#️⃣", "%23%EF%B8%8F%E2%83%A3", http.StatusNoContent},
		{"?", "%3F", http.StatusNoContent},
		{"%41", "%2541", http.StatusNoContent},
		{"a/b", "a%2Fb", http.StatusNotFound},
		{".", "%2E", http.StatusNotFound},
		{"..", "%2e%2e", http.StatusNotFound},
		{"", "", http.StatusNotFound},
	} {
		require.Equal(t, http.StatusCreated, f.react(tt.emoji), tt.emoji)
		assert.Equal(t, tt.want, f.unreact(tt.escaped), tt.emoji)
	}
	assert.Equal(t, []string{"a/b", ".", "..", ""}, f.emoji())
	assert.Equal(t, http.StatusBadRequest, f.unreact("%00"))
}

func TestNativeClientsUseThePlugin(t *testing.T) {
	t.Parallel()
	f := startPlugin(t, WithPlugin())
	events := f.listenTo(f.access,
		"chatd_user_room_message_reaction_created", "chatd_user_room_message_reaction_deleted", "chatd_user_room_message_reply_created")
	f.React(f.room.UUID, f.message.UUID, f.bob, "👍")
	f.Unreact(f.room.UUID, f.message.UUID, f.bob, "👍")
	answer := f.Post(f.room.UUID, f.alice, "an answer", "")
	f.MarkReply(f.room.UUID, answer.UUID, f.message.UUID, f.alice)
	for _, want := range []string{"reaction_created", "reaction_deleted", "reply_created"} {
		_, frame, err := events.Read(f.ctx)
		require.NoError(t, err)
		assert.Contains(t, string(frame), `"name":"chatd_user_room_message_`+want+`"`)
	}
	f.nothingElse(events)

	require.NoError(t, f.WaitReactions(f.ctx, f.room.UUID, func(all []Reaction) bool { return len(all) == 0 }))
	require.NoError(t, f.WaitReplies(f.ctx, f.room.UUID, func(all []Reply) bool { return len(all) == 1 }))
	f.DeleteMessage(f.room.UUID, f.message.UUID)
	replies := f.Replies(f.room.UUID)
	require.Len(t, replies, 1)
	assert.Empty(t, replies[0].ParentUUID)
	f.DeleteMessage(f.room.UUID, answer.UUID)
	assert.Empty(t, f.Replies(f.room.UUID))
	assert.Panics(t, func() { f.Unreact(f.room.UUID, f.message.UUID, f.bob, "👍") })
}
