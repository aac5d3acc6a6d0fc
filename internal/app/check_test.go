package app

import (
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("everything is well", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		lines, out := f.check()
		require.NoError(t, out.err)
		require.Equal(t, []string{
			"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo websocket", "ok: health check listener",
		}, lines)
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
				"ok: configuration", "ok: database", "failed: homeserver and log-in", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo websocket", "ok: health check listener",
			},
			says: []string{"hint: check MATRIX_HOMESERVER_URL"},
		},
		{
			name: "a homeserver with trouble of its own",
			prepare: func(f *fixture) {
				f.homeserver.onRequest(func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 500, "M_UNKNOWN"); return true })
			},
			lines: []string{
				"ok: configuration", "ok: database", "failed: homeserver and log-in", "ok: Wazo log-in", "ok: Wazo permissions", "ok: Wazo websocket", "ok: health check listener",
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
				"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "failed: Wazo permissions", "ok: Wazo websocket", "ok: health check listener",
			},
			says: []string{"the account lacks these permissions: chatd.users.me.rooms.create, dird.backends.wazo.sources.SOURCE.contacts.read", "policy"},
		},
		{
			name:    "a websocket that does not work",
			prepare: func(f *fixture) { f.wazo.Faults().WebsocketdDown() },
			lines: []string{
				"ok: configuration", "ok: database", "ok: homeserver and log-in", "ok: encryption", "ok: key backup", "ok: Wazo log-in", "ok: Wazo permissions", "failed: Wazo websocket", "ok: health check listener",
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
