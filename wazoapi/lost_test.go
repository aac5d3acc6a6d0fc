package wazoapi

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

func TestSilentServers(t *testing.T) {
	t.Parallel()
	// The limit that a case is about is short, the others are not reached even
	// on a busy machine.
	quickPings := func(s *StreamConfig) { s.PingInterval, s.PongTimeout = 20*time.Millisecond, time.Second }
	quickStart := func(s *StreamConfig) { s.ConnectTimeout = time.Second }
	for _, tt := range []struct {
		name    string
		times   func(*StreamConfig)
		play    func(s *fakeStream)
		wantErr error
	}{
		{name: "a server that stops reading", wantErr: errNoPong, times: quickPings, play: func(s *fakeStream) {
			s.untilStart()
			<-s.t.Context().Done()
		}},
		{name: "a server that doesn't answer pings", wantErr: errNoPong, times: quickPings, play: func(s *fakeStream) {
			s.untilStart()
			for {
				if _, ok := s.next(s.t.Context()); !ok {
					return
				}
			}
		}},
		{name: "a server that doesn't acknowledge the start", wantErr: errStartTimeout, times: quickStart, play: func(s *fakeStream) {
			for {
				c, ok := s.next(s.t.Context())
				if !ok {
					return
				}
				if c.Op != "start" {
					s.answer(c)
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h := newFakeWazo(t), newRecordingHandler()
			f.handleStream(func(s *fakeStream) {
				if s.n > 1 {
					s.untilStart()
					s.serve()
					return
				}
				tt.play(s)
			})
			listen(t, f.account(quickStream(tt.times)), h)
			err := await.Receive(t, "Disconnected", h.disconnected)
			require.ErrorIs(t, err, tt.wantErr)
			var failure *TransportError
			require.ErrorAs(t, err, &failure)
			await.Receive(t, "a connection", h.connected)
		})
	}
}

func TestEventsAreASignOfLife(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	f.handleStream(func(s *fakeStream) {
		if !assert.Equal(t, 1, s.n, "a server that sends is alive") {
			return
		}
		s.untilStart()
		pings := 0
		for {
			c, ok := s.next(t.Context())
			if !ok {
				return
			}
			if c.Op == "ping" {
				s.sendMessage("instead of a pong")
				if pings++; pings == 5 {
					s.sendMessage("five pings")
				}
			}
		}
	})
	listen(t, f.account(quickStream(func(s *StreamConfig) { s.PingInterval, s.PongTimeout = 10*time.Millisecond, 5*time.Second })), h)
	for await.Receive(t, "five pings", h.messages) != "five pings" {
	}
	assert.Empty(t, h.disconnected)
}

func TestLostConnections(t *testing.T) {
	t.Parallel()
	boom := errors.New("database is gone")
	for _, tt := range []struct {
		name      string
		play      func(s *fakeStream)
		onMessage func(Message) error
		check     func(t *testing.T, err error)
	}{
		{
			name:      "an error of the handler",
			play:      func(s *fakeStream) { s.sendMessage("x"); s.serve() },
			onMessage: func(Message) error { return boom },
			check:     func(t *testing.T, err error) { assert.ErrorIs(t, err, boom) },
		},
		{
			name: "a connection without close frame",
			play: func(s *fakeStream) { s.CloseNow() },
			check: func(t *testing.T, err error) {
				var failure *TransportError
				assert.ErrorAs(t, err, &failure)
			},
		},
		{
			name:  "a frame that isn't JSON",
			play:  func(s *fakeStream) { s.send(`{"op":`); s.serve() },
			check: func(t *testing.T, err error) { assert.ErrorContains(t, err, "unreadable frame") },
		},
		{
			name: "a message that cannot be read",
			play: func(s *fakeStream) {
				s.send(`{"op": "event", "data": {"name": "chatd_user_room_message_created", "data": {"content": "secret text"}}}`)
				s.serve()
			},
			check: func(t *testing.T, err error) {
				assert.ErrorContains(t, err, "unreadable event chatd_user_room_message_created: message without uuid")
				assert.NotContains(t, err.Error(), "secret text")
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h := newFakeWazo(t), newRecordingHandler()
			h.onMessage = tt.onMessage
			f.handleStream(func(s *fakeStream) {
				s.untilStart()
				if s.n == 1 {
					tt.play(s)
					return
				}
				s.serve()
			})
			listen(t, f.account(quickStream()), h)
			await.Receive(t, "the first connection", h.connected)
			tt.check(t, await.Receive(t, "Disconnected", h.disconnected))
			await.Receive(t, "the second connection", h.connected)
			assert.Empty(t, h.disconnected)
		})
	}
}

func TestSlowHandler(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	inHand, lost := make(chan struct{}), make(chan struct{})
	h.onMessage = func(m Message) error {
		if m.Content == "0" {
			close(inHand)
			<-lost // until the connection has been given up
		}
		return nil
	}
	f.handleStream(func(s *fakeStream) {
		s.untilStart()
		if s.n == 1 {
			s.sendMessage("0")
			<-inHand
			for i := range 20 {
				s.sendMessage(fmt.Sprint(i + 1))
			}
			s.serve()
			close(lost)
			return
		}
		s.serve()
	})
	listen(t, f.account(quickStream(func(s *StreamConfig) { s.QueueLength = 3 })), h)
	await.Receive(t, "the first connection", h.connected)
	require.ErrorIs(t, await.Receive(t, "Disconnected", h.disconnected), errSlowHandler)
	await.Receive(t, "the second connection", h.connected)
	for i := range 4 { // one in hand and three that waited
		assert.Equal(t, fmt.Sprint(i), await.Receive(t, "a message that was in the queue", h.messages))
	}
}
