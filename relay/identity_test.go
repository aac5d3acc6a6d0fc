package relay

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// mapTo lets an administrator say that a person is a user on Wazo.
func (f *fixture) mapTo(user id.UserID, wazoUser wazotest.User) {
	f.Helper()
	require.NoError(f, f.core.identities.put(f.ctx, identity(user, wazoUser)))
}

func identity(user id.UserID, wazoUser wazotest.User) *db.Identity {
	return &db.Identity{MatrixUser: user, WazoUUID: wazoUser.UUID, MappedBy: adminUser, MappedAt: jsontime.UM(time.Now())}
}

// requireIs requires that a Matrix user and a user on Wazo are known as the same person.
func (f *fixture) requireIs(user id.UserID, wazoUser wazotest.User, loggedIn bool) {
	f.Helper()
	got, ok := f.core.identities.ofWazo(wazoapi.UUID(wazoUser.UUID))
	require.True(f, ok)
	require.Equal(f, user, got)
	wazo, in, ok := f.core.identities.ofMatrix(user)
	require.True(f, ok)
	require.Equal(f, wazoUser.UUID, string(wazo))
	require.Equal(f, loggedIn, in)
}

// requireNobody requires that it is not known who two users are.
func (f *fixture) requireNobody(user id.UserID, wazoUser wazotest.User) {
	f.Helper()
	_, ok := f.core.identities.ofWazo(wazoapi.UUID(wazoUser.UUID))
	require.False(f, ok)
	_, _, ok = f.core.identities.ofMatrix(user)
	require.False(f, ok)
}

func TestWhoIsWho(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.requireNobody(robinUser, f.alice)
	f.mapTo(robinUser, f.alice)
	f.requireIs(robinUser, f.alice, false)
	f.rollBack(func(ctx context.Context) error { return f.core.identities.put(ctx, identity(robinUser, f.bob)) })
	f.rollBack(func(ctx context.Context) error { return f.core.identities.remove(ctx, robinUser, "") })
	f.requireIs(robinUser, f.alice, false)
	f.halt()
	f.start()
	f.requireIs(robinUser, f.alice, false)
	require.NoError(t, f.core.identities.remove(t.Context(), "", wazoapi.UUID(f.alice.UUID)))
	f.requireNobody(robinUser, f.alice)
}

func TestLogInCountsMoreThanWhatAnAdministratorSaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.mapTo(robinUser, f.bob)
	f.logIn(robinUser, f.alice)
	f.requireIs(robinUser, f.alice, true)
	_, ok := f.core.identities.ofWazo(wazoapi.UUID(f.bob.UUID))
	require.False(t, ok, "robin is alice")
	f.mapTo("@sam:a.example", f.alice)
	f.requireIs(robinUser, f.alice, true)
	_, _, ok = f.core.identities.ofMatrix("@sam:a.example")
	require.False(t, ok, "alice is robin")
	f.core.accounts.remove(t.Context(), f.core.accounts.of(robinUser).row.ID)
	f.requireIs("@sam:a.example", f.alice, false)
	f.requireIs(robinUser, f.bob, false)
}
