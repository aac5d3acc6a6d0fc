package db

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAChangeOfAnOpenedPortalIsKeptUntilItWasLookedAt(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, linked := db.openPortal(t, "wazo-1"), db.addPortal(t, "a")
	unfollowed := func() []int64 {
		ids, err := db.Portal.Unfollowed(t.Context())
		require.NoError(t, err)
		return ids
	}
	look := func() (changes int64) {
		stored, err := db.Portal.ByID(t.Context(), portal.ID)
		require.NoError(t, err)
		return stored.Changes
	}
	member := &PortalMember{PortalID: portal.ID, MatrixUser: samUser, WazoUUID: "uuid-sam", State: MemberJoined}
	require.NoError(t, db.PortalMember.Put(t.Context(), member))
	require.Equal(t, []int64{portal.ID}, unfollowed(), "a new one was never looked at")
	require.NoError(t, db.Portal.SetFollowed(t.Context(), portal.ID, look(), "hash"))
	require.Empty(t, unfollowed())
	stored, err := db.Portal.ByID(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Equal(t, "hash", stored.FollowedRoom)

	changes := look()
	require.NoError(t, db.Portal.Changed(t.Context(), portal.ID))
	require.NoError(t, db.Portal.SetFollowed(t.Context(), portal.ID, changes, "hash"))
	require.Equal(t, []int64{portal.ID}, unfollowed(), "it has changed while it was looked at")
	require.NoError(t, db.Portal.SetFollowed(t.Context(), portal.ID, look(), "hash"))
	require.Empty(t, unfollowed())

	require.NoError(t, db.Portal.Changed(t.Context(), linked.ID))
	require.Empty(t, unfollowed(), "a portal that was linked follows nothing")
	require.NoError(t, db.Portal.AllChanged(t.Context()))
	require.Equal(t, []int64{portal.ID}, unfollowed())
	require.NoError(t, db.Portal.SetFollowed(t.Context(), portal.ID, look(), "hash"))

	for _, state := range []MemberState{MemberOwed, MemberLeft} {
		member.State = state
		require.NoError(t, db.PortalMember.Put(t.Context(), member))
		require.Equal(t, []int64{portal.ID}, unfollowed(), "somebody is to be invited, or nobody is left")
	}
	member.State = MemberInvited
	require.NoError(t, db.PortalMember.Put(t.Context(), member))
	require.Empty(t, unfollowed())
}

func TestSettledPortal(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	isSettled := func() bool {
		stored, err := db.Portal.ByID(t.Context(), portal.ID)
		require.NoError(t, err)
		return stored.Settled
	}
	move := func(reader int64, until WazoTime) {
		_, err := db.Portal.MoveCursor(t.Context(), portal.ID, reader, until)
		require.NoError(t, err)
	}
	settle := func(reader int64, until WazoTime) {
		require.NoError(t, db.Portal.SetSettled(t.Context(), portal.ID, reader, until))
	}
	move(portal.ReaderID, us(10))
	require.False(t, isSettled())
	settle(portal.ReaderID, us(9))
	require.False(t, isSettled(), "the cursor is elsewhere")
	settle(portal.ReaderID+1, us(10))
	require.False(t, isSettled(), "another account has read it")
	settle(portal.ReaderID, us(10))
	require.True(t, isSettled())
	move(portal.ReaderID, us(10))
	require.True(t, isSettled(), "nothing new was found")
	move(portal.ReaderID, us(11))
	require.False(t, isSettled())

	settle(portal.ReaderID, us(11))
	other := &Account{MatrixUser: samUser, Username: "sam", UserUUID: "uuid-sam", TenantUUID: "tenant", Since: ms(1)}
	require.NoError(t, db.Account.PutLogin(t.Context(), other, "refresh token"))
	changed, err := db.Portal.SetReader(t.Context(), portal.ID, portal.ReaderID, other.ID)
	require.NoError(t, err)
	require.True(t, changed)
	require.False(t, isSettled(), "another account may see more")
}
