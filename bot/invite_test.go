package bot

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// inboxIsEmpty waits until everything that the bot had to answer is answered.
func (w *world) inboxIsEmpty() {
	w.Helper()
	w.hs.await("an empty inbox", func() bool {
		rows, err := w.db.Inbox.All(w.Context())
		return err == nil && len(rows) == 0
	})
}

func TestInvite(t *testing.T) {
	t.Parallel()
	t.Run("by an allowed person is accepted, with a hello", func(t *testing.T) {
		for _, inviter := range []id.UserID{adminUser, "@sam:a.example"} {
			w := newWorld(t)
			w.start()
			w.first()
			w.hs.addRoom(otherRoom, adminUser)
			w.hs.invite(otherRoom, inviter)
			w.hs.awaitSent(otherRoom, txt.Hello())
			require.Len(t, w.hs.joined, 1, inviter)
			require.Empty(t, w.hs.left)
		}
	})

	t.Run("by somebody else is declined with the reason", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		w.hs.invite(otherRoom, guestUser)
		w.hs.await("the invite to be declined", func() bool { return len(w.hs.left) == 1 })
		require.Equal(t, fakeLeave{otherRoom, txt.InviteDeclined()}, w.hs.left[0])
		w.inboxIsEmpty()
		require.Empty(t, w.hs.joined)
	})

	t.Run("that came before the first start is accepted", func(t *testing.T) {
		w := newWorld(t)
		w.hs.addRoom(otherRoom, adminUser)
		w.hs.invite(otherRoom, adminUser)
		w.start()
		w.hs.awaitSent(otherRoom, txt.Hello())
	})

	t.Run("that is gone when it is declined is not an error for ever", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/leave") {
				refuse(rw, http.StatusForbidden, "M_FORBIDDEN")
				return true
			}
			return false
		})
		w.hs.invite(otherRoom, guestUser)
		w.hs.allSeen()
		w.inboxIsEmpty()
		w.hs.say(roomID, adminUser, "!wazo ping")
		w.hs.awaitSent(roomID, "Pong!")
	})

	t.Run("that does not say who invites harms nobody", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		w.hs.push(fmt.Sprintf(`"rooms":{"invite":{%q:{"invite_state":{"events":[7,null,{"type":"m.room.name"},{"type":"m.room.member","state_key":5}]}}}}`, otherRoom))
		w.hs.say(roomID, adminUser, "!wazo ping")
		w.hs.awaitSent(roomID, "Pong!")
		require.Empty(t, w.hs.joined)
	})

	t.Run("an answer that is owed when the relay stops is given at the next start", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		asked := make(chan struct{}, 100)
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/join") {
				asked <- struct{}{}
				refuse(rw, http.StatusBadGateway, "M_UNKNOWN")
				return true
			}
			return false
		})
		w.hs.addRoom(otherRoom, adminUser)
		w.hs.invite(otherRoom, adminUser)
		<-asked
		w.stop()
		w.hs.onRequest(nil)
		w.start()
		w.hs.awaitSent(otherRoom, txt.Hello())
	})
}

func TestRemovalPausesThePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	w.link()
	w.hs.push(fmt.Sprintf(`"rooms":{"leave":{%q:{"timeline":{"events":[%s]}}}}`, roomID, w.hs.text(adminUser, "last words")))
	w.hs.await("a message to who linked the room", func() bool { return len(w.hs.created) == 1 })
	portal, err := w.core.Portal(t.Context(), roomID)
	require.NoError(t, err)
	pauses, err := w.db.Pause.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Len(t, pauses, 1)
	require.Equal(t, string(relay.PauseRemoved), pauses[0].Reason)

	// Invited again, it goes on; what was said until it left is not lost.
	w.hs.invite(roomID, adminUser)
	w.hs.awaitSent(roomID, txt.GoesOn())
	w.awaitOnWazo("last words")
	require.Equal(t, 1, w.countOnWazo("last words"))
	w.hs.say(roomID, adminUser, "back again")
	w.awaitOnWazo("back again")
}
