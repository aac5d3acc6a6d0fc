package bot

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/device"
)

// device asks how others see the bot's device.
func (f *fixture) device() device.Status {
	f.Helper()
	shown, err := f.bot.device.Status(f.Context())
	require.NoError(f, err)
	return shown
}

func TestDeviceIsMaintainedWhileTheBotRuns(t *testing.T) {
	t.Parallel()
	t.Run("a device that is deleted gets its keys and its signature again with the new log-in", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		shown := f.device()
		f.hs.keys.DropDevice(shown.ID.String())
		f.hs.account.Revoke()
		f.hs.push(`"rooms":{}`)
		f.hs.await("the device to be signed again", func() bool {
			f.hs.keys.Lock()
			defer f.hs.keys.Unlock()
			return strings.Count(string(f.hs.keys.Devices[shown.ID.String()]), `"ed25519:`) >= 3
		})
		require.Equal(t, device.Trusted, f.device().Trust)
	})
}
