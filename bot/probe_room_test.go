package bot

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

func TestTheBotSendsToItselfInARoomOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	ctx := t.Context()
	require.NoError(t, f.bot.SendToSelf(ctx, "One"))
	require.NoError(t, f.bot.SendToSelf(ctx, "Two"))
	room := id.RoomID("!made0:a.example")
	sent := f.hs.sentTo(room)
	require.Len(t, sent, 2)
	content, err := json.Marshal(sent[1].Content)
	require.NoError(t, err)
	require.Equal(t, &relay.Tag{Kind: relay.TagProbe, Nonce: "Two", By: botUser}, relay.TagOf(content, botUser))

	f.hs.mu.Lock()
	created := f.hs.created
	f.hs.mu.Unlock()
	require.Len(t, created, 1, "the room is made once")
	var request struct {
		Preset string   `json:"preset"`
		Invite []string `json:"invite"`
	}
	require.NoError(t, json.Unmarshal(created[0], &request))
	require.Equal(t, "private_chat", request.Preset)
	require.Empty(t, request.Invite)

	t.Run("and makes another one when that is gone", func(t *testing.T) {
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			gone := r.Method == http.MethodPut && strings.Contains(r.URL.Path, room.String())
			if gone {
				refuse(w, http.StatusForbidden, "M_FORBIDDEN")
			}
			return gone
		})
		require.NoError(t, f.bot.SendToSelf(ctx, "Three"))
		require.Len(t, f.hs.sentTo("!made1:a.example"), 1)
		kept, err := f.db.Setting.Get(ctx, db.SettingProbeRoom)
		require.NoError(t, err)
		require.Equal(t, "!made1:a.example", kept)
	})
}
