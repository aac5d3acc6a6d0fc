package wazoapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rawServer answers each connection with serve, which may behave badly.
func rawServer(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// readRequest reads until the end of the headers.
func readRequest(conn net.Conn) {
	buf := make([]byte, 4096)
	var got string
	for !strings.Contains(got, "\r\n\r\n") {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		got += string(buf[:n])
	}
}

// One case has a limit of real time, so this does not run in parallel with other
// tests.
func TestTransportErrors(t *testing.T) {
	closedPort := func(t *testing.T) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		return ln.Addr().String()
	}
	answering := func(answer string) func(t *testing.T) string {
		return func(t *testing.T) string {
			return rawServer(t, func(conn net.Conn) { readRequest(conn); _, _ = io.WriteString(conn, answer) })
		}
	}
	for _, tt := range []struct {
		name     string
		scheme   string
		addr     func(t *testing.T) string
		ctx      func(context.Context) (context.Context, context.CancelFunc)
		wantSent bool
	}{
		{name: "a refused connection was not sent", scheme: "http", addr: closedPort},
		{
			name: "a failed TLS handshake was not sent", scheme: "https",
			addr: func(t *testing.T) string {
				return rawServer(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)); _, _ = io.WriteString(conn, "not TLS") })
			},
		},
		{name: "a connection that is closed without an answer was sent", scheme: "http", addr: answering(""), wantSent: true},
		{name: "an answer that isn't HTTP was sent", scheme: "http", addr: answering("SSH-2.0-x\r\n\r\n"), wantSent: true},
		{name: "an answer that breaks off was sent", scheme: "http", addr: answering("HTTP/1.1 201 CREATED\r\nContent-Length: 100\r\n\r\n{"), wantSent: true},
		{name: "a success that isn't JSON was sent", scheme: "http", addr: answering("HTTP/1.1 201 CREATED\r\nContent-Length: 6\r\n\r\n<html>"), wantSent: true},
		{
			name: "a time-out after the connection was sent", scheme: "http", wantSent: true,
			addr: func(t *testing.T) string {
				return rawServer(t, func(conn net.Conn) { readRequest(conn); readRequest(conn) })
			},
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 200*time.Millisecond)
			},
		},
		{
			name: "a request that is given up before it began was not sent", scheme: "http", addr: answering(""),
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx, cancel
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := tt.addr(t)
			// http is for loopback hosts, which these are.
			c, err := New(Config{URL: tt.scheme + "://" + addr}, zerolog.Nop())
			require.NoError(t, err)
			defer c.CloseIdleConnections()
			ctx := t.Context()
			if tt.ctx != nil {
				var cancel context.CancelFunc
				ctx, cancel = tt.ctx(ctx)
				defer cancel()
			}
			var out map[string]any
			err = c.fetch(ctx, request{
				method: http.MethodPost, service: serviceAuth, path: "/token/{token}/scopes/check", subject: secretToken,
				body: map[string]string{}, token: secretToken, timeout: 5 * time.Second,
			}, &out)
			var failure *TransportError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, tt.wantSent, failure.Sent, "%v", err)
			assert.NotContains(t, err.Error(), secretToken)
			assert.Equal(t, "POST /api/auth/0.1/token/{token}/scopes/check", failure.Op)
		})
	}
}

func TestAnswersThatEchoTheTokenInTheProtocol(t *testing.T) {
	t.Parallel()
	addr := rawServer(t, func(conn net.Conn) { readRequest(conn); _, _ = io.WriteString(conn, secretToken+"\r\n\r\n") })
	c, err := New(Config{URL: "http://" + addr}, zerolog.Nop())
	require.NoError(t, err)
	err = c.fetch(t.Context(), request{method: "GET", service: serviceChatd, path: "/x", token: secretToken, timeout: 5 * time.Second}, nil)
	require.ErrorContains(t, err, "malformed HTTP")
	assert.NotContains(t, err.Error(), secretToken)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	followed := false
	f.mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { followed = true })
	f.handle("GET /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
	})
	_, err := f.account().Rooms(t.Context())
	var answer *Error
	require.ErrorAs(t, err, &answer)
	assert.Equal(t, http.StatusMovedPermanently, answer.Status)
	assert.False(t, followed)
}

func TestRequestHeaders(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	var got http.Header
	f.handle("POST /api/chatd/1.0/users/me/rooms/{room}/messages", func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		answerJSON(w, http.StatusCreated, `{"uuid": "m", "user_uuid": "u", "created_at": "2026-11-21T19:26:09+00:00", "room": {"uuid": "r"}}`)
	})
	a := f.account()
	_, err := a.PostMessage(t.Context(), testRoom, Draft{Content: "x"})
	require.NoError(t, err)
	assert.Equal(t, "application/json", got.Get("Content-Type"))
	assert.Equal(t, "test/1", got.Get("User-Agent"))
	assert.Empty(t, got.Get("Authorization"))
	assert.Equal(t, "test/1", f.header.Get("User-Agent"))
	assert.NotContains(t, f.header, "Wazo-Session-Type", "a mobile session would end the user's own ones")
	assert.NotContains(t, f.header, "X-Auth-Token")
}

func TestAnswersAreReadWithALimit(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	body := `{"items": [], "filtered": 0, "total": 0}`
	f.handle("GET /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) })
	a := f.account()
	_, err := a.Token(t.Context())
	require.NoError(t, err)

	a.c.maxAnswer = int64(len(body))
	_, err = a.Rooms(t.Context())
	require.NoError(t, err, "at the limit")

	a.c.maxAnswer--
	_, err = a.Rooms(t.Context())
	require.ErrorIs(t, err, ErrTooLarge, "one past the limit")
}
