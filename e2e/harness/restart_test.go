package harness

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeopleSurviveRestartOfHomeserver(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*testing.T)
	}{
		{name: "after an orderly stop", end: func(t *testing.T) { require.NoError(t, homeserver.Stop()) }},
		{name: "after a crash", end: func(*testing.T) { homeserver.Kill() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := NewFixture(t, homeserver)
			alice, bob := f.Person("alice", Encrypted), f.Person("bob", Encrypted)
			room := meet(t, f, alice, bob, RoomOptions{Encrypted: true})
			_, err := alice.Send(f.Ctx, room, "before")
			require.NoError(t, err)
			_, err = bob.WaitEvent(f.Ctx, room, Says("before"))
			require.NoError(t, err)
			url := homeserver.URL()

			test.end(t)
			_, err = alice.Send(f.Ctx, room, "into the void")
			require.Error(t, err, "the homeserver is down")
			require.NoError(t, homeserver.Restart(f.Ctx))
			require.Equal(t, url, homeserver.URL())

			_, err = alice.Send(f.Ctx, room, "after")
			require.NoError(t, err)
			_, err = bob.WaitEvent(f.Ctx, room, Says("after"))
			require.NoError(t, err)
			seen, err := bob.WaitMany(f.Ctx, room, 2, isMessage)
			require.NoError(t, err)
			require.Equal(t, []string{"before", "after"}, bodies(seen))
		})
	}
}

func TestPersonComesBackWithItsDevice(t *testing.T) {
	f := NewFixture(t, homeserver)
	cfg := f.Account("carol")
	cfg.CryptoStore = t.TempDir() + "/keys.db"
	first, err := NewClient(f.Ctx, cfg)
	require.NoError(t, err)
	device := first.Matrix().DeviceID
	require.NoError(t, first.Close())

	again, err := NewClient(f.Ctx, cfg)
	require.NoError(t, err)
	require.Equal(t, device, again.Matrix().DeviceID)
	require.NoError(t, again.Close())
}

func TestUnknownHomeserverIsRefused(t *testing.T) {
	t.Setenv("E2E_HOMESERVER", "conduit")
	_, err := StartHomeserver(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "hint: it can be dendrite or synapse")
}

func TestUselessLogIn(t *testing.T) {
	f := NewFixture(t, homeserver)
	cfg := f.Account("mallory")
	cfg.Password = "wrong"
	_, err := NewClient(f.Ctx, cfg)
	require.ErrorContains(t, err, "failed to log")
}

func BenchmarkHomeserverStart(b *testing.B) {
	for b.Loop() {
		started, err := StartHomeserver(b.Context(), b.TempDir())
		require.NoError(b, err)
		started.Kill()
	}
}

// BenchmarkLogIn measures until the first sync is processed.
func BenchmarkLogIn(b *testing.B) {
	for _, kind := range []struct {
		name       string
		encryption Encryption
	}{{"plain", Plain}, {"encrypted", Encrypted}} {
		b.Run(kind.name, func(b *testing.B) {
			f := NewFixture(b, homeserver)
			for b.Loop() {
				f.Person("bench", kind.encryption)
			}
		})
	}
}

func BenchmarkRegister(b *testing.B) {
	n := 0
	for b.Loop() {
		n++
		_, err := homeserver.Register(context.Background(), fmt.Sprintf("bench-%s-%d", randomHex(), n), "password")
		require.NoError(b, err)
	}
}
