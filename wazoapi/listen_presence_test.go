package wazoapi

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// presenceHandler is a handler that hears of its own presence.
type presenceHandler struct {
	*recordingHandler
	updated chan struct{}
}

var _ PresenceHandler = presenceHandler{}

func (presenceHandler) HearsPresence() bool                  { return true }
func (h presenceHandler) OwnPresenceUpdated(context.Context) { h.updated <- struct{}{} }

func TestListenHearsOfTheAccountsOwnPresence(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), presenceHandler{newRecordingHandler(), make(chan struct{}, 10)}
	account := f.account(quickStream())
	token, err := account.Token(t.Context())
	require.NoError(t, err)
	f.handleStream(func(s *fakeStream) {
		assert.Contains(t, s.untilStart(), command{"subscribe", map[string]string{"event_name": "chatd_presence_updated"}})
		s.send(`{"op": "event", "code": 0, "data": {"name": "chatd_presence_updated", "data": {"uuid": "somebody"}}}`)
		s.send(`{"op": "event", "code": 0, "data": {"name": "chatd_presence_updated", "data": 5}}`)
		s.send(`{"op": "event", "code": 0, "data": {"name": "chatd_presence_updated", "data": {"uuid": "` + token.UserUUID.String() + `"}}}`)
		s.sendMessage("after it")
		s.serve()
	})
	stop := listen(t, account, h)
	await.Receive(t, "the own presence", h.updated)
	assert.Equal(t, "after it", await.Receive(t, "a message", h.messages))
	require.ErrorIs(t, stop(), context.Canceled)
	assert.Empty(t, h.updated, "other presences are left out")
}
