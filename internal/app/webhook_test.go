package app

import (
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// withWebhook lets events come by a webhook, at an address that leads straight to the relay.
func (f *fixture) withWebhook() {
	f.env["LISTEN"] = freeAddress(f.T)
	f.env["PUBLIC_URL"] = "http://" + f.env["LISTEN"] + "/relay"
	f.env["WAZO_EVENTS"] = "webhook"
}

func TestWebhookIsServedBelowThePublicAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.withWebhook()
	stop := f.serve()
	f.awaitWell()
	require.Zero(t, f.wazo.Websockets())
	hooks := f.wazo.Webhooks()
	require.Len(t, hooks, 1)
	require.True(t, strings.HasPrefix(hooks[0].URL, f.env["PUBLIC_URL"]+"/wazo/"), hooks[0].URL)

	alice := f.wazo.AddUser(wazotest.User{Username: "alice", Password: "secret", Tenant: f.account.Tenant})
	room := f.wazo.CreateRoom("Team", f.account, alice)
	f.wazo.Post(room.UUID, alice, "hello", "")
	await.Until(t, "the delivery", func() bool { return f.wazo.PendingWebhooks() == 0 })

	lines, out := f.check()
	require.NoError(t, out.err, out.stdout)
	require.Contains(t, lines, "ok: Wazo webhook")
	require.NotContains(t, lines, "ok: Wazo websocket")
	require.Equal(t, "ok: public address", lines[len(lines)-1])
	secret := strings.TrimPrefix(hooks[0].URL, f.env["PUBLIC_URL"]+"/wazo/")
	out = stop()
	require.NoError(t, out.err)
	require.NotContains(t, out.stderr, secret, "the log")
	require.Len(t, f.wazo.Webhooks(), 1, "the subscription stays")
}

func TestCheckOfTheWebhook(t *testing.T) {
	t.Parallel()
	t.Run("webhookd is away", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.withWebhook()
		f.wazo.Faults().WebhookdDown()
		lines, _ := f.check()
		require.Contains(t, lines, "failed: Wazo webhook")
	})

	t.Run("the account may have no subscriptions", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.withWebhook()
		f.wazo.SetACL(f.account, []string{"!webhookd.#"})
		lines, out := f.check()
		require.Contains(t, lines, "failed: Wazo permissions")
		require.Contains(t, out.stdout, "webhookd.users.me.subscriptions.create")
	})

	t.Run("websockets are forbidden, which does not matter", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.withWebhook()
		f.wazo.SetACL(f.account, []string{"!websocketd", "!events.#"})
		lines, out := f.check()
		require.NoError(t, out.err, out.stdout)
		require.Contains(t, lines, "ok: Wazo permissions")
	})

	t.Run("the proxy does not know its address", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.withWebhook()
		target := &url.URL{Scheme: "http", Host: f.env["LISTEN"]}
		front := f.proxyThat(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.URL.Path = strings.Replace(r.In.URL.Path, "/wazo/", "/elsewhere/", 1)
		}})
		f.env["PUBLIC_URL"] = "http://" + f.env["LISTEN"]
		cfg, err := loadConfig(environ(f.env))
		require.NoError(t, err)
		cfg.PublicURL.base = front
		p, err := build(t.Context(), cfg, newLogger(cfg, t.Output()), t.Output(), nil)
		require.NoError(t, err)
		defer p.close(newLogger(cfg, t.Output()))
		closePublic, err := listenPublic(cfg, p, newLogger(cfg, t.Output()))
		require.NoError(t, err)
		defer closePublic()
		err = checkWebhookAddress(t.Context(), cfg)
		require.ErrorContains(t, err, "something else than the relay answers at the address of the webhook (HTTP 404)")
		cfg.PublicURL.base = "http://" + f.env["LISTEN"]
		require.NoError(t, checkWebhookAddress(t.Context(), cfg))
	})
}
