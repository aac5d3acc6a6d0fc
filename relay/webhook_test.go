package relay

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// webhookServer is what stands at PUBLIC_URL: the relay that runs, or nobody.
type webhookServer struct {
	*httptest.Server

	mu       sync.Mutex
	handler  http.Handler
	statuses []int
}

// newWebhookServer listens on an address that webhookd does not skip.
func newWebhookServer(t *testing.T) *webhookServer {
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	s := &webhookServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		handler := s.handler
		s.mu.Unlock()
		recorder := httptest.NewRecorder()
		if handler == nil {
			recorder.WriteHeader(http.StatusBadGateway)
		} else {
			handler.ServeHTTP(recorder, r)
		}
		s.mu.Lock()
		s.statuses = append(s.statuses, recorder.Code)
		s.mu.Unlock()
		w.WriteHeader(recorder.Code)
	}))
	require.NoError(t, s.Listener.Close())
	s.Listener = listener
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// serve lets the handler of a relay answer; nil: nobody.
func (s *webhookServer) serve(handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func (s *webhookServer) answered(status int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, code := range s.statuses {
		if code == status {
			n++
		}
	}
	return n
}

// withWebhook lets events come by a webhook, and looks for news so seldom that nothing else brings them.
func (f *fixture) withWebhook() *webhookServer {
	server := newWebhookServer(f.T)
	f.webhook = WebhookConfig{URL: server.URL + "/wazo", CheckInterval: 20 * time.Millisecond, SilenceAfter: 50 * time.Millisecond, ReorderWait: 50 * time.Millisecond}
	f.probeInterval = time.Hour
	return server
}

// startWebhook starts the relay, and lets it answer webhookd.
func (f *fixture) startWebhook(server *webhookServer) {
	f.Helper()
	f.start()
	server.serve(f.core.Webhook().Handler("/wazo"))
}

func newWebhookFixture(t *testing.T) (*fixture, *webhookServer) {
	f := newFixture(t)
	server := f.withWebhook()
	f.startWebhook(server)
	return f, server
}

// hookOwners returns the owners of the relay's subscriptions.
func (f *fixture) hookOwners() []string {
	owners := []string{}
	for _, hook := range f.wazo.Webhooks() {
		if hook.Metadata["app"] == "wazo-matrix-relay" {
			owners = append(owners, hook.Owner)
		}
	}
	return owners
}

func TestWebhookBringsMessages(t *testing.T) {
	t.Parallel()
	f, server := newWebhookFixture(t)
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.awaitShown("Alice Martin: one")
	f.matrix.say(robinUser, "two")
	f.awaitRelayed("two")
	require.Zero(t, f.wazo.Websockets())
	require.Equal(t, []string{f.relay.UUID}, f.hookOwners())
	await.Until(t, "the answers", func() bool { return server.answered(http.StatusNoContent) >= 2 })
	require.Zero(t, server.answered(http.StatusServiceUnavailable))
}

// Later deliveries overtake an earlier one, and one comes twice.
func TestWebhookKeepsOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server := f.withWebhook()
	f.webhook.ReorderWait = time.Second
	f.startWebhook(server)
	f.link()
	f.wazo.Faults().LateWebhook(20*time.Millisecond, wazotest.Times(1))
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.wazo.Post(f.room.UUID, f.alice, "two", "")
	f.awaitShown("Alice Martin: one", "Alice Martin: two")
}

// The relay answers only when a message is stored, and reads the history before it takes later ones.
func TestWebhookAnswersOnlyWhenStored(t *testing.T) {
	t.Parallel()
	f, server := newWebhookFixture(t)
	f.link()
	f.awaitEmpty()
	await.Until(t, "an answer to each event", func() bool { return f.wazo.PendingWebhooks() == 0 })
	before := server.answered(http.StatusNoContent)
	repair := dbtest.RefuseWrites(t, f.db.Database, "INSERT", "queue", "NEW.direction = 'to_matrix'")
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	await.Until(t, "a refusal", func() bool { return server.answered(http.StatusServiceUnavailable) > 0 })
	require.Equal(t, before, server.answered(http.StatusNoContent))
	repair()
	f.wazo.Post(f.room.UUID, f.alice, "two", "")
	f.awaitShown("Alice Martin: one", "Alice Martin: two")
}

func TestWebhookOutlivesARestart(t *testing.T) {
	t.Parallel()
	f, server := newWebhookFixture(t)
	f.link()
	subscriptions := f.wazo.Webhooks()
	server.serve(nil)
	f.halt()
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	await.Until(t, "an attempt in vain", func() bool { return server.answered(http.StatusBadGateway) > 0 })
	f.startWebhook(server)
	f.wazo.Post(f.room.UUID, f.alice, "two", "")
	f.awaitShown("Alice Martin: one", "Alice Martin: two")
	require.Equal(t, subscriptions, f.wazo.Webhooks())
	f.awaitEmpty()
	await.Until(t, "the second attempt", func() bool { return f.wazo.PendingWebhooks() == 0 })
	require.Equal(t, []string{"Alice Martin: one", "Alice Martin: two"}, f.matrix.shown())
}

func TestChangingTheWayOfEventsLosesNothing(t *testing.T) {
	t.Parallel()
	f, server := newWebhookFixture(t)
	stranger := f.wazo.AddWebhook(f.relay, server.URL+"/other", map[string]string{"app": "wazo-matrix-relay", "relay": "another"})
	f.link()
	f.logIn(robinUser, f.bob)
	want := []string{}
	say := func(text string) {
		f.wazo.Post(f.room.UUID, f.alice, text, "")
		want = append(want, "Alice Martin: "+text)
	}
	say("by the webhook")
	f.awaitShown(want...)
	server.serve(nil)
	f.halt()
	say("while it is away")
	webhook := f.webhook
	f.webhook = WebhookConfig{}
	f.start()
	say("by the websocket")
	f.awaitShown(want...)
	await.Until(t, "no subscription of the relay", func() bool {
		hooks := f.wazo.Webhooks()
		return len(hooks) == 1 && hooks[0].UUID == stranger
	})
	await.Until(t, "no key", func() bool {
		key, err := f.db.Setting.GetSecret(f.ctx, db.SettingWebhookKey)
		return err == nil && key == ""
	})
	f.halt()
	say("while it is away again")
	f.webhook = webhook
	f.startWebhook(server)
	require.Zero(t, f.wazo.Websockets())
	say("by the webhook again")
	f.awaitShown(want...)
}

func TestWebhookSubscriptionIsRepaired(t *testing.T) {
	t.Parallel()
	f, _ := newWebhookFixture(t)
	f.link()
	f.wazo.DeleteWebhooks()
	f.wazo.Post(f.room.UUID, f.alice, "nobody hears this", "")
	f.awaitShown("Alice Martin: nobody hears this")
	require.Equal(t, []string{f.relay.UUID}, f.hookOwners())
	f.wazo.Post(f.room.UUID, f.alice, "two", "")
	f.awaitShown("Alice Martin: nobody hears this", "Alice Martin: two")
}

// Somebody starts the relay at another address, and the one before was killed between two subscriptions.
func TestWebhookHasOneSubscriptionAtTheRightAddress(t *testing.T) {
	t.Parallel()
	f, server := newWebhookFixture(t)
	f.link()
	hook := f.wazo.Webhooks()[0]
	f.wazo.AddWebhook(f.relay, hook.URL, hook.Metadata)
	await.Until(t, "one subscription", func() bool { return len(f.wazo.Webhooks()) == 1 })
	f.halt()
	f.webhook.URL = server.URL + "/elsewhere"
	f.start()
	server.serve(f.core.Webhook().Handler("/elsewhere"))
	require.Contains(t, f.wazo.Webhooks()[0].URL, "/elsewhere/")
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.awaitShown("Alice Martin: one")
}

// webhookd forgets after a restart of RabbitMQ that it listens for a subscription (docs/wazo.md, "Webhooks").
func TestSilentWebhookIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server := f.withWebhook()
	f.probeInterval = 30 * time.Millisecond
	f.startWebhook(server)
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.awaitShown("Alice Martin: one")
	await.Until(t, "its delivery", func() bool { return f.wazo.PendingWebhooks() == 0 })
	dead := f.wazo.Webhooks()[0].UUID
	f.wazo.UnbindWebhooks()
	talk := f.talk()
	await.Until(t, "another subscription", func() bool {
		talk()
		hooks := f.wazo.Webhooks()
		return len(hooks) == 1 && hooks[0].UUID != dead
	})
	// On a slow machine the new one may seem silent once more: only what is said shows that it works.
	await.Until(t, "events", func() bool { talk(); return f.core.EventsFlow() })
	f.matrix.awaitNothingMissing(f)
}

// talk returns a function that lets alice say something now and then.
func (f *fixture) talk() func() {
	n, last := 0, time.Time{}
	return func() {
		if time.Since(last) < 200*time.Millisecond {
			return
		}
		n, last = n+1, time.Now()
		f.wazo.Post(f.room.UUID, f.alice, fmt.Sprint(n), "")
	}
}

// awaitNothingMissing waits until everything that alice has said is shown once.
func (m *fakeMatrix) awaitNothingMissing(f *fixture) {
	f.Helper()
	want := []string{}
	for _, message := range f.wazo.Messages(f.room.UUID) {
		if message.UserUUID == f.alice.UUID {
			want = append(want, "Alice Martin: "+message.Content)
		}
	}
	await.Until(f, fmt.Sprintf("%d messages", len(want)), func() bool { return len(m.shown()) >= len(want) })
	require.Equal(f, want, m.shown())
}

// Wazo cannot reach the relay, or skips the address silently: a new subscription does not help.
func TestWebhookThatNeverBringsAnythingIsReported(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server := f.withWebhook()
	f.probeInterval = 30 * time.Millisecond
	f.startWebhook(server)
	f.link()
	dropped := f.wazo.Faults().DropWebhook(wazotest.Always())
	talk := f.talk()
	isReported := func() bool {
		talk()
		status, err := f.core.Status(f.ctx, roomID)
		return err == nil && slices.ContainsFunc(status.WazoTrouble, func(s string) bool { return strings.Contains(s, txt.Why(words.WhyWebhookSilent)) })
	}
	await.Until(t, "the report", isReported)
	await.Until(t, "two silences", func() bool {
		isReported()
		return dropped.Fired() > 0 && !f.core.EventsFlow()
	})
	f.matrix.awaitNothingMissing(f)
	dropped.Off()
	await.Until(t, "events", func() bool {
		talk()
		return f.core.EventsFlow()
	})
	f.matrix.awaitNothingMissing(f)
}

func TestWebhookdThatIsAwayIsReported(t *testing.T) {
	t.Parallel()
	f, _ := newWebhookFixture(t)
	f.link()
	down := f.wazo.Faults().WebhookdDown()
	await.Until(t, "the report", func() bool {
		health, err := f.core.Health(f.ctx)
		return err == nil && slices.ContainsFunc(health.Wazo.Why, func(s string) bool { return strings.Contains(s, txt.Why(words.WhyWebhookFails)) })
	})
	f.wazo.Post(f.room.UUID, f.alice, "while it is away", "")
	down.Off()
	f.awaitShown("Alice Martin: while it is away")
	await.Until(t, "health", func() bool {
		health, err := f.core.Health(f.ctx)
		return err == nil && health.Wazo.OK
	})
}

func TestOneWebhookServesEverybody(t *testing.T) {
	t.Parallel()
	var server *webhookServer
	f := newTenantWideFixture(t, func(f *fixture) { server = f.withWebhook() })
	server.serve(f.core.Webhook().Handler("/wazo"))
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	require.Equal(t, []string{""}, f.hookOwners(), "one of the tenant")
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	f.awaitShown("Bob Stone: one")

	f.wazo.SetACL(f.relay, []string{"!webhookd.subscriptions.#"})
	f.wazo.RevokeTokens(f.relay)
	await.Until(t, "subscriptions of their own", func() bool {
		owners := f.hookOwners()
		return slices.Contains(owners, f.alice.UUID) && slices.Contains(owners, f.relay.UUID)
	})
	f.wazo.Post(f.room.UUID, f.bob, "two", "")
	f.awaitShown("Bob Stone: one", "Bob Stone: two")
	await.Until(t, "the refusal of what is not subscribed to any more", func() bool { return server.answered(http.StatusGone) > 0 })
}

// The relay was killed before it could delete a subscription that another one makes superfluous.
func TestLeftoverWebhookIsDeleted(t *testing.T) {
	t.Parallel()
	var server *webhookServer
	f := newTenantWideFixture(t, func(f *fixture) { server = f.withWebhook() })
	server.serve(f.core.Webhook().Handler("/wazo"))
	f.logIn(robinUser, f.alice)
	own := map[string]string{"app": "wazo-matrix-relay", "relay": f.core.hookKey.relay()}
	f.wazo.AddWebhook(f.alice, f.webhook.address()+f.core.hookKey.secret(f.core.accounts.of(robinUser), false), own)
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	await.Until(t, "one subscription", func() bool { return slices.Equal([]string{""}, f.hookOwners()) })
}

// A clock that is set back must not stop anything for hours.
func TestWebhookAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	webhook := &Webhook{Relay: &Relay{cfg: Config{Webhook: WebhookConfig{ReorderWait: time.Second}}}}
	require.Zero(t, webhook.settling(&db.Row{AcceptedAt: jsontime.UM(time.Now().Add(time.Hour))}))
	require.Positive(t, webhook.settling(&db.Row{AcceptedAt: jsontime.UM(time.Now())}))
	require.Negative(t, webhook.settling(&db.Row{AcceptedAt: jsontime.UM(time.Now().Add(-time.Minute))}))
}

func TestWebhookOfAPersonEndsWithTheLogIn(t *testing.T) {
	t.Parallel()
	f, _ := newWebhookFixture(t)
	theirs := f.wazo.AddWebhook(f.alice, "http://127.0.0.2:1/", nil)
	f.logIn(robinUser, f.alice)
	await.Until(t, "a subscription", func() bool { return slices.Contains(f.hookOwners(), f.alice.UUID) })
	_, err := f.core.LogOut(f.ctx, robinUser)
	require.NoError(t, err)
	require.Equal(t, []string{f.relay.UUID}, f.hookOwners())
	require.Equal(t, theirs, slices.DeleteFunc(f.wazo.Webhooks(), func(hook wazotest.WebhookSubscription) bool { return hook.Owner != f.alice.UUID })[0].UUID)
}

func TestReactionsComeByTheWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.SetPlugin(true)
	server := f.withWebhook()
	f.startWebhook(server)
	await.Until(t, "the plugin", f.core.account.hasPlugin)
	f.link()
	m := f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.awaitShown("Alice Martin: one")
	await.Until(t, "its delivery", func() bool { return f.wazo.PendingWebhooks() == 0 })
	before := server.answered(http.StatusNoContent)
	f.wazo.React(f.room.UUID, m.UUID, f.bob, "👍")
	await.Until(t, "the reaction", func() bool { return server.answered(http.StatusNoContent) == before+1 })
}

func TestWebhookRefusesNonsense(t *testing.T) {
	t.Parallel()
	f, server := newWebhookFixture(t)
	address := f.wazo.Webhooks()[0].URL
	message := `{"name": "chatd_user_room_message_created", "wazo": %q, "data": {"uuid": "11111111-2222-4333-8444-555555555555", "content": "x",
		"user_uuid": "u", "created_at": "2026-11-21T19:26:09+00:00", "room": {"uuid": "r"}}}`
	for _, test := range []struct {
		name, method, url, body string
		want                    int
	}{
		{"an unknown secret", http.MethodPost, server.URL + "/wazo/nonsense", "{}", http.StatusGone},
		{"no secret", http.MethodPost, server.URL + "/wazo/", "{}", http.StatusGone},
		{"the secret of the tenant's subscription, which does not exist", http.MethodPost, f.webhook.address() + f.core.hookKey.secret(f.core.account, true), fmt.Sprintf(message, f.wazo.UUID()), http.StatusGone},
		{"an event of another Wazo", http.MethodPost, address, fmt.Sprintf(message, "6e9ff4e5-1d1c-4f5c-9a3e-0a2f5d4b7c12"), http.StatusGone},
		{"another method", http.MethodGet, address, "", http.StatusMethodNotAllowed},
		{"no JSON", http.MethodPost, address, "hello", http.StatusBadRequest},
		{"JSON of another kind", http.MethodPost, address, `[{"name": 1}]`, http.StatusBadRequest},
		{"an event without name", http.MethodPost, address, `{"data": {}}`, http.StatusBadRequest},
		{"a message without author", http.MethodPost, address, `{"name": "chatd_user_room_message_created", "data": {"uuid": "m"}}`, http.StatusBadRequest},
		{"an endless body", http.MethodPost, address, strings.Repeat(" ", maxEvent+1), http.StatusRequestEntityTooLarge},
		{"an event that is unknown", http.MethodPost, address, fmt.Sprintf(`{"name": "other", "wazo": %q, "data": {}}`, f.wazo.UUID()), http.StatusNoContent},
		{"a message of a room that is not linked", http.MethodPost, address, fmt.Sprintf(message, f.wazo.UUID()), http.StatusNoContent},
	} {
		ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
		req, err := http.NewRequestWithContext(ctx, test.method, test.url, strings.NewReader(test.body))
		require.NoError(t, err)
		resp, err := server.Client().Do(req)
		require.NoError(t, err, test.name)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, test.want, resp.StatusCode, test.name)
		cancel()
	}
}

func TestWebhookLimitsTheRate(t *testing.T) {
	t.Parallel()
	f, _ := newWebhookFixture(t)
	handler, ok := f.core.Webhook().Handler("/wazo").(*webhookHandler)
	require.True(t, ok)
	secret := f.core.hookKey.secret(f.core.account, false)
	for range eventsPerSubscription {
		handler.events.Take(secret)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(f.ctx, http.MethodPost, "/wazo/"+secret, strings.NewReader("{}")))
	require.Equal(t, http.StatusTooManyRequests, recorder.Code)
}

// What is refused before the relay runs must come again.
func TestWebhookRefusesForNowBeforeTheStart(t *testing.T) {
	t.Parallel()
	f, _ := newWebhookFixture(t)
	f.halt()
	webhook := newWebhook(f.core)
	require.ErrorIs(t, webhook.Receive(f.core.hookKey.secret(f.core.account, false), nil), wazoapi.ErrNotListening)
	webhook.hookKey = &webhookKey{}
	require.ErrorIs(t, webhook.Receive("x", nil), wazoapi.ErrNotListening)
}
