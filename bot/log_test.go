package bot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The fixture logs at debug level; only trace shows contents.
func TestWhatPeopleSayDoesNotReachTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.wazo.Post(f.project.UUID, f.alice, "said on Wazo", "")
	f.hs.awaitSent(roomID, "said on Wazo")
	f.hs.say(roomID, adminUser, "said on Matrix")
	f.awaitOnWazo("said on Matrix")
	f.stop()
	logged := f.logged.String()
	require.NotEmpty(t, logged)
	for _, text := range []string{"said on Wazo", "said on Matrix", botPassword, f.bot.client.AccessToken} {
		require.NotContains(t, logged, text)
	}
}
