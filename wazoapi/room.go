package wazoapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Room is a room of wazo-chatd (docs/wazo.md, "Rooms"). It never changes after
// its creation (docs/wazo.md, "Properties that shape the relay").
type Room struct {
	UUID       UUID       `json:"uuid"`
	TenantUUID UUID       `json:"tenant_uuid"`
	Name       string     `json:"name"` // "" also when Wazo has null
	Users      []RoomUser `json:"users"`
}

// RoomUser is a member of a room.
type RoomUser struct {
	UUID       UUID   `json:"uuid"`
	TenantUUID UUID   `json:"tenant_uuid"`
	WazoUUID   UUID   `json:"wazo_uuid"`
	Identity   string `json:"identity"` // an outside participant's number; "" for Wazo users and before 26.05
}

// HasIdentities reports whether somebody from outside Wazo takes part in the
// room; posting there needs a sender identity
// (docs/wazo.md, "Outside participants").
func (r Room) HasIdentities() bool {
	return slices.ContainsFunc(r.Users, func(u RoomUser) bool { return u.Identity != "" })
}

// Outside returns the member from outside Wazo, and whether there is one. Such a room
// has exactly one other member.
func (r Room) Outside() (RoomUser, bool) {
	for _, u := range r.Users {
		if u.Identity != "" {
			return u, true
		}
	}
	return RoomUser{}, false
}

// Has reports whether user is a member.
func (r Room) Has(user UUID) bool {
	return slices.ContainsFunc(r.Users, func(u RoomUser) bool { return u.UUID == user })
}

// SameMembers reports whether the members are exactly users, whatever their
// order. Between 22.16 and 24.04 chatd may return a room with more members than
// were asked for (docs/wazo.md, "Create rooms").
func (r Room) SameMembers(users []UUID) bool {
	asked := make(map[UUID]bool, len(users))
	for _, u := range users {
		asked[u] = true
	}
	have := make(map[UUID]bool, len(r.Users))
	for _, u := range r.Users {
		if !asked[u.UUID] {
			return false
		}
		have[u.UUID] = true
	}
	return len(have) == len(asked)
}

// Rooms returns all rooms that the account is a member of, in no particular
// order. If with names users, it returns only the rooms that all of them are
// members of too. There is no paging (docs/wazo.md, "List rooms").
func (a *Account) Rooms(ctx context.Context, with ...UUID) ([]Room, error) {
	r := request{
		method: http.MethodGet, service: serviceChatd, path: "/users/me/rooms",
		timeout: a.c.cfg.Timeout,
	}
	if len(with) > 0 {
		r.query = url.Values{"user_uuid": {joinUUIDs(with)}}
	}
	var answer struct {
		Items []Room `json:"items"`
	}
	err := a.call(ctx, r, &answer)
	return answer.Items, err
}

// CreateRoom makes a room of the account and users, and returns it. If there is
// a room of exactly these participants, Wazo returns that one, whatever its
// name. Old versions may even return a bigger one, so check [Room.SameMembers],
// with the account's own uuid included (docs/wazo.md, "Create rooms"). The name
// is sent as it is, see [Clean]; "" makes a room without a name.
//
// After an error, [OutcomeUnknown] tells whether there may be a new room. The
// error is [ErrInvalidUUID], before any request, if one of users is empty.
func (a *Account) CreateRoom(ctx context.Context, name string, users []UUID) (Room, error) {
	type user struct {
		UUID UUID `json:"uuid"`
	}
	body := struct {
		Name  string `json:"name,omitempty"`
		Users []user `json:"users"`
	}{Name: name, Users: make([]user, len(users))}
	for i, u := range users {
		if u == "" {
			// chatd answers a user without uuid by a 500, which would look like
			// a failure of the service.
			return Room{}, fmt.Errorf("failed to create chat room: %w: %q", ErrInvalidUUID, u)
		}
		body.Users[i].UUID = u
	}
	return a.createRoom(ctx, body)
}

func (a *Account) createRoom(ctx context.Context, body any) (Room, error) {
	r := request{
		method: http.MethodPost, service: serviceChatd, path: "/users/me/rooms",
		body: body, timeout: a.c.cfg.PostTimeout,
	}
	var room Room
	if err := a.call(ctx, r, &room); err != nil {
		return Room{}, err
	}
	if room.UUID == "" {
		return Room{}, r.transportError(errNoUUID, true)
	}
	return room, nil
}
