package cases

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

// A copy that the backup command made in the middle of a dialogue is brought back after the dialogue. Nothing is lost,
// and nothing that was delivered after the copy was made is delivered again.
func TestBackupInTheMiddleIsRestored(t *testing.T) { inEachSetting(t, testBackupInTheMiddleIsRestored) }

func testBackupInTheMiddleIsRestored(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{Env: onSQLite(t)}) // of PostgreSQL, pg_dump makes the copy
	file := filepath.Join(t.TempDir(), "copy.db")
	d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(restartLines)}
	d.interrupt = func() error {
		outcome, err := s.Relay.Run(s.ctx, "backup", file)
		if err == nil && outcome.Code != 0 {
			err = fmt.Errorf("the backup failed: %s", outcome.Output)
		}
		return err
	}
	d.run(t)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	s.Relay.Kill()
	require.NoError(t, s.Relay.RestoreDatabase(file))
	require.NoError(t, s.Relay.Restart(s.ctx))
	d.requireTalk(t)
	d.requireExact(t)
}

// drainsWithin is how long the relay may take to end while messages flow: it finishes what it is doing for ten seconds
// at most. The documented time-outs of Docker and systemd are longer.
const drainsWithin = 13 * time.Second

// An upgrade stops the relay, which is told by SIGTERM, and starts another version.
func TestRelayDrainsWhileMessagesFlow(t *testing.T) {
	inEachSetting(t, testRelayDrainsWhileMessagesFlow)
}

func testRelayDrainsWhileMessagesFlow(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(stormLines)}
	d.requireTalk(t)
	stormed := make(chan error, 2)
	go func() { stormed <- d.stormFromMatrix(s.ctx) }()
	go func() { stormed <- d.stormFromWazo(s.ctx) }()
	d.waitOnWazo(t, line(fromMatrix, d.lines/4))
	start := time.Now()
	require.NoError(t, s.Relay.Stop(), "the exit code is 0")
	require.Less(t, time.Since(start), drainsWithin)
	require.NoError(t, s.Relay.Restart(s.ctx))
	require.NoError(t, <-stormed)
	require.NoError(t, <-stormed)
	d.requireTalk(t)
	d.requireExact(t)
}

// The longest case: an answer of Wazo does not come while the relay ends. Whether the message was stored is found out
// by the next start.
func TestRelayDrainsWhileAnAnswerDoesNotCome(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	p := s.link(t, harness.RoomOptions{})
	p.requireTalk(t)
	late := s.Wazo.Faults().LateAnswer(time.Minute, wazotest.Times(1).By(s.Cast.Relay))
	p.say(t, s.Robin, "held back")
	require.NoError(t, late.Wait(s.ctx, 1))
	p.waitOnWazo(t, "held back") // it is stored, and the answer is held back
	start := time.Now()
	require.NoError(t, s.Relay.Stop(), "the exit code is 0")
	require.Less(t, time.Since(start), drainsWithin)
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireOnce(t, "held back")
}
