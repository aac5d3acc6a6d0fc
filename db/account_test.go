package db

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestLogins(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	relay, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	sam := &Account{MatrixUser: "@sam:a.example", Username: "sam", UserUUID: "uuid-sam", TenantUUID: "tenant", ClientID: "@sam:a.example", Since: ms(7)}
	require.NoError(t, db.Account.PutLogin(t.Context(), sam, "refresh"))
	require.NotEqual(t, relay.ID, sam.ID)
	found, err := db.Account.Login(t.Context(), sam.MatrixUser)
	require.NoError(t, err)
	require.Equal(t, sam, found)
	found, err = db.Account.LoginOfWazoUser(t.Context(), "uuid-sam")
	require.NoError(t, err)
	require.Equal(t, sam, found)
	token, err := db.Account.RefreshToken(t.Context(), sam.ID)
	require.NoError(t, err)
	require.Equal(t, "refresh", token)
	var stored []byte
	require.NoError(t, db.QueryRow(t.Context(), `SELECT refresh_token FROM account WHERE id = $1`, sam.ID).Scan(&stored))
	require.NotContains(t, string(stored), "refresh", "it is sealed")

	t.Run("one user on Wazo belongs to one person", func(t *testing.T) {
		other := &Account{MatrixUser: "@robin:a.example", Username: "sam", UserUUID: "uuid-sam"}
		require.Error(t, db.Account.PutLogin(t.Context(), other, "refresh"))
	})
	t.Run("who logs in again keeps the row", func(t *testing.T) {
		again := &Account{MatrixUser: sam.MatrixUser, Username: "sam2", UserUUID: "uuid-sam2", TenantUUID: "tenant", ClientID: "new", Since: ms(9)}
		require.NoError(t, db.Account.SetState(t.Context(), sam.ID, AccountRefused))
		require.NoError(t, db.Account.PutLogin(t.Context(), again, "newer"))
		require.Equal(t, sam.ID, again.ID)
		logins, err := db.Account.Logins(t.Context())
		require.NoError(t, err)
		require.Equal(t, []*Account{again}, logins)
		require.Equal(t, AccountActive, again.State)
	})
	t.Run("who is out leaves nothing but the row", func(t *testing.T) {
		require.NoError(t, db.Account.ForgetLogin(t.Context(), sam.ID))
		require.NoError(t, db.Account.ForgetLogin(t.Context(), relay.ID), "that is not for the relay account")
		logins, err := db.Account.Logins(t.Context())
		require.NoError(t, err)
		require.Empty(t, logins)
		ended, err := db.Account.EndedLogins(t.Context())
		require.NoError(t, err)
		require.Len(t, ended, 1)
		require.Equal(t, "uuid-sam2", ended[0].UserUUID, "it is known who the person was")
		found, err := db.Account.Login(t.Context(), sam.MatrixUser)
		require.NoError(t, err)
		require.Nil(t, found)
		token, err := db.Account.RefreshToken(t.Context(), sam.ID)
		require.NoError(t, err)
		require.Empty(t, token)
		require.Equal(t, 2, db.count(t, "account"))
		again, err := db.Account.Relay(t.Context(), "relay")
		require.NoError(t, err)
		require.Equal(t, AccountActive, again.State)
	})
	t.Run("then the user on Wazo is free", func(t *testing.T) {
		require.NoError(t, db.Account.PutLogin(t.Context(), &Account{MatrixUser: "@robin:a.example", Username: "sam", UserUUID: "uuid-sam2"}, "refresh"))
	})
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	sam := &Identity{MatrixUser: "@sam:a.example", WazoUUID: "uuid-sam", MappedBy: "@robin:a.example", MappedAt: ms(5)}
	require.NoError(t, db.Identity.Put(t.Context(), sam))
	found, err := db.Identity.Get(t.Context(), sam.MatrixUser)
	require.NoError(t, err)
	require.Equal(t, sam, found)
	found, err = db.Identity.OfWazoUser(t.Context(), "uuid-sam")
	require.NoError(t, err)
	require.Equal(t, sam, found)

	taken := &Identity{MatrixUser: "@ada:a.example", WazoUUID: "uuid-sam", MappedBy: "@robin:a.example", MappedAt: ms(6)}
	require.NoError(t, db.Identity.Put(t.Context(), taken))
	all, err := db.Identity.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Identity{taken}, all, "a user on Wazo is one person")
	require.NoError(t, db.Identity.Delete(t.Context(), "", "uuid-sam"))
	found, err = db.Identity.Get(t.Context(), taken.MatrixUser)
	require.NoError(t, err)
	require.Nil(t, found)
}

func TestLoginDialogues(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	requireEnd := func(room id.RoomID, want Time) {
		t.Helper()
		endsAt, err := db.LoginDialogue.EndsAt(t.Context(), "@sam:a.example", room)
		require.NoError(t, err)
		require.True(t, endsAt.Equal(want.Time))
	}
	requireEnd("!one", Time{})
	require.NoError(t, db.LoginDialogue.Open(t.Context(), "@sam:a.example", "!one", ms(10)))
	requireEnd("!one", ms(10))
	requireEnd("!two", Time{}) // it is in one room
	require.NoError(t, db.LoginDialogue.Open(t.Context(), "@sam:a.example", "!two", ms(20)))
	requireEnd("!two", ms(20))
	requireEnd("!one", Time{})
	require.NoError(t, db.LoginDialogue.Close(t.Context(), "@sam:a.example"))
	requireEnd("!two", Time{})
}
