package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

func TestTroubleOfWazoInTheMiddle(t *testing.T) { withEachClient(t, testTroubleOfWazoInTheMiddle) }

func testTroubleOfWazoInTheMiddle(t *testing.T, robin client) {
	for _, trouble := range []struct {
		name  string
		cause func(s *fixture) error
	}{
		{name: "all of Wazo is restarted", cause: func(s *fixture) error {
			s.Wazo.Stop()
			return s.Wazo.Start(s.Wazo.Addr())
		}},
		{name: "websocketd is restarted", cause: func(s *fixture) error {
			s.Wazo.RestartWebsocketd()
			return nil
		}},
		{name: "websockets are cut", cause: func(s *fixture) error {
			s.Wazo.KillWebsocketd()
			return nil
		}},
		{name: "all tokens expire", cause: func(s *fixture) error {
			s.Wazo.ExpireTokens(s.Cast.Relay)
			s.Wazo.CheckTokens()
			return nil
		}},
		{name: "nginx answers 502 with HTML for a while", cause: func(s *fixture) error {
			fault := s.Wazo.Faults().ChatdDown()
			defer fault.Off()
			return fault.Wait(s.ctx, 3)
		}},
		{name: "a stored message is answered with a cut connection", cause: func(s *fixture) error {
			return s.Wazo.Faults().CutPost(wazotest.Times(1)).Wait(s.ctx, 1)
		}},
		{name: "a stored message is answered with 500 and its event is lost", cause: func(s *fixture) error {
			return s.Wazo.Faults().PublishFails(wazotest.Times(1).By(s.Cast.Relay)).Wait(s.ctx, 1)
		}},
		{name: "a message is refused with a 502 page", cause: func(s *fixture) error {
			return s.Wazo.Faults().RefusePost(wazotest.HTMLError(502), wazotest.Times(1)).Wait(s.ctx, 1)
		}},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			inEachKind(t, func(t *testing.T, encrypted bool) {
				s := open(t, robin, stage.Config{})
				d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(restartLines)}
				d.interrupt = func() error { return trouble.cause(s) }
				d.run(t)
				d.requireExact(t)
			})
		})
	}
}

func TestConnectionToTheHomeserverBreaksInTheMiddle(t *testing.T) {
	inEachSetting(t, testConnectionToTheHomeserverBreaksInTheMiddle)
}

func testConnectionToTheHomeserverBreaksInTheMiddle(t *testing.T, robin client, encrypted bool) {
	for _, trouble := range []struct {
		name  string
		cause func(s *fixture, p *proxy) error
	}{
		{"and stays away for some requests", func(s *fixture, p *proxy) error { return p.goAway(s.ctx, 3) }},
		{"before a sent message is answered", func(s *fixture, p *proxy) error { return p.loseAnswer(s.ctx) }},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			s, between := openBehindProxy(t, robin)
			d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(restartLines)}
			d.interrupt = func() error { return trouble.cause(s, between) }
			d.run(t)
			d.requireExact(t)
		})
	}
}

// Dendrite forgets transaction ids when it ends. The homeserver is the test's own,
// since others share theirs.
func TestHomeserverIsKilledAndStartedInTheMiddle(t *testing.T) {
	inEachSetting(t, testHomeserverIsKilledAndStartedInTheMiddle)
}

func testHomeserverIsKilledAndStartedInTheMiddle(t *testing.T, robin client, encrypted bool) {
	s := openAlone(t, robin)
	back := make(chan struct{})
	d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(restartLines), resend: back}
	d.interrupt = func() error {
		defer close(back)
		s.Homeserver.Kill()
		return s.Homeserver.Restart(s.ctx)
	}
	d.run(t)
	d.requireExact(t)
}

// Dendrite cannot be ended in order while people talk on it: it answers /sync
// with a part of what happened and a token behind it, for every client, and
// sometimes panics. So only Wazo talks while it is away.
func TestHomeserverIsRestartedInOrder(t *testing.T) {
	inEachSetting(t, testHomeserverIsRestartedInOrder)
}

func testHomeserverIsRestartedInOrder(t *testing.T, robin client, encrypted bool) {
	s := openAlone(t, robin)
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	p.requireTalk(t)
	if err := s.Homeserver.Stop(); err != nil {
		t.Logf("the homeserver has ended, but not in order: %v", err) // that is no fault of the relay
	}
	for n := range restartLines {
		p.post(line(fromWazo, n))
	}
	require.NoError(t, s.Homeserver.Restart(s.ctx))
	p.requireTalk(t)
	requireSame(t, lines(fromWazo, p.saidOnWazo()), lines(fromWazo, p.onMatrix(t)), "from Wazo to Matrix")
}

// The log of a relay whose messages fail says nothing of what is in them.
func TestNoTextInTheLogWhenSendingFails(t *testing.T) {
	inEachSetting(t, testNoTextInTheLogWhenSendingFails)
}

func testNoTextInTheLogWhenSendingFails(t *testing.T, robin client, encrypted bool) {
	s, between := openBehindProxy(t, robin)
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	// The notice can be seen before its own sending is answered.
	require.NoError(t, between.until(s.ctx, func() bool { return between.sending == 0 }))
	between.change(func() { between.swallow = 1 })
	p.post("confidential")
	p.waitOnMatrix(t, "confidential")
	require.NoError(t, between.until(s.ctx, func() bool { return between.lost == 1 }))
	p.requireTalk(t)
	s.requireNoTextInLog(t, "confidential")
}

// openAlone opens a fixture with a homeserver of its own.
func openAlone(t *testing.T, robin client) *fixture {
	t.Helper()
	return openOn(t, startOwn(t, harness.Unlimited), robin, stage.Config{})
}

// startOwn starts a homeserver that no other test uses.
func startOwn(t *testing.T, limits harness.Limits) *harness.Homeserver {
	t.Helper()
	dir, remove, err := harness.TempDir()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove()) })
	own, err := harness.StartSoftware(t.Context(), dir, homeserver.Software(), limits)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop()) })
	return own
}
