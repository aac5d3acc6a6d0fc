package wazotest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

func TestRestartOnTheSameAddressKeepsState(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	require.Equal(t, http.StatusCreated, f.post(token, "before"))
	open := f.listen(token)
	addr, url := f.Addr(), f.URL()

	f.Stop()
	code, _ := f.closed(open)
	assert.Equal(t, websocket.StatusGoingAway, code)
	assert.Zero(t, f.post(token, "meanwhile"), "nobody answers")
	f.Stop() // does nothing

	require.NoError(t, f.Start(addr))
	assert.Equal(t, url, f.URL())
	assert.Equal(t, http.StatusCreated, f.post(token, "after"))
	assert.Equal(t, []string{"before", "after"}, f.contents())
	require.Error(t, f.Start(addr), "it runs")
}

func TestStopEndsWhatIsUnderway(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	fault := f.Faults().LateAnswer(time.Hour, Always())
	answered := make(chan int)
	go func() { answered <- f.post(token, "late") }()
	require.NoError(t, fault.Wait(f.ctx, 1))
	f.Stop()
	assert.Zero(t, await.Receive(t, "the answer", answered))
	assert.Equal(t, []string{"late"}, f.contents())
}

func TestStartRefusesPublicAddresses(t *testing.T) {
	t.Parallel()
	s := New()
	assert.ErrorContains(t, s.Start("0.0.0.0:0"), "loopback")
}

// The event is out while the message is not yet readable and the answer not yet
// written (docs/wazo.md, "Event before commit").
func TestEventComesBeforeTheCommit(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC))
	f := start(t, WithClock(clock), WithPingInterval(0))
	token := f.token(`{}`)
	conn := f.listen(token)
	f.Faults().LateCommit(time.Minute, Times(1))

	answered := make(chan int)
	go func() { answered <- f.post(token, "early") }()
	require.Equal(t, "early", f.event(conn))
	assert.Empty(t, f.contents())
	_, _, body := f.do(http.MethodGet, f.messagesPath(), token, nil)
	assert.JSONEq(t, `{"items": [], "filtered": 0, "total": 0}`, string(body))
	select {
	case status := <-answered:
		t.Fatalf("answered %d before the commit", status)
	default:
	}

	require.NoError(t, clock.WaitTimers(f.ctx, 1, time.Minute))
	clock.Advance(time.Second)
	f.Post(f.room.UUID, f.bob, "later", "")
	clock.Advance(time.Minute)
	assert.Equal(t, http.StatusCreated, await.Receive(t, "the answer", answered))
	assert.Equal(t, []string{"early", "later"}, f.contents(), "the order is that of created_at")
	_, _, body = f.do(http.MethodGet, f.messagesPath()+"?direction=asc&from_date=2026-11-21T12:00:01.123456Z", token, nil)
	assert.NotContains(t, string(body), "early", "a poller that asks from the newest it has seen misses it")

	order := []string{}
	for m := range f.Subscribe(f.ctx, f.room.UUID) {
		if order = append(order, m.Content); len(order) == 2 {
			break
		}
	}
	assert.Equal(t, []string{"later", "early"}, order, "subscribers see the order of the commits")
}

func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	const clients, each = 8, 25
	token := f.token(`{}`)
	listeners := []*websocket.Conn{f.listen(token), f.listen(token)}
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range each {
				if c%2 == 0 {
					assert.Equal(t, http.StatusCreated, f.post(token, fmt.Sprintf("%d/%d", c, i)))
				} else {
					f.Post(f.room.UUID, f.bob, fmt.Sprintf("%d/%d", c, i), "")
				}
				f.Rooms()
				f.do(http.MethodGet, f.messagesPath()+"?limit=1", token, nil)
			}
		})
	}
	for _, conn := range listeners {
		seen := map[string]int{}
		for range clients * each {
			seen[f.event(conn)]++
		}
		assert.Len(t, seen, clients*each)
		f.nothingElse(conn)
	}
	all.Wait()
	messages := f.Messages(f.room.UUID)
	require.Len(t, messages, clients*each)
	for i := range messages[1:] {
		assert.False(t, messages[i+1].CreatedAt.Before(messages[i].CreatedAt))
	}
	requests := f.Requests()
	assert.Equal(t, clients/2*each, requests["POST /api/chatd/1.0/users/me/rooms/{room}/messages"])
	assert.Equal(t, 1, requests["POST /api/auth/0.1/token"])
	assert.Equal(t, 2, requests["GET /api/websocketd/"])
}

func TestRoomsOfTheSamePeopleAreOneRoom(t *testing.T) {
	t.Parallel()
	f := start(t)
	carol := f.AddUser(User{Username: "carol", Tenant: f.alice.Tenant})
	room := f.CreateRoom("three", f.alice, f.bob, carol)
	assert.Equal(t, room, f.CreateRoom("another name", carol, f.alice, f.bob))
	assert.NotEqual(t, room.UUID, f.room.UUID)
	assert.Equal(t, []string{f.bob.UUID, carol.UUID, f.alice.UUID}, room.Members, "the creator is last")
	assert.Len(t, f.Rooms(), 2)
	assert.NotEqual(t, room.UUID, f.CreateDuplicateRoom("", f.alice, f.bob, carol).UUID)
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	f := start(t)
	is := func(content string) func(Message) bool { return func(m Message) bool { return m.Content == content } }
	f.Post(f.room.UUID, f.bob, "past", "Bobby")
	m, err := f.WaitMessage(f.ctx, f.room.UUID, is("past"))
	require.NoError(t, err)
	assert.Equal(t, "Bobby", *m.Alias)
	assert.Equal(t, f.bob.UUID, m.UserUUID)

	go f.Post(f.room.UUID, f.bob, "future", "")
	m, err = f.WaitMessage(f.ctx, f.room.UUID, is("future"))
	require.NoError(t, err)
	assert.Nil(t, m.Alias)

	go f.CreateRoom("news", f.alice, f.bob, f.AddUser(User{Username: "carol", Tenant: f.alice.Tenant}))
	room, err := f.WaitRoom(f.ctx, func(r Room) bool { return r.Name != nil && *r.Name == "news" })
	require.NoError(t, err)
	assert.Len(t, room.Members, 3)

	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err = f.WaitMessage(ctx, f.room.UUID, is("never"))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	f := start(t, WithTLS())
	assert.True(t, strings.HasPrefix(f.URL(), "https://"))
	status, _, _ := f.do(http.MethodGet, "/api/chatd/1.0/users/me/rooms", "", nil)
	assert.Zero(t, status, "the certificate is self-signed")

	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(f.CAPEM()))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	f.client = &http.Client{Transport: transport}
	token := f.token(`{}`)
	conn := f.listen(token)
	f.Post(f.room.UUID, f.bob, "safe", "")
	assert.Equal(t, "safe", f.event(conn))

	file, err := f.CAFile(t.TempDir())
	require.NoError(t, err)
	assert.FileExists(t, file)
}

// A room of 50,000 messages, as the load tests make them. It measures time, so it
// does not run in parallel with other tests.
func TestLargeRooms(t *testing.T) {
	const n = 50_000
	f := start(t)
	for i := range n {
		f.Post(f.room.UUID, f.bob, fmt.Sprint(i), "")
	}
	began := time.Now()
	messages := f.Messages(f.room.UUID)
	assert.Less(t, time.Since(began), time.Second)
	require.Len(t, messages, n)
	assert.Equal(t, fmt.Sprint(n-1), messages[n-1].Content)

	token := f.token(`{}`)
	_, _, body := f.do(http.MethodGet, f.messagesPath()+"?limit=1", token, nil)
	assert.Contains(t, string(body), fmt.Sprintf(`"content":"%d"`, n-1))
	assert.Contains(t, string(body), fmt.Sprintf(`"total":%d`, n))
}

func BenchmarkPost(b *testing.B) {
	s := New()
	require.NoError(b, s.Start("127.0.0.1:0"))
	defer s.Stop()
	acme := s.AddTenant("acme")
	alice := s.AddUser(User{Username: "alice", Password: "secret", Tenant: acme})
	room := s.CreateRoom("", alice, s.AddUser(User{Username: "bob", Tenant: acme}))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	token := s.addSession(s.account(alice), time.Hour).token
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost,
			s.URL()+"/api/chatd/1.0/users/me/rooms/"+room.UUID+"/messages", strings.NewReader(`{"content": "hello"}`))
		require.NoError(b, err)
		req.Header.Set("X-Auth-Token", token)
		resp, err := client.Do(req)
		require.NoError(b, err)
		require.Equal(b, http.StatusCreated, resp.StatusCode)
		require.NoError(b, resp.Body.Close())
	}
}
