package wazoapi_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// These tests run the client against the simulated Wazo, which is compared
// with recordings of the real services, over TLS.

type world struct {
	wazo       *wazotest.Server
	client     *wazoapi.Client
	alice, bob wazotest.User
}

func newWorld(t *testing.T) *world {
	w := &world{wazo: wazotest.New(wazotest.WithTLS())}
	acme := w.wazo.AddTenant("acme")
	w.alice = w.wazo.AddUser(wazotest.User{Username: "alice", Password: "pa55word", Firstname: "Alice", Lastname: "Martin", Tenant: acme})
	w.bob = w.wazo.AddUser(wazotest.User{Username: "bob", Password: "pa55word", Firstname: "Bob", Tenant: acme})
	require.NoError(t, w.wazo.Start("127.0.0.1:0"))
	t.Cleanup(w.wazo.Stop)
	caFile, err := w.wazo.CAFile(t.TempDir())
	require.NoError(t, err)
	w.client, err = wazoapi.New(wazoapi.Config{
		URL: w.wazo.URL(), CAFile: caFile, UserAgent: "contract",
		Stream: wazoapi.StreamConfig{PingInterval: 20 * time.Millisecond, BackoffMin: time.Millisecond, BackoffMax: 10 * time.Millisecond},
	}, zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

func (w *world) account(u wazotest.User) *wazoapi.Account {
	return w.client.Account(wazoapi.Credentials{Username: u.Username, Password: u.Password}, nil)
}

func TestContractRoomsAndMessages(t *testing.T) {
	w := newWorld(t)
	alice, ctx := w.account(w.alice), t.Context()
	bobUUID := wazoapi.UUID(w.bob.UUID)

	room, err := alice.CreateRoom(ctx, "Project", []wazoapi.UUID{bobUUID})
	require.NoError(t, err)
	assert.True(t, room.SameMembers([]wazoapi.UUID{bobUUID, wazoapi.UUID(w.alice.UUID)}))

	content := wazoapi.Clean("<b> \x00 é \U0001F469 \xed\xa0\x80 +%")
	posted, err := alice.PostMessage(ctx, room.UUID, wazoapi.Draft{Content: content, Alias: "Alice (Matrix)"})
	require.NoError(t, err)
	assert.Equal(t, content, posted.Content)
	assert.Equal(t, "Alice (Matrix)", posted.Alias)
	second, err := w.account(w.bob).PostMessage(ctx, room.UUID, wazoapi.Draft{Content: "two"})
	require.NoError(t, err)

	page, err := alice.Messages(ctx, room.UUID, wazoapi.MessageQuery{Direction: wazoapi.Ascending})
	require.NoError(t, err)
	assert.Equal(t, wazoapi.MessagePage{Items: []wazoapi.Message{posted, second}, Filtered: 2, Total: 2}, page)
	page, err = alice.Messages(ctx, room.UUID, wazoapi.MessageQuery{From: second.CreatedAt})
	require.NoError(t, err)
	assert.Equal(t, wazoapi.MessagePage{Items: []wazoapi.Message{second}, Filtered: 1, Total: 2}, page, "from_date is inclusive and exact")
	latest, err := alice.LatestMessages(ctx)
	require.NoError(t, err)
	assert.Equal(t, []wazoapi.Message{second}, latest)
	page, err = alice.SearchMessages(ctx, wazoapi.MessageQuery{Search: "TWO"})
	require.NoError(t, err)
	assert.Equal(t, []wazoapi.Message{second}, page.Items)
	rooms, err := alice.Rooms(ctx, bobUUID)
	require.NoError(t, err)
	assert.Equal(t, []wazoapi.Room{room}, rooms)
}

func TestContractScopesAndNames(t *testing.T) {
	w := newWorld(t)
	alice := w.account(w.alice)
	scopes, err := alice.CheckScopes(t.Context(), wazoapi.RelayScopes()...)
	require.NoError(t, err)
	for _, scope := range wazoapi.RelayScopes() {
		assert.True(t, scopes[scope], "%s is in the default policy", scope)
	}

	directory := wazoapi.NewDirectory(alice, time.Hour)
	names, err := directory.Names(t.Context(), wazoapi.UUID(w.alice.UUID), wazoapi.UUID(w.bob.UUID), "99999999-9999-4999-8999-999999999999")
	require.NoError(t, err)
	assert.Equal(t, map[wazoapi.UUID]string{wazoapi.UUID(w.alice.UUID): "Alice Martin", wazoapi.UUID(w.bob.UUID): "Bob"}, names)
	found, err := directory.Search(t.Context(), "mart")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "Alice Martin", found[0].Name())
}

func TestContractErrors(t *testing.T) {
	w := newWorld(t)
	alice := w.account(w.alice)
	room := w.wazo.CreateRoom("", w.alice, w.bob)
	post := func() error {
		_, err := alice.PostMessage(t.Context(), wazoapi.UUID(room.UUID), wazoapi.Draft{Content: "x"})
		return err
	}
	require.NoError(t, post())

	w.wazo.RevokeTokens(w.alice)
	require.NoError(t, post(), "a revoked token is renewed")
	assert.Equal(t, 1, w.wazo.Sessions(w.alice))

	down := w.wazo.Faults().AuthDown()
	err := post()
	require.ErrorContains(t, err, "authentication-server-unreachable")
	assert.False(t, wazoapi.OutcomeUnknown(err))
	down.Off()

	stored := len(w.wazo.Messages(room.UUID))
	w.wazo.Faults().PublishFails(wazotest.Times(1))
	assert.True(t, wazoapi.OutcomeUnknown(post()))
	assert.Len(t, w.wazo.Messages(room.UUID), stored+1, "the 500 was stored")
	w.wazo.Faults().CutPost(wazotest.Times(1))
	assert.True(t, wazoapi.OutcomeUnknown(post()))

	down = w.wazo.Faults().ChatdDown()
	require.ErrorContains(t, post(), "502: Bad Gateway (HTML page)")
	down.Off()

	var refused *wazoapi.Error
	_, err = w.client.Account(wazoapi.Credentials{Username: "alice", Password: "wrong"}, nil).Token(t.Context())
	require.ErrorAs(t, err, &refused)
	assert.True(t, refused.LoginFailed())
	w.wazo.Faults().TokenLimit(wazotest.Times(1))
	_, err = w.account(w.bob).Token(t.Context())
	require.ErrorAs(t, err, &refused)
	assert.True(t, refused.SessionLimit())
}

// recorder passes on what it hears.
type recorder struct {
	connected    chan struct{}
	disconnected chan error
	messages     chan wazoapi.Message
	rooms        chan wazoapi.Room
}

var _ wazoapi.Handler = (*recorder)(nil)

func (r *recorder) Connected(context.Context)               { r.connected <- struct{}{} }
func (r *recorder) Disconnected(_ context.Context, e error) { r.disconnected <- e }
func (r *recorder) MessageCreated(_ context.Context, m wazoapi.Message) error {
	r.messages <- m
	return nil
}

func (r *recorder) RoomCreated(_ context.Context, room wazoapi.Room) error {
	r.rooms <- room
	return nil
}

func within[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "it never came")
		panic("unreachable")
	}
}

func TestContractListen(t *testing.T) {
	w := newWorld(t)
	alice := w.account(w.alice)
	r := &recorder{make(chan struct{}, 10), make(chan error, 1000), make(chan wazoapi.Message, 10), make(chan wazoapi.Room, 10)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- alice.Listen(ctx, r) }()

	within(t, r.connected)
	room := w.wazo.CreateRoom("New", w.alice, w.bob)
	assert.Equal(t, wazoapi.UUID(room.UUID), within(t, r.rooms).UUID)
	own, err := alice.PostMessage(ctx, wazoapi.UUID(room.UUID), wazoapi.Draft{Content: "mine"})
	require.NoError(t, err)
	assert.Equal(t, own, within(t, r.messages), "the event equals the answer")

	w.wazo.RestartWebsocketd()
	require.Error(t, within(t, r.disconnected))
	within(t, r.connected)

	w.wazo.RevokeTokens(w.alice)
	w.wazo.CheckTokens()
	var closed *wazoapi.CloseError
	require.ErrorAs(t, within(t, r.disconnected), &closed)
	assert.Equal(t, 4003, closed.Code)
	within(t, r.connected)
	sent := w.wazo.Post(room.UUID, w.bob, "after the new log-in", "")
	assert.Equal(t, wazoapi.UUID(sent.UUID), within(t, r.messages).UUID)
	assert.Equal(t, 1, w.wazo.Sessions(w.alice))

	cancel()
	require.ErrorIs(t, within(t, ended), context.Canceled)
}
