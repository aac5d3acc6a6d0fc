package relay

import (
	"context"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// maxRooms is how many rooms ListRooms shows. An event has room for 64 KiB.
const maxRooms = 50

// ListRooms returns, in words, the Wazo rooms of a person's own account, and remembers what their numbers mean. An
// administrator who is not logged in gets those of the relay account. It returns a *UserError if the person is not
// logged in.
func (p *people) ListRooms(ctx context.Context, by id.UserID) (string, error) {
	if p.accounts.of(by) == nil && p.accounts.relay != nil && p.rights.IsAdmin(by) {
		rooms, err := p.Rooms(ctx, by)
		return p.texts.Rooms(rooms), err
	}
	acc, err := p.own(by)
	if err != nil {
		return "", err
	}
	rooms, err := p.sortedRooms(ctx, acc)
	if err != nil {
		return "", p.explain(ctx, acc, err)
	}
	shown := rooms[:min(len(rooms), maxRooms)]
	lines, uuids := make([]words.OwnRoom, len(shown)), make([]string, len(shown))
	for i, room := range shown {
		uuids[i] = string(room.UUID)
		lines[i] = words.OwnRoom{Title: room.title, UUID: string(room.UUID), Members: len(room.Users), Outside: room.HasIdentities()}
		portal, err := p.db.Portal.ByWazoRoom(ctx, string(room.UUID))
		if err != nil {
			return "", err
		} else if portal == nil {
			continue
		}
		lines[i].Linked = true
		if in, err := p.isIn(ctx, portal, by); err != nil {
			return "", err
		} else if in || p.rights.IsAdmin(by) {
			lines[i].MatrixRoom = portal.MatrixRoom.String()
		}
	}
	return p.texts.OwnRooms(lines, len(rooms)-len(shown)), p.db.Listing.Replace(ctx, by, uuids)
}

// MayLinkRooms returns a *UserError if there is no Wazo room that a person may link: they are neither an administrator
// nor logged in.
func (p *people) MayLinkRooms(by id.UserID) error {
	isAdmin := p.rights.IsAdmin(by)
	if isAdmin && p.accounts.relay != nil || p.accounts.of(by) != nil {
		return nil
	} else if isAdmin && p.accounts.login(by) == nil {
		return refuse(p.texts.NoRelayAccount())
	} else if p.accounts.login(by) != nil {
		return refuse(p.texts.LogInNotAccepted())
	}
	return refuse(p.texts.LinkNeedsLogin())
}

// RoomToLink returns the Wazo room that a person means, like FindRoom: one of their own account, or, for
// administrators, one of the relay account. It returns a *UserError if none or several fit. A room that exists without
// the person is unknown to them.
func (p *people) RoomToLink(ctx context.Context, what string, by id.UserID) (wazoapi.Room, error) {
	acc := p.accounts.of(by)
	if acc == nil {
		if err := p.MayLinkRooms(by); err != nil {
			return wazoapi.Room{}, err
		}
		return p.FindRoom(ctx, what, by)
	}
	if _, err := acc.listRooms(ctx); err != nil { // the account may have been removed from a room since
		return wazoapi.Room{}, p.explain(ctx, acc, err)
	}
	room, found, err := p.findRoomOf(ctx, acc, what, by)
	if err == nil && !found && p.accounts.relay != nil && p.rights.IsAdmin(by) {
		room, found, err = p.findRoomOf(ctx, p.accounts.relay, what, by)
	}
	if err == nil && !found {
		err = refuse(p.texts.NoSuchOwnRoom(what))
	}
	return room, err
}
