package relay

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// newNativeFixture is newPluginFixture in which robin has logged in as alice.
func newNativeFixture(t *testing.T, set ...func(*fixture)) *fixture {
	f := newPluginFixture(t, set...)
	f.logIn(robinUser, f.alice)
	f.awaitPlugin(true)
	return f
}

// awaitPlugin waits until the relay knows whether Wazo has the plugin, by all its connections.
func (f *fixture) awaitPlugin(present bool) {
	f.Helper()
	for _, acc := range append(f.core.accounts.all(), f.core.account) {
		await.Until(f, "a look for the plugin", func() bool { return acc.stream().plugin.Load() == present })
	}
}

// contentOf returns the text of a message on Wazo.
func (f *fixture) contentOf(uuid string) string {
	for _, m := range f.wazo.Messages(f.room.UUID) {
		if m.UUID == uuid {
			return m.Content
		}
	}
	return "unknown"
}

// marked returns the replies on Wazo, as "reply → what it replies to".
func (f *fixture) marked() (replies []string) {
	for _, y := range f.wazo.Replies(f.room.UUID) {
		replies = append(replies, f.contentOf(y.ChildUUID)+" → "+f.contentOf(y.ParentUUID))
	}
	return replies
}

// owes returns how much is still to be made on Wazo in the room.
func (f *fixture) owes() int {
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	marks, err := f.db.ReplyMark.Owed(f.ctx, portal.ID)
	require.NoError(f, err)
	reactions, err := f.db.Native.Owed(f.ctx, portal.ID)
	require.NoError(f, err)
	return len(marks) + len(reactions)
}

// awaitMarked waits until exactly these are replies on Wazo, and nothing is still to be made.
func (f *fixture) awaitMarked(want ...string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("the replies %q", want), func() bool { return len(f.marked()) >= len(want) && f.owes() == 0 }, func() string { return fmt.Sprintf("%q", f.marked()) })
	f.awaitEmpty()
	require.ElementsMatch(f, want, f.marked())
}

func TestRepliesAreMarkedByThePlugin(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.wazo.Post(f.room.UUID, f.bob, "from *Wazo*", "")
	f.awaitShown("Bob Stone: from *Wazo*")
	theirs := f.shownEvent("from")
	first := f.reply(bea, theirs, "to Bob")
	f.reply(robinUser, hello, "as myself")
	f.inThread(bea, hello, hello, "in a thread")
	f.awaitOnWazo("in a thread\n\n> 🧵")
	f.inThread(bea, hello, first, "further")
	f.reply(adminUser, "$nowhere", "to nothing")
	f.awaitOnWazo("to nothing")
	f.awaitMarked("to Bob → from *Wazo*", "as myself → hello", "in a thread\n\n> 🧵 → hello", "further → to Bob")
	f.awaitPosted("relay/Ada (Matrix): hello", "bob/: from *Wazo*", "relay/bea (Matrix): to Bob", "alice/: as myself",
		"relay/bea (Matrix): in a thread\n\n> 🧵", "relay/bea (Matrix): further", "relay/Ada (Matrix): to nothing")
}

func TestCorrectionsAreMarkedAsReplies(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	at := f.matrix.say(adminUser, "the meeting of the merry men begins at 14:03 in the forest")
	f.awaitRelayed("the meeting of the merry men begins at 14:03 in the forest")
	f.edit(adminUser, at, "the meeting of the merry men begins at 14:30 in the forest")
	f.awaitMarked("✏️ 14:30 instead of 14:03 → the meeting of the merry men begins at 14:03 in the forest")
}

func TestReplyToMergedMessagesIsMarkedAsOneToTheLast(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t, func(f *fixture) { f.replyWait = time.Nanosecond })
	_, release := f.backlog([]line{{f.bob, "one"}, {f.bob, "two"}}, nil)
	release()
	await.Until(t, "the merged event", func() bool { return len(f.matrix.shown()) == 2 })
	f.reply(adminUser, f.shownEvent("two"), "yes")
	f.awaitMarked("yes → two")
}

func TestReplyToAPartOfALongMessage(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	long := strings.Repeat("word ", 8000) + "\n\nthe last words"
	f.wazo.Post(f.room.UUID, f.bob, long, "")
	await.Until(t, "the parts", func() bool { return len(f.matrix.shown()) == 3 })
	f.awaitEmpty()
	f.reply(adminUser, f.shownEvent("the last words"), "yes")
	f.react(robinUser, f.shownEvent("the last words"), "👍")
	f.awaitMarked("yes → " + long)
	f.awaitReactions("alice: 👍 to " + long)
}

func TestReplyIsQuotedIfItsMessageIsNotOnWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.SetPlugin(true)
	f.start()
	before := f.matrix.say(bea, "said before the link")
	f.link()
	f.awaitPlugin(true)
	f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(1))
	parked := f.matrix.say(adminUser, "parked")
	gone := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.matrix.redact(adminUser, gone, true)
	f.reply(adminUser, before, "one")
	f.reply(adminUser, parked, "two")
	f.reply(adminUser, gone, "three")
	f.awaitRelayed("hello", f.removed("hello", ""), "one\n\n> ↩️ bea", "two\n\n> Ada: parked", "three\n\n> ↩️ Ada")
	f.awaitMarked()
}

func TestRepliesAreQuotedWithoutThePlugin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pluginInterval = 50 * time.Millisecond
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.reply(adminUser, hello, "one")
	f.awaitRelayed("hello", "one\n\n> Ada: hello")
	f.wazo.SetPlugin(true)
	f.awaitPlugin(true)
	f.reply(adminUser, hello, "two")
	f.awaitMarked("two → hello")
	f.wazo.SetPlugin(false)
	f.awaitPlugin(false)
	f.reply(adminUser, hello, "three")
	f.awaitRelayed("hello", "one\n\n> Ada: hello", "two", "three\n\n> Ada: hello")
	require.Zero(t, f.owes())
}

// What is owed is done when the plugin is back, also after a restart meanwhile. New replies are quoted.
func TestPluginThatGoesAwayBetweenAMessageAndItsMark(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart: %t", restart), func(t *testing.T) {
			t.Parallel()
			f := newNativeFixture(t, func(f *fixture) { f.pluginInterval = 50 * time.Millisecond })
			hello := f.matrix.say(adminUser, "hello")
			f.awaitRelayed("hello")
			f.awaitEmpty() // so that the fault is for the next message
			fault := f.wazo.Faults().LateAnswer(200*time.Millisecond, wazotest.Times(1))
			f.reply(adminUser, hello, "yes")
			await.Until(t, "the post", func() bool { return fault.Fired() == 1 })
			f.wazo.SetPlugin(false)
			f.awaitRelayed("hello", "yes")
			f.awaitPlugin(false)
			f.awaitEmpty()
			f.reply(adminUser, hello, "no")
			f.awaitRelayed("hello", "yes", "no\n\n> Ada: hello")
			require.Equal(t, 1, f.owes())
			if restart {
				f.halt()
				f.start()
			}
			f.wazo.SetPlugin(true)
			f.awaitMarked("yes → hello")
		})
	}
}

// Between two looks for the plugin, the first request that misses it says that it is away.
func TestPluginThatIsMissedBeforeItIsLookedForAgain(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	tables := f.wazo.Faults().NoPluginTables()
	f.reply(adminUser, hello, "yes")
	await.Until(t, "the missing tables", func() bool { return !f.core.account.hasPlugin() })
	require.True(t, f.core.account.stream().plugin.Load())
	f.reply(adminUser, hello, "no")
	f.awaitRelayed("hello", "yes", "no\n\n> Ada: hello")
	tables.Off()
	f.awaitMarked("yes → hello")
	await.Until(t, "the plugin", f.core.account.hasPlugin)
}

func TestMarksFareWithErrors(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*wazotest.Faults) *wazotest.Fault{
		"marked and answered 500":    func(f *wazotest.Faults) *wazotest.Fault { return f.RelationPublishFails(wazotest.Times(1)) },
		"marked and the answer lost": func(f *wazotest.Faults) *wazotest.Fault { return f.CutRelation(wazotest.Times(1)) },
		"refused at the same moment": func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Times(3))
		},
		"chatd is being started": func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefuseRelation(wazotest.HTMLError(http.StatusBadGateway), wazotest.Times(2))
		},
		"the answer to the message is lost": func(f *wazotest.Faults) *wazotest.Fault { return f.CutPost(wazotest.Times(1)) },
		"the message is answered 500":       func(f *wazotest.Faults) *wazotest.Fault { return f.PublishFails(wazotest.Times(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newNativeFixture(t)
			hello := f.matrix.say(adminUser, "hello")
			f.awaitRelayed("hello")
			f.awaitEmpty() // so that the fault is for the next message
			fault := fail(f.wazo.Faults())
			f.reply(adminUser, hello, "yes")
			f.awaitMarked("yes → hello")
			f.awaitRelayed("hello", "yes")
			require.NotZero(t, fault.Fired())
		})
	}
}

// A relay that is killed between a message and its mark makes the mark when it is started again.
func TestRelayThatIsKilledBeforeItMarksAReply(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*wazotest.Faults) *wazotest.Fault{
		"the message is recorded": func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always())
		},
		"the message is not recorded": func(f *wazotest.Faults) *wazotest.Fault { return f.LateAnswer(time.Second, wazotest.Times(1)) },
		"the reply is marked":         func(f *wazotest.Faults) *wazotest.Fault { return f.LateRelation(time.Second, wazotest.Times(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newNativeFixture(t)
			hello := f.matrix.say(adminUser, "hello")
			f.awaitRelayed("hello")
			f.awaitEmpty() // so that the fault is for the next message
			fault := fail(f.wazo.Faults())
			f.reply(adminUser, hello, "yes")
			await.Until(t, "the fault", func() bool { return fault.Fired() > 0 })
			f.kill()
			fault.Off()
			f.start()
			f.awaitMarked("yes → hello")
			f.awaitRelayed("hello", "yes")
		})
	}
}

func TestMarksThatCannotBeMadeAreGivenUp(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	f.matrix.say(adminUser, "hello")
	f.matrix.say(adminUser, "other")
	f.matrix.say(adminUser, "answer")
	f.awaitRelayed("hello", "other", "answer")
	uuids := make(map[string]string)
	for _, m := range f.wazo.Messages(f.room.UUID) {
		uuids[m.Content] = m.UUID
	}
	f.wazo.MarkReply(f.room.UUID, uuids["answer"], uuids["other"], f.bob)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	owe := func(child, parent string, account int64, age time.Duration) {
		t.Helper()
		require.NoError(t, f.db.ReplyMark.Owe(f.ctx, &db.ReplyMark{
			PortalID: portal.ID, WazoUUID: child, Parent: parent, Account: account, Since: jsontime.UM(time.Now().Add(-age)),
		}))
	}
	relay := f.core.account.row.ID
	owe(uuids["answer"], uuids["hello"], relay, 0)
	owe("00000000-0000-4000-8000-000000000001", uuids["hello"], relay, 0)
	owe("not a uuid", uuids["hello"], relay, 0)
	f.core.tasks.Wake(portalJob(jobNative, portal.ID))
	await.Until(t, "the end of all attempts", func() bool { return f.owes() == 0 })
	require.Equal(t, []string{"answer → other"}, f.marked())
}

// A reply whose author has logged out, or has left the chat, is marked by the account that reads it.
func TestReaderMarksForThoseWhoCannot(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	fault := f.wazo.Faults().RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always())
	f.reply(robinUser, hello, "yes")
	await.Until(t, "the fault", func() bool { return fault.Fired() > 0 })
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	fault.Off()
	f.awaitMarked("yes → hello")
}

func TestWhatIsStillToBeMadeIsTriedForAWeek(t *testing.T) {
	t.Parallel()
	n := &natives{kept: nativeKept, unknown: make(map[string]int)}
	at := func(age time.Duration) pluginRequest {
		return pluginRequest{name: "reply", since: jsontime.UM(time.Now().Add(-age))}
	}
	const day = 24 * time.Hour
	oldest := n.oldestKept([]pluginRequest{at(6 * day), at(0)})
	require.WithinDuration(t, time.Now().Add(-7*day), oldest, time.Minute)
	require.WithinDuration(t, time.Now().Add(-6*day), n.oldestKept([]pluginRequest{at(8 * day), at(0)}), time.Minute, "those of a day are given up together")
	for _, test := range []struct {
		name string
		err  error
		age  time.Duration
		want fate
	}{
		{"done", nil, 8 * 24 * time.Hour, fateDone},
		{"no plugin", wazoapi.ErrNoPlugin, 6 * 24 * time.Hour, fateWaits},
		{"no plugin for a week", wazoapi.ErrNoPlugin, 8 * 24 * time.Hour, fateDropped},
		{"logged out", errNoAccount, 0, fateWaits},
		{"not a member", &wazoapi.Error{Status: 404, ID: "room-not-found"}, 0, fateWaits},
		{"no permission", &wazoapi.Error{Status: 401, Reason: wazoapi.ReasonMissingPermission}, 0, fateWaits},
		{"chatd fails", &wazoapi.Error{Status: 502}, 0, fateFailed},
		{"chatd fails for a week", &wazoapi.Error{Status: 502}, 8 * 24 * time.Hour, fateDropped},
		{"the connection is lost", &wazoapi.TransportError{Sent: true}, 0, fateFailed},
		{"a reply to another message", wazoapi.ErrOtherReply, 0, fateDropped},
		{"no emoji", wazoapi.ErrInvalidEmoji, 0, fateDropped},
		{"refused", &wazoapi.Error{Status: 400, ID: "invalid-data"}, 0, fateDropped},
	} {
		require.Equal(t, test.want, n.fateOf(at(test.age), test.err, oldest), test.name)
	}
	for i := range 2 * unknownTries {
		want := fateFailed
		if i%unknownTries == unknownTries-1 {
			want = fateDropped
		}
		require.Equal(t, want, n.fateOf(at(0), wazoapi.ErrUnknownMessage, oldest), i)
	}
}

// What is found again is marked again, which changes nothing. It is found also if Wazo has got the plugin since, or has
// lost it.
func TestRepliesAndReactionsAfterARestore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ before, after bool }{{true, true}, {true, false}, {false, true}} {
		t.Run(fmt.Sprintf("plugin before: %t, after: %t", test.before, test.after), func(t *testing.T) {
			t.Parallel()
			f := newNativeFixture(t)
			f.matrix.call(bea, "Bea", false)
			hello := f.matrix.say(adminUser, "hello")
			f.awaitRelayed("hello")
			f.halt()
			restore := f.snapshot()
			f.wazo.SetPlugin(test.before)
			f.start()
			f.awaitPlugin(test.before)
			f.reply(adminUser, hello, "yes")
			f.reply(robinUser, hello, "me, too")
			first := f.inThread(adminUser, hello, hello, "in a thread")
			f.inThread(adminUser, hello, first, "further")
			f.react(bea, hello, "👍")
			end := f.matrix.say(bea, "bye")
			f.awaitOnWazo("bye")
			f.awaitGone(end)
			posted := f.posted()
			f.halt()
			restore()
			f.wazo.SetPlugin(test.after)
			f.start()
			f.awaitSettled()
			require.Equal(t, append(posted, "bob/: end"), f.posted())
			if test.before && test.after {
				await.Until(t, "what is owed", func() bool { return f.owes() == 0 })
				require.Len(t, f.marked(), 5)
			}
		})
	}
}

// How often Wazo did not know a message is counted for each of the reactions to it.
func TestDebtsOfOneMessageAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t) // without the plugin: they wait
	f.start()
	f.link()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	for _, emoji := range []string{"👍", "🎉"} {
		require.NoError(t, f.db.Native.Want(f.ctx, &db.NativeReaction{PortalID: portal.ID, WazoUUID: "u", Account: portal.ReaderID, Emoji: emoji, Spelling: emoji, Since: jsontime.UM(time.Now())}))
	}
	requests, err := f.core.natives.pendingRequests(f.ctx, portal)
	require.NoError(t, err)
	require.Len(t, requests, 2)
	require.NotEqual(t, requests[0].name, requests[1].name)
}

// Another user cannot remove a reaction.
func TestReactionIsAskedForByTheUserWhoHasMadeIt(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	asked := 0
	owed := pluginRequest{account: f.core.account.row.ID, user: "somebody else", ask: func(context.Context, *account) error {
		asked++
		return nil
	}}
	require.ErrorIs(t, f.core.natives.ask(f.ctx, portal, owed), errNoAccount)
	require.Zero(t, asked)
	owed.user = f.core.account.uuid()
	require.NoError(t, f.core.natives.ask(f.ctx, portal, owed))
	require.Equal(t, 1, asked)
}

// A request may break the connection each time. The others are made, unless the connection seems to be lost altogether.
func TestLostConnectionKeepsOneDebtBack(t *testing.T) {
	t.Parallel()
	f := newNativeFixture(t)
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	var asked []string
	owe := func(name string, err error) pluginRequest {
		return pluginRequest{
			name: name, since: jsontime.UM(time.Now()), account: f.core.account.row.ID,
			ask: func(context.Context, *account) error {
				asked = append(asked, name)
				return err
			},
			done: func(context.Context) error { return nil },
		}
	}
	lost := &wazoapi.TransportError{Err: errLost}
	requests := []pluginRequest{owe("lost", lost), owe("done", nil), owe("lost, too", lost), owe("not asked", nil)}
	require.ErrorIs(t, f.core.natives.settleAll(f.ctx, portal, requests), errLost)
	require.Equal(t, []string{"lost", "done", "lost, too"}, asked)
}

func TestPausesBetweenLooksForThePluginGrow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	n := f.core.natives
	pause := func() time.Duration {
		delete(n.next, 1)
		n.lookAgain(1)
		return time.Until(n.next[1]).Round(100 * time.Millisecond)
	}
	require.Equal(t, []time.Duration{f.probeInterval, 2 * f.probeInterval, 4 * f.probeInterval}, []time.Duration{pause(), pause(), pause()})
	n.waits[1] = 100
	require.Equal(t, nativeLongest, pause())
	n.startOver(1)
	require.Equal(t, f.probeInterval, pause())
}
