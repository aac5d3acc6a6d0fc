package bot

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/device"
)

// device asks how others see the bot's device.
func (w *world) device() device.Status {
	w.Helper()
	shown, err := w.bot.device.Status(w.Context())
	require.NoError(w, err)
	return shown
}

func TestDeviceIsMaintainedWhileTheBotRuns(t *testing.T) {
	t.Parallel()
	t.Run("a device that is deleted gets its keys and its signature again with the new log-in", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		shown := w.device()
		w.hs.keys.DropDevice(shown.ID.String())
		w.hs.account.Revoke()
		w.hs.push(`"rooms":{}`)
		w.hs.await("the device to be signed again", func() bool {
			w.hs.keys.Lock()
			defer w.hs.keys.Unlock()
			return strings.Count(string(w.hs.keys.Devices[shown.ID.String()]), `"ed25519:`) >= 3
		})
		require.Equal(t, device.Trusted, w.device().Trust)
	})
}
