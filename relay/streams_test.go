package relay

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// newTenantWideFixture is newFixture with a relay account that hears of all rooms of the tenant.
func newTenantWideFixture(t *testing.T, changes ...func(*fixture)) *fixture {
	f := newFixture(t)
	f.relay = f.wazo.AddUser(wazotest.User{Username: "chief", Password: "c", Firstname: "Chief", Lastname: "Relay", Tenant: f.tenant, Admin: true})
	f.relayName, f.relayPassword = "chief", "c"
	f.room = f.wazo.CreateRoom("Team", f.alice, f.bob)
	for _, change := range changes {
		change(f)
	}
	f.start()
	await.Until(t, "the decision", func() bool { return f.core.readers.modeIs(streamShared) })
	return f
}

func TestOneStreamServesEverybody(t *testing.T) {
	t.Parallel()
	f := newTenantWideFixture(t)
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	f.awaitShown("Bob Stone: one")
	f.matrix.say(robinUser, "two")
	f.awaitPosted("bob/: one", "alice/: two")
	require.Equal(t, 1, f.wazo.WebsocketsOf(f.relay))
	require.Zero(t, f.wazo.WebsocketsOf(f.alice))

	down := f.wazo.Faults().WebsocketdDown()
	f.wazo.Post(f.room.UUID, f.bob, "three", "")
	down.Off()
	f.awaitShown("Bob Stone: one", "Bob Stone: three")

	f.wazo.SetACL(f.relay, []string{"!events.chatd.users.*.rooms.*.messages.created", "events.chatd.users.me.rooms.*.messages.created"})
	f.wazo.RevokeTokens(f.relay)
	await.Until(t, "a connection of its own", func() bool { return f.wazo.WebsocketsOf(f.alice) == 1 })
	f.wazo.Post(f.room.UUID, f.bob, "four", "")
	f.awaitShown("Bob Stone: one", "Bob Stone: three", "Bob Stone: four")
}

// The person's own account has no connection, and the relay account is not a member.
func TestConversationOpensByOneStream(t *testing.T) {
	t.Parallel()
	f := newTenantWideFixture(t, func(f *fixture) { f.probeInterval = time.Hour })
	f.logIn(robinUser, f.alice)
	await.Until(t, "the first look for news", func() bool {
		_, latest := f.core.accounts.of(robinUser).heard()
		return latest != nil
	})
	f.wazo.Post(f.room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
	f.join(madeRoom(0), robinUser)
	f.awaitTextsIn(madeRoom(0), "Bob Stone: hello")

	carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "White", Tenant: f.tenant})
	later := f.wazo.CreateRoom("Later", f.alice, carol)
	f.wazo.Post(later.UUID, carol, "hello", "")
	f.awaitMade(2)
}

func TestPersonIsAddedToARoomOfStrangersWithOneStream(t *testing.T) {
	t.Parallel()
	f := newTenantWideFixture(t)
	f.logIn(robinUser, f.alice)
	carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "White", Tenant: f.tenant})
	room := f.wazo.CreateRoom("Strangers", f.bob, carol)
	await.Until(t, "the first look for news", func() bool {
		_, latest := f.core.accounts.of(robinUser).heard()
		return latest != nil
	})
	f.wazo.AddMember(room.UUID, f.alice)
	f.wazo.Post(room.UUID, f.bob, "hello", "")
	f.awaitMade(1)
}

// Wazo tells the relay account of the room all the same.
func TestOneStreamBringsNothingOfARoomThatWasLeft(t *testing.T) {
	t.Parallel()
	f := newTenantWideFixture(t, func(f *fixture) { f.memberKept, f.probeInterval = 10*time.Millisecond, time.Hour })
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	f.awaitShown("Bob Stone: one")
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	time.Sleep(2 * f.memberKept) // for so long the list of rooms is believed
	secret := f.wazo.Post(f.room.UUID, f.bob, "a secret", "")
	f.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyNoReader)))
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	isAccepted, err := f.core.readers.isAccepted(f.ctx, portal.ID, wazoapi.UUID(secret.UUID))
	require.NoError(t, err)
	require.False(t, isAccepted)
	f.wazo.AddMember(f.room.UUID, f.alice)
	f.core.wakePortal(portal.ID)
	f.awaitShown("Bob Stone: one", "Bob Stone: a secret")
}

// The relay account hears of all rooms, so Wazo does not stop telling it of one that it was removed from.
func TestOneStreamBringsNothingOfARoomThatTheRelayAccountWasRemovedFrom(t *testing.T) {
	t.Parallel()
	f := newTenantWideFixture(t, func(f *fixture) {
		f.memberKept, f.probeInterval = 10*time.Millisecond, time.Hour
		f.room = f.wazo.CreateRoom("Team", f.alice, f.bob, f.relay)
	})
	f.link()
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	f.awaitShown("Bob Stone: one")
	f.wazo.RemoveMember(f.room.UUID, f.relay)
	time.Sleep(2 * f.memberKept) // for so long the list of rooms is believed
	secret := f.wazo.Post(f.room.UUID, f.bob, "a secret", "")
	f.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyNoRoomOnWazo)))
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	isAccepted, err := f.core.readers.isAccepted(f.ctx, portal.ID, wazoapi.UUID(secret.UUID))
	require.NoError(t, err)
	require.False(t, isAccepted)
}

func TestRoomsOfStrangersLeaveNoTrace(t *testing.T) {
	t.Parallel()
	f := newTenantWideFixture(t)
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	carol := f.wazo.AddUser(wazotest.User{Username: "carol", Password: "c", Firstname: "Carol", Lastname: "White", Tenant: f.tenant})
	secret := f.wazo.CreateRoom("Secret", f.bob, carol)
	f.awaitEmpty()
	const rooms = "GET /api/chatd/1.0/users/me/rooms"
	before := f.wazo.RequestsBy(f.relay)[rooms]
	for i := range 20 {
		f.wazo.Post(secret.UUID, carol, fmt.Sprintf("!wazo secret %d", i), "")
	}
	f.wazo.Post(f.room.UUID, f.bob, "end", "")
	f.awaitShown("Bob Stone: end")
	f.awaitEmpty()
	require.LessOrEqual(t, f.wazo.RequestsBy(f.relay)[rooms], before+1, "it is not asked for each message")
	f.halt()
	for _, data := range dbtest.Contents(t, f.dbPath) {
		require.NotContains(t, data, secret.UUID)
		require.NotContains(t, data, carol.UUID)
	}
}
