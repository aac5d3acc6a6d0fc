package bot

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
)

func TestDirectChatIsUsedWhenThePersonIsThere(t *testing.T) {
	t.Parallel()
	const chat = id.RoomID("!made0:a.example")
	invited := func(t *testing.T) *fixture {
		f := newFixture(t)
		f.hs.shy = true
		f.start()
		f.first()
		require.NoError(t, f.core.SayTo(t.Context(), adminUser, "a list"))
		f.hs.await("the invite", func() bool { return len(f.hs.created) == 1 })
		f.hs.allSeen()
		require.Empty(t, f.hs.sentTo(chat), "nobody is there")
		return f
	}
	left := func(f *fixture) int {
		notices, err := f.db.Notice.All(f.Context())
		require.NoError(f, err)
		return len(notices)
	}
	awaitDone := func(f *fixture) {
		f.Helper()
		await.Until(f, "the notice to be done with", func() bool { return left(f) == 0 })
	}
	awaitList := func(f *fixture) {
		f.Helper()
		f.hs.awaitSent(chat, "")
	}
	t.Run("they accept the invite", func(t *testing.T) {
		f := invited(t)
		f.hs.answerInvite(chat, "join")
		awaitList(f)
		awaitDone(f)
	})
	t.Run("they accept it after a restart", func(t *testing.T) {
		f := invited(t)
		f.stop()
		f.start()
		require.Equal(t, 1, left(f))
		f.hs.answerInvite(chat, "join")
		awaitList(f)
		require.Len(t, f.hs.created, 1)
	})
	t.Run("they decline it", func(t *testing.T) {
		f := invited(t)
		// The bot has looked for them and waits for their answer.
		require.Eventually(t, func() bool { return f.hs.asked(chat.String()+"/state") > 0 }, 10*time.Second, time.Millisecond)
		f.hs.allSeen()
		f.hs.answerInvite(chat, "leave")
		awaitDone(f)
		require.Empty(t, f.hs.sentTo(chat))
		require.Len(t, f.hs.created, 1, "they are not asked again")
	})
	t.Run("they take their time", func(t *testing.T) {
		f := invited(t)
		f.stop()
		f.execute(`UPDATE notice SET created_at = created_at - 13 * 3600 * 1000`)
		f.start()
		awaitList(f)
	})
	t.Run("the bot is stopped while it makes it", func(t *testing.T) {
		f := newFixture(t)
		f.hs.shy = true
		asked, halted := make(chan struct{}, 2), make(chan struct{})
		f.hs.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/createRoom") {
				asked <- struct{}{}
				<-halted
			}
			return false
		}
		f.start()
		f.first()
		require.NoError(t, f.core.SayTo(t.Context(), adminUser, "a list"))
		await.Receive(t, "the request for a chat", asked)
		time.AfterFunc(100*time.Millisecond, func() { close(halted) })
		f.stop()
		f.start()
		f.hs.await("the chat", func() bool { return len(f.hs.created) > 0 })
		f.hs.answerInvite(chat, "join")
		awaitDone(f)
		require.Len(t, f.hs.created, 1)
		require.Len(t, f.hs.sentTo(chat), 1)
	})
	t.Run("they bring somebody while the bot is off", func(t *testing.T) {
		f := invited(t)
		f.stop()
		f.hs.mu.Lock()
		f.hs.rooms[chat].members = append(f.hs.rooms[chat].members, otherMember)
		f.hs.rooms[chat].membership = map[id.UserID]string{}
		f.hs.shy = false
		f.hs.mu.Unlock()
		f.start()
		awaitDone(f)
		require.Empty(t, f.hs.sentTo(chat), "the list is for one person")
		require.Len(t, f.hs.sentTo("!made1:a.example"), 1)
	})
	t.Run("the bot is thrown out", func(t *testing.T) {
		f := invited(t)
		f.stop()
		f.hs.mu.Lock()
		f.hs.rooms[chat].membership[botUser] = "leave"
		f.hs.shy = false
		f.hs.mu.Unlock()
		f.start()
		awaitDone(f)
		require.Empty(t, f.hs.sentTo(chat))
		require.Len(t, f.hs.sentTo("!made1:a.example"), 1)
	})
	t.Run("nobody is invited for what is too old", func(t *testing.T) {
		f := invited(t)
		f.stop()
		f.execute(`UPDATE notice SET created_at = created_at - 25 * 3600 * 1000`)
		f.execute(`DELETE FROM direct_chat`)
		f.start()
		awaitDone(f)
		require.Len(t, f.hs.created, 1)
		require.Empty(t, f.hs.sentTo(chat))
	})
	t.Run("they bring somebody when they come", func(t *testing.T) {
		f := invited(t)
		f.hs.mu.Lock()
		f.hs.rooms[chat].members = append(f.hs.rooms[chat].members, otherMember)
		f.hs.shy = false
		f.hs.mu.Unlock()
		f.hs.answerInvite(chat, "join")
		awaitDone(f)
		require.Empty(t, f.hs.sentTo(chat), "the list is for one person")
		require.Len(t, f.hs.sentTo("!made1:a.example"), 1)
	})
	t.Run("they come in before /sync tells of it", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = time.Hour
		f.hs.shy = true
		room, _, err := f.bot.directChats.get(t.Context(), adminUser, false)
		require.NoError(t, err)
		f.hs.mu.Lock()
		clear(f.hs.rooms[room].membership)
		f.hs.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		result := make(chan error, 1)
		go func() {
			waits, err := f.bot.notices.sayInPerson(ctx, []*db.Notice{{User: adminUser, CreatedAt: jsontime.UM(time.Now())}})
			assert.False(t, waits)
			result <- err
		}()
		await.Until(t, "the person to be new", func() bool { return f.bot.newcomers.pause(room, time.Now()) > 0 })
		cancel()
		require.ErrorIs(t, await.Receive(t, "the end of the silence", result), context.Canceled, "the bot is silent, since the person is new")
		require.Empty(t, f.hs.sentTo(room))
	})
}
