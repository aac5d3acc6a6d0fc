package relay

import (
	"cmp"
	"context"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// This file tells those of the Wazo people of a portal apart who are shown by the same name on Matrix.

// wazoMembers are the members of a Wazo room, as far as they are known.
type wazoMembers struct {
	uuids    []wazoapi.UUID
	contacts map[wazoapi.UUID]wazoapi.Contact // those whom the directory knows
	shown    []convert.Namesake               // in the order of uuids, by the names under which they are shown on Matrix
	apart    map[convert.Namesake]string      // what toldApart has returned
}

// wazoMembers looks up the members of the Wazo room, once. It makes no request if the room and its people are known.
func (c *cast) wazoMembers(ctx context.Context) *wazoMembers {
	if c.onWazo != nil {
		return c.onWazo
	}
	c.onWazo = &wazoMembers{apart: make(map[convert.Namesake]string)}
	if c.reader == nil {
		return c.onWazo
	}
	room, ok, err := c.reader.room(ctx, c.wazoRoom)
	if err != nil || !ok {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the members of a Wazo room") // a message is worth more
		return c.onWazo
	}
	members := c.onWazo
	for _, user := range room.Users {
		members.uuids = append(members.uuids, user.UUID)
	}
	lookup, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	if members.contacts, err = c.names.Contacts(lookup, members.uuids...); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up names in the directory")
	}
	for _, uuid := range members.uuids {
		name := contactName(members.contacts, uuid)
		if user, member, ok := c.memberOf(ctx, uuid); ok {
			name = matrixName(user, member)
		}
		members.shown = append(members.shown, members.namesake(uuid, name))
	}
	return members
}

// toldApart returns the name of somebody on Wazo with what tells them from other members whose names are the same. It is the same name
// for as long as the members and their names are.
func (m *wazoMembers) toldApart(uuid wazoapi.UUID, name string) string {
	person := m.namesake(uuid, name)
	if shown, ok := m.apart[person]; ok {
		return shown
	}
	people := []convert.Namesake{person}
	for _, other := range m.shown {
		if other.ID != person.ID {
			people = append(people, other)
		}
	}
	m.apart[person] = convert.TellApart(people)[0]
	return m.apart[person]
}

func (m *wazoMembers) namesake(uuid wazoapi.UUID, name string) convert.Namesake {
	return convert.Namesake{ID: string(uuid), Name: name, Extension: m.contacts[uuid].Exten}
}

// contactName returns what the directory calls somebody, "" if it does not know them.
func contactName(contacts map[wazoapi.UUID]wazoapi.Contact, uuid wazoapi.UUID) string {
	contact, ok := contacts[uuid]
	if !ok {
		return ""
	}
	return contact.Name()
}

// matrixName returns what somebody in a Matrix room is called who is known on Wazo.
func matrixName(user id.UserID, member Member) string {
	return cmp.Or(convert.CleanName(member.Name, convert.MaxProfileBytes), user.Localpart())
}
