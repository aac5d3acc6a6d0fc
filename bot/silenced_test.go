package bot

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

func TestWhatCannotBeSaidInARoomIsSaidToWhoLinkedIt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		status int
		code   string
	}{
		{"the bot may not speak there", http.StatusForbidden, "M_FORBIDDEN"},
		{"the room is gone", http.StatusNotFound, "M_NOT_FOUND"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.hs.shy = true // so that the notice can be seen while it waits
			f.start()
			f.first()
			f.link()
			f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
				silenced := isSend(r, roomID)
				if silenced {
					refuse(w, test.status, test.code)
				}
				return silenced
			})
			require.NoError(t, f.core.Say(t.Context(), roomID, "Nobody hears an answer.", "$question"))
			require.NoError(t, f.core.Say(t.Context(), roomID, txt.GoesOn(), ""))
			await.Until(t, "the notice to be passed on", func() bool {
				notices, err := f.db.Notice.All(t.Context())
				return err == nil && len(notices) == 1 && notices[0].User == adminUser && notices[0].Markdown == txt.SaidInRoom(roomID.String(), txt.GoesOn())
			})
		})
	}
}

func TestWhatCannotBeSaidInTheAdministratorsRoomIsSaidToEachOfThem(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.hs.shy, f.adminRoom = true, "!admins:a.example" // in which the bot is not
	f.start()
	f.first()
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		silenced := isSend(r, f.adminRoom)
		if silenced {
			refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		}
		return silenced
	})
	require.NoError(t, f.core.Say(t.Context(), f.adminRoom, "a problem", ""))
	await.Until(t, "the notice to be passed on", func() bool {
		notices, err := f.db.Notice.All(t.Context())
		return err == nil && len(notices) == 1 && notices[0].User == adminUser && notices[0].Markdown == txt.SaidInRoom(f.adminRoom.String(), "a problem")
	})
}
