package cases

import (
	"os"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"
)

// Other clients learn of a device by their next /sync: within that time, asked that often.
const (
	patience  = time.Minute
	pollEvery = 200 * time.Millisecond
)

// machine is the encryption of Robin's client, which is mautrix's.
func (s *fixture) machine() *crypto.OlmMachine {
	return s.Robin.Matrix().Crypto.(*cryptohelper.CryptoHelper).Machine()
}

// waitDevice waits until Robin's client knows exactly one device of the bot, another one than before, and returns it.
func (s *fixture) waitDevice(t *testing.T, before id.DeviceID) (found *id.Device) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		devices, err := s.machine().CryptoStore.GetDevices(s.ctx, s.BotID())
		require.NoError(c, err)
		require.Len(c, devices, 1)
		for _, found = range devices {
			require.NotEqual(c, before, found.DeviceID)
		}
	}, patience, pollEvery)
	return found
}

// requireSigned checks that Robin's client sees the bot's device as signed by its owner.
func (s *fixture) requireSigned(t *testing.T, device *id.Device) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		// The signature may come after the keys, with a change of the device list of its own.
		_, err := s.machine().FetchKeys(s.ctx, []id.UserID{s.BotID()}, true)
		require.NoError(c, err)
		trust, err := s.machine().ResolveTrustContext(s.ctx, device)
		require.NoError(c, err)
		require.Equal(c, id.TrustStateCrossSignedTOFU, trust)
	}, patience, pollEvery)
}

// deleteDevice logs the bot's device out, as "sign out" in another client does.
func (s *fixture) deleteDevice(t *testing.T, device id.DeviceID) {
	t.Helper()
	client, err := mautrix.NewClient(s.Homeserver.URL(), "", "")
	require.NoError(t, err)
	_, err = client.Login(s.ctx, &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: s.Bot.User},
		Password: s.Bot.Password, DeviceID: device, StoreCredentials: true,
	})
	require.NoError(t, err)
	_, err = client.Logout(s.ctx)
	require.NoError(t, err)
}

// recoveryKey is what the relay shows on request.
func (s *fixture) recoveryKey(t *testing.T) string {
	t.Helper()
	outcome, err := s.Relay.Run(s.ctx, "recovery-key")
	require.NoError(t, err)
	require.Zero(t, outcome.Code, outcome.Output)
	key := strings.TrimSpace(outcome.Output)
	log, err := os.ReadFile(s.Relay.LogFile())
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(log), key), "the recovery key is shown once")
	return key
}

// What the bot says in an encrypted room comes from a device that its owner has signed, whatever happened to the
// device.
func TestDeviceIsTrusted(t *testing.T) {
	t.Parallel()
	for _, trouble := range []struct {
		name string
		// happen does it to a relay that runs. It reports whether the bot keeps its device.
		happen func(t *testing.T, s *fixture, device id.DeviceID) (keeps bool)
	}{
		{"after a restart", func(t *testing.T, s *fixture, _ id.DeviceID) bool {
			require.NoError(t, s.Relay.Restart(s.ctx))
			return true
		}},
		{"after its device was deleted while it ran", func(t *testing.T, s *fixture, device id.DeviceID) bool {
			s.deleteDevice(t, device)
			return true
		}},
		{"after its device was deleted while it was away", func(t *testing.T, s *fixture, device id.DeviceID) bool {
			require.NoError(t, s.Relay.Stop())
			s.deleteDevice(t, device)
			require.NoError(t, s.Relay.Restart(s.ctx))
			return false
		}},
		{"after an older copy of its database was brought back", func(t *testing.T, s *fixture, _ id.DeviceID) bool {
			restore := s.snapshot(t)
			require.NoError(t, s.Relay.Restart(s.ctx))
			restore()
			require.NoError(t, s.Relay.Restart(s.ctx))
			return false
		}},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, withMautrix(), stage.Config{})
			p := s.link(t, harness.RoomOptions{Encrypted: true})
			p.requireTalk(t)
			first := s.waitDevice(t, "")
			s.requireSigned(t, first)
			if trouble.happen(t, s, first.DeviceID) {
				p.sayUntilHeard(t)
				s.requireSigned(t, s.waitDevice(t, ""))
				s.discardSession(t, p.Matrix)
			} else {
				s.requireSigned(t, s.waitDevice(t, first.DeviceID))
			}
			p.requireTalk(t)
			require.NotEmpty(t, s.recoveryKey(t))
		})
	}
}

// discardSession has Robin's client make a new session for what Robin says next. A client that makes a session in the
// moment in which a device comes back does not give it to that device, and mautrix keeps such a session.
func (s *fixture) discardSession(t *testing.T, room id.RoomID) {
	t.Helper()
	require.NoError(t, s.machine().CryptoStore.RemoveOutboundGroupSession(s.ctx, room))
}

// sayUntilHeard has Robin write until something of it arrives: what is written while the bot has no keys is lost for
// it.
func (p *portal) sayUntilHeard(t *testing.T) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := p.Robin.Send(p.ctx, p.Matrix, p.someWords())
		require.NoError(c, err)
		require.Greater(c, len(p.onWazo()), 1) // the first was said before
	}, patience, pollEvery)
}

func TestLostDatabaseWithTheRecoveryKey(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	s.link(t, harness.RoomOptions{Encrypted: true}).requireTalk(t)
	first := s.waitDevice(t, "")
	key := s.recoveryKey(t)
	require.NoError(t, s.Relay.Stop())
	require.NoError(t, s.Relay.RemoveDatabase())

	outcome, err := s.Relay.Run(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, outcome.Code, outcome.Output)
	require.Contains(t, outcome.Output, "hint: set MATRIX_RECOVERY_KEY")

	s.Relay.Setenv("MATRIX_RECOVERY_KEY", key)
	require.NoError(t, s.Relay.Restart(s.ctx))
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	devices, err := s.machine().CryptoStore.GetDevices(s.ctx, s.BotID())
	require.NoError(t, err)
	delete(devices, first.DeviceID) // nobody has logged it out
	require.Len(t, devices, 1)
	for _, device := range devices {
		s.requireSigned(t, device)
	}
}
