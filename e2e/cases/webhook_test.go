package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

// webhookLines is how many lines each side says while the relay is restarted.
const webhookLines = 90

// withWebhook is a configuration with which events of Wazo come by a webhook.
func withWebhook(t *testing.T) stage.Config {
	t.Helper()
	env := map[string]string{}
	require.NoError(t, stage.WithWebhook(env))
	return stage.Config{Env: env}
}

// Events come by a webhook. The relay is restarted, then they come by a websocket, and
// then by a webhook again, while people talk.
func TestEventsByAWebhook(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			testEventsByAWebhook(t, kind.encrypted)
		})
	}
}

func testEventsByAWebhook(t *testing.T, encrypted bool) {
	s := open(t, withMautrix(), withWebhook(t))
	d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: webhookLines}
	d.requireTalk(t)
	require.Zero(t, s.Wazo.Websockets())
	require.Len(t, s.Wazo.Webhooks(), 1)
	d.interrupt = func() error {
		for _, way := range []string{"webhook", "websocket", "webhook"} {
			if err := s.Relay.Stop(); err != nil {
				return err
			}
			s.Relay.Setenv("WAZO_EVENTS", way)
			if err := s.Relay.Restart(s.ctx); err != nil {
				return err
			}
			d.post(s.someWords())
		}
		return nil
	}
	d.run(t)
	require.Zero(t, s.Wazo.Websockets())
	require.Len(t, s.Wazo.Webhooks(), 1)
	d.requireExact(t)
}

// A person who has logged in has a subscription of their own, which ends with the log-in.
func TestWebhookOfAPerson(t *testing.T) {
	t.Parallel()
	cfg := withWebhook(t)
	cfg.Env["WAZO_USERNAME"], cfg.Env["WAZO_PASSWORD"] = "", ""
	s := open(t, withMautrix(), cfg)
	own, author := s.Hire("Robin", "Hood"), s.Hire("Alice", "Martin")
	room := s.Wazo.CreateRoom("Sherwood", own, author)
	desk := s.invite(t, s.Robin, harness.RoomOptions{})
	require.NoError(t, s.LogIn(s.ctx, s.Robin, desk, own))
	_, err := s.Robin.Send(s.ctx, desk, "!wazo link "+room.UUID)
	require.NoError(t, err)
	s.waitBot(t, s.Robin, desk, harness.Notice("Linked"))
	require.Equal(t, []string{own.UUID}, ownersOf(s.Wazo.Webhooks()))
	s.Wazo.Post(room.UUID, author, "hello", "")
	s.waitBot(t, s.Robin, desk, harness.All(s.FromWazo(), harness.Says("hello")))
	s.ask(t, s.Robin, desk, "!wazo logout")
	require.Empty(t, s.Wazo.Webhooks())
}

func ownersOf(hooks []wazotest.WebhookSubscription) []string {
	var owners []string
	for _, hook := range hooks {
		owners = append(owners, hook.Owner)
	}
	return owners
}
