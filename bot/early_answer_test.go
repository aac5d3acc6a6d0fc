package bot

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
)

const encryptionState = "/state/m.room.encryption"

// askAhead asks in advance, and waits until the answers are there.
func (f *fixture) askAhead() {
	f.Helper()
	f.bot.AskAhead(f.Context(), roomID)
	f.bot.encryptedRooms.mu.Lock()
	early := f.bot.encryptedRooms.early[roomID]
	f.bot.encryptedRooms.mu.Unlock()
	if early != nil {
		<-early.done
	}
}

func TestAnEarlyAnswerServesOneEvent(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	f.askAhead()
	require.Equal(t, 1, f.hs.asked(encryptionState))
	require.NoError(t, f.send(roomID, "first", "1"))
	require.Equal(t, 1, f.hs.asked(encryptionState), "it was asked in advance")
	require.NoError(t, f.send(roomID, "second", "2"))
	require.Equal(t, 2, f.hs.asked(encryptionState), "each event has an answer of its own")
	for range 5 {
		f.askAhead()
	}
	require.Equal(t, 3, f.hs.asked(encryptionState))
}

func TestAnEarlyAnswerIsNotBelieved(t *testing.T) {
	t.Parallel()
	t.Run("if the room has become encrypted, as /sync says", func(t *testing.T) {
		t.Parallel()
		f := loggedIn(t)
		f.askAhead()
		f.hs.setState(roomID, "m.room.encryption", megolm)
		f.bot.encryptedRooms.setEncrypted(roomID)
		require.NoError(t, f.send(roomID, secretText, "t"))
		f.requireEncrypted()
	})
	t.Run("if an event was sent to the room since the question", func(t *testing.T) {
		t.Parallel()
		f := loggedIn(t)
		f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/send/m.room.message/") {
				f.askAhead()
				f.hs.setState(roomID, "m.room.encryption", megolm)
			}
			return false
		})
		require.NoError(t, f.send(roomID, "crosses the news", "s"))
		require.NoError(t, f.send(roomID, secretText, "t"))
		sent := f.hs.sentTo(roomID)
		require.Len(t, sent, 2)
		require.Equal(t, "m.room.message", sent[0].Type)
		require.Equal(t, "m.room.encrypted", sent[1].Type)
	})
	t.Run("if it is old", func(t *testing.T) {
		t.Parallel()
		f := loggedIn(t)
		f.askAhead()
		f.hs.setState(roomID, "m.room.encryption", megolm)
		f.bot.encryptedRooms.early[roomID].asked = time.Now().Add(-earlyAnswerAge)
		require.NoError(t, f.send(roomID, secretText, "t"))
		f.requireEncrypted()
	})
	t.Run("and an old one is dropped although nothing is asked any more", func(t *testing.T) {
		t.Parallel()
		f := loggedIn(t)
		f.askAhead()
		f.hs.setState(roomID, "m.room.encryption", megolm)
		f.bot.encryptedRooms.early[roomID].asked = time.Now().Add(-earlyAnswerAge)
		f.bot.encryptedRooms.setEncrypted(roomID)
		f.bot.encryptedRooms.setChecked(roomID)
		f.bot.AskAhead(t.Context(), roomID)
		require.NoError(t, f.send(roomID, secretText, "t"))
	})
	t.Run("if the homeserver has failed", func(t *testing.T) {
		t.Parallel()
		f := loggedIn(t)
		fails := true
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !fails || !strings.Contains(r.URL.Path, encryptionState) {
				return false
			}
			fails = false
			refuse(w, 500, "M_UNKNOWN")
			return true
		})
		f.hs.setState(roomID, "m.room.encryption", megolm)
		f.askAhead()
		require.NoError(t, f.send(roomID, secretText, "t"))
		f.requireEncrypted()
	})
	t.Run("and nothing is asked of a room that is encrypted", func(t *testing.T) {
		t.Parallel()
		f := loggedIn(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		require.NoError(t, f.send(roomID, secretText, "t"))
		before := f.hs.asked(encryptionState)
		f.askAhead()
		require.NoError(t, f.send(roomID, secretText, "u"))
		require.Equal(t, before, f.hs.asked(encryptionState))
		await.Until(t, "the events", func() bool { return len(f.hs.sentTo(roomID)) == 2 })
	})
}

// A request may wait for an early answer while somebody waits for the end of the request to change the access token.
func TestAnEarlyAnswerDoesNotWaitForTheToken(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	changed := make(chan struct{})
	err := f.bot.withToken(func() error {
		go func() {
			defer close(changed)
			f.bot.token.Lock()
			defer f.bot.token.Unlock()
		}()
		await.Until(t, "the change of the token", func() bool {
			isPossible := f.bot.token.TryRLock()
			if isPossible {
				f.bot.token.RUnlock()
			}
			return !isPossible
		})
		f.bot.AskAhead(t.Context(), roomID)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		encrypted, err := f.bot.encryptedRooms.isEncrypted(ctx, roomID)
		require.False(t, encrypted)
		return err
	})
	require.NoError(t, err)
	await.Receive(t, "the change", changed)
	require.Equal(t, 1, f.hs.asked(encryptionState))
}

// A room may become encrypted while the homeserver is being asked. What it answers then is not the last word, and it
// has not said yet for whom to encrypt.
func TestARoomThatBecomesEncryptedWhileTheHomeserverAnswers(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, encryptionState) {
			require.NoError(t, f.bot.client.StateStore.SetEncryptionEvent(t.Context(), roomID, &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}))
			f.bot.encryptedRooms.setEncrypted(roomID)
		}
		return false // it is answered as before
	})
	f.askAhead()
	before := f.hs.asked("/members")
	require.Positive(t, before)
	require.NoError(t, f.send(roomID, secretText, "t"))
	f.requireEncrypted()
	require.Equal(t, before, f.hs.asked("/members"), "they are known")
}
