package app

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// quiet keeps net/http from writing about handshakes that are meant to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// check runs --check and returns its lines: "ok: …" and "failed: …" without what stands in parentheses.
func (f *fixture) check() (lines []string, out outcome) {
	f.Helper()
	out = f.run(f.Context(), "--check")
	for line := range strings.Lines(out.stdout) {
		if strings.HasPrefix(line, "ok: ") || strings.HasPrefix(line, "failed: ") {
			short, _, _ := strings.Cut(strings.TrimSpace(line), " (")
			lines = append(lines, short)
		}
	}
	return lines, out
}

// proxy is a reverse proxy in front of LISTEN. It returns its address.
func (f *fixture) proxy() string {
	target, err := url.Parse("http://" + f.env["LISTEN"])
	require.NoError(f, err)
	return f.proxyThat(httputil.NewSingleHostReverseProxy(target))
}

// proxyThat starts a reverse proxy that does what is given.
func (f *fixture) proxyThat(proxy *httputil.ReverseProxy) string {
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	proxy.ErrorLog = quiet()
	front := httptest.NewServer(proxy)
	f.Cleanup(front.Close)
	return front.URL
}

func TestCheckOfThePublicAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		address func(f *fixture) string
		lines   []string
		says    string
	}{
		{"it leads to the relay", (*fixture).proxy, []string{"ok: public listener", "ok: public address"}, "Everything works"},
		{
			"something else answers",
			func(f *fixture) string { return f.homeserver.web.URL },
			[]string{"ok: public listener", "failed: public address"}, "something else than the relay answers (HTTP 404)",
		},
		{
			"the proxy does not pass the host on",
			func(f *fixture) string {
				return f.proxyThat(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(&url.URL{Scheme: "http", Host: f.env["LISTEN"]})
				}})
			},
			[]string{"ok: public listener", "failed: public address"}, "hint: have the reverse proxy pass the header Host on",
		},
		{
			"the proxy does not know the log-in page",
			func(f *fixture) string {
				return f.proxyThat(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(&url.URL{Scheme: "http", Host: f.env["LISTEN"]})
					r.Out.URL.Path = "/media/" + path.Base(r.In.URL.Path)
				}})
			},
			[]string{"ok: public listener", "failed: public address"}, "something else than the relay answers at the log-in page (HTTP 404)",
		},
		{
			"nothing answers",
			func(f *fixture) string { return "http://" + freeAddress(f.T) },
			[]string{"ok: public listener", "failed: public address"}, "hint: have the reverse proxy",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env["LISTEN"] = freeAddress(t)
			f.env["PUBLIC_URL"] = test.address(f)
			lines, out := f.check()
			require.Equal(t, test.lines, lines[len(lines)-2:], out.stdout)
			require.Contains(t, out.stdout, test.says)
		})
	}
}

func TestHintsOfTheCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(f *fixture)
		says    string
	}{
		{"https instead of http, for Wazo", func(f *fixture) { f.env["WAZO_URL"] = "https" + strings.TrimPrefix(f.wazo.URL(), "http") }, "speaks http and not https; check the port in WAZO_URL"},
		{
			"https instead of http, for the homeserver",
			func(f *fixture) {
				f.env["MATRIX_HOMESERVER_URL"] = "https" + strings.TrimPrefix(f.homeserver.web.URL, "http")
			},
			"speaks http and not https; check the port in MATRIX_HOMESERVER_URL",
		},
		{
			"http instead of https, for the homeserver",
			func(f *fixture) {
				secure := httptest.NewUnstartedServer(http.NotFoundHandler())
				secure.Config.ErrorLog = quiet()
				secure.StartTLS()
				f.Cleanup(secure.Close)
				f.env["MATRIX_HOMESERVER_URL"] = "http" + strings.TrimPrefix(secure.URL, "https")
			},
			"let MATRIX_HOMESERVER_URL begin with https://",
		},
		{
			"passwords are not allowed",
			func(f *fixture) {
				f.env["MATRIX_PASSWORD"] = "wrong"
				f.homeserver.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					asked := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/login")
					if asked {
						_, _ = io.WriteString(w, `{"flows":[{"type":"m.login.sso"}]}`)
					}
					return asked
				})
			},
			"hint: remove MATRIX_PASSWORD and run wazo-matrix-relay login",
		},
		{
			"log-ins are limited",
			func(f *fixture) {
				f.homeserver.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					limited := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/login")
					if limited {
						w.WriteHeader(http.StatusTooManyRequests)
						_, _ = io.WriteString(w, `{"errcode":"M_LIMIT_EXCEEDED","error":"no","retry_after_ms":90000}`)
					}
					return limited
				})
			},
			"limits how often the account may log in; try again in 1m30s",
		},
		{"too many sessions on Wazo", func(f *fixture) { f.wazo.Faults().TokenLimit(wazotest.Always()) }, "as many sessions as Wazo allows"},
		{"RabbitMQ is down at the log-in", func(f *fixture) { f.wazo.Faults().BusLost() }, "for example because RabbitMQ or the database is down"},
		{"chatd is down", func(f *fixture) { f.wazo.Faults().ChatdDown() }, "check that wazo-auth, wazo-chatd, wazo-dird, wazo-confd and wazo-websocketd run there"},
		{"the directory is down", func(f *fixture) { f.wazo.Faults().ConfdDown(0) }, "failed: Wazo directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.prepare(f)
			_, out := f.check()
			require.ErrorIs(t, out.err, errReported)
			require.Contains(t, out.stdout, test.says)
		})
	}

	t.Run("RabbitMQ is down later", func(t *testing.T) {
		t.Parallel()
		hinted := wazoHint(&wazoapi.CloseError{Code: wazoapi.CloseBusLost, Reason: "bus connection lost"})
		var out bytes.Buffer
		printErrors(&out, hinted)
		require.Contains(t, out.String(), "hint: wazo-websocketd has no connection to RabbitMQ")
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("everything is well", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		lines, out := f.check()
		require.NoError(t, out.err)
		require.Equal(t, []string{
			"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo chats", "ok: Wazo directory", "ok: Wazo websocket", "ok: self-probe of Wazo", "ok: health check listener",
		}, lines)
	})

	t.Run("without a relay account", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.withoutRelayAccount()
		lines, out := f.check()
		require.NoError(t, out.err)
		require.Equal(t, []string{
			"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo", "ok: health check listener",
		}, lines)
		require.Contains(t, out.stdout, "skipped: Wazo log-in, permissions, chats, directory and websocket (WAZO_USERNAME is not set")
		f.wazo.Faults().AuthDown()
		lines, out = f.check()
		require.ErrorIs(t, out.err, errReported)
		require.Contains(t, lines, "failed: Wazo")
	})

	for _, test := range []struct {
		name    string
		prepare func(f *fixture)
		lines   []string
		says    []string // error and hint
	}{
		{
			name:    "a wrong Matrix password does not hide what is wrong with Wazo",
			prepare: func(f *fixture) { f.env["MATRIX_PASSWORD"], f.env["WAZO_PASSWORD"] = "wrong", "wrong" },
			lines:   []string{"ok: configuration", "ok: database", "failed: homeserver and log-in", "failed: Wazo log-in", "ok: health check listener"},
			says:    []string{"check MATRIX_USER_ID and MATRIX_PASSWORD", "check WAZO_USERNAME and WAZO_PASSWORD"},
		},
		{
			name:    "a homeserver that is away",
			prepare: func(f *fixture) { f.env["MATRIX_HOMESERVER_URL"] = "http://" + freeAddress(f.T) },
			lines: []string{
				"ok: configuration", "ok: database", "failed: homeserver and log-in", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo chats", "ok: Wazo directory", "ok: Wazo websocket", "ok: self-probe of Wazo", "ok: health check listener",
			},
			says: []string{"hint: check MATRIX_HOMESERVER_URL"},
		},
		{
			name: "a homeserver with trouble of its own",
			prepare: func(f *fixture) {
				f.homeserver.onRequest(func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 500, "M_UNKNOWN"); return true })
			},
			lines: []string{
				"ok: configuration", "ok: database", "failed: homeserver and log-in", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo chats", "ok: Wazo directory", "ok: Wazo websocket", "ok: self-probe of Wazo", "ok: health check listener",
			},
			says: []string{"hint: see the homeserver's log"},
		},
		{
			name:    "a Wazo that is away",
			prepare: func(f *fixture) { f.wazo.Stop() },
			lines:   []string{"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "failed: Wazo log-in", "ok: health check listener"},
			says:    []string{"hint: check WAZO_URL"},
		},
		{
			name: "permissions that are missing are named",
			prepare: func(f *fixture) {
				tenant := f.wazo.AddTenant("strict")
				f.wazo.AddUser(wazotest.User{
					Username: "restricted", Password: wazoPassword, Tenant: tenant,
					ACL: []string{"!chatd.users.me.rooms.create", "!dird.backends.*.sources.*.contacts.read"},
				})
				f.env["WAZO_USERNAME"] = "restricted"
			},
			lines: []string{
				"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "failed: Wazo permissions", "ok: Wazo chats", "failed: Wazo directory", "ok: Wazo websocket", "ok: self-probe of Wazo", "ok: health check listener",
			},
			says: []string{"the account lacks these permissions: chatd.users.me.rooms.create, dird.backends.wazo.sources.SOURCE.contacts.read", "policy"},
		},
		{
			name: "chats that may not be read",
			prepare: func(f *fixture) {
				tenant := f.wazo.AddTenant("strict")
				restricted := f.wazo.AddUser(wazotest.User{
					Username: "restricted", Password: wazoPassword, Tenant: tenant,
					ACL: []string{"!chatd.users.me.rooms.*.messages.read"},
				})
				f.wazo.CreateRoom("Project", restricted, f.wazo.AddUser(wazotest.User{Username: "alice", Password: "a", Tenant: tenant}))
				f.env["WAZO_USERNAME"] = "restricted"
			},
			lines: []string{
				"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "failed: Wazo permissions", "failed: Wazo chats", "ok: Wazo directory", "ok: Wazo websocket", "ok: self-probe of Wazo", "ok: health check listener",
			},
			says: []string{"failed to read the messages of a chat", "the account lacks a permission"},
		},
		{
			name:    "a websocket that does not work",
			prepare: func(f *fixture) { f.wazo.Faults().WebsocketdDown() },
			lines: []string{
				"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo chats", "ok: Wazo directory", "failed: Wazo websocket", "ok: self-probe of Wazo", "ok: health check listener",
			},
			says: []string{"error: ", "hint: "},
		},
		{
			name:    "a database that cannot be opened ends the check",
			prepare: func(f *fixture) { f.env["DATABASE_URL"] = f.TempDir() },
			lines:   []string{"ok: configuration", "failed: database"},
			says:    []string{"hint: check DATABASE_URL"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.prepare(f)
			lines, out := f.check()
			require.ErrorIs(t, out.err, errReported)
			require.Equal(t, test.lines, lines)
			for _, text := range test.says {
				require.Contains(t, out.stdout, text)
			}
		})
	}

	t.Run("a wrong CA file is found before a database is made", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.env["WAZO_CA_FILE"] = "no such file"
		lines, out := f.check()
		require.Empty(t, lines)
		require.Contains(t, out.errors, "hint: set WAZO_CA_FILE")
		require.NoFileExists(t, f.env["DATABASE_URL"])
	})

	t.Run("an address of the health check that is taken", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		taken, err := net.Listen("tcp", f.env["ADMIN_LISTEN"])
		require.NoError(t, err)
		defer taken.Close()
		lines, out := f.check()
		require.ErrorIs(t, out.err, errReported)
		require.Contains(t, lines, "failed: health check listener")
		require.Contains(t, out.stdout, "hint: set ADMIN_LISTEN")
	})

	t.Run("its last line sums up", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, out := f.check()
		require.True(t, strings.HasSuffix(out.stdout, "\n\nEverything works. The relay can start.\n"), out.stdout)
		f.env["WAZO_PASSWORD"], f.env["DATABASE_URL"] = "wrong", filepath.Join(t.TempDir(), "relay.db") // without a token
		_, out = f.check()
		require.True(t, strings.HasSuffix(out.stdout, "\n\n1 check failed. What depends on it was not tried.\n"), out.stdout)
		f.env["MATRIX_HOMESERVER_URL"] = "http://" + freeAddress(f.T)
		_, out = f.check()
		require.True(t, strings.HasSuffix(out.stdout, "\n\n2 checks failed. What depends on them was not tried.\n"), out.stdout)
	})

	t.Run("it logs in with the configured passwords even if it has tokens, and out again", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.startOnce()
		sessions := f.wazo.Sessions(f.account)
		_, out := f.check()
		require.NoError(t, out.err)
		require.Equal(t, sessions, f.wazo.Sessions(f.account))
		require.Zero(t, f.homeserver.trials)
		f.env["MATRIX_PASSWORD"], f.env["WAZO_PASSWORD"] = "wrong", "wrong"
		lines, out := f.check()
		require.ErrorIs(t, out.err, errReported)
		require.Equal(t, []string{"ok: configuration", "ok: database", "failed: homeserver and log-in", "failed: Wazo log-in", "ok: health check listener"}, lines)
	})

	t.Run("it works beside a running relay, and leaves it alone", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.env["LISTEN"] = freeAddress(t)
		f.env["PUBLIC_URL"] = f.proxy()
		f.env["ADMIN_ROOM"] = adminRoom
		stop := f.serve()
		f.awaitWell()
		lines, out := f.check()
		require.NoError(t, out.err, out.stdout)
		require.Equal(t, []string{
			"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo chats", "ok: Wazo directory", "ok: Wazo websocket", "ok: self-probe of Wazo",
			"ok: health check listener", "ok: public address",
		}, lines)
		require.Contains(t, out.stdout, "skipped: encryption")
		require.Contains(t, out.stdout, "skipped: ADMIN_ROOM")
		require.Equal(t, 1, f.homeserver.logins)
		require.NoError(t, f.healthcheck())
		require.NoError(t, stop().err)
	})

	t.Run("it relays nothing", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.homeserver.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/sync") || strings.Contains(r.URL.Path, "/send/") {
				t.Errorf("asked for %s", r.URL.Path)
			}
			return false
		})
		_, out := f.check()
		require.NoError(t, out.err)
	})
}
