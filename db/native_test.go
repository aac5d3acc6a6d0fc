package db

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// reactThrough stores a reaction of somebody on Matrix for which an account reacts on Wazo.
func (db *Database) reactThrough(t *testing.T, portal *Portal, event id.EventID, emoji string) *Reaction {
	reaction := &Reaction{PortalID: portal.ID, EventID: event, Target: "$target", Emoji: emoji, WazoUUID: "u", Account: portal.ReaderID, Native: "❤"}
	require.NoError(t, db.Reaction.Insert(t.Context(), reaction))
	require.NoError(t, db.Native.Want(t.Context(), &NativeReaction{PortalID: portal.ID, WazoUUID: "u", Account: portal.ReaderID, User: "uuid-relay", Emoji: "❤", Spelling: emoji, Since: ms(1)}))
	return reaction
}

// remove stores that a reaction of somebody on Matrix was removed.
func (db *Database) remove(t *testing.T, reaction *Reaction) {
	require.NoError(t, db.Reaction.Delete(t.Context(), reaction.PortalID, reaction.EventID))
	require.NoError(t, db.Native.Unwant(t.Context(), reaction, ms(2)))
}

// addReader adds a portal whose reader has a user on Wazo.
func (db *Database) addReader(t *testing.T) *Portal {
	portal := db.addPortal(t, "a")
	account, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	account.UserUUID = "uuid-relay"
	require.NoError(t, db.Account.Update(t.Context(), account))
	return portal
}

// owed returns the reactions that are owed, as "spelling state".
func (db *Database) owed(t *testing.T, portal *Portal) (states []string) {
	owed, err := db.Native.Owed(t.Context(), portal.ID)
	require.NoError(t, err)
	for _, n := range owed {
		states = append(states, n.Spelling+" "+string(n.State))
	}
	return states
}

func TestAnAccountReactsAsLongAsSomebodyDoes(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addReader(t)
	has := func() bool {
		has, err := db.Native.Has(t.Context(), portal.ID, "u", "uuid-relay", "❤")
		require.NoError(t, err)
		return has
	}
	require.False(t, has())
	first := db.reactThrough(t, portal, "$1", "❤️")
	second := db.reactThrough(t, portal, "$2", "❤")
	require.Equal(t, []string{"❤️ adding"}, db.owed(t, portal))
	require.True(t, has(), "before Wazo is asked")
	adding, err := db.Native.Owed(t.Context(), portal.ID)
	require.NoError(t, err)
	require.NoError(t, db.Native.Done(t.Context(), adding[0]))
	require.Empty(t, db.owed(t, portal))
	db.remove(t, first)
	require.Empty(t, db.owed(t, portal))
	db.remove(t, second)
	require.Equal(t, []string{"❤️ removing"}, db.owed(t, portal))
	require.True(t, has(), "until it is removed")

	removing, err := db.Native.Owed(t.Context(), portal.ID)
	require.NoError(t, err)
	third := db.reactThrough(t, portal, "$3", "❤")
	require.NoError(t, db.Native.Done(t.Context(), removing[0]), "Wazo was asked before the third came")
	require.Equal(t, []string{"❤️ adding"}, db.owed(t, portal))
	db.remove(t, third)
	require.NoError(t, db.Native.Done(t.Context(), adding[0]), "likewise")
	require.Equal(t, []string{"❤️ removing"}, db.owed(t, portal))
	require.NoError(t, db.Native.Done(t.Context(), removing[0]))
	require.False(t, has())
}

func TestReactionsOnWazoAreForgottenWithThoseOnMatrix(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addReader(t)
	db.reactThrough(t, portal, "$1", "❤")
	adding, err := db.Native.Owed(t.Context(), portal.ID)
	require.NoError(t, err)
	require.NoError(t, db.Native.Done(t.Context(), adding[0]))
	for _, want := range []bool{true, false} {
		require.NoError(t, db.Native.Forget(t.Context()))
		has, err := db.Native.Has(t.Context(), portal.ID, "u", "uuid-relay", "❤")
		require.NoError(t, err)
		require.Equal(t, want, has)
		require.NoError(t, db.Reaction.Forget(t.Context()))
	}
}

func TestRepliesThatAreOwed(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other, idle := db.addPortal(t, "a"), db.addPortal(t, "b"), db.addPortal(t, "c")
	first := &ReplyMark{PortalID: portal.ID, WazoUUID: "child", Parent: "parent", Account: portal.ReaderID, Since: ms(5)}
	require.NoError(t, db.ReplyMark.Owe(t.Context(), first))
	require.NoError(t, db.ReplyMark.Owe(t.Context(), &ReplyMark{PortalID: portal.ID, WazoUUID: "child", Parent: "another", Account: portal.ReaderID, Since: ms(6)}))
	db.reactThrough(t, other, "$1", "❤")
	owed, err := db.ReplyMark.Owed(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Equal(t, []*ReplyMark{first}, owed)
	owing, err := db.ReplyMark.OwingPortals(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []int64{portal.ID, other.ID}, owing)
	require.NotContains(t, owing, idle.ID)
	require.NoError(t, db.ReplyMark.Drop(t.Context(), first))
	owed, err = db.ReplyMark.Owed(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Empty(t, owed)
}

// A reaction stays that of the user who has made it.
func TestReactionsOnWazoOfAnAccountThatIsAnotherUserNow(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addReader(t)
	db.reactThrough(t, portal, "$1", "❤")
	account, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	account.UserUUID = "uuid-other"
	require.NoError(t, db.Account.Update(t.Context(), account))
	for user, want := range map[string]bool{"uuid-relay": true, "uuid-other": false} {
		has, err := db.Native.Has(t.Context(), portal.ID, "u", user, "❤")
		require.NoError(t, err)
		require.Equal(t, want, has, user)
	}
}
