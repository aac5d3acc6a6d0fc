package bot

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
)

// inboxIsEmpty waits until everything that the bot had to answer is answered.
func (f *fixture) inboxIsEmpty() {
	f.Helper()
	await.Until(f, "an empty inbox", func() bool {
		rows, err := f.db.Inbox.All(f.Context())
		return err == nil && len(rows) == 0
	})
}

func TestInvite(t *testing.T) {
	t.Parallel()
	t.Run("by an allowed person is accepted, with a hello", func(t *testing.T) {
		for _, inviter := range []id.UserID{adminUser, "@sam:a.example"} {
			f := newFixture(t)
			f.start()
			f.first()
			f.hs.addRoom(otherRoom, adminUser)
			f.hs.invite(otherRoom, inviter)
			f.hs.awaitSent(otherRoom, txt.Hello())
			require.Len(t, f.hs.joined, 1, inviter)
			require.Empty(t, f.hs.left)
		}
	})

	t.Run("by somebody else is declined with the reason", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.hs.invite(otherRoom, guestUser)
		f.hs.await("the invite to be declined", func() bool { return len(f.hs.left) == 1 })
		require.Equal(t, fakeLeave{otherRoom, txt.InviteDeclined()}, f.hs.left[0])
		f.inboxIsEmpty()
		require.Empty(t, f.hs.joined)
	})

	t.Run("that came before the first start is accepted", func(t *testing.T) {
		f := newFixture(t)
		f.hs.addRoom(otherRoom, adminUser)
		f.hs.invite(otherRoom, adminUser)
		f.start()
		f.hs.awaitSent(otherRoom, txt.Hello())
	})

	t.Run("that is gone when it is declined is not an error for ever", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/leave") {
				refuse(w, http.StatusForbidden, "M_FORBIDDEN")
				return true
			}
			return false
		})
		f.hs.invite(otherRoom, guestUser)
		f.hs.allSeen()
		f.inboxIsEmpty()
		f.hs.say(roomID, adminUser, "!wazo ping")
		f.hs.awaitSent(roomID, "Pong!")
	})

	t.Run("that does not say who invites harms nobody", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.hs.push(fmt.Sprintf(`"rooms":{"invite":{%q:{"invite_state":{"events":[7,null,{"type":"m.room.name"},{"type":"m.room.member","state_key":5}]}}}}`, otherRoom))
		f.hs.say(roomID, adminUser, "!wazo ping")
		f.hs.awaitSent(roomID, "Pong!")
		require.Empty(t, f.hs.joined)
	})

	t.Run("an answer that is owed when the relay stops is given at the next start", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		asked := make(chan struct{}, 100)
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/join") {
				asked <- struct{}{}
				refuse(w, http.StatusBadGateway, "M_UNKNOWN")
				return true
			}
			return false
		})
		f.hs.addRoom(otherRoom, adminUser)
		f.hs.invite(otherRoom, adminUser)
		await.Receive(t, "a try to join", asked)
		f.stop()
		f.hs.onRequest(nil)
		f.start()
		f.hs.awaitSent(otherRoom, txt.Hello())
	})
}

func TestRemovalPausesThePortal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.hs.push(fmt.Sprintf(`"rooms":{"leave":{%q:{"timeline":{"events":[%s]}}}}`, roomID, f.hs.text(adminUser, "last words")))
	f.hs.await("a message to who linked the room", func() bool { return len(f.hs.created) == 1 })
	portal, err := f.core.Portal(t.Context(), roomID)
	require.NoError(t, err)
	pauses, err := f.db.Pause.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Len(t, pauses, 1)
	require.Equal(t, string(relay.PauseRemoved), pauses[0].Reason)

	// Invited again, it goes on; what was said until it left is not lost.
	f.hs.invite(roomID, adminUser)
	f.hs.awaitSent(roomID, txt.GoesOn())
	f.awaitOnWazo("last words")
	require.Equal(t, 1, f.countOnWazo("last words"))
	f.hs.say(roomID, adminUser, "back again")
	f.awaitOnWazo("back again")
}
