package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// candidate is a member of a Wazo room who is known on Matrix, and perhaps wants to be in the Matrix room.
type candidate struct {
	user     id.UserID
	wazo     wazoapi.UUID
	loggedIn bool // with an account of their own; otherwise an administrator has mapped them
	usable   bool // Wazo accepts the log-in
	ignored  bool // IGNORED_USERS has the person
	auto     db.Auto
	muted    bool
	refused  bool // the homeserver refused an invitation not long ago
	asked    bool // the person has asked for the room
}

// isWanted reports whether a candidate is to be invited to the Matrix room of a Wazo room that opens by itself. Nobody
// is invited to what Wazo does not show them: a person's own account must be usable, and who was only mapped by an
// administrator is invited only to rooms that the relay account is in, which administrators can link anyway.
func (c candidate) isWanted(room wazoapi.Room, relayAccount wazoapi.UUID) bool {
	switch {
	case !room.Has(c.wazo), c.ignored:
		return false
	case !mayShow(room, c.loggedIn):
		return false
	case c.waits(), !c.loggedIn && (relayAccount == "" || !room.Has(relayAccount)):
		return false
	case c.asked:
		return true
	case c.muted, c.refused, c.auto == db.AutoOff:
		return false
	case c.auto == db.AutoDirect:
		return isDirect(room)
	default:
		return true
	}
}

// waits reports whether what a candidate is owed waits until they log in again.
func (c candidate) waits() bool { return c.loggedIn && !c.usable }

// maxMemberListAge is how old the list of a Wazo room's members may be by which people are invited: who was removed on
// Wazo a moment ago must not become a reader. It is not zero, because many conversations may open at the same time.
func (c *Config) maxMemberListAge() time.Duration { return c.MemberKept / 10 }

// mayBeIn reports whether a person may be in the Matrix room of a Wazo room, by who its members are. It is isWanted
// without what the person has decided.
func (o *openings) mayBeIn(room wazoapi.Room, member *db.PortalMember) bool {
	return room.Has(wazoapi.UUID(member.WazoUUID)) && (member.LoggedIn || room.Has(o.relayUUID())) && mayShow(room, member.LoggedIn)
}

// mayShow reports whether a Wazo room may be shown to a member of it, by who else is there. One with somebody outside
// Wazo is shown only to the person whose number it is: nobody else may write from it.
func mayShow(room wazoapi.Room, loggedIn bool) bool {
	return !room.HasIdentities() || loggedIn && isDirect(room)
}

// isDirect reports whether a Wazo room is the conversation of two people.
func isDirect(room wazoapi.Room) bool { return len(room.Users) == 2 }

// refusedFor is how long a person whom the homeserver refuses to invite is left alone.
const refusedFor = 24 * time.Hour

// wanted returns the members of a Wazo room who are to be invited to its Matrix room.
func (o *openings) wanted(ctx context.Context, room wazoapi.Room) ([]candidate, error) {
	people, err := o.candidates(ctx, room)
	return slices.DeleteFunc(people, func(c candidate) bool { return !c.isWanted(room, o.relayUUID()) }), err
}

// candidates returns the members of a Wazo room who are known on Matrix.
func (o *openings) candidates(ctx context.Context, room wazoapi.Room) (people []candidate, err error) {
	for _, member := range room.Users {
		user, ok := o.identities.ofWazo(member.UUID)
		if !ok || user == o.matrix.UserID() {
			continue
		}
		c, err := o.candidate(ctx, user, member.UUID, room.UUID)
		if err != nil {
			return nil, err
		}
		people = append(people, c)
	}
	return people, nil
}

// candidateFor returns the candidate that somebody who is owed an invitation is now. It is nobody, whom isWanted
// refuses, if the person is not known as that member of the Wazo room any more.
func (o *openings) candidateFor(ctx context.Context, room wazoapi.Room, member *db.PortalMember) (candidate, error) {
	people, err := o.candidates(ctx, room)
	i := slices.IndexFunc(people, func(c candidate) bool { return c.user == member.MatrixUser && string(c.wazo) == member.WazoUUID })
	if i < 0 {
		return candidate{}, err
	}
	return people[i], nil
}

// candidate returns what is known of a person who is a user on Wazo, as a member of a room.
func (o *openings) candidate(ctx context.Context, user id.UserID, wazo, room wazoapi.UUID) (candidate, error) {
	person, err := o.db.Person.Get(ctx, user)
	if err != nil {
		return candidate{}, fmt.Errorf("failed to read what %s decided: %w", user, err)
	}
	c := candidate{
		user: user, wazo: wazo, loggedIn: o.accounts.login(user) != nil, usable: o.accounts.of(user) != nil,
		ignored: o.cfg.Rights.IsIgnored(user), auto: person.Auto, refused: time.Since(person.RefusedAt.Time) < refusedFor,
	}
	if c.muted, err = o.db.Mute.Has(ctx, user, string(room)); err != nil {
		return candidate{}, err
	}
	c.asked, err = o.db.Asked.Has(ctx, string(room), user)
	return c, err
}

// relayUUID returns the user on Wazo of the relay account, "" if there is no relay account.
func (o *openings) relayUUID() wazoapi.UUID {
	if o.accounts.relay == nil {
		return ""
	}
	return o.accounts.relay.uuid()
}
