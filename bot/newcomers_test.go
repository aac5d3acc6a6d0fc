package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
		{"somebody joins", "join", "invite", 0, 5 * time.Second},
		{"somebody joins of whom nothing was known", "join", "", 0, 5 * time.Second},
		{"somebody comes back", "join", "leave", 0, 5 * time.Second},
		{"a while after", "join", "invite", 4 * time.Second, time.Second},
		{"long after", "join", "invite", 5 * time.Second, 0},
		{"somebody takes another name", "join", "join", 0, 0},
		{"somebody is invited", "invite", "", 0, 0},
		{"somebody leaves", "leave", "join", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var a newcomers
			a.init()
			a.silence = 5 * time.Second
			a.memberChanged(memberChange(t, otherMember, test.membership, test.before), start)
			require.Equal(t, test.want, a.pause(roomID, start.Add(test.after)))
			require.Equal(t, test.want, a.pause(roomID, start.Add(test.after)), "it holds for all that is said")
			require.Zero(t, a.pause(otherRoom, start), "and for one room")
		})
	}
	var a newcomers
	a.init()
	require.Equal(t, keyExchangeTime, a.silence)
}

func TestPeopleWhoKeepComing(t *testing.T) {
	t.Parallel()
	var a newcomers
	a.init()
	start := time.Now()
	var silent, spoken time.Duration
	const step = 500 * time.Millisecond
	for at := time.Duration(0); at < time.Minute; at += step {
		a.memberChanged(memberChange(t, otherMember, "join", "leave"), start.Add(at))
		pause := a.pause(roomID, start.Add(at))
		require.LessOrEqual(t, pause, keyExchangeTime)
		if pause > 0 {
			silent += step
		} else {
			spoken += step
		}
	}
	require.Equal(t, spoken, silent, "as long as it was silent it may speak")
	require.Zero(t, a.pause(roomID, start.Add(2*time.Minute)))
	require.Empty(t, a.joining)
}

// What is sent too early is refused for good by clients that exclude unsigned devices.
func TestBotIsSilentUntilNewcomersCanKnowIt(t *testing.T) {
	t.Parallel()
	join := func(f *fixture) {
		f.hs.addRoom(roomID, adminUser, otherMember)
		f.receive(timeline(roomID, `"events":[`+
			`{"type":"m.room.member","event_id":"$m","sender":"@sam:a.example","state_key":"@sam:a.example","content":{"membership":"join"}}]`))
	}
	t.Run("in an encrypted room", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = 300 * time.Millisecond
		start := time.Now()
		join(f)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		require.NoError(t, f.send(roomID, secretText, "1"))
		require.GreaterOrEqual(t, time.Since(start), 250*time.Millisecond)
		f.requireEncrypted()
	})
	t.Run("not in a plain room", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = time.Hour
		join(f)
		require.NoError(t, f.send(roomID, secretText, "1"))
	})
	t.Run("a stop does not wait for it", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = time.Hour
		join(f)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := f.bot.Send(ctx, roomID, outgoing(secretText), "1")
		require.True(t, toMatrixError(err).NotSent)
		require.Empty(t, f.hs.sentTo(roomID))
	})
	t.Run("who comes while the message is made ready is waited for too", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = 300 * time.Millisecond
		f.hs.addRoom(roomID, adminUser, otherMember)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		var came time.Time
		f.hs.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
			if came.IsZero() && strings.HasSuffix(r.URL.Path, "/keys/query") {
				came = time.Now()
				f.bot.newcomers.memberChanged(memberChange(t, otherMember, "join", "leave"), came)
			}
			return false
		}
		require.NoError(t, f.send(roomID, secretText, "1"))
		require.False(t, came.IsZero())
		require.GreaterOrEqual(t, time.Since(came), 250*time.Millisecond)
		require.Len(t, f.hs.sentTo(roomID), 1)
		f.requireEncrypted()
	})
	t.Run("the room becomes encrypted, as /sync says", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = time.Hour
		f.hs.addRoom(roomID, adminUser)
		require.NoError(t, f.send(roomID, "before", "1"))
		encryption := timeline(roomID, `"events":[{"type":"m.room.encryption","event_id":"$e","sender":"@robin:a.example","state_key":"","content":{"algorithm":"m.megolm.v1.aes-sha2"}}]`)
		f.receive(encryption)
		require.Positive(t, f.bot.newcomers.pause(roomID, time.Now()))
	})
	t.Run("the room becomes encrypted, as the homeserver says when it is asked", func(t *testing.T) {
		f := loggedIn(t)
		f.bot.newcomers.silence = 300 * time.Millisecond
		f.hs.addRoom(roomID, adminUser)
		require.NoError(t, f.send(roomID, "before", "1"))
		f.hs.setState(roomID, "m.room.encryption", megolm)
		start := time.Now()
		require.NoError(t, f.send(roomID, secretText, "2"))
		require.GreaterOrEqual(t, time.Since(start), 250*time.Millisecond)
		came := *f.bot.newcomers.joining[roomID]
		require.Zero(t, f.bot.newcomers.pause(roomID, time.Now()))
		require.NoError(t, f.send(roomID, secretText, "3"))
		require.Equal(t, came, *f.bot.newcomers.joining[roomID], "nobody is new when the next message is sent")
	})
	t.Run("the bot has a new device", func(t *testing.T) {
		f := newFixture(t)
		f.silence = time.Hour
		f.open()
		require.NoError(t, f.bot.Prepare(t.Context()))
		require.Positive(t, f.bot.newcomers.pause(roomID, time.Now()))
	})
	t.Run("the bot has the device that it had", func(t *testing.T) {
		f := newFixture(t)
		f.silence = time.Hour
		f.haveDevice()
		f.open()
		require.NoError(t, f.bot.Prepare(t.Context()))
		require.Zero(t, f.bot.newcomers.pause(roomID, time.Now()))
	})
}
