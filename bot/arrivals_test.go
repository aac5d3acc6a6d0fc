package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const otherMember id.UserID = "@sam:a.example"

// memberChange is an event by which somebody's membership changes; before may be empty.
func memberChange(t *testing.T, user id.UserID, membership, before string) *event.Event {
	t.Helper()
	unsigned := `{}`
	if before != "" {
		unsigned = fmt.Sprintf(`{"prev_content":{"membership":%q}}`, before)
	}
	evt, err := parseEvent(json.RawMessage(fmt.Sprintf(
		`{"type":"m.room.member","event_id":"$m","sender":%q,"state_key":%q,"content":{"membership":%q},"unsigned":%s}`, user, user, membership, unsigned,
	)), roomID)
	require.NoError(t, err)
	return evt
}

func TestSilenceAfterAnArrival(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for _, test := range []struct {
		name               string
		membership, before string
		after              time.Duration
		want               time.Duration
	}{
		{"somebody joins", "join", "invite", 0, time.Minute},
		{"somebody joins of whom nothing was known", "join", "", 0, time.Minute},
		{"somebody comes back", "join", "leave", 0, time.Minute},
		{"a while after", "join", "invite", 59 * time.Second, time.Second},
		{"long after", "join", "invite", time.Minute, 0},
		{"somebody takes another name", "join", "join", 0, 0},
		{"somebody is invited", "invite", "", 0, 0},
		{"somebody leaves", "leave", "join", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var a arrivals
			a.init()
			a.silence = time.Minute
			a.note(memberChange(t, otherMember, test.membership, test.before), start)
			require.Equal(t, test.want, a.pause(roomID, start.Add(test.after)))
			require.Equal(t, test.want, a.pause(roomID, start.Add(test.after)), "it holds for all that is said")
			require.Zero(t, a.pause(otherRoom, start), "and for one room")
		})
	}
	var a arrivals
	a.init()
	require.Equal(t, acquaintance, a.silence)
}

// What is sent too early is refused for good by clients that exclude unsigned devices.
func TestBotIsSilentUntilNewcomersCanKnowIt(t *testing.T) {
	t.Parallel()
	join := func(w *world) {
		w.hs.addRoom(roomID, adminUser, otherMember)
		w.receive(timeline(roomID, `"events":[`+
			`{"type":"m.room.member","event_id":"$m","sender":"@sam:a.example","state_key":"@sam:a.example","content":{"membership":"join"}}]`))
	}
	t.Run("in an encrypted room", func(t *testing.T) {
		w := loggedIn(t)
		w.bot.arrivals.silence = 300 * time.Millisecond
		join(w)
		w.hs.setState(roomID, "m.room.encryption", megolm)
		start := time.Now()
		require.NoError(t, w.send(roomID, secretText, "1"))
		require.GreaterOrEqual(t, time.Since(start), 250*time.Millisecond)
		w.requireEncrypted()
	})
	t.Run("not in a plain room", func(t *testing.T) {
		w := loggedIn(t)
		w.bot.arrivals.silence = time.Hour
		join(w)
		require.NoError(t, w.send(roomID, secretText, "1"))
	})
	t.Run("a stop does not wait for it", func(t *testing.T) {
		w := loggedIn(t)
		w.bot.arrivals.silence = time.Hour
		join(w)
		w.hs.setState(roomID, "m.room.encryption", megolm)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := w.bot.Send(ctx, roomID, outgoing(secretText), "1")
		require.True(t, toMatrixError(err).NotSent)
		require.Empty(t, w.hs.sentTo(roomID))
	})
}

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
}
