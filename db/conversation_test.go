package db

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

const (
	samUser   = id.UserID("@sam:a.example")
	robinUser = id.UserID("@robin:a.example")
)

func (db *Database) openPortal(t *testing.T, wazoRoom string) *Portal {
	t.Helper()
	account, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	portal := &Portal{
		MatrixRoom: id.RoomID("!" + wazoRoom + ":a.example"), WazoRoom: wazoRoom, Title: "Alice", ReaderID: account.ID, LinkedAt: ms(5),
		Kind: PortalOpened, Direct: true, HistoryUntil: us(20), ShownTitle: "Alice", StartedOnWazo: us(10), StartedOnMatrix: true,
	}
	require.NoError(t, db.Portal.Insert(t.Context(), portal))
	return portal
}

func TestOpenedPortal(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.openPortal(t, "wazo-1")
	stored, err := db.Portal.ByID(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Equal(t, portal, stored)
	require.True(t, stored.IsOpened())
	require.NoError(t, db.Portal.SetTitle(t.Context(), portal.ID, "Alice Martin", "Alice M."))
	stored, err = db.Portal.ByID(t.Context(), portal.ID)
	require.NoError(t, err)
	portal.Title, portal.ShownTitle = "Alice Martin", "Alice M."
	require.Equal(t, portal, stored)
}

func TestPortalMembers(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.openPortal(t, "wazo-1")
	sam := &PortalMember{PortalID: portal.ID, MatrixUser: samUser, WazoUUID: "uuid-sam", LoggedIn: true, State: MemberOwed}
	require.NoError(t, db.PortalMember.Put(t.Context(), sam))
	unattended, err := db.PortalMember.Unattended(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{portal.ID}, unattended)

	moved, err := db.PortalMember.Move(t.Context(), portal.ID, samUser, MemberInvited, MemberJoined)
	require.NoError(t, err)
	require.False(t, moved, "the person is in another state")
	moved, err = db.PortalMember.Move(t.Context(), portal.ID, samUser, MemberOwed, MemberJoined)
	require.NoError(t, err)
	require.True(t, moved)
	attended, err := db.PortalMember.IsAttended(t.Context(), portal.ID)
	require.NoError(t, err)
	require.True(t, attended)
	unattended, err = db.PortalMember.Unattended(t.Context())
	require.NoError(t, err)
	require.Empty(t, unattended)

	refused := &PortalMember{PortalID: portal.ID, MatrixUser: robinUser, WazoUUID: "uuid-robin", State: MemberRefused}
	require.NoError(t, db.PortalMember.Put(t.Context(), refused))
	require.NoError(t, db.PortalMember.SetLoggedIn(t.Context(), portal.ID, robinUser))
	refused.LoggedIn = true
	require.NoError(t, db.PortalMember.LeaveAll(t.Context(), portal.ID))
	members, err := db.PortalMember.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	sam.State = MemberLeft
	require.Equal(t, []*PortalMember{refused, sam}, members)

	require.NoError(t, db.Portal.Delete(t.Context(), portal.ID))
	require.Zero(t, db.count(t, "portal_member"))
}

func TestOpening(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	for i, want := range []bool{true, false} {
		added, err := db.Opening.Want(t.Context(), "wazo-1", us(int64(10+i)), ms(5))
		require.NoError(t, err)
		require.Equal(t, want, added, "the first message counts")
	}
	there, err := db.Opening.MarkAttempted(t.Context(), "wazo-1", ms(6))
	require.NoError(t, err)
	require.True(t, there)
	opening, err := db.Opening.Get(t.Context(), "wazo-1")
	require.NoError(t, err)
	require.Equal(t, &Opening{WazoRoom: "wazo-1", From: us(10), WantedAt: ms(5), AttemptedAt: ms(6)}, opening)
	require.NoError(t, db.Opening.MarkFailed(t.Context(), "wazo-1", "oops"))
	all, err := db.Opening.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Opening{{WazoRoom: "wazo-1", From: us(10), WantedAt: ms(5), Error: "oops"}}, all)
	require.NoError(t, db.Opening.Delete(t.Context(), "wazo-1"))
	there, err = db.Opening.MarkAttempted(t.Context(), "wazo-1", ms(6))
	require.NoError(t, err)
	require.False(t, there)

	require.NoError(t, db.Asked.Put(t.Context(), "wazo-1", samUser))
	require.NoError(t, db.Asked.Put(t.Context(), "wazo-1", samUser))
	asked, err := db.Asked.For(t.Context(), "wazo-1")
	require.NoError(t, err)
	require.Equal(t, []id.UserID{samUser}, asked)
	for _, want := range []bool{true, false} {
		has, err := db.Asked.Has(t.Context(), "wazo-1", samUser)
		require.NoError(t, err)
		require.Equal(t, want, has)
		was, err := db.Asked.Delete(t.Context(), "wazo-1", samUser)
		require.NoError(t, err)
		require.Equal(t, want, was)
	}

	for _, until := range []int64{20, 10} { // never back
		require.NoError(t, db.Closed.Put(t.Context(), "wazo-1", us(until)))
		stored, err := db.Closed.Until(t.Context(), "wazo-1")
		require.NoError(t, err)
		require.Equal(t, us(20), stored)
	}
	never, err := db.Closed.Until(t.Context(), "wazo-2")
	require.NoError(t, err)
	require.True(t, never.IsZero())
}

func TestPeopleDecide(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	person, err := db.Person.Get(t.Context(), samUser)
	require.NoError(t, err)
	require.Equal(t, Person{Auto: AutoOn}, person)
	require.NoError(t, db.Person.SetRefused(t.Context(), samUser, ms(7)))
	require.NoError(t, db.Person.SetAuto(t.Context(), samUser, AutoDirect))
	person, err = db.Person.Get(t.Context(), samUser)
	require.NoError(t, err)
	require.Equal(t, Person{Auto: AutoDirect, RefusedAt: ms(7)}, person)

	require.NoError(t, db.Mute.Put(t.Context(), samUser, "wazo-1"))
	for room, want := range map[string]bool{"wazo-1": true, "wazo-2": false} {
		muted, err := db.Mute.Has(t.Context(), samUser, room)
		require.NoError(t, err)
		require.Equal(t, want, muted)
	}
	for _, want := range []bool{true, false} {
		was, err := db.Mute.Delete(t.Context(), samUser, "wazo-1")
		require.NoError(t, err)
		require.Equal(t, want, was)
	}
}

func TestHeardUntilOnlyMovesForward(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	login := &Account{MatrixUser: samUser, Username: "sam", UserUUID: "uuid-sam", TenantUUID: "acme", ClientID: "c", Since: ms(5)}
	require.NoError(t, db.Account.PutLogin(t.Context(), login, "refresh"))
	require.Equal(t, us(5000), login.HeardUntil, "what was said before the log-in opens nothing")
	for _, step := range []struct{ set, want int64 }{{4000, 5000}, {6000, 6000}} {
		require.NoError(t, db.Account.SetHeardUntil(t.Context(), login.ID, us(step.set)))
		stored, err := db.Account.Login(t.Context(), samUser)
		require.NoError(t, err)
		require.Equal(t, us(step.want), stored.HeardUntil)
	}
}

func TestHeardUntilAfterAnotherLogIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		state AccountState
		uuid  string
		want  int64
	}{
		{"what was said while Wazo refused the log-in is still to be heard", AccountRefused, "uuid-sam", 5000},
		{"who has logged out did not want to hear what was said meanwhile", AccountLeaving, "uuid-sam", 9000},
		{"another user on Wazo has other rooms", AccountRefused, "uuid-other", 9000},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := openNew(t)
			login := func(uuid string, since int64) *Account {
				account := &Account{MatrixUser: samUser, Username: "sam", UserUUID: uuid, TenantUUID: "acme", ClientID: "c", Since: ms(since)}
				require.NoError(t, db.Account.PutLogin(t.Context(), account, "refresh"))
				return account
			}
			require.NoError(t, db.Account.SetState(t.Context(), login("uuid-sam", 5).ID, test.state))
			again := login(test.uuid, 9)
			require.Equal(t, us(test.want), again.HeardUntil)
			stored, err := db.Account.Login(t.Context(), samUser)
			require.NoError(t, err)
			require.Equal(t, again, stored)
		})
	}
}
