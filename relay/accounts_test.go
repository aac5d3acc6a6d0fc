package relay

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const robinUser = id.UserID("@robin:a.example")

// logIn logs a person in with the account of a user on Wazo. The person may use the bot from the next start on.
func (f *fixture) logIn(user id.UserID, wazoUser wazotest.User) {
	f.Helper()
	f.allowed = append(f.allowed, user.String())
	clientID := wazoapi.ClientID(user.String(), botUser.String())
	token, grant, err := f.client.LogInOffline(f.ctx, wazoapi.OfflineLogIn{Username: wazoUser.Username, Password: []byte(wazoUser.Password), ClientID: clientID})
	require.NoError(f, err)
	row := &db.Account{
		MatrixUser: user, Username: wazoUser.Username, UserUUID: string(token.UserUUID), TenantUUID: string(token.TenantUUID), ClientID: clientID,
		Since: jsontime.UM(time.Now()),
	}
	require.NoError(f, f.db.DoTxn(f.ctx, func(ctx context.Context) error {
		if err := f.db.Account.PutLogin(ctx, row, grant.Token); err != nil {
			return err
		}
		return f.core.accounts.put(ctx, row, token)
	}))
}

// rollBack does something in a transaction that is rolled back.
func (f *fixture) rollBack(do func(ctx context.Context) error) {
	f.Helper()
	errRolledBack := errors.New("rolled back")
	require.ErrorIs(f, f.db.DoTxn(f.ctx, func(ctx context.Context) error {
		require.NoError(f, do(ctx))
		return errRolledBack
	}), errRolledBack)
}

func TestAccountOfAPersonIsFoundByAllItsNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	require.Nil(t, f.core.accounts.of(robinUser))
	f.logIn(robinUser, f.alice)
	acc := f.core.accounts.of(robinUser)
	require.NotNil(t, acc)
	require.Equal(t, f.alice.UUID, string(acc.uuid()))
	require.Same(t, acc, f.core.accounts.byUUID(acc.uuid()))
	require.Same(t, acc, f.core.accounts.withID(acc.row.ID))
	require.Same(t, f.core.account, f.core.accounts.withID(f.core.account.row.ID))
	require.Nil(t, f.core.accounts.byUUID(f.core.account.uuid()), "the relay account is nobody's")
	rooms, err := acc.listRooms(t.Context())
	require.NoError(t, err)
	require.Len(t, rooms, 1)
}

func TestAccountsOfPeopleAreKnownAfterAStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	f.logIn("@sam:a.example", f.bob)
	f.logIn("@left:a.example", f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "White", Tenant: f.tenant}))
	require.NoError(t, f.core.accounts.refused(t.Context(), f.core.accounts.of("@sam:a.example"), errors.New("refused")))
	require.NoError(t, f.db.Account.SetState(t.Context(), f.core.accounts.of("@left:a.example").row.ID, db.AccountLeaving))
	f.halt()
	f.start()
	acc := f.core.accounts.of(robinUser)
	require.NotNil(t, acc)
	_, err := acc.listRooms(t.Context())
	require.NoError(t, err, "it logs in by its refresh token")
	require.Nil(t, f.core.accounts.of("@sam:a.example"), "Wazo refuses it")
	require.NotNil(t, f.core.accounts.login("@sam:a.example"))
	require.NotNil(t, f.core.accounts.byUUID(wazoapi.UUID(f.bob.UUID)))
	require.Nil(t, f.core.accounts.login("@left:a.example"))
	require.Len(t, f.core.accounts.all(), 2)
}

func TestLogInOfWhoMayNoLongerUseTheBotEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	f.logIn("@sam:a.example", f.bob)
	f.halt()
	f.allowed = []string{"@sam:a.example"}
	f.start()
	require.Nil(t, f.core.accounts.login(robinUser))
	require.NotNil(t, f.core.accounts.of("@sam:a.example"))
	await.Until(t, "the log-in to be deleted", func() bool { return f.login(robinUser) == nil })
	require.Empty(t, f.refreshTokens(f.alice))
	require.Len(t, f.refreshTokens(f.bob), 1)
	require.Equal(t, []string{txt.LogInWithdrawn("alice")}, f.told())
}

func TestAccountTakesThePlaceOfThoseBefore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	first := f.core.accounts.of(robinUser)
	f.logIn(robinUser, f.bob)
	second := f.core.accounts.of(robinUser)
	require.Nil(t, f.core.accounts.byUUID(first.uuid()))
	require.Same(t, second, f.core.accounts.byUUID(wazoapi.UUID(f.bob.UUID)))
	require.Len(t, f.core.accounts.all(), 1)
	require.NoError(t, f.core.accounts.refused(t.Context(), first, errors.New("refused")), "of the log-in before")
	require.Same(t, second, f.core.accounts.of(robinUser))
	require.Empty(t, f.matrix.allDirect())
}

func TestAccountsFollowTheTransaction(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	acc := f.core.accounts.of(robinUser)
	f.rollBack(func(ctx context.Context) error {
		f.core.accounts.remove(ctx, acc.row.ID)
		return nil
	})
	f.rollBack(func(ctx context.Context) error { return f.core.accounts.refused(ctx, acc, errors.New("refused")) })
	require.Same(t, acc, f.core.accounts.of(robinUser))
	require.Empty(t, f.matrix.allDirect())
	f.core.accounts.remove(t.Context(), acc.row.ID)
	require.Nil(t, f.core.accounts.login(robinUser))
	require.Nil(t, f.core.accounts.byUUID(acc.uuid()))
	require.Nil(t, f.core.accounts.withID(acc.row.ID))
}

func TestPersonIsToldOnceThatTheLogInIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	acc := f.core.accounts.of(robinUser)
	for range 2 {
		require.NoError(t, f.core.accounts.refused(t.Context(), acc, errors.New("refused")))
	}
	require.Equal(t, []string{txt.LogInEnded("alice")}, f.matrix.allDirect())
	require.Nil(t, f.core.accounts.of(robinUser))
	f.logIn(robinUser, f.alice)
	require.NotNil(t, f.core.accounts.of(robinUser))
}
