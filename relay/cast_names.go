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

// maxToldApart is how many members a Wazo room has at most whose people are told apart. To know the names of more of
// them would take more requests than a message can wait for.
const maxToldApart = 250

// wazoMembers returns the members of the Wazo room, looked up once, with their names if there are few of them. It makes
// no request if the room and its people are known.
func (c *cast) wazoMembers(ctx context.Context) *wazoMembers {
	if c.onWazo == nil {
		c.onWazo = &wazoMembers{uuids: c.membersOnWazo(ctx), apart: make(map[convert.Namesake]string)}
		if len(c.onWazo.uuids) <= maxToldApart {
			c.nameMembers(ctx, c.onWazo)
		}
	}
	return c.onWazo
}

// namedMembers is wazoMembers with the names of all members, however many they are.
func (c *cast) namedMembers(ctx context.Context) *wazoMembers {
	members := c.wazoMembers(ctx)
	if len(members.uuids) > maxToldApart && members.contacts == nil {
		c.nameMembers(ctx, members)
	}
	return members
}

// membersOnWazo returns who is a member of the Wazo room, nobody if that is not known.
func (c *cast) membersOnWazo(ctx context.Context) (uuids []wazoapi.UUID) {
	if c.reader == nil {
		return nil
	}
	lookup, cancel := lookupContext(ctx, relationTimeout)
	defer cancel()
	room, ok, err := c.reader.room(lookup, c.wazoRoom)
	if err != nil || !ok {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the members of a Wazo room") // a message is worth more
		return nil
	}
	for _, user := range room.Users {
		uuids = append(uuids, user.UUID)
	}
	return uuids
}

// nameMembers looks up the names of members.
func (c *cast) nameMembers(ctx context.Context, members *wazoMembers) {
	lookup, cancel := lookupContext(ctx, nameTimeout)
	defer cancel()
	var err error
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
}

// toldApart returns the name of somebody on Wazo with what tells them from other members whose names are the same. It
// is the same name for as long as the members and their names are.
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
