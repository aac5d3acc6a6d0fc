package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

func TestWhoIsInvited(t *testing.T) {
	t.Parallel()
	const relayUUID, alice, bob, carol = wazoapi.UUID("relay"), wazoapi.UUID("alice"), wazoapi.UUID("bob"), wazoapi.UUID("carol")
	room := func(users ...wazoapi.UUID) (room wazoapi.Room) {
		for _, user := range users {
			room.Users = append(room.Users, wazoapi.RoomUser{UUID: user})
		}
		return room
	}
	outside := room(alice, bob)
	outside.Users[1].Identity = "+15550100"
	group := room(alice, bob, carol)
	group.Users[1].Identity = "+15550100"
	login := candidate{wazo: alice, loggedIn: true, usable: true, auto: db.AutoOn}
	mapped := candidate{wazo: alice, auto: db.AutoOn}
	with := func(c candidate, change func(*candidate)) candidate {
		change(&c)
		return c
	}
	for _, test := range []struct {
		name   string
		who    candidate
		room   wazoapi.Room
		wanted bool
	}{
		{"a logged-in member", login, room(alice, bob, carol), true},
		{"not a member", login, room(bob, carol), false},
		{"Wazo refuses the log-in", with(login, func(c *candidate) { c.usable = false }), room(alice, bob), false},
		{"the log-in is refused, and the relay account is there", with(login, func(c *candidate) { c.usable = false }), room(relayUUID, alice, bob), false},
		{"a mapped member where the relay account is one", mapped, room(relayUUID, alice, bob), true},
		{"a map opens no private conversation", mapped, room(alice, bob), false},
		{"a map opens none if it is asked for", with(mapped, func(c *candidate) { c.asked = true }), room(alice, bob), false},
		{"somebody from outside Wazo writes to a person", login, outside, true},
		{"somebody from outside Wazo writes to a mapped person", mapped, outside, false},
		{"somebody from outside Wazo is in a group", login, group, false},
		{"auto off", with(login, func(c *candidate) { c.auto = db.AutoOff }), room(alice, bob), false},
		{"auto direct, two people", with(login, func(c *candidate) { c.auto = db.AutoDirect }), room(alice, bob), true},
		{"auto direct, three people", with(login, func(c *candidate) { c.auto = db.AutoDirect }), room(alice, bob, carol), false},
		{"muted", with(login, func(c *candidate) { c.muted = true }), room(alice, bob), false},
		{"the homeserver refuses the person", with(login, func(c *candidate) { c.refused = true }), room(alice, bob), false},
		{"ignored", with(login, func(c *candidate) { c.ignored = true }), room(alice, bob), false},
		{"asked for, with auto off", with(login, func(c *candidate) { c.auto, c.asked = db.AutoOff, true }), room(alice, bob), true},
		{"ignored, and asked for", with(login, func(c *candidate) { c.ignored, c.asked = true, true }), room(alice, bob), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.wanted, test.who.isWanted(test.room, relayUUID))
		})
	}
	t.Run("a mapped member without a relay account", func(t *testing.T) {
		t.Parallel()
		require.False(t, mapped.isWanted(room(alice, bob), ""))
	})
}

// The list of a room's members may be a minute old.
func TestPersonWhoWasJustRemovedOnWazoIsNotInvited(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.memberKept, f.probeInterval, f.healthInterval = 3*time.Second, time.Hour, time.Hour
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.mustLogIn(eveUser, f.bob)
	for _, acc := range f.core.accounts.inUse() {
		_, err := acc.listRooms(t.Context())
		require.NoError(t, err)
	}
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	time.Sleep(f.memberKept / 5) // the lists are still believed for what invites nobody
	f.wazo.Post(f.room.UUID, f.bob, "a secret", "")
	f.awaitMade(1)
	f.awaitMember(madeRoom(0), eveUser, db.MemberInvited)
	require.NoError(t, f.core.conversations.update(t.Context(), f.portalOf(madeRoom(0)).ID))
	require.Empty(t, f.matrix.membership(madeRoom(0), robinUser))
	require.Empty(t, f.memberState(madeRoom(0), robinUser), "nothing is owed any more")
}
