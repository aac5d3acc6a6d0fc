package wazoapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const clientID = "@robin:a.example via @bot:a.example"

// logIn logs a user in with the password, once.
func (f *fixture) logIn(ctx context.Context, u wazotest.User) (wazoapi.Token, wazoapi.RefreshGrant, error) {
	return f.client.LogInOffline(ctx, wazoapi.OfflineLogIn{
		Username: u.Username, Password: []byte(u.Password), ClientID: clientID,
	})
}

// login returns the account of a user who has logged in.
func (f *fixture) login(t *testing.T, u wazotest.User) *wazoapi.Account {
	t.Helper()
	token, grant, err := f.logIn(t.Context(), u)
	require.NoError(t, err)
	return f.client.AccountByRefresh(grant, nil, wazoapi.AccountOptions{Token: token})
}

const tokenRoute = "POST /api/auth/0.1/token"

func TestContractLogIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	token, grant, err := f.logIn(ctx, f.alice)
	require.NoError(t, err)
	assert.Equal(t, wazoapi.UUID(f.alice.UUID), token.UserUUID)
	assert.Equal(t, wazoapi.UUID(f.alice.Tenant.UUID), token.TenantUUID)
	assert.Equal(t, wazotest.PurposeUser, token.Purpose)
	assert.Equal(t, clientID, grant.ClientID)

	alice := f.client.AccountByRefresh(grant, nil, wazoapi.AccountOptions{Token: token})
	first, err := alice.Token(ctx)
	require.NoError(t, err)
	assert.Equal(t, token, first, "the session of the log-in is used")
	listed, err := alice.RefreshTokens(ctx)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	assert.Equal(t, clientID, listed[0].ClientID)
	assert.WithinDuration(t, time.Now(), listed[0].CreatedAt, time.Minute)
	assert.False(t, listed[0].Mobile)

	f.wazo.SetPassword(f.alice, "another")
	_, err = alice.Rooms(ctx)
	require.NoError(t, err, "a new password ends the sessions, not the log-in")
	require.NoError(t, alice.Check(ctx))
	assert.Equal(t, 1, f.wazo.Sessions(f.alice))
	f.alice.Password = "another"
	_, again, err := f.logIn(ctx, f.alice)
	require.NoError(t, err)
	assert.Equal(t, grant, again, "one account has one refresh token for each client id")
	assert.Equal(t, 3, f.wazo.RequestsBy(f.alice)[tokenRoute])
}

func TestContractLogInsThatFail(t *testing.T) {
	t.Parallel()
	all := []error{
		wazoapi.ErrLogInRefused, wazoapi.ErrLogInEnded, wazoapi.ErrTooManySessions, wazoapi.ErrUnknownTenant, wazoapi.ErrAuthDown,
	}
	for _, tt := range []struct {
		name    string
		prepare func(f *fixture)
		change  func(l *wazoapi.OfflineLogIn)
		want    error
		made    int // sessions
	}{
		{name: "a wrong password", change: func(l *wazoapi.OfflineLogIn) { l.Password = []byte("wrong") }, want: wazoapi.ErrLogInRefused},
		{name: "an unknown name", change: func(l *wazoapi.OfflineLogIn) { l.Username = "alicia" }, want: wazoapi.ErrLogInRefused},
		{name: "a disabled account", prepare: func(f *fixture) { f.wazo.SetEnabled(f.alice, false) }, want: wazoapi.ErrLogInRefused},
		{name: "a domain for an account without LDAP", change: func(l *wazoapi.OfflineLogIn) { l.Domain = "acme.example" }, want: wazoapi.ErrLogInRefused},
		{name: "too many sessions", prepare: func(f *fixture) { f.wazo.Faults().TokenLimit(wazotest.Always()) }, want: wazoapi.ErrTooManySessions},
		{name: "nginx without wazo-auth", prepare: func(f *fixture) { f.wazo.Faults().AuthDown() }, want: wazoapi.ErrAuthDown},
		{name: "no RabbitMQ", prepare: func(f *fixture) { f.wazo.Faults().TokenPublishFails(wazotest.Always()) }, want: wazoapi.ErrAuthDown, made: 1},
		{name: "a lost answer", prepare: func(f *fixture) { f.wazo.Faults().CutToken(wazotest.Always()) }, want: wazoapi.ErrAuthDown, made: 1},
		{name: "an unknown tenant", prepare: func(f *fixture) {
			f.wazo.Faults().RefuseToken(wazotest.Answer{Status: 404, ContentType: "application/json", Body: `{"message": "No such tenant: \"x\"", "error_id": "unknown-tenant", "details": {"uuid": "x"}, "resource": "tenants"}`}, wazotest.Always())
		}, want: wazoapi.ErrUnknownTenant},
		{name: "no route", prepare: func(f *fixture) { f.wazo.Faults().RefuseToken(wazotest.HTMLError(404), wazotest.Always()) }},
		{name: "Wazo is off", prepare: func(f *fixture) { f.wazo.Stop() }, want: wazoapi.ErrAuthDown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if tt.prepare != nil {
				tt.prepare(f)
			}
			login := wazoapi.OfflineLogIn{Username: "alice", Password: []byte("pa55word"), ClientID: clientID}
			if tt.change != nil {
				tt.change(&login)
			}
			_, _, err := f.client.LogInOffline(t.Context(), login)
			require.Error(t, err)
			for _, meaning := range all {
				assert.Equal(t, errors.Is(meaning, tt.want), errors.Is(err, meaning), "%v is %v", err, meaning)
			}
			assert.NotContains(t, err.Error(), string(login.Password))
			assert.Equal(t, tt.made, f.wazo.Sessions(f.alice))
			if tt.made > 0 {
				f.wazo.Faults().Clear()
				_, err := f.client.AccountByRefresh(wazoapi.RefreshGrant{Token: "guessed", ClientID: clientID}, nil, wazoapi.AccountOptions{}).Token(t.Context())
				require.ErrorIs(t, err, wazoapi.ErrLogInEnded)
				listed, err := f.login(t, f.alice).RefreshTokens(t.Context())
				require.NoError(t, err)
				assert.Len(t, listed, 1, "another log-in finds the refresh token of the first")
			}
		})
	}
}

func TestContractLDAP(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.SetDomains(f.alice.Tenant, "acme.example")
	lea := f.wazo.AddUser(wazotest.User{Username: "lea", Password: "pa55word", Tenant: f.alice.Tenant, LDAP: true})
	login := wazoapi.OfflineLogIn{Username: "lea", Password: []byte("pa55word"), ClientID: clientID, Domain: "acme.example"}
	_, grant, err := f.client.LogInOffline(t.Context(), login)
	require.NoError(t, err)
	token, err := f.client.AccountByRefresh(grant, nil, wazoapi.AccountOptions{}).Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, wazoapi.UUID(lea.UUID), token.UserUUID)
	for _, domain := range []string{"", "other.example"} {
		login.Domain = domain
		_, _, err = f.client.LogInOffline(t.Context(), login)
		require.ErrorIs(t, err, wazoapi.ErrLogInRefused)
	}
}

func TestContractLogInsThatEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(f *fixture)
	}{
		{"the refresh token is revoked", func(f *fixture) { f.wazo.RevokeRefreshTokens(f.alice); f.wazo.RevokeTokens(f.alice) }},
		{"the account is disabled", func(f *fixture) { f.wazo.SetEnabled(f.alice, false) }},
		{"the account is renamed", func(f *fixture) { f.wazo.SetUsername(f.alice, "alicia"); f.wazo.ExpireTokens(f.alice) }},
		{"the account is deleted", func(f *fixture) { f.wazo.DeleteUser(f.alice); f.wazo.ExpireTokens(f.alice) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			alice := f.login(t, f.alice)
			_, err := alice.Rooms(t.Context())
			require.NoError(t, err)
			before := f.wazo.Requests()[tokenRoute]
			tt.end(f)
			for range 5 {
				_, err = alice.Rooms(t.Context())
				require.ErrorIs(t, err, wazoapi.ErrLogInEnded)
				var answer *wazoapi.Error
				require.ErrorAs(t, err, &answer)
				assert.True(t, answer.LoginFailed())
				require.ErrorIs(t, alice.Check(t.Context()), wazoapi.ErrLogInEnded)
			}
			assert.Equal(t, before+1, f.wazo.Requests()[tokenRoute])
		})
	}
}

// An access token outlives the refresh token that it was made from.
func TestContractARevokedLogInIsFoundByACheck(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	alice := f.login(t, f.alice)
	r := &recorder{make(chan struct{}, 10), make(chan error, 1000), make(chan wazoapi.Message, 10), make(chan wazoapi.Room, 10)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- alice.Listen(ctx, r) }()
	await.Receive(t, "a connection", r.connected)

	require.NoError(t, alice.Check(ctx))
	f.wazo.RevokeRefreshTokens(f.alice)
	_, err := alice.Rooms(ctx)
	require.NoError(t, err, "nothing tells")
	require.ErrorIs(t, alice.Check(ctx), wazoapi.ErrLogInEnded)
	_, err = alice.Rooms(ctx)
	require.ErrorIs(t, err, wazoapi.ErrLogInEnded)
	require.ErrorIs(t, await.Receive(t, "the end of the stream", r.disconnected), wazoapi.ErrLogInEnded)
	cancel()
	require.ErrorIs(t, await.Receive(t, "the end of Listen", ended), context.Canceled)
	assert.Equal(t, 1, f.wazo.Sessions(f.alice))
	require.NoError(t, alice.Logout(t.Context()))
	assert.Zero(t, f.wazo.Sessions(f.alice))
}

// Without the right to list refresh tokens, nothing is known of them.
func TestContractChecksMakeNoSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.SetACL(f.alice, []string{"!auth.users.me.tokens.read"})
	alice := f.login(t, f.alice)
	for range 3 {
		require.NoError(t, alice.Check(t.Context()))
	}
	assert.Equal(t, 1, f.wazo.Sessions(f.alice))
}

func TestContractLogOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	alice := f.login(t, f.alice)
	odd := wazoapi.ClientID("@a/b%2f?#ü é:a.example", "@bot:a.example")
	_, grant, err := f.client.LogInOffline(ctx, wazoapi.OfflineLogIn{Username: "alice", Password: []byte("pa55word"), ClientID: odd})
	require.NoError(t, err)
	other := f.client.AccountByRefresh(grant, nil, wazoapi.AccountOptions{})
	require.NoError(t, other.Check(ctx), "its client id is listed as it is")

	require.NoError(t, alice.RevokeRefresh(ctx, clientID))
	require.NoError(t, alice.RevokeRefresh(ctx, clientID), "it is gone already")
	require.NoError(t, alice.Logout(ctx))
	_, err = alice.Rooms(ctx)
	require.ErrorIs(t, err, wazoapi.ErrLogInEnded)
	require.ErrorIs(t, alice.RevokeRefresh(ctx, clientID), wazoapi.ErrLogInEnded)
	require.NoError(t, other.Check(ctx), "other log-ins of the account go on")

	require.NoError(t, other.RevokeRefresh(ctx, odd))
	listed, err := other.RefreshTokens(ctx)
	require.NoError(t, err)
	assert.Empty(t, listed)
	for _, bad := range []string{"", "..", "a/b"} {
		require.ErrorIs(t, other.RevokeRefresh(ctx, bad), wazoapi.ErrInvalidClientID)
	}
	down := f.wazo.Faults().AuthDown()
	require.ErrorIs(t, other.RevokeRefresh(ctx, odd), wazoapi.ErrAuthDown)
	down.Off()
	f.wazo.DeleteUser(f.alice)
	require.NoError(t, other.RevokeRefresh(ctx, odd), "the refresh tokens went with the account")
}
