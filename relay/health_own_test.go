package relay

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// protectDatabase lets the database refuse to store anything until the returned function is called.
func (f *fixture) protectDatabase() (release func()) {
	f.Helper()
	if dbtest.Enabled() {
		return dbtest.RefuseWrites(f, f.db.Database, "INSERT OR UPDATE", "setting", "true")
	}
	f.db.RawDB.SetMaxOpenConns(1) // the switch is per connection
	await.Until(f, "one connection to be left", func() bool { return f.db.RawDB.Stats().OpenConnections == 1 })
	protect := func(on string) {
		f.Helper()
		_, err := f.db.RawDB.ExecContext(f.ctx, `PRAGMA query_only = `+on)
		require.NoError(f, err)
	}
	protect("on")
	return func() { protect("off") }
}

func TestHealthSaysThatNothingCanBeStored(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	release := f.protectDatabase()
	f.awaitHealth("the database to be the problem", func(h Health) bool {
		return !h.OK() && h.Relay.says(txt.Why(words.WhyDatabaseFails))
	})
	require.True(t, f.core.IsAlive(), "a new start would not help")
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(t, err)
	require.NotEmpty(t, status.RelayTrouble)
	require.Contains(t, txt.Status(status), "the relay cannot store anything")
	release()
	f.awaitHealth("all to be well", Health.OK)
}

func TestHealthSaysThatClocksDiffer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clocks = &Clocks{}
	f.start()
	f.awaitHealth("all to be well", Health.OK)
	for range skewAnswers {
		f.clocks.note(Homeserver, -time.Hour)
	}
	h, err := f.core.Health(f.ctx)
	require.NoError(t, err)
	require.False(t, h.OK())
	require.Equal(t, []string{txt.ClocksDiffer(false, -time.Hour)}, h.Why())
	s, err := f.core.Snapshot(f.ctx)
	require.NoError(t, err)
	require.False(t, s.RelayUp)
	require.Equal(t, -time.Hour, s.ClockSkew[Homeserver])
	f.clocks.note(Homeserver, time.Second)
	f.awaitHealth("all to be well", Health.OK)
}

func TestClocksBelieveNoSingleAnswer(t *testing.T) {
	t.Parallel()
	ahead := time.Duration(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}))
	defer server.Close()
	var clocks Clocks
	client := &http.Client{Transport: clocks.Transport(WazoServer, &http.Transport{})}
	defer client.CloseIdleConnections()
	skewAfter := func(shift time.Duration) time.Duration {
		ahead = shift
		resp, err := client.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return clocks.Skew(WazoServer)
	}
	require.InDelta(t, 0, skewAfter(0).Seconds(), 2)
	require.InDelta(t, 0, skewAfter(time.Hour).Seconds(), 2)
	require.InDelta(t, 0, skewAfter(time.Hour).Seconds(), 2)
	require.InDelta(t, 3600, skewAfter(time.Hour).Seconds(), 2)
	require.InDelta(t, 0, skewAfter(0).Seconds(), 2)
	require.Zero(t, clocks.Skew(Homeserver), "it has not answered")
}

func TestARelayWhoseWatchStandsStillIsNotAlive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	require.True(t, f.core.IsAlive())
	f.halt()
	f.core.watched.store(time.Now().Add(-time.Hour))
	require.False(t, f.core.IsAlive())
}

// Nobody says anything in the chat, and the next look for news is minutes away.
func TestHealthSaysThatAChatIsGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.healthInterval, f.probeInterval = 50*time.Millisecond, time.Hour
	f.start()
	f.link()
	f.awaitEmpty()
	f.awaitHealth("all to be well", Health.OK)
	await.Until(t, "the chats to be listed", func() bool { _, listed := f.core.account.listedRoom(wazoapi.UUID(f.room.UUID)); return listed })
	f.wazo.RemoveMember(f.room.UUID, f.relay)
	f.awaitHealth("the room to be paused", func(h Health) bool {
		return h.Wazo.says(txt.PausedRoom(roomID.String(), txt.Why(words.WhyNoRoomOnWazo)))
	})
}
