package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// maxMembers is how many members Who shows.
const maxMembers = 50

// Who returns the members of the Wazo chat with which a Matrix room is linked, in words. It returns a *UserError if the
// room is not linked, or if neither the account of the person who asks nor the relay account is a member.
func (p *people) Who(ctx context.Context, by id.UserID, matrixRoom id.RoomID) (string, error) {
	portal, err := p.db.Portal.ByMatrixRoom(ctx, matrixRoom)
	if err != nil {
		return "", err
	} else if portal == nil {
		return "", refuse(p.texts.NotLinked())
	}
	acc, room, err := p.memberAccount(ctx, by, wazoapi.UUID(portal.WazoRoom))
	if err != nil {
		return "", err
	} else if acc == nil {
		return "", refuse(p.texts.WhoHidden())
	}
	here, err := p.members(ctx, matrixRoom)
	if err != nil {
		return "", fmt.Errorf("failed to read who is in a room: %w", err)
	}
	return p.texts.Who(portal.Title, p.roomMembers(ctx, acc, room, here)), nil
}

// memberAccount returns the account through which a person is shown a Wazo room: their own, else the relay account,
// whichever is a member. It returns none if neither is.
func (p *people) memberAccount(ctx context.Context, by id.UserID, uuid wazoapi.UUID) (*account, wazoapi.Room, error) {
	own := p.accounts.of(by)
	for _, acc := range []*account{own, p.accounts.relay} {
		if acc == nil {
			continue
		}
		rooms, err := acc.listRooms(ctx)
		if err != nil && acc == own {
			err = p.explain(ctx, acc, err)
			if refused := (*UserError)(nil); errors.As(err, &refused) && p.accounts.relay != nil {
				continue // it is only this account
			}
		}
		if err != nil {
			return nil, wazoapi.Room{}, err
		}
		if i := slices.IndexFunc(rooms, func(room wazoapi.Room) bool { return room.UUID == uuid }); i >= 0 {
			return acc, rooms[i], nil
		}
	}
	return nil, wazoapi.Room{}, nil
}

// roomMembers lists the members of a Wazo room by name. here is who is in the Matrix room.
func (p *people) roomMembers(ctx context.Context, acc *account, room wazoapi.Room, here map[id.UserID]Member) words.People {
	var users []wazoapi.UUID
	for _, user := range room.Users {
		users = append(users, user.UUID)
	}
	lookup, cancel := lookupContext(ctx, nameTimeout)
	defer cancel()
	names, err := p.namesFor(lookup, acc, users)
	if err != nil {
		p.log.Warn().Err(err).Msg("Failed to look up the names of a room's members")
	}
	line := func(user wazoapi.RoomUser) string {
		name := cmp.Or(names[user.UUID], user.Identity)
		return cmp.Or(convert.CleanName(name, convert.MaxProfileBytes), convert.ShortUUID(p.texts, string(user.UUID)))
	}
	members := slices.Clone(room.Users)
	slices.SortFunc(members, func(a, b wazoapi.RoomUser) int {
		return cmp.Or(strings.Compare(strings.ToLower(line(a)), strings.ToLower(line(b))), strings.Compare(string(a.UUID), string(b.UUID)))
	})
	shown := members[:min(len(members), maxMembers)]
	presences, known := p.presences(ctx, acc, users...)
	list := words.People{More: len(members) - len(shown), NoPresences: !known}
	for _, user := range shown {
		person := words.Person{Line: line(user), Presence: presenceIn(presences, user.UUID), Relay: p.isRelay(user.UUID)}
		if matrix, ok := p.identities.ofWazo(user.UUID); ok && here[matrix].Joined {
			person.Here = matrix.String()
		}
		list.Shown = append(list.Shown, person)
	}
	return list
}

// namesFor returns the names of users as an account is told them. Those of the relay account are remembered.
func (p *people) namesFor(ctx context.Context, acc *account, users []wazoapi.UUID) (map[wazoapi.UUID]string, error) {
	if acc == p.accounts.relay {
		return p.names.Names(ctx, users...)
	}
	return contactsOf(acc).Names(ctx, users...)
}

// isIn reports whether a person is in the Matrix room of a portal, or is invited to it.
func (p *people) isIn(ctx context.Context, portal *db.Portal, user id.UserID) (bool, error) {
	members, err := p.members(ctx, portal.MatrixRoom)
	if err != nil {
		return false, fmt.Errorf("failed to read who is in a room: %w", err)
	}
	_, in := members[user]
	return in, nil
}
