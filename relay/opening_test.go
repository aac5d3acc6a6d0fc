package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// newOpeningFixture is a running relay with robin logged in as alice. The relay account is in the room of alice and
// bob, so that it can read the room.
func newOpeningFixture(t *testing.T, before ...string) *fixture {
	f := newLoginFixture(t)
	for _, text := range before {
		f.wazo.Post(f.room.UUID, f.bob, text, "")
	}
	f.start()
	f.mustLogIn(robinUser, f.alice)
	return f
}

// awaitMade waits until the bot has made so many rooms, and has recorded them.
func (f *fixture) awaitMade(n int) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%d rooms", n), func() bool {
		openings, err := f.db.Opening.All(f.ctx)
		return err == nil && len(openings) == 0 && len(f.matrix.plans()) >= n
	})
	require.Len(f, f.matrix.plans(), n)
}

// awaitMember waits until somebody's membership in a room is what is wanted, on Matrix and as the relay knows it.
func (f *fixture) awaitMember(room id.RoomID, user id.UserID, state db.MemberState) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%s to be %s", user, state), func() bool { return f.memberState(room, user) == state })
}

func (f *fixture) memberState(room id.RoomID, user id.UserID) db.MemberState {
	portal, err := f.core.Portal(f.ctx, room)
	if err != nil || portal == nil {
		return ""
	}
	member, err := f.db.PortalMember.Get(f.ctx, portal.ID, user)
	if err != nil || member == nil {
		return ""
	}
	return member.State
}

// join lets a person accept the invitation to a room.
func (f *fixture) join(room id.RoomID, user id.UserID) {
	f.Helper()
	f.awaitMember(room, user, db.MemberInvited)
	f.matrix.setMember(room, user, user, event.MembershipJoin)
	f.awaitMember(room, user, db.MemberJoined)
}

// leave lets a person leave a room.
func (f *fixture) leave(room id.RoomID, user id.UserID) {
	f.Helper()
	f.matrix.setMember(room, user, user, event.MembershipLeave)
}

// awaitOver waits until the conversation of a room is over, and the bot is to leave.
func (f *fixture) awaitOver(room id.RoomID) {
	f.Helper()
	await.Until(f, "the end of the conversation", func() bool {
		portal, err := f.core.Portal(f.ctx, room)
		leaves, leaveErr := f.db.Inbox.Has(f.ctx, room, db.InboxLeave)
		return err == nil && portal == nil && leaveErr == nil && leaves
	})
}

// awaitTextsIn waits until exactly these texts, or texts that contain them, are shown in a room.
func (f *fixture) awaitTextsIn(room id.RoomID, want ...string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q in %s", want, room), func() bool { return len(f.matrix.textsIn(room)) >= len(want) })
	shown := f.matrix.textsIn(room)
	require.Len(f, shown, len(want), "%q", shown)
	for i, text := range want {
		require.Contains(f, shown[i], text)
	}
}

// sayIn lets a person say something in a room.
func (f *fixture) sayIn(room id.RoomID, sender id.UserID, text string) {
	f.matrix.add(room, sender, event.EventMessage, map[string]any{"msgtype": "m.text", "body": text})
}

// onWazo returns what is on Wazo in the room of the fixture.
func (f *fixture) onWazo() (texts []string) {
	for _, m := range f.wazo.Messages(f.room.UUID) {
		texts = append(texts, m.Content)
	}
	return texts
}

func TestConversationOpensByItself(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t, "one", "!wazo help", "two")
	f.wazo.Post(f.room.UUID, f.alice, "mine", "")
	require.Empty(t, f.matrix.plans())
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	room := madeRoom(0)
	f.awaitMember(room, robinUser, db.MemberInvited)
	plan := f.matrix.plans()[0]
	require.Equal(t, "Project", plan.Name)
	require.Equal(t, txt.ConversationTopic(), plan.Topic)
	require.True(t, plan.Encrypted)
	require.False(t, plan.Marker.Direct, "with the relay account there are three people")
	require.Empty(t, f.matrix.textsIn(room), "clients would refuse what is said before they know the bot's keys")
	health, err := f.core.Health(t.Context())
	require.NoError(t, err)
	require.True(t, health.Matrix.OK, "that nobody has accepted the invitation yet is no trouble")

	f.join(room, robinUser)
	await.Until(t, "the message", func() bool { return slices.Contains(f.matrix.textsIn(room), "Bob Stone: hello") })
	shown := f.matrix.textsIn(room)
	history := strings.Join(shown[:len(shown)-1], "\n")
	for _, text := range []string{"Bob Stone (20", ": one\n", ": two\n"} {
		require.Contains(t, history, text, "with names and times")
	}
	require.NotContains(t, history, "!wazo", "a command is neither shown nor answered")
	require.NotContains(t, f.onWazo(), txt.HelpOnWazo())

	f.sayIn(room, robinUser, "hi Bob")
	await.Until(t, "the answer on Wazo", func() bool { return slices.Contains(f.onWazo(), "hi Bob") })
	f.wazo.Post(f.room.UUID, f.alice, "from the app", "")
	await.Until(t, "the own message", func() bool { return strings.Contains(strings.Join(f.matrix.textsIn(room), "\n"), "from the app") })
	require.Len(t, f.matrix.plans(), 1)
	require.Empty(t, f.relayed(), "nothing is introduced, and nothing explained")
	require.Empty(t, f.matrix.allNotices())
}

func TestOwnMessageOpensAConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	f.wazo.Post(f.room.UUID, f.alice, "mine", "")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "mine")
}

func TestHistoryIsShownInFewNotices(t *testing.T) {
	t.Parallel()
	for backfill, want := range map[int][]string{0: nil, 1: nil, 4: {"m2", "m3", "m4"}, 20: {"m0", "m1", "m2", "m3", "m4"}} {
		t.Run(fmt.Sprint(backfill), func(t *testing.T) {
			t.Parallel()
			f := newLoginFixture(t)
			f.backfill = backfill
			for i := range 5 {
				f.wazo.Post(f.room.UUID, f.bob, fmt.Sprintf("m%d", i), "")
			}
			f.start()
			f.mustLogIn(robinUser, f.alice)
			f.wazo.Post(f.room.UUID, f.bob, "hello", "")
			f.awaitMade(1)
			f.join(madeRoom(0), robinUser)
			if len(want) == 0 {
				f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
				return
			}
			f.awaitTextsIn(madeRoom(0), want[0], "Bob Stone: hello")
			history := f.matrix.textsIn(madeRoom(0))[0]
			for i := range 5 {
				text := fmt.Sprintf("m%d", i)
				require.Equal(t, slices.Contains(want, text), strings.Contains(history, text), text)
			}
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			var types []any
			for _, evt := range f.matrix.rooms[madeRoom(0)] {
				if evt.Tag != nil && evt.Tag.Kind == TagMessage {
					types = append(types, evt.Content.Raw["msgtype"])
				}
			}
			require.Equal(t, []any{"m.notice", "m.text"}, types, "history notifies nobody")
		})
	}
}

func TestHistoryIsNotDoubledByARestart(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t, numbered("m", 6)...)
	f.wazo.Post(f.room.UUID, f.bob, strings.Repeat("long ", 10_000), "") // which stands alone
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	lost := make(chan struct{})
	var once bool
	f.matrix.mu.Lock()
	f.matrix.afterSend = func(body string) error {
		if strings.Contains(body, "m5") && !once {
			once = true
			close(lost)
			return errLost
		}
		return nil
	}
	f.matrix.mu.Unlock()
	f.join(madeRoom(0), robinUser)
	await.Receive(t, "the history", lost)
	f.halt()
	f.start()
	await.Until(t, "the message", func() bool { return slices.Contains(f.matrix.textsIn(madeRoom(0)), "Bob Stone: hello") })
	all := strings.Join(f.matrix.textsIn(madeRoom(0)), "\n")
	for _, text := range []string{"m0", "m5", "Bob Stone: hello"} {
		require.Equal(t, 1, strings.Count(all, text), text)
	}
	require.Len(t, f.matrix.plans(), 1)
}

// What was posted for people on Matrix before is a part of the history.
func TestHistoryShowsWhatTheRelayPostedForOthers(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.wazo.Post(f.room.UUID, f.relay, "Hello! I am a relay.", "")
	f.wazo.Post(f.room.UUID, f.relay, "from Matrix", "Sam (Matrix)")
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "from Matrix", "Bob Stone: hello")
	require.Contains(t, f.matrix.textsIn(madeRoom(0))[0], "Sam (Matrix) (20")
	f.sayIn(madeRoom(0), robinUser, "from Matrix")
	await.Until(t, "the same text", func() bool { return len(f.onWazo()) == 4 })
}

func TestNobodyIsInvitedWhoMustNotBe(t *testing.T) {
	t.Parallel()
	t.Run("auto off: it is explained instead", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		_, err := f.core.SetAuto(t.Context(), robinUser, "off")
		require.NoError(t, err)
		f.wazo.Post(f.room.UUID, f.bob, "hello", "")
		await.Until(t, "the explanation", func() bool { return slices.Contains(f.onWazo(), txt.Explanation(botUser.String())) })
		require.Empty(t, f.matrix.plans())
	})
	t.Run("an outside participant", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		f.wazo.AddOutsideParticipant(f.room.UUID, "+15550100")
		login := f.core.accounts.of(robinUser)
		m := f.hear(login, f.bob, "hello")
		require.NoError(t, (&reader{f.core, login}).MessageCreated(t.Context(), m))
		require.Empty(t, f.openingsStored())
	})
	t.Run("another tenant", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		login := f.core.accounts.of(robinUser)
		m := f.hear(login, f.bob, "hello")
		m.TenantUUID = "another"
		require.NoError(t, (&reader{f.core, login}).MessageCreated(t.Context(), m))
		require.Empty(t, f.openingsStored())
	})
	t.Run("a room of others, which an account with more rights hears", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Tenant: f.tenant})
		secret := f.wazo.CreateRoom("Secret", f.bob, carol)
		login := f.core.accounts.of(robinUser)
		m := f.hear(login, f.bob, "hello")
		m.Room = wazoapi.UUID(secret.UUID)
		require.NoError(t, (&reader{f.core, login}).MessageCreated(t.Context(), m))
		require.Empty(t, f.openingsStored())
	})
	t.Run("the relay account opens nothing", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		f.wazo.Post(f.room.UUID, f.relay, "hello", "")
		login := f.core.accounts.of(robinUser)
		m := f.hear(login, f.relay, "hello")
		require.NoError(t, (&reader{f.core, login}).MessageCreated(t.Context(), m))
		require.Empty(t, f.openingsStored())
	})
}

// hear returns a message as an account hears it, without that it is on Wazo.
func (f *fixture) hear(acc *account, author wazotest.User, text string) wazoapi.Message {
	return wazoapi.Message{
		UUID: "00000000-0000-4000-8000-000000000001", Content: text, UserUUID: wazoapi.UUID(author.UUID), TenantUUID: wazoapi.UUID(acc.row.TenantUUID),
		CreatedAt: time.Now(), Room: wazoapi.UUID(f.room.UUID),
	}
}

func (f *fixture) openingsStored() []*db.Opening {
	f.Helper()
	openings, err := f.db.Opening.All(f.ctx)
	require.NoError(f, err)
	require.Empty(f, f.matrix.plans())
	return openings
}

// A login that nobody else shares hears a message of a room in which the relay account is not.
func TestLoginOpensItsPrivateConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	private := f.wazo.CreateRoom("", f.alice, f.bob)
	posted := f.wazo.Post(private.UUID, f.bob, "psst", "")
	login := f.core.accounts.of(robinUser)
	m := wazoapi.Message{
		UUID: wazoapi.UUID(posted.UUID), Content: "psst", UserUUID: wazoapi.UUID(f.bob.UUID), TenantUUID: wazoapi.UUID(login.row.TenantUUID),
		CreatedAt: posted.CreatedAt, Room: wazoapi.UUID(private.UUID),
	}
	require.NoError(t, (&reader{f.core, login}).MessageCreated(t.Context(), m))
	require.NoError(t, (&reader{f.core, login}).MessageCreated(t.Context(), m), "heard by two accounts")
	f.awaitMade(1)
	plan := f.matrix.plans()[0]
	require.Equal(t, "Bob Stone", plan.Name, "the other one's name")
	require.True(t, plan.Marker.Direct)
	portal, err := f.db.Portal.ByWazoRoom(t.Context(), private.UUID)
	require.NoError(t, err)
	require.Equal(t, login.row.ID, portal.ReaderID, "nobody else may read the room")
	f.awaitMember(madeRoom(0), robinUser, db.MemberInvited)
}

// The first message of a chat may be committed after its second one has opened the conversation.
func TestHistoryHasWhatIsCommittedLate(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	opener := f.wazo.Post(f.room.UUID, f.bob, "second", "")
	from, until, err := f.core.openings.backfill(t.Context(), f.core.account, wazoapi.UUID(f.room.UUID), jsontime.UMicro(opener.CreatedAt), time.Second)
	require.NoError(t, err)
	require.True(t, until.Before(opener.CreatedAt), "what opens the conversation is no history")
	require.WithinRange(t, opener.CreatedAt.Add(-f.core.cfg.CommitLag), from.Time, until.Time)
}

// A conversation is wanted, and before it opens Wazo refuses the log-in of the only person there.
func TestConversationWaitsForAnotherLogIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		withRelay bool
	}{
		{"the relay account is in the chat", true},
		{"nobody else is in the chat", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newOpeningFixture(t)
			room := f.room.UUID
			if !test.withRelay {
				room = f.wazo.CreateRoom("", f.alice, f.bob).UUID
			}
			login := f.core.accounts.of(robinUser)
			require.NoError(t, f.core.accounts.refused(t.Context(), login, wazoapi.ErrLogInEnded))
			require.NoError(t, f.db.DoTxn(t.Context(), func(ctx context.Context) error {
				return f.core.openings.store(ctx, wazoapi.UUID(room), jsontime.UMicro(time.Now()))
			}))
			require.NoError(t, f.core.openings.open(t.Context(), wazoapi.UUID(room)))
			require.Len(t, f.openingsStored(), 1, "nobody can be invited now")
			require.NoError(t, f.db.Account.SetHeardUntil(t.Context(), login.row.ID, jsontime.UMicro(time.Now()))) // the message was heard
			f.mustLogIn(robinUser, f.alice)
			f.awaitMade(1)
			f.awaitMember(madeRoom(0), robinUser, db.MemberInvited)
		})
	}
}

// A mapped person has given no account, so a map must not open what the relay account does not see.
func TestMapOpensOnlyRoomsOfTheRelayAccount(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	_, err := f.core.Map(t.Context(), adminUser, robinUser, f.alice.UUID, true)
	require.NoError(t, err)
	private := f.wazo.CreateRoom("", f.alice, f.bob)
	f.wazo.Post(private.UUID, f.bob, "psst", "")
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	require.Equal(t, "Project", f.matrix.plans()[0].Name)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
}

func TestMissedMessageOpensAConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t, "before the log-in")
	login := f.core.accounts.of(robinUser)
	latest, err := login.api.LatestMessages(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.core.openings.heard(t.Context(), login, latest, nil))
	require.Empty(t, f.openingsStored(), "it was there before the log-in")

	f.halt()
	f.wazo.Post(f.room.UUID, f.bob, "missed", "")
	f.start()
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "before the log-in", "Bob Stone: missed")

	t.Run("once", func(t *testing.T) {
		f.leave(madeRoom(0), robinUser)
		f.awaitOver(madeRoom(0))
		login = f.core.accounts.of(robinUser)
		login.setHeard(jsontime.UMicroInt(1), nil) // as if nothing had been heard
		latest, err = login.api.LatestMessages(t.Context())
		require.NoError(t, err)
		require.NoError(t, f.core.openings.heard(t.Context(), login, latest, nil))
		openings, err := f.db.Opening.All(t.Context())
		require.NoError(t, err)
		require.Empty(t, openings, "it was shown before everybody left")
	})
}

// Nobody has told of the room either, and the rooms were listed a moment before it was made.
func TestMissedMessageInARoomOfWhichNobodyTold(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	login := f.core.accounts.of(robinUser)
	f.wazo.Faults().NoEvent(wazotest.Always())
	private := f.wazo.CreateRoom("", f.alice, f.bob)
	f.wazo.Post(private.UUID, f.bob, "missed", "")
	await.Until(t, "the room to be heard of", func() bool {
		_, known := login.listedRoom(wazoapi.UUID(private.UUID))
		return known
	})
	login.forgetRoom(wazoapi.UUID(private.UUID)) // as if it had not been
	login.mu.Lock()
	login.listedAt = time.Now()
	login.mu.Unlock()
	login.setHeard(jsontime.UMicroInt(1), nil)
	latest, err := login.api.LatestMessages(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.core.openings.heard(t.Context(), login, latest, nil))
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "Bob Stone: missed")
}

// An account that listens for the first time, or for the first time since this version, opens nothing that was there
// before.
func TestFirstProbeOpensNothing(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t, "old")
	_, err := f.db.Exec(t.Context(), "UPDATE account SET heard_until = 0")
	require.NoError(t, err)
	f.halt()
	f.start()
	await.Until(t, "the first probe", func() bool {
		until, _ := f.core.account.heard()
		return !until.IsZero()
	})
	latest, err := f.core.account.api.LatestMessages(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.core.openings.heard(t.Context(), f.core.account, latest, nil))
	require.Empty(t, f.openingsStored(), "nor does the second one")
	f.halt()
	f.wazo.Post(f.room.UUID, f.bob, "missed", "")
	f.start()
	f.awaitMade(1)
}

// errRefused is how a homeserver forbids something.
var errRefused = &MatrixError{Status: 403, Code: "M_FORBIDDEN", Err: errors.New("forbidden")}

func TestNoSecondRoomIsMade(t *testing.T) {
	t.Parallel()
	t.Run("the answer is lost", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		f.matrix.mu.Lock()
		f.matrix.makeRoom = func(RoomPlan) error { return errLost }
		f.matrix.mu.Unlock()
		f.wazo.Post(f.room.UUID, f.bob, "hello", "")
		f.awaitMade(1)
		f.join(madeRoom(0), robinUser)
		f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
	})
	t.Run("the relay is killed before it records the room", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		f.matrix.setPaused(true)
		f.matrix.mu.Lock()
		f.matrix.makeRoom = func(RoomPlan) error { return errLost } // nothing is recorded
		f.matrix.mu.Unlock()
		f.wazo.Post(f.room.UUID, f.bob, "hello", "")
		await.Until(t, "the room", func() bool { return len(f.matrix.plans()) == 1 })
		f.halt()
		// Somebody whom the homeserver's administrator put there speaks before the relay knows of the room.
		f.sayIn(madeRoom(0), robinUser, "early")
		f.matrix.setPaused(false)
		f.start()
		f.awaitMade(1)
		f.join(madeRoom(0), robinUser)
		f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
		await.Until(t, "what was said early", func() bool { return slices.Contains(f.onWazo(), "early") })
	})
	t.Run("the homeserver never got the request", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		tries := 0
		f.matrix.mu.Lock()
		f.matrix.makeRoom = func(RoomPlan) error {
			if tries++; tries == 1 {
				return &MatrixError{Err: errors.New("timeout")}
			}
			return nil
		}
		f.matrix.mu.Unlock()
		f.wazo.Post(f.room.UUID, f.bob, "hello", "")
		f.awaitMade(1)
	})
	t.Run("the Wazo room is linked meanwhile", func(t *testing.T) {
		t.Parallel()
		f := newOpeningFixture(t)
		f.matrix.mu.Lock()
		f.matrix.makeRoom = func(RoomPlan) error {
			_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, f.wazoRoom())
			return err
		}
		f.matrix.mu.Unlock()
		f.wazo.Post(f.room.UUID, f.bob, "hello", "")
		await.Until(t, "the bot to leave the room", func() bool {
			leaves, err := f.db.Inbox.Has(f.ctx, madeRoom(0), db.InboxLeave)
			return err == nil && leaves
		})
		portal, err := f.core.Portal(t.Context(), madeRoom(0))
		require.NoError(t, err)
		require.Nil(t, portal)
		require.Len(t, f.matrix.plans(), 1)
	})
}

func TestHomeserverRefusesTheRoom(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t)
	refused := 0
	f.matrix.mu.Lock()
	f.matrix.makeRoom = func(RoomPlan) error {
		if refused++; refused < 3 {
			return errRefused
		}
		return nil
	}
	f.matrix.mu.Unlock()
	told := len(f.told())
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")
	require.Equal(t, []string{txt.CannotOpen("Project", "M_FORBIDDEN")}, f.told()[told:], "once")
	require.Equal(t, time.Hour, openingBackoff(&roomRefusedError{errRefused}).Longest)
}

func TestPersonAsksForAConversation(t *testing.T) {
	t.Parallel()
	f := newOpeningFixture(t, "one")
	_, err := f.core.SetAuto(t.Context(), robinUser, "off")
	require.NoError(t, err)
	told := len(f.told())
	require.NoError(t, f.core.openings.ask(t.Context(), f.wazoRoom(), robinUser))
	f.awaitMade(1)
	ready := txt.ConversationReady("Project", madeRoom(0).String())
	await.Until(t, "the answer", func() bool { return slices.Equal(f.told()[told:], []string{ready}) })
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), ": one")

	t.Run("again, after they have left and nobody is there", func(t *testing.T) {
		f.leave(madeRoom(0), robinUser)
		f.awaitOver(madeRoom(0))
		require.NoError(t, f.core.openings.ask(t.Context(), f.wazoRoom(), robinUser))
		f.awaitMade(2)
	})
	t.Run("again, while they are there", func(t *testing.T) {
		f.join(madeRoom(1), robinUser)
		told := len(f.told())
		require.NoError(t, f.core.openings.ask(t.Context(), f.wazoRoom(), robinUser))
		await.Until(t, "the answer", func() bool { return len(f.told()) > told })
		require.Equal(t, txt.ConversationReady("Project", madeRoom(1).String()), f.told()[told])
		require.Len(t, f.matrix.plans(), 2)
	})
	t.Run("somebody else's room", func(t *testing.T) {
		var refused *UserError
		require.ErrorAs(t, f.core.openings.ask(t.Context(), f.wazoRoom(), eveUser), &refused)
		require.Equal(t, txt.NotInWazoRoom(), refused.Words)
	})
}
