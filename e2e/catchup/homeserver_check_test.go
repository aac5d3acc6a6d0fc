package catchup

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a busy homeserver leaves out of an answer of /sync is read from
// /messages: together they hold every event once.
func TestHomeserverTellsEveryEventOnce(t *testing.T) {
	const before, missed, told, page = 3, 23, 5, 4
	h := newHomeserver(t)
	h.inviteBot()
	h.get(t, "/sync", url.Values{}, &struct{}{})
	h.post(t, "/rooms/"+room.String()+"/join")
	for i := range before {
		h.adminSays(fmt.Sprint("before ", i))
	}
	filter := fmt.Sprintf(`{"room":{"timeline":{"limit":%d}}}`, told)
	var first, second syncAnswer
	h.get(t, "/sync", url.Values{"since": {invitedToken}, "filter": {filter}}, &first)
	require.Len(t, first.timeline().Events, before+1, "and the bot's join")
	require.False(t, first.timeline().Limited)
	require.NotEmpty(t, first.Rooms.Join[room.String()].State.Events)

	for i := range missed {
		h.adminSays(fmt.Sprint("missed ", i))
	}
	h.get(t, "/sync", url.Values{"since": {first.NextBatch}, "filter": {filter}}, &second)
	require.True(t, second.timeline().Limited)
	texts := second.timeline().texts()
	for from := second.timeline().PrevBatch; from != ""; {
		var got struct {
			Chunk []event `json:"chunk"`
			End   string  `json:"end"`
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

type event struct {
	Content struct {
		Body string `json:"body"`
	} `json:"content"`
}

type timeline struct {
	Events    []event `json:"events"`
	Limited   bool    `json:"limited"`
	PrevBatch string  `json:"prev_batch"`
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
		Join map[string]struct {
			Timeline timeline `json:"timeline"`
			State    struct {
				Events []json.RawMessage `json:"events"`
			} `json:"state"`
		} `json:"join"`
	} `json:"rooms"`
}

func (a syncAnswer) timeline() timeline { return a.Rooms.Join[room.String()].Timeline }

func (h *homeserver) get(t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	h.do(t, http.MethodGet, path+"?"+query.Encode(), into)
}

func (h *homeserver) post(t *testing.T, path string) {
	t.Helper()
	h.do(t, http.MethodPost, path, &struct{}{})
}

func (h *homeserver) do(t *testing.T, method, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.web.URL+"/_matrix/client/v3"+path, http.NoBody)
	require.NoError(t, err)
	resp, err := h.web.Client().Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}
