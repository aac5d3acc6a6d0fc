package wazoapi_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestContractUserStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	admin := f.account(f.addUser(wazotest.User{Username: "admin", Admin: true}))
	f.addUser(wazotest.User{Username: "bobby", Email: "bobby@acme.example"})
	f.wazo.SetEnabled(f.bob, false)
	for name, want := range map[string]wazoapi.UserState{
		"alice": wazoapi.UserEnabled, "BOB": wazoapi.UserDisabled, "bobby@ACME.example": wazoapi.UserEnabled,
		"bo": wazoapi.UserAbsent, "Bob": wazoapi.UserDisabled, "%": wazoapi.UserAbsent, "": wazoapi.UserAbsent,
	} {
		state, err := admin.UserStateByLogin(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, want, state, name)
		state, err = f.account(f.alice).UserStateByLogin(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, wazoapi.UserUnknown, state, "an ordinary account may not know")
	}
	for user, want := range map[wazoapi.UUID]wazoapi.UserState{
		wazoapi.UUID(f.alice.UUID): wazoapi.UserEnabled, wazoapi.UUID(f.bob.UUID): wazoapi.UserDisabled,
		"99999999-9999-4999-8999-999999999999": wazoapi.UserAbsent,
	} {
		state, err := admin.UserState(ctx, user)
		require.NoError(t, err)
		assert.Equal(t, want, state)
		state, err = f.account(f.alice).UserState(ctx, user)
		require.NoError(t, err)
		assert.Equal(t, wazoapi.UserUnknown, state)
	}
	_, err := admin.UserState(ctx, "")
	require.ErrorIs(t, err, wazoapi.ErrInvalidUUID)
	f.wazo.Faults().AuthDown()
	_, err = admin.UserStateByLogin(ctx, "alice")
	require.ErrorIs(t, err, wazoapi.ErrAuthDown)
}

func TestContractMissingScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	all := append(wazoapi.LoginScopes(), wazoapi.OptionalLoginScopes()...)
	missing, err := f.account(f.alice).MissingScopes(t.Context(), all...)
	require.NoError(t, err)
	assert.Empty(t, missing, "all are in the default policy")
	f.wazo.SetACL(f.bob, []string{"!websocketd", "!chatd.users.me.rooms.#"})
	missing, err = f.account(f.bob).MissingScopes(t.Context(), all...)
	require.NoError(t, err)
	assert.Equal(t, append(wazoapi.LoginScopes()[:5:5], "websocketd"), missing)
}

func TestContractWhoSeesTheTenant(t *testing.T) {
	t.Parallel()
	tenantWide := []string{"events.chatd.users.*.rooms.#"}
	for _, tt := range []struct {
		name   string
		user   wazotest.User
		master bool
		want   bool
	}{
		{name: "an ordinary user", user: wazotest.User{}},
		{name: "an ordinary user with the rights", user: wazotest.User{ACL: tenantWide}},
		{name: "an administrator", user: wazotest.User{Admin: true}, want: true},
		{name: "a service account without rights", user: wazotest.User{Purpose: wazotest.PurposeExternalAPI}},
		{name: "a service account with the rights", user: wazotest.User{Purpose: wazotest.PurposeExternalAPI, ACL: tenantWide}, want: true},
		{name: "a service account that may hear of messages only", user: wazotest.User{Purpose: wazotest.PurposeExternalAPI, ACL: []string{"events.chatd.users.*.rooms.*.messages.created"}}},
		{name: "a service account that may not listen", user: wazotest.User{Purpose: wazotest.PurposeExternalAPI, ACL: append([]string{"!websocketd"}, tenantWide...)}},
		{name: "an internal account with the rights", user: wazotest.User{Purpose: wazotest.PurposeInternal, ACL: tenantWide}, want: true},
		{name: "a service account of the master tenant", user: wazotest.User{Purpose: wazotest.PurposeExternalAPI, ACL: []string{"#"}}, master: true, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tt.user.Username = "listener"
			if tt.master {
				tt.user.Tenant = f.wazo.Master()
			}
			listener := f.account(f.addUser(tt.user))
			sees, err := listener.SeesTenant(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.want, sees)
			if !tt.want {
				return
			}
			r := &recorder{make(chan struct{}, 10), make(chan error, 1000), make(chan wazoapi.Message, 10), make(chan wazoapi.Room, 10)}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- listener.Listen(ctx, r) }()
			await.Receive(t, "a connection", r.connected)
			room := f.wazo.CreateRoom("", f.alice, f.bob)
			assert.Equal(t, wazoapi.UUID(room.UUID), await.Receive(t, "the room of others", r.rooms).UUID)
			f.wazo.Post(room.UUID, f.bob, "to alice", "")
			for range 2 {
				assert.Equal(t, "to alice", await.Receive(t, "a copy for each member", r.messages).Content)
			}
			_, err = listener.Messages(ctx, wazoapi.UUID(room.UUID), wazoapi.MessageQuery{})
			require.Error(t, err, "the history is for members")
			cancel()
			require.ErrorIs(t, await.Receive(t, "the end of Listen", ended), context.Canceled)
		})
	}
}
