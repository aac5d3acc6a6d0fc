package relay

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
)

// A log-out that is newer than the copy of the database is carried out once more, before what was said is compared.
func TestLogOutAfterTheCopyThatIsRestored(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.say(robinUser, "before")
	f.awaitPosted("alice/: before")
	f.halt()
	restore := f.snapshot()
	f.start()
	f.matrix.say(robinUser, "one")
	f.matrix.say(adminUser, "two")
	f.matrix.say(robinUser, "ok")
	await.Until(t, "the messages", func() bool { return len(f.posted()) == 4 })
	f.awaitEmpty()
	posted := f.posted()
	_, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	f.halt()
	restore()
	f.matrix.setPaused(true)
	f.wazo.Post(f.room.UUID, f.alice, "typed", "")
	f.start()
	_, err = f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	f.matrix.setPaused(false)
	f.matrix.say(robinUser, "after")
	await.Until(t, "the last message", func() bool { return slices.Contains(f.posted(), "relay/robin (Matrix): after") })
	f.awaitSettled("Alice Martin: typed")
	require.Equal(t, append(posted, "alice/: typed", "relay/robin (Matrix): after", "bob/: end"), f.posted())
}

// failLogins has the homeserver fail to keep who has logged in; nil: it does not fail.
func (f *fixture) failLogins(err error) {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	f.matrix.loginsError = err
}

// The copy of the database is from a time at which the person was not logged in.
func TestLogInAfterTheCopyThatIsRestored(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		before func(f *fixture)
	}{
		{"again", func(f *fixture) {
			f.logIn(robinUser, f.alice)
			_, err := f.core.LogOut(f.ctx, robinUser)
			require.NoError(f, err)
		}},
		{"for the first time", func(*fixture) {}},
		{"for the first time, after an administrator has said who the person is", func(f *fixture) {
			require.NoError(f, f.core.identities.put(f.ctx, &db.Identity{MatrixUser: robinUser, WazoUUID: f.alice.UUID, MappedBy: adminUser}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			test.before(f)
			f.link()
			f.halt()
			restore := f.snapshot()
			f.start()
			f.logIn(robinUser, f.alice)
			f.matrix.say(robinUser, "one")
			f.matrix.say(adminUser, "two")
			f.matrix.say(robinUser, "three")
			await.Until(t, "the messages", func() bool { return len(f.posted()) == 3 })
			f.awaitEmpty()
			posted := f.posted()
			f.halt()
			restore()
			f.wazo.Post(f.room.UUID, f.alice, "typed", "")
			f.failLogins(&MatrixError{Status: http.StatusBadGateway, Err: errors.New("bad gateway")})
			f.start()
			f.matrix.say(robinUser, "after")
			await.Until(t, "what was said", func() bool {
				var waiting int
				err := f.db.QueryRow(f.ctx, "SELECT COUNT(*) FROM queue").Scan(&waiting)
				return err == nil && waiting == 7
			})
			f.failLogins(nil)
			await.Until(t, "the last message", func() bool { return slices.Contains(f.posted(), "relay/robin (Matrix): after") })
			f.awaitEmpty()
			require.Len(t, f.matrix.shown(), 1)
			require.Contains(t, f.matrix.shown()[0], "typed")
			require.Equal(t, append(posted, "alice/: typed", "relay/robin (Matrix): after"), f.posted())
		})
	}
}

// What somebody said has arrived, although their account cannot be used any more and there is no other one that could
// post it.
func TestLogInThatEndedAfterTheCopyThatIsRestored(t *testing.T) {
	t.Parallel()
	f, _ := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(robinUser)
	f.halt()
	restore := f.snapshot()
	f.start()
	f.matrix.say(samUser, "one")
	await.Until(t, "the message", func() bool { return len(f.texts(f.bob)) == 1 })
	f.awaitEmpty()
	f.halt()
	restore()
	f.wazo.RevokeRefreshTokens(f.bob)
	f.matrix.setPaused(true)
	f.start()
	await.Until(t, "the refusal", func() bool { return f.core.accounts.login(samUser).refused.Load() })
	f.matrix.setPaused(false)
	f.matrix.say(robinUser, "end")
	await.Until(t, "the end", func() bool { return len(f.texts(f.alice)) == 1 })
	f.awaitEmpty()
	require.Equal(t, []string{"one"}, f.texts(f.bob))
	require.Empty(t, f.matrix.shown())
	require.Empty(t, f.matrix.allNotices(), "nothing was refused")
}

// A homeserver that refuses for good to keep who has logged in keeps no message back.
func TestHomeserverThatDoesNotKeepWhoHasLoggedIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.failLogins(&MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("forbidden")})
	f.start()
	f.link()
	f.matrix.say(adminUser, "one")
	f.awaitRelayed("one")
	f.wazo.Post(f.room.UUID, f.bob, "two", "")
	f.awaitShown("Bob Stone: two")
}

// The copy of the database is older than a room that the bot has made for a conversation.
func TestRoomThatWasMadeAfterTheCopyThatIsRestored(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		isPrivate bool
		isOut     bool // the person was not logged in when the copy was made
	}{
		{"with the relay account", false, false},
		{"private", true, false},
		{"before the person logged in again", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newLoginFixture(t)
			if test.isPrivate {
				f.room = f.wazo.CreateRoom("Private", f.alice, f.bob)
			}
			f.wazo.Post(f.room.UUID, f.bob, "earlier", "")
			f.start()
			f.mustLogIn(robinUser, f.alice)
			if test.isOut {
				_, err := f.core.LogOut(t.Context(), robinUser)
				require.NoError(t, err)
			}
			f.halt()
			restore := f.snapshot()
			f.start()
			if test.isOut {
				f.mustLogIn(robinUser, f.alice)
			}
			f.wazo.Post(f.room.UUID, f.bob, "hello", "")
			f.awaitMade(1)
			room := madeRoom(0)
			f.join(room, robinUser)
			f.sayIn(room, robinUser, "one")
			await.Until(t, "one", func() bool { return slices.Contains(f.onWazo(), "one") })
			f.wazo.Post(f.room.UUID, f.alice, "typed", "")
			f.sayIn(room, robinUser, "two")
			await.Until(t, "two", func() bool { return slices.Contains(f.onWazo(), "two") })
			await.Until(t, "typed", func() bool {
				return slices.ContainsFunc(f.matrix.textsIn(room), func(s string) bool { return strings.Contains(s, "typed") })
			})
			f.awaitEmpty()
			shown, posted := f.matrix.textsIn(room), f.onWazo()
			f.halt()
			restore()
			f.start()
			f.awaitMember(room, robinUser, db.MemberJoined)
			f.wazo.Post(f.room.UUID, f.bob, "end", "")
			await.Until(t, "the end", func() bool { return slices.Contains(f.matrix.textsIn(room), "Bob Stone: end") })
			f.sayIn(room, robinUser, "three")
			await.Until(t, "three", func() bool { return slices.Contains(f.onWazo(), "three") })
			f.awaitEmpty()
			require.Equal(t, append(shown, "Bob Stone: end"), f.matrix.textsIn(room))
			require.Equal(t, append(posted, "end", "three"), f.onWazo())
			require.Len(t, f.matrix.plans(), 1)
		})
	}
}

// After a restore somebody writes on Wazo before the homeserver has brought the room that was made for the
// conversation.
func TestRoomThatSyncBringsTooLateAfterARestore(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.halt()
	restore := f.snapshot()
	f.start()
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitShownIn(madeRoom(0), "hello")
	f.awaitEmpty()
	f.halt()
	restore()
	f.matrix.setPaused(true)
	f.start()
	f.wazo.Post(f.room.UUID, f.bob, "end", "")
	await.Until(t, "the wish for a room", func() bool {
		opening, err := f.db.Opening.Get(f.ctx, f.room.UUID)
		return err == nil && opening != nil || len(f.matrix.plans()) > 1
	})
	f.matrix.setPaused(false)
	f.awaitShownIn(madeRoom(0), "end")
	f.awaitEmpty()
	require.Len(t, f.matrix.plans(), 1)
}

// What an answer quotes is written otherwise after the copy is restored: it does not know that robin has logged in as
// Alice Martin.
func TestQuotesThatAreWrittenOtherwiseAfterTheCopyIsRestored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.halt()
	restore := f.snapshot()
	f.start()
	f.logIn(robinUser, f.alice)
	one := f.matrix.say(robinUser, "one")
	f.reply(adminUser, one, "yes")
	f.reply(robinUser, one, "no")
	await.Until(t, "the messages", func() bool { return len(f.posted()) == 3 })
	f.awaitEmpty()
	posted := f.posted()
	require.Contains(t, posted[1], "> Alice Martin: one")
	f.halt()
	restore()
	f.start()
	f.reply(adminUser, one, "after")
	await.Until(t, "the last message", func() bool { return len(f.posted()) > 3 })
	f.awaitSettled()
	require.Equal(t, append(posted, "relay/Ada (Matrix): after\n\n> robin: one", "bob/: end"), f.posted())
}
