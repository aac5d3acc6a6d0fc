package cases

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// snapshot copies the database of the relay while it runs, as the snapshot of a virtual machine does. restore kills the relay and
// brings the copy back; it does not start the relay.
func (s *fixture) snapshot(t *testing.T) (restore func()) {
	t.Helper()
	path := s.Relay.Getenv("DATABASE_URL")
	file := filepath.Join(t.TempDir(), "copy.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	_, err = db.ExecContext(s.ctx, "VACUUM INTO ?", file)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	copied, err := os.ReadFile(file)
	require.NoError(t, err)
	return func() {
		t.Helper()
		s.Relay.Kill()
		s.removeDatabase(t)
		require.NoError(t, os.WriteFile(path, copied, 0o600))
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

// A copy of the database that is moments old is recognised, so that everybody reads what is said afterwards. Nothing that was said
// in the meantime stays unreadable, although the keys came after the copy was made.
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
	s.removeDatabase(t)
	s.Relay.Setenv("MATRIX_RECOVERY_KEY", key)
	require.NoError(t, s.Relay.Restart(s.ctx))
	log, err := os.ReadFile(s.Relay.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "Fetched the room keys of the key backup")
}
