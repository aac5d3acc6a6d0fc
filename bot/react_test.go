package bot

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

func mayReact(context.Context) error { return nil }

func TestReactionsAreNotEncrypted(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	f.hs.setState(roomID, "m.room.encryption", megolm)
	thumb := relay.OutgoingReaction{Target: "$target", Key: "👍", Check: mayReact}
	first, err := f.bot.React(t.Context(), roomID, thumb, "t")
	require.NoError(t, err)
	again, err := f.bot.React(t.Context(), roomID, thumb, "t")
	require.NoError(t, err)
	require.Equal(t, first, again)
	sent := f.hs.sentTo(roomID)
	require.Len(t, sent, 1)
	require.Equal(t, "m.reaction", sent[0].Type)
	require.Equal(t, map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": "$target", "key": "👍"},
		relay.TagKey:   map[string]any{"kind": relay.TagReaction, "by": botUser.String()},
	}, sent[0].Content)
}

func TestReactionThatMayNotBeSent(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	refusal := errors.New("the portal is paused")
	_, err := f.bot.React(t.Context(), roomID, relay.OutgoingReaction{Target: "$target", Key: "👍", Check: func(context.Context) error { return refusal }}, "t")
	require.ErrorIs(t, err, refusal)
	var failure *relay.MatrixError
	require.ErrorAs(t, err, &failure)
	require.True(t, failure.NotSent)
	require.Empty(t, f.hs.sentTo(roomID))
}

func TestReactionThatTheHomeserverHasAlready(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if isSend(r, roomID) {
			refuse(w, http.StatusBadRequest, "M_DUPLICATE_ANNOTATION")
			return true
		} else if !strings.HasSuffix(r.URL.Path, "/relations/$target/m.annotation/m.reaction") {
			return false
		}
		reaction := func(eventID, sender, key string) map[string]any {
			return map[string]any{"type": "m.reaction", "event_id": eventID, "sender": sender, "content": map[string]any{
				"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": "$target", "key": key},
			}}
		}
		if r.URL.Query().Get("from") == "" {
			f.hs.answer(w, map[string]any{"chunk": []any{reaction("$1", adminUser.String(), "👍"), reaction("$2", botUser.String(), "🎉")}, "next_batch": "more"})
		} else {
			f.hs.answer(w, map[string]any{"chunk": []any{reaction("$3", botUser.String(), "👍")}})
		}
		return true
	})
	_, err := f.bot.React(t.Context(), roomID, relay.OutgoingReaction{Target: "$target", Key: "👍", Check: mayReact}, "t")
	var failure *relay.MatrixError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "M_DUPLICATE_ANNOTATION", failure.Code)
	for key, want := range map[string]id.EventID{"👍": "$3", "🎉": "$2", "❤️": ""} {
		found, err := f.bot.FindReaction(t.Context(), roomID, "$target", key)
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
}

func TestTheBotRemovesItsReaction(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	require.NoError(t, f.bot.Redact(t.Context(), roomID, "$reaction"))
	require.NoError(t, f.bot.Redact(t.Context(), roomID, "$reaction"))
	require.Equal(t, []fakeRedaction{{Room: roomID, Event: "$reaction"}}, f.hs.redacted)
}
