package wazotest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMessageFaults posts "first" with a fault that fires once, then "second".
func TestMessageFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		on     func(*Faults) *Fault
		status int // of the first POST; 0 is a cut connection
		stored []string
		events []string
	}{
		{"a refused message is not stored", func(f *Faults) *Fault { return f.RefusePost(HTMLError(504), Times(1)) },
			504, []string{"second"}, []string{"second"}},
		{"a message whose event cannot be published is stored and answered with 500",
			func(f *Faults) *Fault { return f.PublishFails(Times(1)) },
			500, []string{"first", "second"}, []string{"second"}},
		{"a connection that is cut loses the answer only", func(f *Faults) *Fault { return f.CutPost(Times(1)) },
			0, []string{"first", "second"}, []string{"first", "second"}},
		{"a late answer is an answer", func(f *Faults) *Fault { return f.LateAnswer(time.Millisecond, Times(1)) },
			201, []string{"first", "second"}, []string{"first", "second"}},
		{"a message that is never committed is published", func(f *Faults) *Fault { return f.NeverCommit(Times(1)) },
			500, []string{"second"}, []string{"first", "second"}},
		{"a late commit is a commit", func(f *Faults) *Fault { return f.LateCommit(time.Millisecond, Times(1)) },
			201, []string{"first", "second"}, []string{"first", "second"}},
		{"a lost event does not change the rest", func(f *Faults) *Fault { return f.NoEvent(Times(1)) },
			201, []string{"first", "second"}, []string{"second"}},
		{"an event that is dropped on its way is lost for one connection", func(f *Faults) *Fault { return f.DropEvents(Times(1)) },
			201, []string{"first", "second"}, []string{"second"}},
		{"delayed answers are answers", func(f *Faults) *Fault { return f.DelayAnswers(time.Millisecond, Times(1)) },
			201, []string{"first", "second"}, []string{"first", "second"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			token := f.token(`{}`)
			conn := f.listen(token)
			fault := test.on(f.Faults())
			assert.Equal(t, test.status, f.post(token, "first"))
			assert.Equal(t, http.StatusCreated, f.post(token, "second"))
			assert.Equal(t, test.stored, f.contents())
			for _, content := range test.events {
				assert.Equal(t, content, f.event(conn))
			}
			f.nothingElse(conn)
			assert.Equal(t, 1, fault.Fired())
		})
	}
}

func TestWhenFaultsFire(t *testing.T) {
	t.Parallel()
	f := start(t)
	other := f.CreateRoom("other", f.alice, f.bob, f.AddUser(User{Username: "carol", Tenant: f.alice.Tenant}))

	t.Run("only in the room that is meant", func(t *testing.T) {
		fault := f.Faults().NeverCommit(Always().InRoom(other.UUID))
		defer fault.Off()
		f.Post(f.room.UUID, f.bob, "stored", "")
		f.Post(other.UUID, f.bob, "lost", "")
		assert.Equal(t, []string{"stored"}, f.contents())
		assert.Empty(t, f.Messages(other.UUID))
		assert.Equal(t, 1, fault.Fired())
	})
	t.Run("only for the account that is meant", func(t *testing.T) {
		fault := f.Faults().NeverCommit(Always().By(f.bob))
		defer fault.Off()
		f.Post(other.UUID, f.alice, "stored", "")
		f.Post(other.UUID, f.bob, "lost", "")
		assert.Len(t, f.Messages(other.UUID), 1)
	})
	t.Run("only for what clients post, if that is meant", func(t *testing.T) {
		fault := f.Faults().NeverCommit(Times(1).InRoom(f.room.UUID).Requested())
		defer fault.Off()
		before := f.contents()
		f.Post(f.room.UUID, f.alice, "stored", "")
		assert.Equal(t, http.StatusInternalServerError, f.post(f.token(`{}`), "lost"))
		assert.Equal(t, append(before, "stored"), f.contents())
	})
	t.Run("in the given fraction of cases, the same ones for the same seed", func(t *testing.T) {
		pattern := func() (fired []bool) {
			fault := f.Faults().NoEvent(Fraction(0.25, 7))
			defer fault.Off()
			for range 400 {
				before := fault.Fired()
				f.Post(other.UUID, f.alice, "x", "")
				fired = append(fired, fault.Fired() > before)
			}
			assert.InDelta(t, 100, fault.Fired(), 40)
			return fired
		}
		assert.Equal(t, pattern(), pattern())
	})
	t.Run("never when all are cleared", func(t *testing.T) {
		fault := f.Faults().NeverCommit(Always())
		f.Faults().Clear()
		before := len(f.contents())
		f.Post(f.room.UUID, f.bob, "stored", "")
		assert.Len(t, f.contents(), before+1)
		assert.Zero(t, fault.Fired())
	})
	t.Run("and somebody can wait for it", func(t *testing.T) {
		fault := f.Faults().NoEvent(Times(1))
		go f.Post(f.room.UUID, f.bob, "x", "")
		assert.NoError(t, fault.Wait(f.ctx, 1))
	})
}

func TestOutages(t *testing.T) {
	t.Parallel()
	const contacts, lookup, rooms = "/api/dird/0.1/backends/wazo/sources/SOURCE/contacts",
		"/api/dird/0.1/directories/lookup/default?term=alice", "/api/chatd/1.0/users/me/rooms"
	const login, infos = "/api/auth/0.1/token", "/api/confd/1.1/infos"
	for _, test := range []struct {
		name   string
		on     func(*Faults) *Fault
		status map[string]int
		html   string // the beginning of the paths that nginx answers itself
	}{
		{"wazo-auth", (*Faults).AuthDown, map[string]int{login: 502, rooms: 503, contacts: 503, lookup: 503, infos: 503}, login},
		{"wazo-chatd", (*Faults).ChatdDown, map[string]int{login: 200, rooms: 502, contacts: 200, lookup: 200, infos: 200}, rooms},
		{"wazo-dird", (*Faults).DirdDown, map[string]int{login: 200, rooms: 200, contacts: 502, lookup: 502, infos: 200}, "/api/dird/"},
		{"wazo-confd", func(f *Faults) *Fault { return f.ConfdDown(0) },
			map[string]int{login: 200, rooms: 200, contacts: 503, lookup: 200, infos: 502}, infos},
		{"RabbitMQ", (*Faults).BusLost, map[string]int{login: 500, rooms: 200, contacts: 200, lookup: 200, infos: 200}, "none"},
	} {
		t.Run("without "+test.name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			token := f.token(`{}`)
			fault := test.on(f.Faults())
			for path, status := range test.status {
				method := http.MethodGet
				if path == login {
					method = http.MethodPost
				}
				got, contentType, body := f.do(method, f.withSource(path), token, []byte(`{}`))
				assert.Equal(t, status, got, "%s: %s", path, body)
				assert.Equal(t, strings.HasPrefix(path, test.html), contentType == "text/html", "%s: %s", path, contentType)
			}
			assert.Positive(t, fault.Fired())
			fault.Off()
			status, _, _ := f.do(http.MethodGet, rooms, token, nil)
			assert.Equal(t, http.StatusOK, status)
		})
	}
}

// withSource puts the uuid of alice's directory source into a path.
func (f *fixture) withSource(path string) string {
	for _, src := range f.sources {
		if src.tenant == f.alice.Tenant.UUID && src.backend == "wazo" {
			return strings.Replace(path, "SOURCE", src.uuid, 1)
		}
	}
	return path
}

func TestWebsocketsDuringOutages(t *testing.T) {
	t.Parallel()
	dial := func(f *fixture, token string) *websocket.Conn {
		conn, _, err := websocket.Dial(f.ctx, f.URL()+"/api/websocketd/?version=2&token="+token, nil)
		require.NoError(f, err)
		f.Cleanup(func() { _ = conn.CloseNow() })
		return conn
	}
	t.Run("without RabbitMQ, open ones are closed and new ones refused", func(t *testing.T) {
		f := start(t)
		token := f.token(`{}`)
		open := f.listen(token)
		f.Faults().BusLost()
		code, reason := f.closed(open)
		assert.Equal(t, websocket.StatusInternalError, code)
		assert.Equal(t, "bus connection lost", reason)
		code, reason = f.closed(dial(f, token))
		assert.Equal(t, websocket.StatusInternalError, code)
		assert.Equal(t, "bus connection error", reason)
	})
	t.Run("without wazo-auth, open ones live until their next check and new ones are refused", func(t *testing.T) {
		f := start(t)
		token := f.token(`{}`)
		open := f.listen(token)
		f.Faults().AuthDown()
		f.nothingElse(open)
		code, _ := f.closed(dial(f, token))
		assert.EqualValues(t, 4002, code)
		f.CheckTokens()
		code, reason := f.closed(open)
		assert.EqualValues(t, 4003, code)
		assert.Equal(t, "authentication expired", reason)
	})
	t.Run("a restart of websocketd says that it goes away", func(t *testing.T) {
		f := start(t)
		open := f.listen(f.token(`{}`))
		f.RestartWebsocketd()
		code, reason := f.closed(open)
		assert.Equal(t, websocket.StatusGoingAway, code)
		assert.Empty(t, reason)
	})
}

func TestTokenLimitFault(t *testing.T) {
	t.Parallel()
	f := start(t)
	fault := f.Faults().TokenLimit(Times(1).By(f.alice))
	status, _, body := f.do(http.MethodPost, "/api/auth/0.1/token", "", []byte(`{}`))
	assert.Equal(t, http.StatusTooManyRequests, status)
	assert.Contains(t, string(body), f.alice.UUID)
	assert.Equal(t, 1, fault.Fired())
	assert.Zero(t, f.Sessions(f.alice))
	f.token(`{}`)
	assert.Equal(t, 1, f.Sessions(f.alice))
}

// TestRoomFaults makes a room with a fault that fires once, and then asks for it
// again.
func TestRoomFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		on     func(*Faults, When) *Fault
		status int // of the first POST; 0 is a cut connection
		made   bool
	}{
		{"a refused room is not made", func(f *Faults, w When) *Fault { return f.RefuseRoom(HTMLError(504), w) }, 504, false},
		{"a room whose event cannot be published is made and answered with 500", (*Faults).RoomPublishFails, 500, true},
		{"a connection that is cut loses the answer only", (*Faults).CutRoom, 0, true},
		{"a late answer is an answer", func(f *Faults, w When) *Fault { return f.LateRoom(time.Millisecond, w) }, 201, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			carol := f.AddUser(User{Username: "carol", Tenant: f.alice.Tenant})
			token := f.token(`{}`)
			body := []byte(`{"users": [{"uuid": "` + carol.UUID + `"}]}`)
			test.on(f.Faults(), Always().By(f.bob))
			fault := test.on(f.Faults(), Times(1).By(f.alice))
			status, _, _ := f.do(http.MethodPost, roomsPath, token, body)
			assert.Equal(t, test.status, status)
			assert.Equal(t, test.made, len(f.Rooms()) == 2)
			status, _, _ = f.do(http.MethodPost, roomsPath, token, body)
			assert.Equal(t, http.StatusCreated, status)
			assert.Len(t, f.Rooms(), 2)
			assert.Equal(t, 1, fault.Fired())
		})
	}
}

func TestRoomListFault(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	f.Faults().RefuseRooms(HTMLError(504), Always().By(f.bob))
	fault := f.Faults().RefuseRooms(JSONError(500), Times(1).By(f.alice))
	assert.Equal(t, http.StatusInternalServerError, f.get(roomsPath, token))
	assert.Equal(t, http.StatusOK, f.get(roomsPath, token))
	assert.Equal(t, 1, fault.Fired())
}

// TestTokenFaults logs in with a fault that fires once.
func TestTokenFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		on       func(*Faults, When) *Fault
		status   int // 0 is a cut connection
		sessions int
	}{
		{"a refused log-in makes no session", func(f *Faults, w When) *Fault { return f.RefuseToken(JSONError(500), w) }, 500, 0},
		{"a log-in that cannot be published makes a session and answers 500", (*Faults).TokenPublishFails, 500, 1},
		{"a connection that is cut loses the answer only", (*Faults).CutToken, 0, 1},
		{"a late answer is an answer", func(f *Faults, w When) *Fault { return f.LateToken(time.Millisecond, w) }, 200, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			fault := test.on(f.Faults(), Times(1).By(f.alice))
			assert.Equal(t, test.status, f.login(`{"access_type": "offline", "client_id": "relay"}`))
			assert.Equal(t, test.sessions, f.Sessions(f.alice))
			assert.Equal(t, 1, fault.Fired())
			assert.Equal(t, http.StatusOK, f.login(`{}`))
		})
	}
}
