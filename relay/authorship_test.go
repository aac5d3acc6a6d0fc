package relay

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// requireMayHavePosted requires that a person may have posted as exactly these users on Wazo, and the other way round.
func (f *fixture) requireMayHavePosted(user id.UserID, as ...wazotest.User) {
	f.Helper()
	authors := []wazoapi.UUID{}
	for _, author := range as {
		authors = append(authors, wazoapi.UUID(author.UUID))
	}
	require.ElementsMatch(f, authors, f.core.authorship.of(user))
	for _, author := range []wazotest.User{f.alice, f.bob} {
		people := f.core.authorship.people(wazoapi.UUID(author.UUID))
		require.Equal(f, slices.Contains(authors, wazoapi.UUID(author.UUID)), slices.Contains(people, user), author.Username)
	}
}

func TestAsWhomPeopleMayHavePosted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	require.Empty(t, f.core.authorship.all())
	f.mapTo(robinUser, f.alice)
	f.requireMayHavePosted(robinUser, f.alice)
	f.logIn(robinUser, f.bob)
	f.requireMayHavePosted(robinUser, f.bob)
	_, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	f.requireMayHavePosted(robinUser, f.bob, f.alice)
	f.logIn(robinUser, f.alice)
	f.requireMayHavePosted(robinUser, f.alice, f.bob)
	require.Len(t, f.core.authorship.all(), 3, "one is mapped, too")
	f.logIn(samUser, f.bob)
	f.requireMayHavePosted(samUser, f.bob)
	f.requireMayHavePosted(robinUser, f.alice)
	want := LoginHistory{robinUser: {wazoapi.UUID(f.alice.UUID), wazoapi.UUID(f.bob.UUID)}, samUser: {wazoapi.UUID(f.bob.UUID)}}
	slices.Sort(want[robinUser])
	await.Until(t, "the record", func() bool {
		stored, err := f.matrix.Logins(t.Context())
		return err == nil && len(stored) == 2 && slices.Equal(stored[robinUser], want[robinUser])
	})
	f.halt()
	f.start()
	f.requireMayHavePosted(samUser, f.bob)
	stored, err := f.matrix.Logins(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, stored)
}

// What only the homeserver says gives nobody a place in a conversation.
func TestLogInsThatOnlyTheHomeserverKnows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.logins = LoginHistory{robinUser: {wazoapi.UUID(f.alice.UUID)}}
	f.start()
	await.Until(t, "the record", f.core.logins.isRead)
	f.requireMayHavePosted(robinUser, f.alice)
	require.Empty(t, f.core.accounts.wasLoggedIn(robinUser))
	f.logIn(robinUser, f.alice)
	_, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	require.Equal(t, []wazoapi.UUID{wazoapi.UUID(f.alice.UUID)}, f.core.accounts.wasLoggedIn(robinUser))
}
