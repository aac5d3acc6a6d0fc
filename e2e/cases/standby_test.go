package cases

import (
	"fmt"
	"os"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

const (
	// takesOverWithin is how long it may take after the active relay has ended, or stands still, until the other one
	// delivers.
	takesOverWithin = 10 * time.Second
	// followsWithin is the same after the active one has ended in order. What is left is a start.
	followsWithin = 4 * time.Second
)

// pair are two relays on one database.
type pair struct {
	*fixture
	first, second *harness.Relay // the first one is active
}

func openPair(t *testing.T) *pair {
	t.Helper()
	onPostgres(t)
	t.Parallel()
	p := &pair{fixture: open(t, withMautrix(), stage.Config{})}
	p.first = p.Relay
	second, err := p.first.Another(t.TempDir(), nil)
	require.NoError(t, err)
	require.NoError(t, second.Begin(p.ctx))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(harness.LogTail(second.LogFile()))
		}
		require.NoError(t, second.End())
	})
	p.second = second
	require.Equal(t, harness.Role{Role: "stand-by"}, second.Role(p.ctx))
	require.Equal(t, harness.Role{OK: true, Role: "active"}, p.first.Role(p.ctx))
	return p
}

// awaitActive waits until a relay relays, and requires that this takes no longer than it may.
func (p *pair) awaitActive(relay *harness.Relay, since time.Time, within time.Duration) error {
	for !relay.IsReady(p.ctx) {
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-relay.Exited():
			return fmt.Errorf("the stand-by has ended: %s", harness.LogTail(relay.LogFile()))
		case <-time.After(10 * time.Millisecond):
		}
	}
	if took := time.Since(since); took > within {
		return fmt.Errorf("it took %s to take over", took)
	}
	return nil
}

// swap exchanges the two relays: what was the stand-by is active.
func (p *pair) swap() { p.first, p.second = p.second, p.first }

func TestStandbyTakesOverAfterAKill(t *testing.T) {
	p := openPair(t)
	d := dialogue{portal: p.link(t, harness.RoomOptions{Encrypted: true}), lines: 40}
	d.requireTalk(t)
	d.interrupt = func() error {
		killed := time.Now()
		p.first.Kill()
		if err := p.awaitActive(p.second, killed, takesOverWithin); err != nil {
			return err
		}
		p.swap()
		return p.second.Begin(p.ctx)
	}
	d.run(t)
	d.requireExact(t)
	require.Equal(t, harness.Role{Role: "stand-by"}, p.second.Role(p.ctx))
}

func TestStandbyFollowsAfterAnOrderlyEnd(t *testing.T) {
	p := openPair(t)
	d := dialogue{portal: p.link(t, harness.RoomOptions{Encrypted: true}), lines: 40}
	d.requireTalk(t)
	d.interrupt = func() error {
		for range 2 { // and back
			if err := p.first.Stop(); err != nil {
				return err
			}
			if err := p.awaitActive(p.second, time.Now(), followsWithin); err != nil {
				return err
			}
			p.swap()
			if err := p.second.Begin(p.ctx); err != nil {
				return err
			}
		}
		return nil
	}
	d.run(t)
	d.requireExact(t)
}

// A relay that stood still while another one took over ends by itself, and does nothing before.
func TestFrozenRelayDoesNothingWhenItWakesUp(t *testing.T) {
	p := openPair(t)
	d := dialogue{portal: p.link(t, harness.RoomOptions{Encrypted: true}), lines: 40}
	d.requireTalk(t)
	d.interrupt = func() error {
		frozen := time.Now()
		if err := p.first.Freeze(); err != nil {
			return err
		}
		if err := p.awaitActive(p.second, frozen, takesOverWithin); err != nil {
			return err
		}
		return p.first.Thaw()
	}
	d.run(t)
	select {
	case <-p.first.Exited():
	case <-p.ctx.Done():
		t.Fatal("the relay that stood still goes on")
	}
	require.Equal(t, 1, p.first.ExitCode())
	log, err := os.ReadFile(p.first.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "error: another relay has taken over")
	d.requireExact(t)
	p.swap()
	require.NoError(t, p.second.Begin(p.ctx), "it is the stand-by now")
	require.Equal(t, harness.Role{Role: "stand-by"}, p.second.Role(p.ctx))
	require.NoError(t, p.first.Stop())
	require.NoError(t, p.awaitActive(p.second, time.Now(), followsWithin))
	d.requireTalk(t)
}
