package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
)

// owedInvitation is a conversation whose only invitation fails; lost says that the homeserver invites robin all the
// same. No sync brings that to the core yet.
func owedInvitation(t *testing.T, lost bool) (*fixture, *db.Portal) {
	f := newOpeningFixture(t)
	tried := make(chan struct{}, 100)
	f.matrix.mu.Lock()
	f.matrix.invite = func(user id.UserID) error {
		f.matrix.setPaused(true)
		if lost {
			f.matrix.setMember(madeRoom(0), botUser, user, event.MembershipInvite)
		}
		tried <- struct{}{}
		return &MatrixError{Status: 502, Err: errLost}
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	<-tried
	portal, err := f.core.Portal(t.Context(), madeRoom(0))
	require.NoError(t, err)
	require.NotNil(t, portal)
	require.Equal(t, db.MemberOwed, f.memberState(madeRoom(0), robinUser))
	return f, portal
}

func (f *fixture) letInvite() {
	f.matrix.mu.Lock()
	f.matrix.invite = nil
	f.matrix.mu.Unlock()
	f.matrix.setPaused(false)
}

// Wazo refuses a log-in before the person is invited: the conversation goes on when they log in again.
func TestInvitationWaitsForAnotherLogIn(t *testing.T) {
	t.Parallel()
	f, portal := owedInvitation(t, false)
	require.NoError(t, f.core.accounts.refused(t.Context(), f.core.accounts.of(robinUser), wazoapi.ErrLogInEnded))
	f.letInvite()
	require.NoError(t, f.core.conversations.update(t.Context(), portal.ID))
	require.Equal(t, db.MemberOwed, f.memberState(madeRoom(0), robinUser), "nobody is invited to what Wazo does not show them")
	require.Empty(t, f.matrix.membership(madeRoom(0), robinUser))
	f.mustLogIn(robinUser, f.alice)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
}

// The answer to an invitation is lost, and then it is not wanted any more: the person may accept it all the same.
func TestLostInvitationCounts(t *testing.T) {
	t.Parallel()
	f, portal := owedInvitation(t, true)
	_, err := f.core.Mute(t.Context(), madeRoom(0), robinUser, "")
	require.NoError(t, err)
	await.Until(t, "the conversation to be looked at", func() bool {
		return f.core.conversations.update(t.Context(), portal.ID) == nil
	})
	require.Equal(t, db.MemberInvited, f.memberState(madeRoom(0), robinUser))
	f.letInvite()
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
}

// /sync brings a room that the bot has made while Wazo refuses the log-in of the person whom it is for.
func TestFoundRoomWaitsForAnotherLogIn(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	require.NoError(t, f.core.accounts.refused(t.Context(), f.core.accounts.of(robinUser), wazoapi.ErrLogInEnded))
	now := jsontime.UMicro(time.Now())
	room, err := f.matrix.MakeRoom(t.Context(), RoomPlan{Name: "Project", Marker: RoomMarker{WazoRoom: wazoapi.UUID(f.room.UUID), Title: "Project", From: now, Until: now}})
	require.NoError(t, err)
	var portal *db.Portal
	await.Until(t, "the room to be found", func() bool {
		portal, err = f.core.Portal(t.Context(), room)
		return err == nil && portal != nil
	})
	require.NoError(t, f.core.conversations.update(t.Context(), portal.ID))
	portal, err = f.core.Portal(t.Context(), room)
	require.NoError(t, err)
	require.NotNil(t, portal, "the conversation is not over")
	f.mustLogIn(robinUser, f.alice)
	f.awaitMember(room, robinUser, db.MemberInvited)
	require.Len(t, f.matrix.plans(), 1)
}
