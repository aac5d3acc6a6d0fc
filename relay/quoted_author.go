package relay

import (
	"context"
	"strings"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// What is quoted on Wazo, or was removed on Matrix, has an author. Those of one name are told apart as their messages
// are: people on Wazo by their extensions or uuids, people on Matrix by their user ids.

// authorOnWazo returns how the author of a message is called on Wazo: a Matrix user, or a user on Wazo. It returns ""
// if that is not known.
func (d *wazoDelivery) authorOnWazo(ctx context.Context, author string) string {
	switch {
	case author == "", d.matrix.UserID().String() == author:
		return ""
	case author[0] != '@':
		wazo := wazoapi.UUID(author)
		return d.people().nameOnWazo(ctx, wazo, d.profileName(ctx, wazoapi.Message{UserUUID: wazo}))
	}
	user := id.UserID(author)
	if wazo, name := d.knownOnWazo(ctx, user); name != "" {
		return d.people().nameOnWazo(ctx, wazo, name)
	}
	sender := d.senderNow(ctx, user)
	sender.Shared = sender.Shared || d.people().isCalledOnWazo(ctx, sender.DisplayName())
	return sender.DisplayName()
}

// people returns the people of the portal.
func (d *wazoDelivery) people() *cast {
	if d.cast == nil {
		d.cast = newCast(d.Relay, d.portal)
	}
	return d.cast
}

// knownOnWazo returns who a Matrix user is on Wazo, and what the directory calls them, "" if that is not known.
func (d *wazoDelivery) knownOnWazo(ctx context.Context, user id.UserID) (wazoapi.UUID, string) {
	wazo, _, ok := d.identities.ofMatrix(user)
	if !ok {
		return "", ""
	}
	lookup, cancel := lookupContext(ctx, nameTimeout)
	defer cancel()
	names, err := d.names.Names(lookup, wazo)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up a name in the directory")
	}
	return wazo, names[wazo]
}

// nameOnWazo returns the name of somebody on Wazo with what tells them from other members of the Wazo room whose names
// there are the same.
func (c *cast) nameOnWazo(ctx context.Context, uuid wazoapi.UUID, name string) string {
	members := c.wazoMembers(ctx)
	people := []convert.Namesake{members.namesake(uuid, name)}
	for other, contact := range members.contacts {
		if other != uuid {
			people = append(people, members.namesake(other, contact.Name()))
		}
	}
	return convert.TellApart(people)[0]
}

// isCalledOnWazo reports whether a member of the Wazo room has a name there.
func (c *cast) isCalledOnWazo(ctx context.Context, name string) bool {
	for _, contact := range c.wazoMembers(ctx).contacts {
		if strings.EqualFold(convert.CleanName(contact.Name(), convert.MaxProfileBytes), name) {
			return true
		}
	}
	return false
}
