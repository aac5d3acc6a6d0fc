package wazotest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoomsThatAreChangedInTheDatabase(t *testing.T) {
	t.Parallel()
	f := start(t)
	carol := f.AddUser(User{Username: "carol", Tenant: f.alice.Tenant})
	room := f.CreateRoom("old", f.alice, f.bob)
	token := f.token(`{}`)
	conn := f.listen(token)
	list := func() string {
		_, _, body := f.do(http.MethodGet, "/api/chatd/1.0/users/me/rooms", token, nil)
		return string(body)
	}

	f.RenameRoom(room.UUID, "new")
	assert.Contains(t, list(), `"name":"new"`)
	f.AddMember(room.UUID, carol)
	f.AddMember(room.UUID, carol)
	assert.Contains(t, list(), carol.UUID)
	assert.Equal(t, room.UUID, f.CreateRoom("", f.alice, f.bob, carol).UUID, "it is the room of the three now")
	assert.NotEqual(t, room.UUID, f.CreateRoom("", f.alice, f.bob).UUID, "and no more that of the two")
	f.RemoveMember(room.UUID, f.alice)
	assert.NotContains(t, list(), room.UUID)
	f.nothingElse(conn)
	f.Post(room.UUID, f.bob, "alone", "")
	f.nothingElse(conn)
}

func TestRoomsWithSomebodyOutside(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	conn := f.listen(token)
	room := f.CreateOutsideRoom(f.alice, "+15145550111")
	require.Equal(t, room, f.CreateOutsideRoom(f.alice, "+15145550111"), "the same number has the same room")
	_, _, body := f.do(http.MethodGet, "/api/chatd/1.0/users/me/rooms?user_uuid="+room.Outside, token, nil)
	assert.Contains(t, string(body), `"identity":"+15145550111"`)

	f.Post(room.UUID, User{UUID: room.Outside}, "from outside", "")
	assert.Equal(t, "from outside", f.event(conn))
	status, _, body := f.do(http.MethodPost, "/api/chatd/1.0/users/me/rooms/"+room.UUID+"/messages", token, []byte(`{"content": "hello?"}`))
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, string(body), "message-identity-required")

	assert.Equal(t, http.StatusCreated, f.post(token, "inside"))
	assert.Equal(t, room.Outside, f.AddOutsideParticipant(f.room.UUID, "+15145550111"))
	assert.Equal(t, http.StatusConflict, f.post(token, "with somebody outside"))
}

// The uuids are those of a recorded tenant and number.
func TestOutsideParticipantsHaveTheRecordedUUID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "ef5d95c7-bc28-5988-81e3-48b1b007236e", uuidOfURL("dda9e115-ba40-49c7-8060-44c215c47c0c:+15145550111"))
}
