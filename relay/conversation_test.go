package relay

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// openConversation lets bob write in the room of the fixture, and the people accept the invitation to the Matrix room.
func (f *fixture) openConversation(people ...id.UserID) {
	f.Helper()
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	for _, user := range people {
		f.join(madeRoom(0), user)
	}
	f.awaitShownIn(madeRoom(0), "hello")
}

// awaitSaidTo waits until the bot has told somebody something in person.
func (f *fixture) awaitSaidTo(text string) {
	f.Helper()
	await.Until(f, text, func() bool { return slices.Contains(f.told(), text) })
}

// awaitShownIn waits until a text is shown in a room, by whomever.
func (f *fixture) awaitShownIn(room id.RoomID, text string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q in %s", text, room), func() bool {
		return slices.ContainsFunc(f.matrix.textsIn(room), func(shown string) bool { return strings.HasSuffix(shown, ": "+text) })
	})
}

func TestPersonWhoLeavesIsInvitedAgain(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.mustLogIn(eveUser, f.bob)
	f.openConversation(robinUser, eveUser)
	f.leave(madeRoom(0), robinUser)
	f.awaitMember(madeRoom(0), robinUser, db.MemberLeft)
	f.wazo.Post(f.room.UUID, f.bob, "come back", "")
	f.awaitMember(madeRoom(0), robinUser, db.MemberInvited)

	t.Run("an invitation that was declined, too", func(t *testing.T) {
		f.leave(madeRoom(0), robinUser)
		f.awaitMember(madeRoom(0), robinUser, db.MemberLeft)
		f.wazo.Post(f.room.UUID, f.bob, "please", "")
		f.awaitMember(madeRoom(0), robinUser, db.MemberInvited)
		f.join(madeRoom(0), robinUser)
	})
	t.Run("but not after mute", func(t *testing.T) {
		answer, err := f.core.Mute(t.Context(), madeRoom(0), robinUser, "")
		require.NoError(t, err)
		require.Equal(t, txt.Muted("Project"), answer)
		f.leave(madeRoom(0), robinUser)
		f.awaitMember(madeRoom(0), robinUser, db.MemberLeft)
		f.wazo.Post(f.room.UUID, f.bob, "where are you", "")
		f.awaitShownIn(madeRoom(0), "where are you")
		await.Until(t, "that the invitation is not owed any more", func() bool { return f.memberState(madeRoom(0), robinUser) == db.MemberLeft })
		require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), robinUser))
	})
	t.Run("until unmute", func(t *testing.T) {
		answer, err := f.core.Unmute(t.Context(), madeRoom(0), robinUser, "")
		require.NoError(t, err)
		require.Equal(t, txt.Unmuted("Project", true), answer)
		f.wazo.Post(f.room.UUID, f.bob, "again", "")
		f.awaitMember(madeRoom(0), robinUser, db.MemberInvited)
	})
	require.Len(t, f.matrix.plans(), 1)
}

// mutedFixture has a conversation that robin has muted and left.
func mutedFixture(t *testing.T) *fixture {
	t.Helper()
	f := newOpeningFixture(t)
	f.mustLogIn(eveUser, f.bob)
	f.openConversation(robinUser, eveUser)
	_, err := f.core.Mute(t.Context(), madeRoom(0), robinUser, "")
	require.NoError(t, err)
	f.leave(madeRoom(0), robinUser)
	f.awaitMember(madeRoom(0), robinUser, db.MemberLeft)
	return f
}

// An invitation may come to be owed after a conversation was looked at, and before whoever is owed one is invited.
func TestPersonWhoMutedIsNotInvitedBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	f := mutedFixture(t)

	portal := f.portalOf(madeRoom(0))
	moved, err := f.db.PortalMember.Move(t.Context(), portal.ID, robinUser, db.MemberLeft, db.MemberOwed)
	require.NoError(t, err)
	require.True(t, moved)
	require.NoError(t, f.core.conversations.invite(t.Context(), portal))
	require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), robinUser))
	f.awaitMember(madeRoom(0), robinUser, db.MemberLeft)
}

func TestPersonWhoUnmutesDuringALookIsInvited(t *testing.T) {
	t.Parallel()
	f := mutedFixture(t)

	release := f.matrix.holdResyncs()
	defer release()
	f.wazo.Post(f.room.UUID, f.bob, "before", "")
	f.matrix.awaitHeldResync() // the look has found that nobody wants the invitation
	_, err := f.core.Unmute(t.Context(), madeRoom(0), robinUser, "")
	require.NoError(t, err)
	f.wazo.Post(f.room.UUID, f.bob, "after", "")
	f.awaitShownIn(madeRoom(0), "after")
	release()
	f.awaitMember(madeRoom(0), robinUser, db.MemberInvited)
}

func TestConversationEndsWhenEverybodyHasLeft(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	f.leave(madeRoom(0), robinUser)
	f.awaitOver(madeRoom(0))
	require.Empty(t, f.relayed(), "nothing is said on Wazo")
	require.Empty(t, f.matrix.allNotices())

	f.wazo.Post(f.room.UUID, f.bob, "next", "")
	f.awaitMade(2)
	f.join(madeRoom(1), robinUser)
	f.awaitTextsIn(madeRoom(1), ": hello", "Bob Stone: next")

	t.Run("after mute, no room is made", func(t *testing.T) {
		_, err := f.core.Mute(t.Context(), "!elsewhere:a.example", robinUser, "project")
		require.NoError(t, err)
		f.leave(madeRoom(1), robinUser)
		f.awaitOver(madeRoom(1))
		f.wazo.Post(f.room.UUID, f.bob, "last", "")
		await.Until(t, "the explanation", func() bool { return slices.Contains(f.onWazo(), txt.Explanation(botUser.String())) })
		require.Len(t, f.matrix.plans(), 2)
	})
}

func TestWhatWasSaidIsDeliveredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	f.wazo.Faults().RefusePost(wazotest.HTMLError(http.StatusBadGateway), wazotest.Times(2))
	f.matrix.setPaused(true)
	f.sayIn(madeRoom(0), robinUser, "bye")
	f.leave(madeRoom(0), robinUser)
	f.matrix.setPaused(false)
	f.awaitOver(madeRoom(0))
	require.Contains(t, f.onWazo(), "bye")
	require.NotContains(t, f.told(), txt.EndedWithMessages("Project"))
}

func TestWhatCannotBeDeliveredBeforeTheEndIsTold(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.keyWait = 0
	f.openConversation(robinUser)
	f.matrix.add(madeRoom(0), robinUser, event.EventEncrypted, map[string]any{"algorithm": "m.megolm.v1.aes-sha2", "session_id": "s", "ciphertext": "secret"})
	await.Until(t, "the message to wait for its key", func() bool {
		missing, err := f.db.Queue.IsMissing(f.ctx, "s")
		return err == nil && missing
	})
	f.leave(madeRoom(0), robinUser)
	f.awaitOver(madeRoom(0))
	f.awaitSaidTo(txt.EndedWithMessages("Project"))
}

func TestRefusedInvitationDisturbsNobody(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.mustLogIn(eveUser, f.bob)
	limited := 0
	var refused atomic.Int32
	f.matrix.mu.Lock()
	f.matrix.invite = func(user id.UserID) error {
		if user == eveUser {
			refused.Add(1)
			return errRefused
		} else if limited++; limited == 1 {
			return &MatrixError{Status: 502}
		}
		return nil
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "hello", "")
	f.awaitMade(1)
	f.awaitMember(madeRoom(0), eveUser, db.MemberRefused)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "hello")

	t.Run("a day later, a message is another reason to invite", func(t *testing.T) {
		f.wazo.Post(f.room.UUID, f.alice, "too early", "")
		f.awaitTextsIn(madeRoom(0), "hello", "too early")
		require.NoError(t, f.db.Person.SetRefused(t.Context(), eveUser, jsontime.UM(time.Now().Add(-refusedFor))))
		f.wazo.Post(f.room.UUID, f.alice, "a day later", "")
		await.Until(t, "another invitation", func() bool { return refused.Load() == 2 })
		f.awaitMember(madeRoom(0), eveUser, db.MemberRefused)
		f.awaitTextsIn(madeRoom(0), "hello", "too early", "a day later")
	})
	t.Run("a conversation with nobody else makes no rooms again and again", func(t *testing.T) {
		f.leave(madeRoom(0), robinUser)
		f.awaitOver(madeRoom(0))
		_, err := f.core.SetAuto(t.Context(), robinUser, "off")
		require.NoError(t, err)
		f.wazo.Post(f.room.UUID, f.alice, "next", "")
		await.Until(t, "the explanation", func() bool { return slices.Contains(f.onWazo(), txt.Explanation(botUser.String())) })
		require.Len(t, f.matrix.plans(), 1)
	})
}

func TestConversationFollowsWazo(t *testing.T) {
	t.Parallel()
	await1 := func(f *fixture, what string, holds func() bool) {
		f.Helper()
		await.Until(f, what, holds)
	}
	name := func(f *fixture) string { return f.matrix.RoomName(f.ctx, madeRoom(0)) }
	start := func(t *testing.T) *fixture {
		f := newLoginFixture(t)
		f.memberKept = 50e6 // 50 ms
		f.start()
		f.mustLogIn(robinUser, f.alice)
		f.openConversation(robinUser)
		return f
	}
	t.Run("another name", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		f.wazo.RenameRoom(f.room.UUID, "Plan B")
		await1(f, "the new name", func() bool { return name(f) == "Plan B" })
		require.NoError(t, f.matrix.SetRoomName(f.ctx, madeRoom(0), "My own name"))
		f.wazo.RenameRoom(f.room.UUID, "Plan C")
		await1(f, "the new title", func() bool {
			portal, err := f.core.Portal(f.ctx, madeRoom(0))
			return err == nil && portal.Title == "Plan C"
		})
		require.Equal(t, "My own name", name(f), "a person has named the room")
	})
	t.Run("a new member", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Tenant: f.tenant})
		f.mustLogIn(eveUser, carol)
		require.Empty(t, f.memberState(madeRoom(0), eveUser))
		f.wazo.AddMember(f.room.UUID, carol)
		f.awaitMember(madeRoom(0), eveUser, db.MemberInvited)
	})
	t.Run("a member logs in", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		f.mustLogIn(eveUser, f.bob)
		f.awaitMember(madeRoom(0), eveUser, db.MemberInvited)
	})
	t.Run("a member is mapped, and unmapped", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		_, err := f.core.Map(t.Context(), adminUser, eveUser, f.bob.UUID, true)
		require.NoError(t, err)
		f.awaitMember(madeRoom(0), eveUser, db.MemberInvited)
		f.join(madeRoom(0), eveUser)
		_, _, err = f.core.Unmap(t.Context(), adminUser, eveUser.String(), true)
		require.NoError(t, err)
		await1(f, "the removal", func() bool { return f.memberState(madeRoom(0), eveUser) == "" })
		require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), eveUser))
		f.awaitSaidTo(txt.ConversationLost("Project"))
		require.Equal(t, db.MemberJoined, f.memberState(madeRoom(0), robinUser))
	})
	t.Run("a mapped member logs in, and out again", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		_, err := f.core.Map(t.Context(), adminUser, eveUser, f.bob.UUID, true)
		require.NoError(t, err)
		f.join(madeRoom(0), eveUser)
		f.mustLogIn(eveUser, f.bob)
		require.NoError(t, f.core.conversations.update(t.Context(), f.portalOf(madeRoom(0)).ID))
		_, _, err = f.core.Unmap(t.Context(), adminUser, eveUser.String(), true)
		require.NoError(t, err)
		_, err = f.core.LogOut(t.Context(), eveUser)
		require.NoError(t, err)
		require.NoError(t, f.core.conversations.update(t.Context(), f.portalOf(madeRoom(0)).ID))
		require.Equal(t, db.MemberJoined, f.memberState(madeRoom(0), eveUser))
	})
	t.Run("the relay account is removed, which a mapped member needs", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		_, err := f.core.Map(t.Context(), adminUser, eveUser, f.bob.UUID, true)
		require.NoError(t, err)
		f.join(madeRoom(0), eveUser)
		f.wazo.RemoveMember(f.room.UUID, f.relay)
		await1(f, "the removal", func() bool { return f.memberState(madeRoom(0), eveUser) == "" })
		require.Equal(t, db.MemberJoined, f.memberState(madeRoom(0), robinUser))
	})
	t.Run("a member is removed", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		f.wazo.RemoveMember(f.room.UUID, f.alice)
		f.awaitOver(madeRoom(0))
		require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), robinUser))
		f.awaitSaidTo(txt.ConversationLost("Project"))
	})
	t.Run("somebody else logs in as a member who has logged out", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		_, err := f.core.LogOut(t.Context(), robinUser)
		require.NoError(t, err)
		f.mustLogIn(eveUser, f.alice)
		await1(f, "the removal", func() bool { return f.memberState(madeRoom(0), robinUser) == "" })
		require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), robinUser))
		f.awaitSaidTo(txt.ConversationLost("Project"))
		f.awaitMember(madeRoom(0), eveUser, db.MemberInvited)
	})
	t.Run("somebody else logs in as a member whose log-in Wazo has ended", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		f.wazo.RevokeRefreshTokens(f.alice) // by its owner, who sees a log-in that is not theirs
		f.mustLogIn(eveUser, f.alice)
		await1(f, "the removal", func() bool { return f.memberState(madeRoom(0), robinUser) == "" })
		require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), robinUser))
	})
	t.Run("a member logs out, and in as somebody else", func(t *testing.T) {
		t.Parallel()
		f := start(t)
		_, err := f.core.LogOut(t.Context(), robinUser)
		require.NoError(t, err)
		require.NoError(t, f.core.conversations.update(t.Context(), f.portalOf(madeRoom(0)).ID))
		require.Equal(t, db.MemberJoined, f.memberState(madeRoom(0), robinUser), "only logging out removes nobody")
		carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Tenant: f.tenant})
		f.mustLogIn(robinUser, carol)
		f.awaitOver(madeRoom(0))
		require.Equal(t, event.MembershipLeave, f.matrix.membership(madeRoom(0), robinUser))
	})
}

// Only administrators of the homeserver can bring somebody in.
func TestConversationHasNoReaderWhomTheBotHasNotInvited(t *testing.T) {
	t.Parallel()
	const root = id.UserID("@root:a.example")
	for _, membership := range []event.Membership{event.MembershipInvite, event.MembershipJoin} {
		t.Run(string(membership), func(t *testing.T) {
			t.Parallel()
			f := newOpeningFixture(t)
			f.openConversation(robinUser)
			f.matrix.setMember(madeRoom(0), root, eveUser, membership)
			await.Until(t, "the removal", func() bool { return f.matrix.membership(madeRoom(0), eveUser) == event.MembershipLeave })
			require.Equal(t, db.MemberJoined, f.memberState(madeRoom(0), robinUser))
			require.Len(t, f.told(), 1, "only robin was told, of the log-in")
		})
	}
	t.Run("but one who belongs there stays", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		f.mustLogIn(eveUser, f.bob)
		f.openConversation(robinUser, eveUser)
		portal := f.portalOf(madeRoom(0))
		f.matrix.mu.Lock()
		f.matrix.invite = func(id.UserID) error { return errRefused } // who is there already
		f.matrix.mu.Unlock()
		require.NoError(t, f.db.PortalMember.Forget(t.Context(), portal.ID, eveUser)) // an older copy of the database
		require.NoError(t, f.core.conversations.update(t.Context(), portal.ID))
		require.Equal(t, event.MembershipJoin, f.matrix.membership(madeRoom(0), eveUser))
	})
}

func TestConversationEndsIfSomebodyCannotBeRemoved(t *testing.T) {
	t.Parallel()
	for name, bring := range map[string]func(f *fixture){
		"who was not invited": func(f *fixture) {
			f.matrix.setMember(madeRoom(0), "@root:a.example", "@mallory:a.example", event.MembershipJoin)
		},
		"who was removed on Wazo": func(f *fixture) { f.wazo.RemoveMember(f.room.UUID, f.bob) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newLoginFixture(t)
			f.memberKept = 50 * time.Millisecond
			f.start()
			f.mustLogIn(robinUser, f.alice)
			f.mustLogIn(eveUser, f.bob)
			f.openConversation(robinUser, eveUser)
			f.matrix.mu.Lock()
			f.matrix.removeError = errRefused
			f.matrix.mu.Unlock()
			bring(f)
			f.awaitOver(madeRoom(0))
			f.wazo.Post(f.room.UUID, f.alice, "a secret", "")
			f.awaitMade(2)
			f.join(madeRoom(1), robinUser)
			f.awaitShownIn(madeRoom(1), "a secret")
			require.NotContains(t, strings.Join(f.matrix.textsIn(madeRoom(0)), " "), "a secret")
		})
	}
}

// Whoever makes the room that replaces that of a conversation may invite people there, and the bot may not remove them.
func TestConversationThatMovesIsLookedAt(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	const replacement = id.RoomID("!replacement:a.example")
	f.matrix.mu.Lock()
	f.matrix.removeError = errRefused
	f.matrix.members[replacement] = map[id.UserID]event.Membership{botUser: event.MembershipJoin, robinUser: event.MembershipJoin, eveUser: event.MembershipJoin}
	f.matrix.mu.Unlock()
	require.NoError(t, f.core.Move(t.Context(), madeRoom(0), replacement, ""))
	f.awaitOver(replacement)
}

func (f *fixture) portalOf(room id.RoomID) *db.Portal {
	f.Helper()
	portal, err := f.core.Portal(f.ctx, room)
	require.NoError(f, err)
	require.NotNil(f, portal)
	return portal
}

// What a conversation on Wazo is called when it has no name.
func TestConversationIsCalledByTheOthers(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	room := f.wazoRoom()
	room.Name = ""
	for _, invited := range []struct {
		who  []wazotest.User
		want string
	}{{[]wazotest.User{f.alice}, "Bob Stone"}, {[]wazotest.User{f.alice, f.bob}, "Alice Martin, Bob Stone"}} {
		var uuids []wazoapi.UUID
		for _, user := range invited.who {
			uuids = append(uuids, wazoapi.UUID(user.UUID))
		}
		title, err := f.core.openings.conversationTitle(t.Context(), room, uuids)
		require.NoError(t, err)
		require.Equal(t, invited.want, title)
	}
}

// Who gives a chat its name on Wazo decides what people on Matrix read in the list of their rooms.
func TestHostileNameOfAChatDoesNoHarm(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	room := f.wazoRoom()
	for name, want := range map[string]string{
		"safe\u202egpj.exe\u2066":        "safegpj.exe",
		"two\n\n\tlines":                 "two lines",
		" \u200b\u2060 ":                 "Bob Stone",
		strings.Repeat("long ", 100_000): strings.TrimSpace(strings.Repeat("long ", 51)),
		"<b>bold</b> [x](y) @room":       "<b>bold</b> [x](y) @room", // room names are plain text
	} {
		room.Name = name
		title, err := f.core.openings.conversationTitle(t.Context(), room, []wazoapi.UUID{wazoapi.UUID(f.alice.UUID)})
		require.NoError(t, err)
		require.Equal(t, want, title)
	}
}

func TestCommandsOnWazoMeanNothingInAConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	f.wazo.Post(f.room.UUID, f.bob, "!wazo unlink", "")
	await.Until(t, "the text", func() bool { return slices.Contains(f.matrix.textsIn(madeRoom(0)), "Bob Stone: !wazo unlink") })
	require.Empty(t, f.relayed())
	f.portalOf(madeRoom(0))
}

func TestAdministratorClosesAConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	require.NoError(t, f.core.Unlink(t.Context(), madeRoom(0)))
	f.awaitOver(madeRoom(0))
	require.Empty(t, f.relayed(), "nobody on Wazo was told of the room")
	f.wazo.Post(f.room.UUID, f.bob, "next", "")
	f.awaitMade(2)
}

func TestBotIsRemovedFromAConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	f.matrix.setMember(madeRoom(0), "@root:a.example", botUser, event.MembershipLeave)
	require.NoError(t, f.core.Removed(t.Context(), madeRoom(0)))
	f.awaitOver(madeRoom(0))
	f.wazo.Post(f.room.UUID, f.bob, "next", "")
	f.awaitMade(2)
}

// A homeserver need not tell each change of a room when it leaves something out.
func TestMembersAreComparedAfterAGap(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.openConversation(robinUser)
	f.matrix.mu.Lock()
	f.matrix.members[madeRoom(0)][robinUser] = event.MembershipLeave
	f.matrix.mu.Unlock()
	require.NoError(t, f.core.AcceptSync(t.Context(), Sync{Since: "s0", NextBatch: "s1", Rooms: []RoomSync{{Room: madeRoom(0), Limited: true, PrevBatch: "p0"}}}))
	f.awaitOver(madeRoom(0))
}

func TestMuteInOtherRooms(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	for _, test := range []struct {
		room id.RoomID
		who  id.UserID
		what string
		want string
	}{
		{"!elsewhere:a.example", robinUser, "", txt.MuteUsage("mute")},
		{"!elsewhere:a.example", robinUser, "nothing", txt.NoSuchRoom("nothing")},
		{"!elsewhere:a.example", eveUser, "Project", txt.NotInWazoRoom()},
	} {
		_, err := f.core.Mute(t.Context(), test.room, test.who, test.what)
		var refused *UserError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, test.want, refused.Words)
	}
	answer, err := f.core.Mute(t.Context(), "", robinUser, f.room.UUID)
	require.NoError(t, err)
	require.Equal(t, txt.MutedElsewhere("Project", f.room.UUID), answer)
	f.link()
	_, err = f.core.Mute(t.Context(), roomID, robinUser, "")
	var refused *UserError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, txt.MuteLinked(), refused.Words)
}

func TestAuto(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	for _, step := range []struct{ typed, want string }{
		{"", txt.Auto("on")},
		{"off", txt.Auto("off")},
		{"", txt.Auto("off")},
		{"sometimes", txt.AutoUsage()},
		{"direct", txt.Auto("direct")},
		{"on", txt.Auto("on")},
	} {
		answer, err := f.core.SetAuto(t.Context(), robinUser, step.typed)
		require.NoError(t, err)
		require.Equal(t, step.want, answer)
	}
}
