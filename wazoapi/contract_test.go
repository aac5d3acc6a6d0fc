package wazoapi_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// These tests run the client against the simulated Wazo, which is compared
// with recordings of the real services, over TLS.

// fixture is a simulated Wazo with two users, and a client for it.
type fixture struct {
	wazo       *wazotest.Server
	client     *wazoapi.Client
	alice, bob wazotest.User
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{wazo: wazotest.New(wazotest.WithTLS())}
	acme := f.wazo.AddTenant("acme")
	f.alice = f.wazo.AddUser(wazotest.User{Username: "alice", Password: "pa55word", Firstname: "Alice", Lastname: "Martin", Tenant: acme})
	f.bob = f.wazo.AddUser(wazotest.User{Username: "bob", Password: "pa55word", Firstname: "Bob", Tenant: acme})
	require.NoError(t, f.wazo.Start("127.0.0.1:0"))
	t.Cleanup(f.wazo.Stop)
	caFile, err := f.wazo.CAFile(t.TempDir())
	require.NoError(t, err)
	f.client, err = wazoapi.New(wazoapi.Config{
		URL: f.wazo.URL(), CAFile: caFile, UserAgent: "contract",
		Stream: wazoapi.StreamConfig{PingInterval: 20 * time.Millisecond, BackoffMin: time.Millisecond, BackoffMax: 10 * time.Millisecond},
	}, zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(f.client.CloseIdleConnections)
	return f
}

func (f *fixture) addUser(u wazotest.User) wazotest.User {
	u.Password = "pa55word"
	if u.Tenant.UUID == "" {
		u.Tenant = f.alice.Tenant
	}
	return f.wazo.AddUser(u)
}

func (f *fixture) account(u wazotest.User) *wazoapi.Account {
	return f.client.Account(wazoapi.Credentials{Username: u.Username, Password: u.Password}, nil)
}

func TestContractRoomsAndMessages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	alice, ctx := f.account(f.alice), t.Context()
	bobUUID := wazoapi.UUID(f.bob.UUID)

	room, err := alice.CreateRoom(ctx, "Project", []wazoapi.UUID{bobUUID})
	require.NoError(t, err)
	assert.True(t, room.SameMembers([]wazoapi.UUID{bobUUID, wazoapi.UUID(f.alice.UUID)}))

	content := wazoapi.Clean("<b> \x00 é \U0001F469 \xed\xa0\x80 +%")
	posted, err := alice.PostMessage(ctx, room.UUID, wazoapi.Draft{Content: content, Alias: "Alice (Matrix)"})
	require.NoError(t, err)
	assert.Equal(t, content, posted.Content)
	assert.Equal(t, "Alice (Matrix)", posted.Alias)
	second, err := f.account(f.bob).PostMessage(ctx, room.UUID, wazoapi.Draft{Content: "two"})
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

func TestContractARoomIsItsMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	carol := f.addUser(wazotest.User{Username: "carol"})
	alice, bobUUID, carolUUID := f.account(f.alice), wazoapi.UUID(f.bob.UUID), wazoapi.UUID(carol.UUID)
	room, err := alice.CreateRoom(ctx, "Project", []wazoapi.UUID{bobUUID, carolUUID})
	require.NoError(t, err)
	again, err := f.account(f.bob).CreateRoom(ctx, "Another name", []wazoapi.UUID{carolUUID, wazoapi.UUID(f.alice.UUID)})
	require.NoError(t, err)
	assert.Equal(t, room, again, "the name of the first stays")
	pair, err := alice.CreateRoom(ctx, "", []wazoapi.UUID{bobUUID})
	require.NoError(t, err)

	for _, tt := range []struct {
		with []wazoapi.UUID
		want []wazoapi.UUID
	}{
		{nil, []wazoapi.UUID{room.UUID, pair.UUID}},
		{[]wazoapi.UUID{bobUUID}, []wazoapi.UUID{room.UUID, pair.UUID}},
		{[]wazoapi.UUID{carolUUID, bobUUID}, []wazoapi.UUID{room.UUID}},
		{[]wazoapi.UUID{"99999999-9999-4999-8999-999999999999"}, nil},
	} {
		rooms, err := alice.Rooms(ctx, tt.with...)
		require.NoError(t, err)
		var got []wazoapi.UUID
		for _, r := range rooms {
			got = append(got, r.UUID)
		}
		assert.ElementsMatch(t, tt.want, got, "%v", tt.with)
	}

	f.wazo.RenameRoom(room.UUID.String(), "Renamed")
	f.wazo.RemoveMember(room.UUID.String(), carol)
	rooms, err := alice.Rooms(ctx)
	require.NoError(t, err)
	assert.Equal(t, "Renamed", rooms[0].Name)
	assert.False(t, rooms[0].Has(carolUUID))
	outside := f.wazo.CreateOutsideRoom(f.alice, "+15145550111")
	rooms, err = alice.Rooms(ctx, wazoapi.UUID(outside.Outside))
	require.NoError(t, err)
	require.Len(t, rooms, 1)
	assert.True(t, rooms[0].HasIdentities())

	f.wazo.Faults().CutRoom(wazotest.Times(1))
	_, err = f.account(f.bob).CreateRoom(ctx, "", []wazoapi.UUID{carolUUID})
	assert.True(t, wazoapi.OutcomeUnknown(err))
	made, err := f.account(f.bob).Rooms(ctx, carolUUID)
	require.NoError(t, err)
	require.Len(t, made, 1, "the room of the lost answer is in the list")
	again, err = f.account(f.bob).CreateRoom(ctx, "", []wazoapi.UUID{carolUUID})
	require.NoError(t, err)
	assert.Equal(t, made[0], again)
}

func TestContractScopesAndNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	alice := f.account(f.alice)
	scopes, err := alice.CheckScopes(t.Context(), wazoapi.RelayScopes()...)
	require.NoError(t, err)
	for _, scope := range wazoapi.RelayScopes() {
		assert.True(t, scopes[scope], "%s is in the default policy", scope)
	}

	directory := wazoapi.NewDirectory(alice, time.Hour)
	names, err := directory.Names(t.Context(), wazoapi.UUID(f.alice.UUID), wazoapi.UUID(f.bob.UUID), "99999999-9999-4999-8999-999999999999")
	require.NoError(t, err)
	assert.Equal(t, map[wazoapi.UUID]string{wazoapi.UUID(f.alice.UUID): "Alice Martin", wazoapi.UUID(f.bob.UUID): "Bob"}, names)
	found, err := directory.Search(t.Context(), "mart")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "Alice Martin", found[0].Name())
}

func TestContractErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	alice := f.account(f.alice)
	room := f.wazo.CreateRoom("", f.alice, f.bob)
	post := func() error {
		_, err := alice.PostMessage(t.Context(), wazoapi.UUID(room.UUID), wazoapi.Draft{Content: "x"})
		return err
	}
	require.NoError(t, post())

	f.wazo.RevokeTokens(f.alice)
	require.NoError(t, post(), "a revoked token is renewed")
	assert.Equal(t, 1, f.wazo.Sessions(f.alice))

	down := f.wazo.Faults().AuthDown()
	err := post()
	require.ErrorContains(t, err, "authentication-server-unreachable")
	assert.False(t, wazoapi.OutcomeUnknown(err))
	down.Off()

	stored := len(f.wazo.Messages(room.UUID))
	f.wazo.Faults().PublishFails(wazotest.Times(1))
	assert.True(t, wazoapi.OutcomeUnknown(post()))
	assert.Len(t, f.wazo.Messages(room.UUID), stored+1, "the 500 was stored")
	f.wazo.Faults().CutPost(wazotest.Times(1))
	assert.True(t, wazoapi.OutcomeUnknown(post()))

	down = f.wazo.Faults().ChatdDown()
	require.ErrorContains(t, post(), "502: Bad Gateway (HTML page)")
	down.Off()

	var refused *wazoapi.Error
	_, err = f.client.Account(wazoapi.Credentials{Username: "alice", Password: "wrong"}, nil).Token(t.Context())
	require.ErrorAs(t, err, &refused)
	assert.True(t, refused.LoginFailed())
	f.wazo.Faults().TokenLimit(wazotest.Times(1))
	_, err = f.account(f.bob).Token(t.Context())
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

func TestContractListen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	alice := f.account(f.alice)
	r := &recorder{make(chan struct{}, 10), make(chan error, 1000), make(chan wazoapi.Message, 10), make(chan wazoapi.Room, 10)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- alice.Listen(ctx, r) }()

	await.Receive(t, "a connection", r.connected)
	room := f.wazo.CreateRoom("New", f.alice, f.bob)
	assert.Equal(t, wazoapi.UUID(room.UUID), await.Receive(t, "a room", r.rooms).UUID)
	own, err := alice.PostMessage(ctx, wazoapi.UUID(room.UUID), wazoapi.Draft{Content: "mine"})
	require.NoError(t, err)
	assert.Equal(t, own, await.Receive(t, "a message", r.messages), "the event equals the answer")

	f.wazo.RestartWebsocketd()
	require.Error(t, await.Receive(t, "a lost connection", r.disconnected))
	await.Receive(t, "a connection", r.connected)

	f.wazo.RevokeTokens(f.alice)
	f.wazo.CheckTokens()
	var closed *wazoapi.CloseError
	require.ErrorAs(t, await.Receive(t, "a lost connection", r.disconnected), &closed)
	assert.Equal(t, 4003, closed.Code)
	await.Receive(t, "a connection", r.connected)
	sent := f.wazo.Post(room.UUID, f.bob, "after the new log-in", "")
	assert.Equal(t, wazoapi.UUID(sent.UUID), await.Receive(t, "a message", r.messages).UUID)
	assert.Equal(t, 1, f.wazo.Sessions(f.alice))

	cancel()
	require.ErrorIs(t, await.Receive(t, "the end of Listen", ended), context.Canceled)
}
