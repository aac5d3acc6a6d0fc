package stubserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// What a busy homeserver leaves out of an answer of /sync is read from
// /messages: together they hold every event once.
func TestServerTellsEveryEventOnce(t *testing.T) {
	const before, missed, told, page = 3, 23, 5, 4
	h := startClient(t)
	room := h.MakeRoom(robin)
	var invited syncAnswer
	h.get(t, "/sync", url.Values{}, &invited)
	require.Contains(t, invited.Rooms.Invite, room)
	h.post(t, "/rooms/"+room.String()+"/join")
	for i := range before {
		h.Say(room, robin, fmt.Sprint("before ", i))
	}
	filter := fmt.Sprintf(`{"room":{"timeline":{"limit":%d}}}`, told)
	var first, second syncAnswer
	h.get(t, "/sync", url.Values{"since": {invited.NextBatch}, "filter": {filter}}, &first)
	require.Len(t, first.Rooms.Join[room].Timeline.Events, before+1, "and the bot's join")
	require.False(t, first.Rooms.Join[room].Timeline.Limited)
	require.NotEmpty(t, first.Rooms.Join[room].State.Events)

	for i := range missed {
		h.Say(room, robin, fmt.Sprint("missed ", i))
	}
	h.get(t, "/sync", url.Values{"since": {first.NextBatch}, "filter": {filter}}, &second)
	require.True(t, second.Rooms.Join[room].Timeline.Limited)
	texts := second.Rooms.Join[room].Timeline.texts()
	for from := second.Rooms.Join[room].Timeline.PrevBatch; from != ""; {
		var got struct {
			Chunk []testEvent `json:"chunk"`
			End   string      `json:"end"`
		}
		h.get(t, "/rooms/"+room.String()+"/messages", url.Values{
			"dir": {"b"}, "from": {from}, "to": {first.NextBatch}, "limit": {fmt.Sprint(page)},
		}, &got)
		for _, older := range got.Chunk {
			texts = append([]string{older.Content.Body}, texts...)
		}
		from = got.End
	}
	var want []string
	for i := range missed {
		want = append(want, fmt.Sprint("missed ", i))
	}
	require.Equal(t, want, texts)
}

func TestServerShowsARoomThatTheBotMakes(t *testing.T) {
	h := startClient(t)
	h.JoinAll()
	var made struct {
		Room id.RoomID `json:"room_id"`
	}
	h.do(t, http.MethodPost, "/createRoom", `{"name": "Project X", "initial_state": [{"type": "x.own", "state_key": "k", "content": {"a": 1}}]}`, &made)
	var answer syncAnswer
	h.get(t, "/sync", url.Values{}, &answer)
	require.Contains(t, answer.Rooms.Join, made.Room)
	h.do(t, http.MethodPut, "/rooms/"+made.Room.String()+"/state/m.room.member/"+robin.String(), `{"membership": "invite"}`, &struct{}{})
	require.NoError(t, h.Await(t.Context(), func(v *View) bool { return v.Joined() == 1 }))
	var content struct{ A int }
	h.get(t, "/rooms/"+made.Room.String()+"/state/x.own/k", nil, &content)
	require.Equal(t, 1, content.A)
	sent := make(map[string]bool)
	for range 2 {
		var event struct {
			ID string `json:"event_id"`
		}
		h.do(t, http.MethodPut, "/rooms/"+made.Room.String()+"/send/m.room.message/1", `{"msgtype": "m.text", "body": "Hello"}`, &event)
		sent[event.ID] = true
	}
	require.Len(t, sent, 1, "the same transaction makes one event")
	require.Equal(t, []string{"Hello"}, h.Relayed(made.Room))
	require.NoError(t, h.Faults())
}

func TestServerNamesRequestsThatItDoesNotKnow(t *testing.T) {
	h := startClient(t)
	resp, err := http.Get(h.URL() + "/_matrix/client/v3/capabilities")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.ErrorContains(t, h.Faults(), "GET /_matrix/client/v3/capabilities")
}

const (
	bot   = id.UserID("@bot:a.example")
	robin = id.UserID("@robin:a.example")
)

// client is the server with the access token of the bot.
type client struct {
	*Server
	token string
}

func startClient(t *testing.T) *client {
	t.Helper()
	h := &client{Server: Start(bot, "secret")}
	t.Cleanup(h.Close)
	var login struct {
		Token string `json:"access_token"`
	}
	h.do(t, http.MethodPost, "/login", `{"password": "secret"}`, &login)
	h.token = login.Token
	return h
}

type testEvent struct {
	Content struct {
		Body string `json:"body"`
	} `json:"content"`
}

type timeline struct {
	Events    []testEvent `json:"events"`
	Limited   bool        `json:"limited"`
	PrevBatch string      `json:"prev_batch"`
}

func (t timeline) texts() (texts []string) {
	for _, evt := range t.Events {
		texts = append(texts, evt.Content.Body)
	}
	return texts
}

type syncAnswer struct {
	NextBatch string `json:"next_batch"`
	Rooms     struct {
		Join map[id.RoomID]struct {
			Timeline timeline `json:"timeline"`
			State    struct {
				Events []json.RawMessage `json:"events"`
			} `json:"state"`
		} `json:"join"`
		Invite map[id.RoomID]struct{} `json:"invite"`
	} `json:"rooms"`
}

func (h *client) get(t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	h.do(t, http.MethodGet, path+"?"+query.Encode(), "", into)
}

func (h *client) post(t *testing.T, path string) {
	t.Helper()
	h.do(t, http.MethodPost, path, "{}", &struct{}{})
}

func (h *client) do(t *testing.T, method, path, body string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.URL()+"/_matrix/client/v3"+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}
