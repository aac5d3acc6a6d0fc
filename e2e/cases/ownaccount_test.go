package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/ownaccount"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// A person with both accounts logs in, converses, starts a conversation and logs out. make demo shows the same.
func TestPersonBringsTheirOwnAccount(t *testing.T) {
	t.Parallel()
	for _, relayAccount := range []bool{true, false} {
		t.Run(map[bool]string{true: "beside the relay account", false: "without a relay account"}[relayAccount], func(t *testing.T) {
			t.Parallel()
			cfg := withPage(t)
			if !relayAccount {
				cfg.Env["WAZO_USERNAME"], cfg.Env["WAZO_PASSWORD"] = "", ""
			}
			s := open(t, withMautrix(), cfg)
			require.NoError(t, ownaccount.Play(s.ctx, s.Stage, watcher{t}))
		})
	}
}

// watcher writes into the log of a test what happens.
type watcher struct{ *testing.T }

// Note implements ownaccount.Show.
func (w watcher) Note(text string) { w.Log(text) }

// OnMatrix implements ownaccount.Show.
func (w watcher) OnMatrix(evt *event.Event) {
	w.Logf("on Matrix, %s: %s", evt.Sender, evt.Content.AsMessage().Body)
}

// OnWazo implements ownaccount.Show.
func (w watcher) OnWazo(author string, message wazotest.Message) {
	w.Logf("on Wazo, %s: %s", author, message.Content)
}
