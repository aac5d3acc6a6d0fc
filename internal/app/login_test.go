package app

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/bot/oauth"
)

// A log-in that succeeds takes a provider: see e2e/cases/oauth_test.go.
func TestLoginCommandIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		prepare       func(f *fixture)
		failure, hint string
	}{
		{
			"with an access token, which would count instead", func(f *fixture) { f.env["MATRIX_PASSWORD"], f.env["MATRIX_ACCESS_TOKEN"] = "", matrixToken },
			"error: MATRIX_ACCESS_TOKEN is set", "hint: remove MATRIX_ACCESS_TOKEN",
		},
		{
			"where the homeserver has no provider", func(*fixture) {},
			"error: the homeserver has no OAuth 2.0 provider", "hint: set MATRIX_PASSWORD or MATRIX_ACCESS_TOKEN instead",
		},
		{
			"where the provider lets nobody register", func(f *fixture) {
				f.homeserver.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					asked := strings.HasSuffix(r.URL.Path, "/auth_metadata")
					if asked {
						_, _ = w.Write([]byte(`{"issuer":"a","token_endpoint":"` + f.homeserver.web.URL + `/token"}`))
					}
					return asked
				})
			},
			"error: the homeserver's OAuth 2.0 provider does not let the relay register itself", "otherwise ask the homeserver's administrator",
		},
		{
			"while the relay runs", func(f *fixture) {
				f.serve()
				f.awaitWell()
			},
			"error: another process uses the database", "hint: only one relay can use a database; stop the other one",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.prepare(f)
			out := f.run(t.Context(), "login")
			require.Error(t, out.err)
			require.Contains(t, out.errors, test.failure)
			require.Contains(t, out.errors, test.hint)
		})
	}
}

func TestShowAuthorization(t *testing.T) {
	t.Parallel()
	show := func(grant oauth.Grant) string {
		var out bytes.Buffer
		showAuthorization(&out, botUser, &device.Authorization{Grant: &grant})
		return out.String()
	}
	grant := oauth.Grant{Address: "https://a.example/link", Code: "ABCD-EFGH", Expires: time.Date(2026, 11, 27, 14, 30, 0, 0, time.UTC)}
	shown := show(grant)
	for _, text := range []string{"\n    https://a.example/link\n", "\n    ABCD-EFGH\n", "until 14:30:00", botUser} {
		require.Contains(t, shown, text)
	}
	require.NotContains(t, shown, "█", "without an address for it there is no QR code")
	grant.CompleteAddress = "https://a.example/link?code=ABCD-EFGH"
	require.Contains(t, show(grant), "█")
	grant.Address, grant.Code = "https://a.example/\x1b[2Jlink", "A\nB\u009b"
	shown = show(grant)
	require.Contains(t, shown, "https://a.example/[2Jlink", "a terminal obeys nothing of it")
	require.Contains(t, shown, "\n    AB\n")
}
