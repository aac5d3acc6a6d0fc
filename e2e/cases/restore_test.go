package cases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// snapshot copies the database of the relay while it runs. restore kills the relay and brings the copy back; it does
// not start the relay.
func (s *fixture) snapshot(t *testing.T) (restore func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, s.Relay.CopyDatabase(s.ctx, file))
	return func() {
		t.Helper()
		s.Relay.Kill()
		require.NoError(t, s.Relay.RestoreDatabase(file))
	}
}

// rotate has Robin's client begin with a new key in a room.
func (p *portal) rotate(t *testing.T) {
	t.Helper()
	require.NoError(t, p.machine().CryptoStore.RemoveOutboundGroupSession(p.ctx, p.Matrix))
}

// say has a person say something in the room.
func (p *portal) say(t *testing.T, person *harness.Client, text string) {
	t.Helper()
	_, err := person.Send(p.ctx, p.Matrix, text)
	require.NoError(t, err)
}

// requireOnce checks that each text is on Wazo exactly once, and that the bot has complained about nothing.
func (p *portal) requireOnce(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		p.waitOnWazo(t, text)
	}
	p.requireTalk(t)
	counts := make(map[string]int)
	for _, text := range p.onWazo() {
		counts[text]++
	}
	for _, text := range texts {
		require.Equal(t, 1, counts[text], "%q on Wazo: %q", text, p.onWazo())
	}
	require.Empty(t, p.history(t, harness.All(harness.From(p.BotID()), harness.Says("could not decrypt"))))
}

// A copy of the database that is moments old is recognised, so that everybody reads what is said afterwards. Nothing
// that was said in the meantime stays unreadable, although the keys came after the copy was made.
func TestSnapshotIsBroughtBack(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	ally := s.person(t, "ally", harness.Encrypted)
	p := s.link(t, harness.RoomOptions{Encrypted: true, Invite: []id.UserID{ally.UserID()}})
	p.requireTalk(t)
	first := s.waitDevice(t, "")
	restore := s.snapshot(t)

	s.join(t, ally, p.Matrix)
	p.say(t, ally, "ally is here")
	p.rotate(t)
	p.say(t, s.Robin, "robin has a new key")
	p.waitOnWazo(t, "ally is here")
	p.waitOnWazo(t, "robin has a new key")
	p.requireTalk(t)
	restore()

	p.say(t, ally, "ally with the known key")
	p.say(t, s.Robin, "robin with the known key")
	p.rotate(t)
	p.say(t, s.Robin, "robin with a key that the relay has not seen")
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireOnce(t, "ally is here", "robin has a new key", "ally with the known key", "robin with the known key", "robin with a key that the relay has not seen")
	s.requireSigned(t, s.waitDevice(t, first.DeviceID))
	p.post("for everybody")
	_, err := ally.WaitEvent(s.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says("for everybody")))
	require.NoError(t, err)
	p.say(t, ally, "ally reads and writes")
	p.waitOnWazo(t, "ally reads and writes")
}

// The same with matrix-js-sdk, which remembers the message indexes of each key, and excludes devices that nobody has
// signed. Two copies are brought back, so that the older one comes after a device that it does not know.
func TestSnapshotIsBroughtBackBeforeJSPeople(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	restore := s.snapshot(t)
	for _, text := range []string{"after the first copy", "after the second copy"} {
		require.NoError(t, s.Robin.JS().DiscardSession(s.ctx, p.Matrix))
		p.say(t, s.Robin, text+", with a new key")
		p.waitOnWazo(t, text+", with a new key")
		p.requireTalk(t)
		restore()
		p.say(t, s.Robin, text+", while the relay was away")
		require.NoError(t, s.Relay.Restart(s.ctx))
		p.requireOnce(t, text+", with a new key", text+", while the relay was away")
		p.post(text + ", from Wazo")
		entry, err := s.Robin.WaitEvent(s.ctx, p.Matrix, harness.All(p.FromWazo(), harness.Says(text+", from Wazo")))
		require.NoError(t, err)
		shield, err := s.Robin.JS().Shield(s.ctx, entry)
		require.NoError(t, err)
		require.Equal(t, harness.NoShield, shield)
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		devices, err := s.Robin.JS().Devices(s.ctx, s.BotID())
		require.NoError(c, err)
		require.Len(c, devices, 1, "no device is left behind")
	}, patience, pollEvery)
}

// A copy after which nothing has happened is as good as the original.
func TestSnapshotAfterWhichNothingHappened(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	first := s.waitDevice(t, "")
	restore := s.snapshot(t)
	restore()
	p.say(t, s.Robin, "is anybody there?")
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireOnce(t, "is anybody there?")
	devices, err := s.machine().CryptoStore.GetDevices(s.ctx, s.BotID())
	require.NoError(t, err)
	require.Len(t, devices, 1)
	require.Contains(t, devices, first.DeviceID)
}

// What was said while the database was there can be read after it was lost, by the room keys in the key backup.
func TestRoomKeysAfterALostDatabase(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo status"), "key backup: the keys of encrypted rooms are backed up")
	key := s.recoveryKey(t)
	require.NoError(t, s.Relay.Stop())
	require.NoError(t, s.Relay.RemoveDatabase())
	s.Relay.Setenv("MATRIX_RECOVERY_KEY", key)
	require.NoError(t, s.Relay.Restart(s.ctx))
	log, err := os.ReadFile(s.Relay.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "Fetched the room keys of the key backup")
}

// Somebody has logged in for the first time since the copy was made. What their own account has posted is recognised
// all the same.
func TestFirstLogInIsNewerThanTheCopy(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), withPage(t))
	ally := s.person(t, "ally", harness.Encrypted)
	p := s.link(t, harness.RoomOptions{Encrypted: true, Invite: []id.UserID{ally.UserID()}})
	s.join(t, ally, p.Matrix)
	desk := s.invite(t, ally, harness.RoomOptions{})
	p.requireTalk(t)
	restore := s.snapshot(t)

	require.NoError(t, s.LogIn(s.ctx, ally, desk, p.author))
	p.say(t, ally, "as myself")
	p.waitOwn(t, p.author, "as myself")
	p.requireTalk(t)
	restore()

	p.say(t, ally, "through the relay")
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.waitOnWazo(t, "through the relay")
	p.requireTalk(t)
	require.NotContains(t, p.onMatrix(t), "as myself")
	require.NotContains(t, p.onWazo(), "as myself", "the relay's account does not post it again")
	posted := 0
	for _, message := range p.Wazo().Messages(p.Portal.Wazo) {
		if strings.Contains(message.Content, "as myself") {
			posted++
		}
	}
	require.Equal(t, 1, posted)
}
