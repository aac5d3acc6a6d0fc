package relay

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"wazo-matrix-relay/wazoapi"
)

func TestRoomList(t *testing.T) {
	t.Parallel()
	full := func(uuid wazoapi.UUID, name string, users ...wazoapi.RoomUser) wazoapi.Room {
		room := wazoapi.Room{UUID: uuid, TenantUUID: "tenant", Name: name}
		for _, user := range users {
			user.TenantUUID, user.WazoUUID = "tenant", "wazo"
			room.Users = append(room.Users, user)
		}
		return room
	}
	alice, bob, outside := wazoapi.RoomUser{UUID: "alice"}, wazoapi.RoomUser{UUID: "bob"}, wazoapi.RoomUser{UUID: "x", Identity: "+33123"}
	list := newRoomList([]wazoapi.Room{full("c", "", alice, bob), full("a", "Sales", alice), full("b", "Sales", alice, outside), full("a", "Sales", alice)})
	assert.Len(t, list, 3, "a room counts once")
	for _, want := range []wazoapi.Room{
		{UUID: "a", Name: "Sales", Users: []wazoapi.RoomUser{alice}},
		{UUID: "b", Name: "Sales", Users: []wazoapi.RoomUser{alice, outside}},
		{UUID: "c", Users: []wazoapi.RoomUser{alice, bob}},
	} {
		got, ok := list.get(want.UUID)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	_, ok := list.get("d")
	assert.False(t, ok)

	list = list.with(full("bb", "New", bob)).with(full("c", "Changed", bob)).without("a").without("d")
	assert.Equal(t, []bool{false, true, true, true, false}, []bool{list.has("a"), list.has("b"), list.has("bb"), list.has("c"), list.has("d")})
	changed, _ := list.get("c")
	assert.Equal(t, wazoapi.Room{UUID: "c", Name: "Changed", Users: []wazoapi.RoomUser{bob}}, changed)
	assert.Equal(t, []wazoapi.UUID{"bb", "c"}, list.missing(newRoomList([]wazoapi.Room{full("b", ""), full("e", "")})))
	assert.Equal(t, []wazoapi.UUID{"b", "bb", "c"}, list.missing(nil))
}

func TestARoomListIsFewPiecesOfMemory(t *testing.T) {
	var rooms []wazoapi.Room
	for i := range 1000 {
		rooms = append(rooms, wazoapi.Room{UUID: wazoapi.UUID(fmt.Sprint("room", i)), Users: []wazoapi.RoomUser{{UUID: "alice"}, {UUID: wazoapi.UUID(fmt.Sprint("user", i))}}})
	}
	assert.Less(t, testing.AllocsPerRun(10, func() { newRoomList(rooms) }), float64(len(rooms))/2)
}

func TestLatestMessages(t *testing.T) {
	t.Parallel()
	message := func(room, uuid wazoapi.UUID) wazoapi.Message { return wazoapi.Message{Room: room, UUID: uuid} }
	latest := newLatestMessages([]wazoapi.Message{message("b", "2"), message("a", "1"), message("c", "3")})
	for _, room := range []wazoapi.UUID{"a", "b", "c"} {
		assert.True(t, latest.has(room))
	}
	assert.False(t, latest.has("d"))
	assert.True(t, latest.includes(message("a", "1")))
	assert.False(t, latest.includes(message("a", "2")), "of another room")
	assert.False(t, latest.includes(message("d", "1")))
	assert.NotNil(t, newLatestMessages(nil), "it was looked, and there is none")
}
