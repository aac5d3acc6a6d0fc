package relay

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// Nothing that the relay account writes is shown, so nobody else may be logged in as it.
func TestLogInAsWhatBecomesTheRelayAccountEnds(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	f.relayName, f.relayPassword = "alice", "a"
	f.start()
	require.Nil(t, f.core.accounts.login(robinUser))
	f.awaitTold(txt.LogInIsRelays("alice"))
	await.Until(t, "the log-in to be deleted", func() bool {
		row, err := f.db.Account.Login(t.Context(), robinUser)
		require.NoError(t, err)
		return row == nil
	})
}

func TestLogInOfAnotherTenantThanTheRelayAccountsEnds(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	f.wazo.AddUser(wazotest.User{Username: "chief", Password: "c", Tenant: f.wazo.AddTenant("other")})
	f.relayName, f.relayPassword = "chief", "c"
	f.start()
	require.Nil(t, f.core.accounts.login(robinUser))
	f.awaitSaidTo(txt.LogInOfOtherTenant("alice"))
	await.Until(t, "the log-in to be deleted", func() bool { return len(f.refreshTokens(f.alice)) == 0 })
}
