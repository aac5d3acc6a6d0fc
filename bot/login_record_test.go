package bot

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/relay"
)

func TestRecordOfWhoHasLoggedIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	logins, err := f.bot.Logins(t.Context())
	require.NoError(t, err)
	require.Empty(t, logins, "nothing is stored yet")
	want := relay.LoginHistory{"@robin:a.example": {"alice", "bob"}}
	require.NoError(t, f.bot.SetLogins(t.Context(), want))
	logins, err = f.bot.Logins(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, logins)
	require.NoError(t, f.bot.client.SetAccountData(t.Context(), loginsType, map[string]any{"logins": []string{"broken"}}))
	logins, err = f.bot.Logins(t.Context())
	require.NoError(t, err)
	require.Empty(t, logins)
	f.hs.web.Close()
	_, err = f.bot.Logins(t.Context())
	var failure *relay.MatrixError
	require.ErrorAs(t, err, &failure)
	require.ErrorAs(t, f.bot.SetLogins(t.Context(), want), &failure)
}
