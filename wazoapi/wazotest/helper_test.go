package wazotest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// fixture is a server with two users of a tenant and their room.
type fixture struct {
	*testing.T
	*Server
	ctx        context.Context
	client     *http.Client
	alice, bob User
	room       Room
}

func start(t *testing.T, opts ...Option) *fixture {
	t.Helper()
	s := New(opts...)
	require.NoError(t, s.Start("127.0.0.1:0"))
	transport := &http.Transport{}
	t.Cleanup(func() {
		s.Stop()
		transport.CloseIdleConnections()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	acme := s.AddTenant("acme")
	alice := s.AddUser(User{Username: "alice", Password: "secret", Firstname: "Alice", Exten: "1001", Tenant: acme})
	bob := s.AddUser(User{Username: "bob", Password: "secret", Firstname: "Bob", Tenant: acme})
	return &fixture{t, s, ctx, &http.Client{Transport: transport}, alice, bob, s.CreateRoom("", alice, bob)}
}

// do sends a request and returns status, content type and body; 0 when the
// connection was cut.
func (f *fixture) do(method, path, token string, body []byte) (status int, contentType string, answer []byte) {
	f.Helper()
	req, err := http.NewRequestWithContext(f.ctx, method, f.URL()+path, bytes.NewReader(body))
	require.NoError(f, err)
	req.Header.Set("X-Auth-Token", token)
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("alice", "secret")
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, "", nil
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", nil
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), answer
}

// token logs alice in.
func (f *fixture) token(body string) string {
	f.Helper()
	status, _, answer := f.do(http.MethodPost, "/api/auth/0.1/token", "", []byte(body))
	require.Equal(f, http.StatusOK, status, "%s", answer)
	var made struct{ Data struct{ Token string } }
	require.NoError(f, json.Unmarshal(answer, &made))
	return made.Data.Token
}

func (f *fixture) messagesPath() string {
	return "/api/chatd/1.0/users/me/rooms/" + f.room.UUID + "/messages"
}

// post posts over HTTP and returns the status.
func (f *fixture) post(token, content string) int {
	f.Helper()
	body, err := json.Marshal(map[string]string{"content": content})
	require.NoError(f, err)
	status, _, _ := f.do(http.MethodPost, f.messagesPath(), token, body)
	return status
}

// contents returns what a checker reads.
func (f *fixture) contents() []string {
	list := []string{}
	for _, m := range f.Messages(f.room.UUID) {
		list = append(list, m.Content)
	}
	return list
}

// listen opens a websocket that has subscribed to messages and started.
func (f *fixture) listen(token string) *websocket.Conn {
	f.Helper()
	return f.listenTo(token, "chatd_user_room_message_created")
}

// listenTo opens a websocket that has subscribed to events and started.
func (f *fixture) listenTo(token string, names ...string) *websocket.Conn {
	f.Helper()
	conn, _, err := websocket.Dial(f.ctx, f.URL()+"/api/websocketd/?version=2&token="+token,
		&websocket.DialOptions{HTTPClient: f.client})
	require.NoError(f, err)
	f.Cleanup(func() { _ = conn.CloseNow() })
	var commands []string
	for _, name := range names {
		commands = append(commands, `{"op":"subscribe","data":{"event_name":"`+name+`"}}`)
	}
	for _, command := range append(commands, `{"op":"start"}`) {
		require.NoError(f, conn.Write(f.ctx, websocket.MessageText, []byte(command)))
	}
	for range len(names) + 2 { // init, the subscriptions, start
		_, _, err := conn.Read(f.ctx)
		require.NoError(f, err)
	}
	return conn
}

// event reads the next frame and returns the content of its message, or the
// op if it is no event.
func (f *fixture) event(conn *websocket.Conn) string {
	f.Helper()
	_, frame, err := conn.Read(f.ctx)
	require.NoError(f, err)
	var v struct {
		Op   string
		Data struct{ Data struct{ Content string } }
	}
	require.NoError(f, json.Unmarshal(frame, &v))
	if v.Op != "event" {
		return v.Op
	}
	return v.Data.Data.Content
}

// nothingElse makes sure that nothing else is on its way: a pong is behind all events.
func (f *fixture) nothingElse(conn *websocket.Conn) {
	f.Helper()
	require.NoError(f, conn.Write(f.ctx, websocket.MessageText, []byte(`{"op":"ping","data":{"payload":""}}`)))
	require.Equal(f, "pong", f.event(conn))
}

// closed reads until the connection ends and returns code and reason.
func (f *fixture) closed(conn *websocket.Conn) (websocket.StatusCode, string) {
	f.Helper()
	for {
		if _, _, err := conn.Read(f.ctx); err != nil {
			var end websocket.CloseError
			require.ErrorAs(f, err, &end)
			return end.Code, end.Reason
		}
	}
}
