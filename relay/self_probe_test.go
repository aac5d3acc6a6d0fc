package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// probedFixture is a linked fixture that probes itself all the time.
func probedFixture(t *testing.T, change ...func(*fixture)) *fixture {
	f := newFixture(t)
	f.selfProbe, f.healthInterval = 50*time.Millisecond, 50*time.Millisecond
	for _, fn := range change {
		fn(f)
	}
	f.start()
	return f
}

func (f *fixture) awaitProbes(what string, are func(map[Server]ProbeResult) bool) {
	f.Helper()
	await.Until(f, what, func() bool { return are(f.core.selfProbe.all()) })
}

func TestSelfProbeNoticesSilence(t *testing.T) {
	t.Parallel()
	f := probedFixture(t)
	f.link()
	shown := len(f.matrix.shown())
	f.awaitProbes("both sides to be well", func(r map[Server]ProbeResult) bool { return r[Homeserver].OK && r[WazoServer].OK })
	f.awaitHealth("all to be well", Health.OK)
	before, err := f.core.Snapshot(f.ctx)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), before.Probes[WazoServer].LastSuccess, 30*time.Second)

	t.Run("of Matrix", func(t *testing.T) {
		f.matrix.setLosesProbes(true)
		f.awaitHealth("Matrix to be silent", func(h Health) bool { return h.Matrix.says(txt.Why(words.WhyMatrixSilent)) && h.Wazo.OK })
		f.matrix.setLosesProbes(false)
		f.awaitHealth("all to be well", Health.OK)
	})

	t.Run("of Wazo, although the connection is open", func(t *testing.T) {
		lost := f.wazo.Faults().DropEvents(wazotest.Always())
		f.awaitHealth("Wazo to be silent", func(h Health) bool { return h.Wazo.says(txt.Why(words.WhyWazoSilent)) && h.Matrix.OK })
		require.True(t, f.core.EventsFlow(), "the connection is open all the time")
		f.wazo.Post(f.room.UUID, f.alice, "unheard", "")
		f.awaitShown("Alice Martin: unheard")
		lost.Off()
		f.awaitHealth("all to be well", Health.OK)
	})

	require.Len(t, f.matrix.shown(), shown+1, "nobody sees the messages of the relay to itself")
	require.Empty(t, f.relayed())
	await.Until(t, "the queues to be empty", func() bool {
		after, err := f.core.Snapshot(f.ctx)
		return err == nil && len(after.Queues) == 0
	})
}

func TestSelfProbeChangesNoPresence(t *testing.T) {
	t.Parallel()
	f := probedFixture(t)
	f.awaitProbes("Wazo to be probed", func(r map[Server]ProbeResult) bool { return r[WazoServer].OK })
	status := "ask me"
	require.NoError(t, f.core.account.api.SetPresence(f.ctx, "away", &status))
	before := f.core.selfProbe.all()[WazoServer].LastSuccess
	f.awaitProbes("Wazo to be probed again", func(r map[Server]ProbeResult) bool { return r[WazoServer].LastSuccess.After(before) })
	presence, err := f.core.account.api.Presence(f.ctx, f.core.account.uuid())
	require.NoError(t, err)
	require.EqualValues(t, "away", presence.State)
	require.Equal(t, status, presence.Status)
}

func TestAnAccountWithoutAPresenceIsNotProbed(t *testing.T) {
	t.Parallel()
	f := probedFixture(t, func(f *fixture) {
		service := f.wazo.AddUser(wazotest.User{Username: "service", Password: "secret", Tenant: f.tenant, Purpose: wazotest.PurposeExternalAPI})
		f.relayName, f.relay = service.Username, service
	})
	await.Until(t, "the account to be found unfit", func() bool {
		f.core.selfProbe.mu.Lock()
		defer f.core.selfProbe.mu.Unlock()
		return f.core.selfProbe.unfit != ""
	})
	f.awaitProbes("Matrix to be probed", func(r map[Server]ProbeResult) bool { return r[Homeserver].OK })
	require.NotContains(t, f.core.selfProbe.all(), WazoServer)
	f.awaitHealth("all to be well", Health.OK)
}

func TestSelfProbeWithAWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.selfProbe, f.healthInterval = 50*time.Millisecond, 50*time.Millisecond
	server := f.withWebhook()
	f.startWebhook(server)
	f.awaitProbes("Matrix to be probed", func(r map[Server]ProbeResult) bool { return r[Homeserver].OK })
	require.NoError(t, f.core.selfProbe.probeWazo(f.ctx))
	require.NotContains(t, f.core.selfProbe.all(), WazoServer, "no webhook brings presences")
	f.awaitHealth("all to be well", Health.OK)
}

func TestSelfProbeCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	require.False(t, f.relayReader().HearsPresence(), "nobody has to hear of presences then")
	f.awaitHealth("all to be well", Health.OK)
	f.halt()
	require.Empty(t, f.core.selfProbe.all())
}
