package relay

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// newOwnFixture returns a fixture with a link, in which robin has logged in as alice.
func newOwnFixture(t *testing.T, set ...func(*fixture)) *fixture {
	f := newFixture(t)
	f.patience = time.Minute
	for _, change := range set {
		change(f)
	}
	f.start()
	f.logIn(robinUser, f.alice)
	f.link()
	return f
}

// posted returns what was posted in the room since the introduction, as "author/alias: text".
func (f *fixture) posted() []string {
	names := map[string]string{f.relay.UUID: "relay", f.alice.UUID: "alice", f.bob.UUID: "bob"}
	posted := []string{}
	for _, m := range f.wazo.Messages(f.room.UUID) {
		alias := ""
		if m.Alias != nil {
			alias = *m.Alias
		}
		posted = append(posted, fmt.Sprintf("%s/%s: %s", names[m.UserUUID], alias, m.Content))
	}
	return posted[1:]
}

// awaitPosted waits until exactly this was posted in the room, and nothing waits any more.
func (f *fixture) awaitPosted(want ...string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q on Wazo", want), func() bool { return len(f.posted()) >= len(want) })
	f.awaitEmpty()
	require.Equal(f, want, f.posted())
}

// awaitTold waits until people were told exactly this in person.
func (f *fixture) awaitTold(want ...string) {
	f.Helper()
	await.Until(f, "what is told in person", func() bool { return len(f.matrix.allDirect()) >= len(want) })
	require.Equal(f, want, f.matrix.allDirect())
}

func TestPersonWhoHasLoggedInPostsAsThemselves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.contentFormat = "{{.Name}} says: {{.Content}}"
	f.start()
	f.logIn(robinUser, f.alice)
	f.link()
	f.matrix.say(robinUser, "one")
	f.matrix.say(adminUser, "two")
	f.matrix.say(robinUser, "three")
	f.awaitPosted("alice/: one", "relay/Ada (Matrix): Ada says: two", "alice/: three")
	f.wazo.Post(f.room.UUID, f.bob, "end", "")
	f.awaitShown("Bob Stone: end")
	require.Empty(t, f.matrix.allDirect())
	message, err := f.db.Message.QueryOne(t.Context(), "SELECT portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at FROM message WHERE author = $1 LIMIT 1", robinUser)
	require.NoError(t, err)
	require.NotNil(t, message)
}

func TestPersonWhoIsNoMemberPostsThroughTheRelayAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.memberKept = 10 * time.Millisecond
	f.start()
	f.logIn(robinUser, f.alice)
	f.link()
	f.matrix.call(robinUser, "Robin", false)
	f.matrix.say(robinUser, "in")
	f.awaitPosted("alice/: in")
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	time.Sleep(2 * f.memberKept) // for so long the list of rooms is believed
	f.matrix.say(robinUser, "out")
	f.matrix.say(robinUser, "still out")
	f.awaitPosted("alice/: in", "relay/Robin (Matrix): out", "relay/Robin (Matrix): still out")
	told := txt.PostedInstead(roomID.String(), "Project", words.InsteadNoMember)
	f.awaitTold(told) // once
	f.wazo.AddMember(f.room.UUID, f.alice)
	time.Sleep(2 * f.memberKept)
	f.matrix.say(robinUser, "in again")
	await.Until(t, "the message", func() bool { return slices.Contains(f.posted(), "alice/: in again") })
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	time.Sleep(2 * f.memberKept)
	f.matrix.say(robinUser, "out again")
	f.awaitPosted("alice/: in", "relay/Robin (Matrix): out", "relay/Robin (Matrix): still out", "alice/: in again", "relay/Robin (Matrix): out again")
	f.awaitTold(told, told)
}

// chatd lets everybody of the tenant post anywhere.
func TestRelayAccountThatReadsPostsOnlyWhereItIsAMember(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.memberKept, f.probeInterval = 10*time.Millisecond, time.Hour
	f.start()
	f.link()
	f.matrix.say(adminUser, "in")
	f.awaitRelayed("in")
	f.wazo.Faults().DropEvents(wazotest.Always())
	f.wazo.RemoveMember(f.room.UUID, f.relay)
	time.Sleep(2 * f.memberKept) // for so long the list of rooms is believed
	f.matrix.say(adminUser, "out")
	f.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyNoRoomOnWazo)))
	require.Equal(t, []string{"in"}, f.relayed())
	f.wazo.AddMember(f.room.UUID, f.relay)
	time.Sleep(2 * f.memberKept)
	f.core.pauses.retryAll(f.ctx)
	f.awaitRelayed("in", "out")
}

func TestMembershipIsAskedForOnceInAWhile(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.say(robinUser, "first")
	f.awaitPosted("alice/: first")
	const rooms = "GET /api/chatd/1.0/users/me/rooms"
	before := f.wazo.RequestsBy(f.alice)
	require.NotZero(t, before[rooms])
	for i := range 5 {
		f.matrix.say(robinUser, fmt.Sprint(i))
	}
	await.Until(t, "the messages", func() bool { return len(f.posted()) == 6 })
	f.awaitEmpty()
	require.Equal(t, before[rooms], f.wazo.RequestsBy(f.alice)[rooms])
}

// What keeps one person from posting is no reason not to relay for the others.
func TestOwnAccountThatFailsForAReasonOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fail func(*fixture)
		told string
	}{
		{"the refresh token is revoked", func(f *fixture) {
			f.wazo.RevokeRefreshTokens(f.alice)
			f.wazo.RevokeTokens(f.alice)
		}, txt.LogInEnded("alice")},
		{"the account is disabled", func(f *fixture) {
			f.wazo.SetEnabled(f.alice, false)
			f.wazo.RevokeTokens(f.alice)
		}, txt.LogInEnded("alice")},
		{"the room is gone for it", func(f *fixture) {
			f.wazo.Faults().RefusePost(chatdError(http.StatusNotFound, "unknown-room", ""), wazotest.Times(1).By(f.alice))
		}, txt.PostedInstead(roomID.String(), "Project", words.InsteadNoMember)},
		{"it may not post", func(f *fixture) {
			f.wazo.Faults().RefusePost(chatdError(http.StatusUnauthorized, "unauthorized", wazoapi.ReasonMissingPermission), wazotest.Times(1).By(f.alice))
		}, txt.PostedInstead(roomID.String(), "Project", words.InsteadNoPermission)},
		{"its messages are refused", func(f *fixture) {
			f.wazo.Faults().RefusePost(chatdError(http.StatusConflict, "conflict", ""), wazotest.Times(1).By(f.alice))
		}, txt.PostedInstead(roomID.String(), "Project", words.InsteadConflict)},
		{"it has too many sessions", func(f *fixture) {
			f.wazo.Faults().TokenLimit(wazotest.Always().By(f.alice))
			f.wazo.RevokeTokens(f.alice)
		}, txt.PostedInstead(roomID.String(), "Project", words.InsteadTooManyLogins)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			f.matrix.call(robinUser, "Robin", false)
			f.matrix.say(robinUser, "before")
			f.awaitPosted("alice/: before")
			test.fail(f)
			f.matrix.say(robinUser, "one")
			f.matrix.say(robinUser, "two")
			f.matrix.say(adminUser, "three")
			f.awaitPosted("alice/: before", "relay/Robin (Matrix): one", "relay/Robin (Matrix): two", "relay/Ada (Matrix): three")
			f.awaitTold(test.told)
			require.Empty(t, f.matrix.allNotices(), "nothing is paused")
			require.Zero(t, f.core.health.of(serviceLogin).since)
			require.Zero(t, f.core.health.of(serviceToWazo).since)
		})
	}
}

// chatdError is an answer of chatd.
func chatdError(status int, id, reason string) wazotest.Answer {
	body := fmt.Sprintf(`{"message":"refused","error_id":%q,"details":{"reason":%q},"timestamp":1}`, id, reason)
	return wazotest.Answer{Status: status, ContentType: "application/json", Body: body}
}

func TestLogInThatWasRevokedIsNoticedWhenItIsUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.memberKept = 10 * time.Millisecond
	f.start()
	f.logIn(robinUser, f.alice)
	f.link()
	f.matrix.say(robinUser, "before")
	f.awaitPosted("alice/: before")
	f.wazo.RevokeRefreshTokens(f.alice) // the access token goes on working
	time.Sleep(2 * f.memberKept)
	f.matrix.say(robinUser, "after")
	f.awaitTold(txt.LogInEnded("alice"))
	require.Nil(t, f.core.accounts.of(robinUser))
}

// One person whose account fails does not hold up a room.
func TestAccountOfOnePersonThatFailsWhileWazoWorksForOthers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fail func(*fixture)
		why  words.Instead
	}{
		{"the log-in", func(f *fixture) {
			f.wazo.Faults().RefuseToken(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
			f.wazo.RevokeTokens(f.alice)
		}, words.InsteadLogInFails},
		{"the list of rooms", func(f *fixture) {
			f.wazo.Faults().RefuseRooms(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
		}, words.InsteadAccountFails},
		{"the list of rooms, by a proxy", func(f *fixture) {
			f.wazo.Faults().RefuseRooms(wazotest.HTMLError(http.StatusGatewayTimeout), wazotest.Always().By(f.alice))
		}, words.InsteadAccountFails},
		{"the post", func(f *fixture) {
			f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
		}, words.InsteadAccountFails},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.healthInterval = 50 * time.Millisecond
			f.start()
			f.logIn(robinUser, f.alice)
			f.link()
			f.awaitHealth("all to be well", func(h Health) bool { return h.Wazo.OK })
			test.fail(f)
			f.matrix.say(robinUser, "one")
			f.matrix.say(adminUser, "two")
			await.Until(t, "the messages", func() bool {
				require.False(t, f.core.health.anyFails(wazoServices...))
				return len(f.posted()) == 2
			})
			f.awaitPosted("relay/robin (Matrix): one", "relay/Ada (Matrix): two")
			f.awaitTold(txt.PostedInstead(roomID.String(), "Project", test.why))
			require.Empty(t, f.matrix.allNotices(), "it is no outage")
			f.wazo.Post(f.room.UUID, f.alice, "one", "")
			f.awaitSettled("Alice Martin: one")
		})
	}
}

// Only the first message waits for an account that fails alone, however much later the next ones come. When it works
// again, it is used.
func TestAccountThatFailsDelaysOneMessage(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*fixture) *wazotest.Fault{
		"the log-in": func(f *fixture) *wazotest.Fault {
			f.wazo.RevokeTokens(f.alice)
			return f.wazo.Faults().RefuseToken(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
		},
		"the list of rooms": func(f *fixture) *wazotest.Fault {
			return f.wazo.Faults().RefuseRooms(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
		},
		"the post": func(f *fixture) *wazotest.Fault {
			return f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.healthInterval, f.memberKept = 50*time.Millisecond, 10*time.Millisecond
			f.start()
			f.logIn(robinUser, f.alice)
			f.link()
			fault := fail(f)
			f.matrix.say(robinUser, "0")
			f.awaitPosted("relay/robin (Matrix): 0")
			f.core.posters.patience = time.Hour
			want := []string{"relay/robin (Matrix): 0"}
			for i := 1; i < 4; i++ {
				time.Sleep(10 << i * time.Millisecond) // the account is tried again
				f.matrix.say(robinUser, fmt.Sprint(i))
				want = append(want, fmt.Sprintf("relay/robin (Matrix): %d", i))
				f.awaitPosted(want...)
			}
			fault.Off()
			await.Until(t, "a message of the account", func() bool {
				time.Sleep(50 * time.Millisecond)
				f.matrix.say(robinUser, "again")
				f.awaitEmpty()
				return slices.Contains(f.posted(), "alice/: again")
			})
			require.False(t, f.core.posters.hasFailed(accountRoom{account: f.core.accounts.of(robinUser)}))
		})
	}
}

// What was stored although the answer was an error is not posted once more by the relay account.
func TestOwnPostThatIsStoredIsNotPostedInstead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.healthInterval = 50 * time.Millisecond
	f.start()
	f.logIn(robinUser, f.alice)
	f.link()
	f.core.posters.patience = -time.Hour // nothing is waited for
	f.wazo.Faults().PublishFails(wazotest.Times(1).By(f.alice))
	f.matrix.say(robinUser, "one")
	f.awaitPosted("alice/: one")
	f.awaitSettled()
	require.Empty(t, f.matrix.allDirect())
}

func TestPersonWhoHasLoggedOutPostsThroughTheRelayAccount(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.say(robinUser, "in")
	f.awaitPosted("alice/: in")
	f.core.accounts.remove(t.Context(), f.core.accounts.of(robinUser).row.ID)
	f.matrix.say(robinUser, "out")
	f.awaitPosted("alice/: in", "relay/robin (Matrix): out")
	require.Empty(t, f.matrix.allDirect())
}

func TestMessageThatIsTooLargeIsParkedAlsoIfItIsPostedAsOneself(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusBadRequest), wazotest.Times(1).By(f.alice))
	sent := f.matrix.say(robinUser, "refused")
	f.matrix.say(robinUser, "next")
	f.awaitPosted("alice/: next")
	row := f.row(sent)
	require.NotNil(t, row)
	require.Equal(t, db.StateParked, row.State)
	_, err := f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	f.awaitGone(sent)
	require.Equal(t, []string{"alice/: next", "alice/: refused"}, f.posted())
}
