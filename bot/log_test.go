package bot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The world logs at debug level; only trace shows contents.
func TestWhatPeopleSayDoesNotReachTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	w.link()
	w.wazo.Post(w.project.UUID, w.alice, "said on Wazo", "")
	w.hs.awaitSent(roomID, "said on Wazo")
	w.hs.say(roomID, adminUser, "said on Matrix")
	w.awaitOnWazo("said on Matrix")
	w.stop()
	logged := w.logged.String()
	require.NotEmpty(t, logged)
	for _, text := range []string{"said on Wazo", "said on Matrix", botPassword, w.bot.client.AccessToken} {
		require.NotContains(t, logged, text)
	}
}
