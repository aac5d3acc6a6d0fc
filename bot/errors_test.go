package bot

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/relay"
)

// askHomeserver makes a request of a client as the bot makes it, and returns its error.
func askHomeserver(t *testing.T, transport http.RoundTripper, url string) error {
	t.Helper()
	client, err := mautrix.NewClient(url, botUser, "token")
	require.NoError(t, err)
	client.IgnoreRateLimit = true
	client.Client = &http.Client{Transport: transport, Timeout: 5 * time.Second}
	t.Cleanup(client.Client.CloseIdleConnections)
	_, err = client.Whoami(t.Context())
	require.Error(t, err)
	return err
}

func TestToMatrixError(t *testing.T) {
	transport := loggedIn(t).bot.client.Client.Transport
	for _, test := range []struct {
		name   string
		header map[string]string
		status int
		body   string
		want   relay.MatrixError
	}{
		{"an errcode is kept", nil, 403, `{"errcode":"M_FORBIDDEN","error":"no"}`, relay.MatrixError{Status: 403, Code: "M_FORBIDDEN"}},
		{"a proxy's page has a status and no errcode", nil, 502, `<html>`, relay.MatrixError{Status: 502}},
		{"an empty answer has a status", nil, 500, ``, relay.MatrixError{Status: 500}},
		{"the body says how long to wait", nil, 429, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1234}`,
			relay.MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 1234 * time.Millisecond}},
		{"the header says how long to wait", map[string]string{"Retry-After": "7"}, 429, `{"errcode":"M_LIMIT_EXCEEDED"}`,
			relay.MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 7 * time.Second}},
		{"the body is more exact than the header", map[string]string{"Retry-After": "2"}, 429, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}`,
			relay.MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 1500 * time.Millisecond}},
		{"nobody says how long to wait", nil, 429, `{"errcode":"M_LIMIT_EXCEEDED"}`,
			relay.MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 5 * time.Second}},
		{"nonsense in the body does not count", nil, 429, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":"soon"}`,
			relay.MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 5 * time.Second}},
		{"a negative time does not count", nil, 429, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":-5}`,
			relay.MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 5 * time.Second}},
		{"only a rate limit waits", nil, 400, `{"errcode":"M_UNKNOWN","retry_after_ms":5}`, relay.MatrixError{Status: 400, Code: "M_UNKNOWN"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			err := askHomeserver(t, transport, server.URL)
			got := toMatrixError(err)
			require.ErrorIs(t, got, err, "the cause is kept")
			got.Err = nil
			require.Equal(t, &test.want, got)
		})
	}

	t.Run("nobody listens: certainly not sent", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		got := toMatrixError(askHomeserver(t, transport, "http://"+listener.Addr().String()))
		require.True(t, got.NotSent)
		require.Zero(t, got.Status)
	})

	for name, lose := range map[string]func(http.ResponseWriter, *http.Request){
		"the connection breaks before the answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"the answer is cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"user_id":`)
		},
	} {
		t.Run(name+": perhaps sent", func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(lose))
			defer server.Close()
			got := toMatrixError(askHomeserver(t, transport, server.URL))
			require.False(t, got.NotSent)
		})
	}

	t.Run("a cut answer of success is not taken for a status that says what happened", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"user_id":`) }))
		defer server.Close()
		got := toMatrixError(askHomeserver(t, transport, server.URL))
		require.False(t, got.NotSent)
		require.Less(t, got.Status, 300)
	})

	t.Run("what is translated already stays", func(t *testing.T) {
		known := &relay.MatrixError{NotSent: true, Err: errors.New("x")}
		require.Same(t, known, toMatrixError(errors.Join(errors.New("while sending"), known)))
	})

	t.Run("an unknown error says nothing about what was sent", func(t *testing.T) {
		err := errors.New("x")
		require.Equal(t, &relay.MatrixError{Err: err}, toMatrixError(err))
		require.Equal(t, &relay.MatrixError{Err: context.Canceled}, toMatrixError(context.Canceled))
	})
}

func TestLostAnswerOfASendIsUnknown(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if isSend(r, roomID) {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	err := f.send(roomID, "hello", "1")
	var matrixErr *relay.MatrixError
	require.ErrorAs(t, err, &matrixErr)
	require.False(t, matrixErr.NotSent)
	require.Zero(t, matrixErr.Status)
	require.False(t, strings.Contains(err.Error(), f.bot.client.AccessToken))
}
