package wazoapi_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// hookFixture is a Wazo, and a hook of alice at an address that webhookd uses.
type hookFixture struct {
	*fixture
	hook    *wazoapi.Hook
	account *wazoapi.Account
	room    wazotest.Room
	handler *hookHandler
	web     *httptest.Server
	results chan error // of Receive
}

// hookHandler passes on what it hears.
type hookHandler struct {
	connected    chan struct{}
	disconnected chan error
	messages     chan string
	rooms        chan wazoapi.UUID
	plugin       chan bool
	reactions    chan string
	replies      chan wazoapi.UUID
	fails        atomic.Pointer[error] // what MessageCreated returns
}

func newHookHandler() *hookHandler {
	return &hookHandler{
		connected: make(chan struct{}, 100), disconnected: make(chan error, 100), messages: make(chan string, 100),
		rooms: make(chan wazoapi.UUID, 100), plugin: make(chan bool, 100), reactions: make(chan string, 100), replies: make(chan wazoapi.UUID, 100),
	}
}

var _ wazoapi.PluginHandler = (*hookHandler)(nil)

func (h *hookHandler) Connected(context.Context)               { h.connected <- struct{}{} }
func (h *hookHandler) Disconnected(_ context.Context, e error) { h.disconnected <- e }
func (h *hookHandler) PluginRoom() wazoapi.UUID                { return "" }
func (h *hookHandler) PluginChanged(_ context.Context, p bool) { h.plugin <- p }
func (h *hookHandler) RoomCreated(_ context.Context, r wazoapi.Room) error {
	h.rooms <- r.UUID
	return nil
}
func (h *hookHandler) MessageCreated(_ context.Context, m wazoapi.Message) error {
	if err := h.fails.Load(); err != nil {
		return *err
	}
	h.messages <- m.Content
	return nil
}
func (h *hookHandler) ReactionAdded(_ context.Context, x wazoapi.Reaction) error {
	h.reactions <- x.Emoji
	return nil
}
func (h *hookHandler) ReactionRemoved(_ context.Context, x wazoapi.Reaction) error {
	h.reactions <- "-" + x.Emoji
	return nil
}
func (h *hookHandler) ReplyCreated(_ context.Context, y wazoapi.Reply) error {
	h.replies <- y.Child
	return nil
}

func newHookFixture(t *testing.T) *hookFixture {
	f := &hookFixture{fixture: newFixture(t), handler: newHookHandler(), results: make(chan error, 100)}
	f.room = f.wazo.CreateRoom("", f.alice, f.bob)
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	f.web = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of the simulated Wazo
		err := f.hook.Receive(r.URL.Path == "/hook/tenant", body)
		f.results <- err
		switch {
		case errors.Is(err, wazoapi.ErrNotSubscribed):
			w.WriteHeader(http.StatusGone)
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	require.NoError(t, f.web.Listener.Close())
	f.web.Listener = listener
	f.web.Start()
	t.Cleanup(f.web.Close)
	f.listenAs(f.alice)
	return f
}

func (f *hookFixture) config() wazoapi.HookConfig {
	return wazoapi.HookConfig{
		URL: f.web.URL + "/hook/user", TenantURL: f.web.URL + "/hook/tenant", Address: f.web.URL + "/hook/", Relay: "this one",
		CheckInterval: 10 * time.Millisecond, SilenceAfter: 30 * time.Millisecond,
	}
}

func (f *hookFixture) listenAs(u wazotest.User) {
	f.account = f.fixture.account(u)
	f.hook = f.account.NewHook(f.config())
}

// listen runs Listen until the test ends.
func (f *hookFixture) listen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.hook.Listen(ctx, f.handler) }()
	t.Cleanup(func() {
		cancel()
		assert.ErrorIs(t, await.Receive(t, "the end of Listen", done), context.Canceled)
	})
	await.Receive(t, "the subscription", f.handler.connected)
}

func (f *hookFixture) post(content string) wazoapi.UUID {
	return wazoapi.UUID(f.wazo.Post(f.room.UUID, f.bob, content, "").UUID)
}

func TestContractHookBringsEvents(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.wazo.SetPlugin(true)
	f.listen(t)
	require.True(t, await.Receive(t, "the plugin", f.handler.plugin))
	message := f.post("hello \"<b>\" é 🙂\n'")
	require.Equal(t, "hello \"<b>\" é 🙂\n'", await.Receive(t, "the message", f.handler.messages))
	room := f.wazo.CreateRoom("", f.alice, f.bob, f.addUser(wazotest.User{Username: "carol"}))
	require.Equal(t, wazoapi.UUID(room.UUID), await.Receive(t, "the room", f.handler.rooms))
	f.wazo.React(f.room.UUID, message.String(), f.bob, "👍")
	require.Equal(t, "👍", await.Receive(t, "the reaction", f.handler.reactions))
	f.wazo.Unreact(f.room.UUID, message.String(), f.bob, "👍")
	require.Equal(t, "-👍", await.Receive(t, "the end of the reaction", f.handler.reactions))
	answer := f.post("answer")
	f.wazo.MarkReply(f.room.UUID, answer.String(), message.String(), f.bob)
	require.Equal(t, answer, await.Receive(t, "the reply", f.handler.replies))
	require.False(t, f.hook.IsTenant())
	f.wazo.SetPlugin(false)
}

func TestContractHookOfTheTenant(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listenAs(f.addUser(wazotest.User{Username: "chief", Admin: true}))
	f.listen(t)
	require.True(t, f.hook.IsTenant())
	hooks := f.wazo.Webhooks()
	require.Len(t, hooks, 1)
	require.Empty(t, hooks[0].Owner)
	f.post("hello")
	for range 2 {
		require.Equal(t, "hello", await.Receive(t, "one for each member", f.handler.messages))
	}
}

// What could not be stored must be read from the history before anything later is taken.
func TestContractHookTakesNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listen(t)
	failure := errors.New("disk full")
	f.handler.fails.Store(&failure)
	f.post("one")
	require.ErrorIs(t, await.Receive(t, "the failure", f.results), failure)
	require.ErrorIs(t, await.Receive(t, "the interruption", f.handler.disconnected), failure)
	f.handler.fails.Store(nil)
	await.Receive(t, "the next beginning", f.handler.connected)
	require.Equal(t, "one", await.Receive(t, "the message, sent again", f.handler.messages))
}

func TestContractHookIsRepaired(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listen(t)
	f.wazo.DeleteWebhooks()
	require.ErrorIs(t, await.Receive(t, "the interruption", f.handler.disconnected), wazoapi.ErrHookGone)
	await.Receive(t, "another subscription", f.handler.connected)
	f.post("hello")
	require.Equal(t, "hello", await.Receive(t, "the message", f.handler.messages))
}

func TestContractSilentHookIsMadeAnew(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listen(t)
	heard := f.post("one")
	require.Equal(t, "one", await.Receive(t, "the message", f.handler.messages))
	dead := f.wazo.Webhooks()[0].UUID
	f.hook.Expect(heard) // nothing comes of that
	f.wazo.UnbindWebhooks()
	f.hook.Expect(f.post("two"))
	require.ErrorIs(t, await.Receive(t, "the interruption", f.handler.disconnected), wazoapi.ErrHookSilent)
	await.Receive(t, "another subscription", f.handler.connected)
	hooks := f.wazo.Webhooks()
	require.Len(t, hooks, 1)
	require.NotEqual(t, dead, hooks[0].UUID)
	f.post("three")
	require.Equal(t, "three", await.Receive(t, "the message", f.handler.messages))
}

// A second subscription in vain is not believed: Wazo cannot reach the address.
func TestContractHookThatStaysSilentWaitsForAProof(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listen(t)
	lost := f.wazo.Faults().DropWebhook(wazotest.Always())
	silence := func() {
		f.hook.Expect(f.post("lost"))
		require.ErrorIs(t, await.Receive(t, "the interruption", f.handler.disconnected), wazoapi.ErrHookSilent)
	}
	silence()
	await.Receive(t, "another subscription", f.handler.connected)
	silence()
	await.Until(t, "a third subscription", func() bool { return f.wazo.Requests()["POST /api/webhookd/1.0/users/me/subscriptions"] == 3 })
	require.Empty(t, f.handler.connected)
	lost.Off()
	f.post("a proof")
	await.Receive(t, "the connection", f.handler.connected)
	require.Equal(t, "a proof", await.Receive(t, "the message, sent again", f.handler.messages))
}

func TestContractHookWhileWebhookdIsAway(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listen(t)
	down := f.wazo.Faults().WebhookdDown()
	var answer *wazoapi.Error
	require.ErrorAs(t, await.Receive(t, "the interruption", f.handler.disconnected), &answer)
	require.Equal(t, http.StatusBadGateway, answer.Status)
	require.NotContains(t, answer.Error(), "/hook/")
	down.Off()
	await.Receive(t, "the subscription", f.handler.connected)
	require.Len(t, f.wazo.Webhooks(), 1)
}

func TestContractRemoveHooks(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	f.listenAs(f.addUser(wazotest.User{Username: "chief", Admin: true}))
	chief := f.addUser(wazotest.User{Username: "boss", Admin: true})
	own := map[string]string{"app": "wazo-matrix-relay", "relay": "this one"}
	other := map[string]string{"app": "wazo-matrix-relay", "relay": "another"}
	kept := []string{
		f.wazo.AddWebhook(f.alice, "https://a.example/", nil),
		f.wazo.AddWebhook(f.alice, "https://a.example/", map[string]string{"app": "another", "relay": "this one"}),
		f.wazo.AddWebhook(f.alice, "https://a.example/", other),
		f.wazo.AddWebhook(chief, f.web.URL+"/hook/x", own), // another account's, which an administrator of the tenant sees
	}
	f.wazo.AddWebhook(f.alice, "https://a.example/", own)
	f.wazo.AddWebhook(f.alice, f.web.URL+"/hook/x", other) // it leads to this program, and to no other
	require.NoError(t, f.fixture.account(f.alice).RemoveHooks(t.Context(), "this one", f.web.URL+"/hook/"))
	require.NoError(t, f.account.RemoveHooks(t.Context(), "this one", f.web.URL+"/hook/"))
	var left []string
	for _, hook := range f.wazo.Webhooks() {
		left = append(left, hook.UUID)
	}
	require.Equal(t, kept, left)
}

func TestHookRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	for _, body := range []string{"", "hello", "[]", "null", "{}", `{"name": 1}`, `{"name": "chatd_user_room_message_created"}`, `{"name": "chatd_user_room_created", "data": {}}`} {
		require.ErrorIs(t, f.hook.Receive(false, []byte(body)), wazoapi.ErrUnreadableEvent, body)
	}
	require.ErrorIs(t, f.hook.Receive(false, []byte(`{"name": "other", "data": {}}`)), wazoapi.ErrNotListening)
	f.listen(t)
	require.ErrorIs(t, f.hook.Receive(true, []byte(`{"name": "other", "data": {}}`)), wazoapi.ErrNotSubscribed)
	require.ErrorIs(t, f.hook.Receive(false, []byte(`{"name": "other", "wazo": "another", "data": {}}`)), wazoapi.ErrNotSubscribed)
}

func TestScopesByWebhook(t *testing.T) {
	t.Parallel()
	f := newHookFixture(t)
	missing, err := f.fixture.account(f.alice).MissingScopes(t.Context(), wazoapi.ByWebhook(wazoapi.RelayScopes())...)
	require.NoError(t, err)
	require.Empty(t, missing, "the default policy has all")
	require.False(t, slices.Contains(wazoapi.ByWebhook(wazoapi.LoginScopes()), "websocketd"))
	missing, err = f.fixture.account(f.alice).MissingScopes(t.Context(), wazoapi.TenantWebhookScopes()...)
	require.NoError(t, err)
	require.Len(t, missing, 4)
}
