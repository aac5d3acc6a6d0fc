package relay

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const samUser = id.UserID("@sam:a.example")

// newPeopleFixture returns a fixture without a relay account, whose room has the members alice, bob and carol.
func newPeopleFixture(t *testing.T, changes ...func(*fixture)) (f *fixture, carol wazotest.User) {
	f = newFixture(t)
	f.noRelay = true
	f.patience = time.Minute
	f.matrix.call(robinUser, "Robin", false)
	f.matrix.call(samUser, "Sam", false)
	carol = f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "White", Tenant: f.tenant})
	f.room = f.wazo.CreateRoom("Team", f.alice, f.bob, carol)
	for _, change := range changes {
		change(f)
	}
	f.start()
	return f, carol
}

// linkOwn links the fixture's room through the account of a person.
func (f *fixture) linkOwn(user id.UserID) {
	f.Helper()
	room, ok, err := f.core.accounts.of(user).room(f.ctx, wazoapi.UUID(f.room.UUID))
	require.NoError(f, err)
	require.True(f, ok)
	_, err = f.core.Link(f.ctx, LinkRequest{Room: roomID, By: user}, room)
	require.NoError(f, err)
	f.matrix.awaitLinked()
}

// readerNow returns who reads the portal.
func (f *fixture) readerNow() id.UserID {
	f.Helper()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	require.NotNil(f, portal)
	if acc := f.core.accounts.withID(portal.ReaderID); acc != nil {
		return acc.row.MatrixUser
	}
	return ""
}

func (f *fixture) awaitReader(user id.UserID) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%s to read", user), func() bool { return f.readerNow() == user })
}

// texts returns what was posted in the room by a user since the introduction.
func (f *fixture) texts(user wazotest.User) (texts []string) {
	for _, m := range f.wazo.Messages(f.room.UUID)[1:] {
		if m.UserUUID == user.UUID {
			texts = append(texts, m.Content)
		}
	}
	return texts
}

func TestAnotherMemberTakesOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		probe time.Duration // 0: as usual
		lose  func(f *fixture)
	}{
		{"the reader logs out", time.Hour, func(f *fixture) {
			_, err := f.core.LogOut(f.ctx, robinUser)
			require.NoError(f, err)
		}},
		{"Wazo refuses the reader", time.Hour, func(f *fixture) {
			f.wazo.RevokeRefreshTokens(f.alice)
			f.wazo.RevokeTokens(f.alice)
		}},
		{"the reader is removed, and another account hears on", time.Hour, func(f *fixture) { f.wazo.RemoveMember(f.room.UUID, f.alice) }},
		{"the reader is removed, and nobody hears anything", 0, func(f *fixture) {
			f.wazo.Faults().DropEvents(wazotest.Always())
			f.wazo.RemoveMember(f.room.UUID, f.alice)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, carol := newPeopleFixture(t, func(f *fixture) {
				f.probeInterval = cmp.Or(test.probe, f.probeInterval)
				f.overhearWait = time.Second // longer than the people talk
			})
			f.logIn(robinUser, f.alice)
			f.logIn(samUser, f.bob)
			f.linkOwn(robinUser)
			require.Equal(t, robinUser, f.readerNow())
			var said, typed []string
			for i := range 60 {
				if i == 20 {
					test.lose(f)
				}
				said, typed = append(said, fmt.Sprintf("said %d", i)), append(typed, fmt.Sprintf("Carol White: typed %d", i))
				f.wazo.Post(f.room.UUID, carol, fmt.Sprintf("typed %d", i), "")
				f.matrix.say(samUser, fmt.Sprintf("said %d", i))
				time.Sleep(5 * time.Millisecond) // people type: the change is in the middle of it
			}
			f.awaitReader(samUser)
			f.awaitShown(typed...)
			await.Until(t, "what Sam said", func() bool { return len(f.texts(f.bob)) == len(said) })
			f.awaitEmpty()
			require.Equal(t, said, f.texts(f.bob))
			require.Equal(t, typed, f.matrix.shown(), "nothing came twice")
			require.Empty(t, f.matrix.allNotices(), "nothing was paused")
			health, err := f.core.Health(f.ctx)
			require.NoError(t, err)
			require.True(t, health.Wazo.OK, health.Wazo.Why)
		})
	}
}

func TestReaderThatIsRemovedWhileNobodySaysAnything(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	await.Until(t, "a quiet room", func() bool { return f.core.accounts.of(robinUser).isQuiet(portal.ID, time.Minute) })
	const news = "GET /api/chatd/1.0/users/me/rooms/messages"
	before := f.wazo.RequestsBy(f.alice)[news]
	await.Until(t, "a look for news without any", func() bool { return f.wazo.RequestsBy(f.alice)[news] > before+1 })
	f.wazo.Faults().DropEvents(wazotest.Always())
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	f.wazo.Post(f.room.UUID, carol, "hello", "")
	f.awaitShown("Carol White: hello")
	require.Equal(t, samUser, f.readerNow())
}

func TestRelayAccountTakesOverIfItIsAMember(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	require.Equal(t, f.alice.UUID, f.wazo.Messages(f.room.UUID)[0].UserUUID, "who links tells the people on Wazo")
	_, err := f.core.LogOut(f.ctx, robinUser)
	require.NoError(t, err)
	await.Until(t, "the relay account to read", func() bool {
		portal, err := f.core.Portal(f.ctx, roomID)
		return err == nil && portal.ReaderID == f.core.account.row.ID
	})
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitShown("Bob Stone: hello")
}

func TestPortalPausesIfNobodyCanReadIt(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	f.awaitEmpty()
	_, err := f.core.LogOut(f.ctx, robinUser)
	require.NoError(t, err)
	paused := txt.Paused(txt.Why(words.WhyNoReader))
	f.matrix.awaitNotice(paused)
	f.wazo.Post(f.room.UUID, carol, "one", "")
	f.matrix.say(robinUser, "two")
	require.Never(t, func() bool {
		health, err := f.core.Health(f.ctx)
		return err != nil || !health.Wazo.OK || !health.Matrix.OK || len(f.matrix.shown()) > 0
	}, 3*f.core.cfg.OutageNotice, 20*time.Millisecond, "that nobody is logged in is no trouble of Wazo")
	require.Equal(t, []string{paused}, f.matrix.allNotices(), "it is said once")

	f.logIn(samUser, f.bob)
	f.awaitReader(samUser)
	f.awaitShown("Carol White: one")
	f.matrix.awaitNotice(txt.GoesOn())
	f.awaitTold(txt.NotHeardOnWazo(roomID.String(), "Team", false))
}

// Who has just connected may hear a message before the reader hears an older one.
func TestOnlyTheReaderIsHeard(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	f.awaitEmpty()
	m := f.wazo.Post(f.room.UUID, carol, "one", "")
	f.awaitShown("Carol White: one")
	message := wazoapi.Message{
		UUID: wazoapi.UUID("00000000-0000-4000-8000-00000000000a"), Room: wazoapi.UUID(f.room.UUID), UserUUID: wazoapi.UUID(carol.UUID),
		TenantUUID: wazoapi.UUID(f.tenant.UUID), Content: "two", CreatedAt: m.CreatedAt.Add(time.Second),
	}
	require.NoError(t, (&reader{f.core, f.core.accounts.of(samUser)}).MessageCreated(f.ctx, message))
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	row, err := f.db.Queue.BySource(f.ctx, portal.ID, db.ToMatrix, string(message.UUID))
	require.NoError(t, err)
	require.Nil(t, row)
	require.NoError(t, (&reader{f.core, f.core.accounts.of(robinUser)}).MessageCreated(f.ctx, message))
	f.awaitShown("Carol White: one", "Carol White: two")
}

func TestLateReadOfTheOldReaderHidesNothing(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t, func(f *fixture) { f.probeInterval = time.Hour })
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	f.awaitEmpty()
	await.Until(t, "the first read", func() bool {
		portal, err := f.core.Portal(f.ctx, roomID)
		return err == nil && f.core.readers.isVerified(portal)
	})
	late, err := f.core.Portal(f.ctx, roomID) // as the old reader knows it
	require.NoError(t, err)
	robin, sam := f.core.accounts.of(robinUser), f.core.accounts.of(samUser)
	changed, err := f.db.Portal.SetReader(f.ctx, late.ID, robin.row.ID, sam.row.ID)
	require.NoError(t, err)
	require.True(t, changed)
	f.wazo.Faults().DropEvents(wazotest.Always())
	f.wazo.Post(f.room.UUID, carol, "heard by nobody", "")
	before := late.ReadUntil
	_, isReader, err := (&reader{f.core, robin}).readNews(f.ctx, late)
	require.NoError(t, err)
	require.False(t, isReader)
	var now *db.Portal
	await.Until(t, "the place of the last read to be as before, or that of the new reader, which may read by itself", func() bool {
		now, err = f.core.Portal(f.ctx, roomID)
		return err == nil && (now.ReadUntil == before || f.core.readers.isVerified(now))
	})
	f.core.wakePortal(late.ID)
	f.awaitShown("Carol White: heard by nobody")
	// The read ends after what it found was accepted, so that it may be shown before.
	await.Until(t, "the read of the new reader", func() bool { return f.core.readers.isVerified(now) })
}

func TestRestartWithPortalsThatPeopleRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(f *fixture) // while the relay is down
		reader id.UserID
	}{
		{"the reader is still logged in", func(*fixture) {}, robinUser},
		{"the reader may no longer use the bot", func(f *fixture) { f.allowed = []string{samUser.String()} }, samUser},
		{"the log-in of the reader was revoked", func(f *fixture) { f.wazo.RevokeRefreshTokens(f.alice) }, samUser},
		{"the reader was removed from the room", func(f *fixture) { f.wazo.RemoveMember(f.room.UUID, f.alice) }, samUser},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, carol := newPeopleFixture(t)
			f.logIn(robinUser, f.alice)
			f.logIn(samUser, f.bob)
			f.linkOwn(robinUser)
			f.wazo.Post(f.room.UUID, carol, "before", "")
			f.awaitShown("Carol White: before")
			f.halt()
			f.wazo.Post(f.room.UUID, carol, "meanwhile", "")
			f.matrix.say(samUser, "meanwhile on Matrix")
			test.change(f)
			f.start()
			f.wazo.Post(f.room.UUID, carol, "after", "")
			f.awaitShown("Carol White: before", "Carol White: meanwhile", "Carol White: after")
			await.Until(t, "what Sam said", func() bool { return slices.Equal(f.texts(f.bob), []string{"meanwhile on Matrix"}) })
			f.awaitReader(test.reader)
		})
	}
}

// What was delivered after the copy of the database was made is found by whoever reads.
func TestRestoredDatabaseWithAPortalThatPeopleRead(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	f.matrix.say(samUser, "first")
	f.wazo.Post(f.room.UUID, carol, "zero", "")
	await.Until(t, "the first message", func() bool { return len(f.texts(f.bob)) == 1 })
	f.awaitShown("Carol White: zero")
	f.awaitEmpty()
	f.halt()
	restore := f.snapshot()
	f.start()
	f.matrix.say(samUser, "second")
	f.wazo.Post(f.room.UUID, carol, "one", "")
	await.Until(t, "the second message", func() bool { return len(f.texts(f.bob)) == 2 })
	f.awaitShown("Carol White: zero", "Carol White: one")
	f.awaitEmpty()
	f.halt()
	restore()
	f.wazo.RevokeRefreshTokens(f.alice) // and the reader is gone, too
	f.start()
	f.matrix.say(samUser, "third")
	f.wazo.Post(f.room.UUID, carol, "two", "")
	await.Until(t, "the third message", func() bool { return len(f.texts(f.bob)) >= 3 })
	f.awaitShown("Carol White: zero", "Carol White: one", "Carol White: two")
	f.awaitEmpty()
	require.Equal(t, []string{"first", "second", "third"}, f.texts(f.bob))
	f.awaitReader(samUser)
}

func TestWhatSeveralAccountsHearIsShownOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.link()
	await.Until(t, "three connections", func() bool { return f.wazo.Websockets() == 3 })
	var want []string
	for i := range 20 {
		f.wazo.Post(f.room.UUID, f.alice, fmt.Sprint(i), "")
		want = append(want, fmt.Sprintf("Alice Martin: %d", i))
	}
	f.awaitShown(want...)
	f.matrix.say(adminUser, "by the relay account, which the others hear, too")
	f.awaitRelayed("by the relay account, which the others hear, too")
	f.awaitEmpty()
	time.Sleep(2 * f.overhearWait) // what others have heard is looked at then
	f.awaitEmpty()
	require.Equal(t, want, f.matrix.shown())
}

// The access token of a log-in works for hours after the log-in was revoked.
func TestRevokedReaderIsNoticedWhenItHearsSomething(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t, func(f *fixture) { f.memberKept, f.probeInterval = 10*time.Millisecond, time.Hour })
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	f.wazo.Post(f.room.UUID, carol, "one", "")
	f.awaitShown("Carol White: one")
	f.wazo.RevokeRefreshTokens(f.alice)
	time.Sleep(2 * f.memberKept) // for so long no further question is asked
	f.wazo.Post(f.room.UUID, carol, "two", "")
	f.awaitTold(txt.WithoutRelayAccount().LogInEnded("alice"))
	f.awaitReader(samUser)
	f.wazo.Post(f.room.UUID, carol, "three", "")
	f.awaitShown("Carol White: one", "Carol White: two", "Carol White: three")
}
