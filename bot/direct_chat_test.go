package bot

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

func TestDirectChatIsUsedWhenThePersonIsThere(t *testing.T) {
	t.Parallel()
	const chat = id.RoomID("!made0:a.example")
	invited := func(t *testing.T) *world {
		w := newWorld(t)
		w.hs.shy = true
		w.start()
		w.first()
		require.NoError(t, w.core.SayTo(t.Context(), adminUser, "a list"))
		w.hs.await("the invite", func() bool { return len(w.hs.created) == 1 })
		w.hs.allSeen()
		require.Empty(t, w.hs.sentTo(chat), "nobody is there")
		return w
	}
	left := func(w *world) int {
		notices, err := w.db.Notice.All(w.Context())
		require.NoError(w, err)
		return len(notices)
	}
	t.Run("they accept the invite", func(t *testing.T) {
		w := invited(t)
		w.hs.answerInvite(chat, "join")
		w.hs.await("the list", func() bool {
			return slices.ContainsFunc(w.hs.sent, func(sent fakeSent) bool { return sent.Room == chat })
		})
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
	})
	t.Run("they accept it after a restart", func(t *testing.T) {
		w := invited(t)
		w.stop()
		w.start()
		require.Equal(t, 1, left(w))
		w.hs.answerInvite(chat, "join")
		w.hs.await("the list", func() bool {
			return slices.ContainsFunc(w.hs.sent, func(sent fakeSent) bool { return sent.Room == chat })
		})
		require.Len(t, w.hs.created, 1)
	})
	t.Run("they decline it", func(t *testing.T) {
		w := invited(t)
		// The bot has looked for them and waits for their answer.
		require.Eventually(t, func() bool { return w.hs.asked(chat.String()+"/state") > 0 }, 10*time.Second, time.Millisecond)
		w.hs.allSeen()
		w.hs.answerInvite(chat, "leave")
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
		require.Empty(t, w.hs.sentTo(chat))
		require.Len(t, w.hs.created, 1, "they are not asked again")
	})
	t.Run("they take their time", func(t *testing.T) {
		w := invited(t)
		w.stop()
		w.execute(`UPDATE notice SET created_at = created_at - 13 * 3600 * 1000`)
		w.start()
		w.hs.await("the list", func() bool {
			return slices.ContainsFunc(w.hs.sent, func(sent fakeSent) bool { return sent.Room == chat })
		})
	})
	t.Run("the bot is stopped while it makes it", func(t *testing.T) {
		w := newWorld(t)
		w.hs.shy = true
		asked, halted := make(chan struct{}, 2), make(chan struct{})
		w.hs.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/createRoom") {
				asked <- struct{}{}
				<-halted
			}
			return false
		}
		w.start()
		w.first()
		require.NoError(t, w.core.SayTo(t.Context(), adminUser, "a list"))
		<-asked
		time.AfterFunc(100*time.Millisecond, func() { close(halted) })
		w.stop()
		w.start()
		w.hs.await("the chat", func() bool { return len(w.hs.created) > 0 })
		w.hs.answerInvite(chat, "join")
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
		require.Len(t, w.hs.created, 1)
		require.Len(t, w.hs.sentTo(chat), 1)
	})
	t.Run("they bring somebody while the bot is off", func(t *testing.T) {
		w := invited(t)
		w.stop()
		w.hs.mu.Lock()
		w.hs.rooms[chat].members = append(w.hs.rooms[chat].members, otherMember)
		w.hs.rooms[chat].membership = map[id.UserID]string{}
		w.hs.shy = false
		w.hs.mu.Unlock()
		w.start()
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
		require.Empty(t, w.hs.sentTo(chat), "the list is for one person")
		require.Len(t, w.hs.sentTo("!made1:a.example"), 1)
	})
	t.Run("the bot is thrown out", func(t *testing.T) {
		w := invited(t)
		w.stop()
		w.hs.mu.Lock()
		w.hs.rooms[chat].membership[botUser] = "leave"
		w.hs.shy = false
		w.hs.mu.Unlock()
		w.start()
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
		require.Empty(t, w.hs.sentTo(chat))
		require.Len(t, w.hs.sentTo("!made1:a.example"), 1)
	})
	t.Run("nobody is invited for what is too old", func(t *testing.T) {
		w := invited(t)
		w.stop()
		w.execute(`UPDATE notice SET created_at = created_at - 25 * 3600 * 1000`)
		w.execute(`DELETE FROM direct_chat`)
		w.start()
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
		require.Len(t, w.hs.created, 1)
		require.Empty(t, w.hs.sentTo(chat))
	})
	t.Run("they bring somebody when they come", func(t *testing.T) {
		w := invited(t)
		w.hs.mu.Lock()
		w.hs.rooms[chat].members = append(w.hs.rooms[chat].members, otherMember)
		w.hs.shy = false
		w.hs.mu.Unlock()
		w.hs.answerInvite(chat, "join")
		w.hs.await("the notice to be done with", func() bool { return left(w) == 0 })
		require.Empty(t, w.hs.sentTo(chat), "the list is for one person")
		require.Len(t, w.hs.sentTo("!made1:a.example"), 1)
	})
	t.Run("they come in before /sync tells of it", func(t *testing.T) {
		w := loggedIn(t)
		w.bot.newcomers.silence = time.Hour
		w.hs.shy = true
		room, _, err := w.bot.directChats.get(t.Context(), adminUser, false)
		require.NoError(t, err)
		w.hs.mu.Lock()
		clear(w.hs.rooms[room].membership)
		w.hs.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		waits, err := w.bot.notices.sayInPerson(ctx, &db.Notice{User: adminUser, CreatedAt: jsontime.UM(time.Now())})
		require.ErrorIs(t, err, context.DeadlineExceeded, "the bot is silent, since the person is new")
		require.False(t, waits)
		require.Positive(t, w.bot.newcomers.pause(room, time.Now()))
	})
}
