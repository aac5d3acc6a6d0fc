package wazoapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/task"
)

func TestListen(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	f.handleStream(func(s *fakeStream) {
		assert.True(t, f.isValid(s.token), "the token is in the header")
		assert.Equal(t, []command{
			{"subscribe", map[string]string{"event_name": "chatd_user_room_message_created"}},
			{"subscribe", map[string]string{"event_name": "chatd_user_room_created"}},
			{"subscribe", map[string]string{"event_name": "auth_session_expire_soon"}},
			{Op: "start"},
		}, s.untilStart())
		s.send(`{"op": "event", "code": 0, "data": {"name": "chatd_presence_updated", "data": {}}}`)
		s.send(`{"op": "something new", "code": 0, "data": 5}`)
		for i := range 20 {
			s.sendMessage(fmt.Sprint(i))
		}
		s.send(`{"op": "event", "code": 0, "data": {"name": "chatd_user_room_created", "data": {"uuid": "R", "name": null, "users": [{"uuid": "u"}]}}}`)
		s.serve()
	})
	stop := listen(t, f.account(quickStream()), h)
	await.Receive(t, "Connected", h.connected)
	for i := range 20 {
		assert.Equal(t, fmt.Sprint(i), await.Receive(t, "a message", h.messages))
	}
	assert.Equal(t, Room{UUID: "r", Users: []RoomUser{{UUID: "u"}}}, await.Receive(t, "a room", h.rooms))
	require.ErrorIs(t, stop(), context.Canceled)
	assert.Empty(t, h.disconnected, "the end of ctx is no lost connection")
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		code       int
		reason     string
		atConnect  bool
		revoke     bool
		wantChecks int
		wantLogins int
	}{
		{name: "4001 no token", code: 4001, reason: "no token", atConnect: true, wantChecks: 1, wantLogins: 1},
		{name: "4002 with a good token, as when wazo-auth was away", code: 4002, reason: "authentication failed", atConnect: true, wantChecks: 1, wantLogins: 1},
		{name: "4002 with a bad token", code: 4002, reason: "authentication failed", atConnect: true, revoke: true, wantChecks: 1, wantLogins: 2},
		{name: "4003 with a good token, as when wazo-auth was away", code: 4003, reason: "authentication expired", wantChecks: 1, wantLogins: 1},
		{name: "4003 with a bad token", code: 4003, reason: "authentication expired", revoke: true, wantChecks: 1, wantLogins: 2},
		{name: "4004 protocol error", code: 4004, wantLogins: 1},
		{name: "1011 bus lost", code: 1011, reason: "bus connection lost", wantLogins: 1},
		{name: "1011 unexpected", code: 1011, wantLogins: 1},
		{name: "1011 at connect", code: 1011, reason: "bus connection error", atConnect: true, wantLogins: 1},
		{name: "1009 frame too big", code: 1009, wantLogins: 1},
		{name: "1001 shut down", code: 1001, wantLogins: 1},
		{name: "1000 normal", code: 1000, wantLogins: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h := newFakeWazo(t), newRecordingHandler()
			f.handleStream(func(s *fakeStream) {
				if s.n == 1 {
					if !tt.atConnect {
						s.untilStart()
					}
					if tt.revoke {
						f.revoke(s.token)
					}
					_ = s.Close(websocket.StatusCode(tt.code), tt.reason)
					return
				}
				assert.True(t, f.isValid(s.token))
				s.untilStart()
				s.serve()
			})
			listen(t, f.account(quickStream()), h)
			if !tt.atConnect {
				await.Receive(t, "the first connection", h.connected)
			}
			err := await.Receive(t, "Disconnected", h.disconnected)
			var closed *CloseError
			require.ErrorAs(t, err, &closed)
			assert.Equal(t, CloseError{Code: tt.code, Reason: tt.reason}, *closed)
			await.Receive(t, "the second connection", h.connected)
			assert.Empty(t, h.disconnected, "once per lost connection")
			logins, checks := f.counts()
			assert.Equal(t, tt.wantChecks, checks, "checks")
			assert.Equal(t, tt.wantLogins, logins, "log-ins")
		})
	}
}

func TestMissingWebsocketAccessIsReported(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	f.noScope["websocketd"] = true
	f.handleStream(func(s *fakeStream) { _ = s.Close(4002, "authentication failed") })
	listen(t, f.account(quickStream()), h)
	assert.Equal(t, &CloseError{4002, "authentication failed"}, await.Receive(t, "the first failure", h.disconnected))
	for range 3 {
		var answer *Error
		require.ErrorAs(t, await.Receive(t, "a further failure", h.disconnected), &answer)
		assert.True(t, answer.MissingPermission())
		assert.Contains(t, answer.Error(), `"websocketd"`)
	}
}

func TestFailedUpgrades(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answer  http.HandlerFunc
		wantErr string
	}{
		{"nginx without websocketd", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 502, "<html>") }, "GET /api/websocketd/: 502: Bad Gateway"},
		{"a redirection", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 301) }, "GET /api/websocketd/: 301: Moved Permanently"},
		{"a success that is no websocket", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, "{}") }, "GET /api/websocketd/: 200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h := newFakeWazo(t), newRecordingHandler()
			f.mux.HandleFunc("GET /api/websocketd/", tt.answer)
			f.mux.HandleFunc("GET /elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("the redirection was followed") })
			listen(t, f.account(quickStream()), h)
			for range 2 {
				var answer *Error
				require.ErrorAs(t, await.Receive(t, "a failed attempt", h.disconnected), &answer)
				assert.ErrorContains(t, answer, tt.wantErr)
			}
			assert.Empty(t, h.connected)
		})
	}
	t.Run("a refused connection", func(t *testing.T) {
		f, h := newFakeWazo(t), newRecordingHandler()
		a := f.account(quickStream())
		_, err := a.Token(t.Context())
		require.NoError(t, err)
		f.srv.Close()
		listen(t, a, h)
		var failure *TransportError
		require.ErrorAs(t, await.Receive(t, "a failed attempt", h.disconnected), &failure)
		assert.False(t, failure.Sent)
	})
	t.Run("a failed log-in", func(t *testing.T) {
		f, h := newFakeWazo(t), newRecordingHandler()
		f.login = func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 401, `{"reason": ["Authentication Failed"]}`)
		}
		listen(t, f.account(quickStream()), h)
		for range 5 {
			var answer *Error
			require.ErrorAs(t, await.Receive(t, "a failed attempt", h.disconnected), &answer)
			assert.True(t, answer.LoginFailed())
		}
		logins, _ := f.counts()
		assert.Equal(t, 1, logins, "reconnecting must not try a wrong password again and again")
	})
}

func TestTokenIsRenewedOnTheOpenConnection(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		now  func(t *testing.T, f *fakeWazo, a *Account, s *fakeStream, clock *fakeClock)
	}{
		{
			name: "before it ends",
			now: func(_ *testing.T, _ *fakeWazo, _ *Account, _ *fakeStream, clock *fakeClock) {
				clock.advance(10 * time.Hour)
			},
		},
		{
			name: "when Wazo says that it ends soon",
			now: func(_ *testing.T, _ *fakeWazo, _ *Account, s *fakeStream, _ *fakeClock) {
				s.send(`{"op": "event", "code": 0, "data": {"name": "auth_session_expire_soon", "data": {"uuid": "` + string(sessionOf(s.token)) + `", "user_uuid": "u", "tenant_uuid": "t"}}}`)
			},
		},
		{
			name: "after a service rejected it",
			now: func(t *testing.T, f *fakeWazo, a *Account, s *fakeStream, _ *fakeClock) {
				f.revoke(s.token)
				_, err := a.Rooms(t.Context())
				require.NoError(t, err)
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h, clock := newFakeWazo(t), newRecordingHandler(), newFakeClock()
			f.now = clock.Now
			started, renewed := make(chan *fakeStream, 1), make(chan string, 1)
			f.handle("GET /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"items": []}`) })
			f.handleStream(func(s *fakeStream) {
				if !assert.Equal(t, 1, s.n, "the connection must not be replaced") {
					return
				}
				s.untilStart()
				started <- s
				for {
					c, ok := s.next(t.Context())
					if !ok {
						return
					}
					s.answer(c)
					if c.Op == "token" {
						renewed <- c.Data["token"]
						s.sendMessage("after the renewal")
					}
				}
			})
			c := f.client(quickStream(func(s *StreamConfig) { s.PingInterval = 10 * time.Millisecond }))
			c.now = clock.Now
			a := c.Account(Credentials{"alice", "pa55word"}, nil)
			listen(t, a, h)
			s := await.Receive(t, "the connection", started)
			tt.now(t, f, a, s, clock)
			fresh := await.Receive(t, "the token op", renewed)
			assert.NotEqual(t, s.token, fresh)
			assert.True(t, f.isValid(fresh))
			assert.Equal(t, "after the renewal", await.Receive(t, "an event", h.messages))
			assert.Empty(t, h.disconnected)
			logins, _ := f.counts()
			assert.Equal(t, 2, logins)
		})
	}
}

func TestAnotherSessionsEndIsIgnored(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	f.handleStream(func(s *fakeStream) {
		s.untilStart()
		s.send(`{"op": "event", "code": 0, "data": {"name": "auth_session_expire_soon", "data": {"uuid": "00000000-0000-4000-8000-00000000beef"}}}`)
		for range 3 { // pings that come after it
			c, _ := s.next(t.Context())
			assert.Equal(t, "ping", c.Op)
			s.answer(c)
		}
		s.sendMessage("done")
		s.serve()
	})
	listen(t, f.account(quickStream(func(s *StreamConfig) { s.PingInterval = 10 * time.Millisecond })), h)
	await.Receive(t, "the end of the play", h.messages)
	logins, _ := f.counts()
	assert.Equal(t, 1, logins)
}

func TestPausesBetweenConnections(t *testing.T) {
	t.Parallel()
	b := reconnectBackoff{Backoff: task.Backoff{First: time.Second, Longest: 20 * time.Second}}
	lost, bug := &CloseError{Code: 1011}, &CloseError{Code: 4004}
	for _, tt := range []struct {
		name   string
		uptime time.Duration
		err    error
		step   time.Duration
	}{
		{"the first is short", 0, lost, time.Second},
		{"the next is twice as long", 0, lost, 2 * time.Second},
		{"a connection that lives for a moment changes nothing", 19 * time.Second, lost, 4 * time.Second},
		{"it grows on", 0, lost, 8 * time.Second},
		{"and on", 0, lost, 16 * time.Second},
		{"up to the longest", 0, lost, 20 * time.Second},
		{"and stays there", 0, lost, 20 * time.Second},
		{"a connection that lives long is a new beginning", 20 * time.Second, lost, time.Second},
		{"a hopeless one waits longest", 0, bug, 20 * time.Second},
		{"even if it lived", time.Hour, bug, 20 * time.Second},
	} {
		pause := b.next(tt.uptime, tt.err)
		assert.GreaterOrEqual(t, pause, tt.step, tt.name)
		assert.LessOrEqual(t, pause, tt.step+tt.step/4, tt.name)
	}
}

func TestACloseFrameExplainsAFailedWrite(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	closed := &CloseError{Code: 4002, Reason: "authentication failed"}
	for _, tt := range []struct {
		name    string
		readErr error
		want    error
	}{
		{"a close frame is the reason", closed, closed},
		{"without one, the write is", &TransportError{Err: errors.New("reset")}, &TransportError{Op: "event stream", Sent: true, Err: broken}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &stream{readDone: make(chan struct{}), readErr: tt.readErr}
			s.hide.Store(&secrets{})
			close(s.readDone)
			assert.Equal(t, tt.want, s.writeError(broken))
		})
	}
}

func TestPermanentFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"a bug of ours", &CloseError{Code: 4004}, true},
		{"a wrong password", &Error{Status: 401, Method: "POST", Path: "/api/auth/0.1/token"}, true},
		{"a missing access", &Error{Status: 403, Method: "HEAD"}, true},
		{"an expired token", &CloseError{Code: 4003}, false},
		{"a lost bus", &CloseError{Code: 1011}, false},
		{"a missing service", &Error{Status: 502}, false},
		{"a lost connection", &TransportError{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, isPermanent(tt.err)) })
	}
}
