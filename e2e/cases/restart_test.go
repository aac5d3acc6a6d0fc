package cases

import (
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

// restartLines is how many lines each side says while something is restarted.
const restartLines = 60

func TestRestartOfTheRelayInTheMiddle(t *testing.T) {
	inEachSetting(t, testRestartOfTheRelayInTheMiddle)
}

func testRestartOfTheRelayInTheMiddle(t *testing.T, robin client, encrypted bool) {
	for _, way := range []struct {
		name string
		end  func(*harness.Relay) error
	}{
		{"after SIGTERM", (*harness.Relay).Stop},
		{"after SIGKILL", func(relay *harness.Relay) error { relay.Kill(); return nil }},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, robin, stage.Config{})
			d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(restartLines)}
			d.interrupt = func() error {
				if err := way.end(s.Relay); err != nil {
					return err
				}
				return s.Relay.Restart(s.ctx)
			}
			d.run(t)
			d.requireExact(t)
		})
	}
}

// What was said meanwhile comes with one large answer of /sync; what happens when
// that is not enough is measured in ../catchup.
func TestLongAbsenceOfTheRelay(t *testing.T) { inEachSetting(t, testLongAbsenceOfTheRelay) }

func testLongAbsenceOfTheRelay(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(150)}
	d.requireTalk(t)
	require.NoError(t, s.Relay.Stop())
	require.NoError(t, d.stormFromMatrix(s.ctx))
	require.NoError(t, d.stormFromWazo(s.ctx))
	require.NoError(t, s.Relay.Restart(s.ctx))
	d.requireTalk(t)
	d.requireExact(t)
}

// stopsWithin is how long a relay that is at rest may take to end.
const stopsWithin = 5 * time.Second

func TestRelayEndsByItselfAfterSIGTERM(t *testing.T) {
	inEachSetting(t, testRelayEndsByItselfAfterSIGTERM)
}

func testRelayEndsByItselfAfterSIGTERM(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	p.requireTalk(t)
	start := time.Now()
	require.NoError(t, s.Relay.Stop(), "the exit code is 0")
	require.Less(t, time.Since(start), stopsWithin)
}
