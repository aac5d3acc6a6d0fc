package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// following brings the Matrix room of a conversation in line with its Wazo room: its name, and who belongs to it.
type following struct {
	*conversations
	portal *db.Portal

	room    wazoapi.Room
	isKnown bool // an account of the relay is a member of the Wazo room, so that room is filled

	expelled map[id.UserID]bool // who was removed; the homeserver may tell that later
	isUnfit  bool               // somebody is in the Matrix room who must not be, and cannot be removed
}

// run does that. It reports true if the conversation had to end.
func (f *following) run(ctx context.Context) (over bool, err error) {
	f.expelled = make(map[id.UserID]bool)
	if err = f.adapt(ctx); err != nil || !f.isUnfit {
		return false, err
	}
	return true, f.db.DoTxn(context.WithoutCancel(ctx), func(ctx context.Context) error { return f.end(ctx, f.portal) })
}

func (f *following) adapt(ctx context.Context) error {
	acc, room, err := f.openings.anyMember(ctx, wazoapi.UUID(f.portal.WazoRoom), f.readers.of(f.portal), f.cfg.MemberKept)
	if err != nil {
		return err
	}
	f.room, f.isKnown = room, acc != nil
	if err = f.removeStrangers(ctx); err != nil || f.isUnfit || !f.isKnown {
		return err
	} else if err = f.removeUninvited(ctx); err != nil || f.isUnfit {
		return err
	} else if err = f.addPeople(ctx); err != nil {
		return err
	}
	return errors.Join(f.rename(ctx), f.retopic(ctx))
}

// belongs reports whether a person belongs to the Wazo room, as far as that is known. Who has only logged out stays:
// the room is still theirs on Wazo, unless another person has logged in with the account since.
func (f *following) belongs(ctx context.Context, member *db.PortalMember) (bool, error) {
	wazo, loggedIn, isKnown := f.identities.ofMatrix(member.MatrixUser)
	switch {
	case isKnown && string(wazo) != member.WazoUUID:
		return false, nil // has logged in as somebody else, or was mapped to somebody else
	case !isKnown && !member.LoggedIn:
		return false, nil // is not mapped any more
	case !isKnown && f.accounts.byUUID(wazoapi.UUID(member.WazoUUID)) != nil:
		return false, nil // somebody else has logged in with the account since
	case loggedIn && !member.LoggedIn:
		member.LoggedIn = true // was mapped before
		if err := f.db.PortalMember.SetLoggedIn(ctx, f.portal.ID, member.MatrixUser); err != nil {
			return false, err
		}
	}
	if f.isKnown {
		return f.openings.mayBeIn(f.room, member), nil
	}
	own := f.accounts.of(member.MatrixUser)
	if own == nil {
		return true, nil // nobody can tell
	}
	is, _, err := own.isMember(ctx, wazoapi.UUID(f.portal.WazoRoom), f.cfg.MemberKept)
	return is, err
}

// addPeople owes an invitation to the people of the Wazo room who are not known to the conversation yet. An invitation
// that is owed and not wanted any more is forgotten.
func (f *following) addPeople(ctx context.Context) error {
	missing, unwanted, err := f.comparePeople(ctx)
	if err != nil || len(missing)+len(unwanted) == 0 {
		return err
	} else if len(unwanted) > 0 {
		// An invitation whose answer was lost is known then.
		if err = f.matrix.Resync(ctx); err != nil {
			return fmt.Errorf("failed to wait for the next sync: %w", err)
		}
	}
	return f.db.DoTxn(ctx, func(ctx context.Context) error {
		// Meanwhile a person may have decided otherwise, and may be owed an invitation because of that.
		missing, stillUnwanted, err := f.comparePeople(ctx)
		if err != nil {
			return err
		}
		for _, person := range missing {
			member := &db.PortalMember{PortalID: f.portal.ID, MatrixUser: person.user, WazoUUID: string(person.wazo), LoggedIn: person.loggedIn}
			if err = f.owe(ctx, f.portal, member); err != nil {
				return err
			}
		}
		for _, user := range stillUnwanted {
			if !slices.Contains(unwanted, user) {
				continue // the next look at the conversation resyncs for them, see invite
			} else if _, err = f.db.PortalMember.Move(ctx, f.portal.ID, user, db.MemberOwed, db.MemberLeft); err != nil {
				return err
			}
		}
		return nil
	})
}

// comparePeople returns the people of the Wazo room who are to be invited and are not known to the conversation yet, and
// who is owed an invitation and is not to be invited any more.
func (f *following) comparePeople(ctx context.Context) (missing []candidate, unwanted []id.UserID, err error) {
	members, err := f.db.PortalMember.Of(ctx, f.portal.ID)
	if err != nil {
		return nil, nil, err
	}
	people, err := f.openings.candidates(ctx, f.room)
	if err != nil {
		return nil, nil, err
	}
	isWanted := func(c candidate) bool { return c.isWanted(f.room, f.openings.relayUUID()) }
	for _, person := range people {
		isKnown := slices.ContainsFunc(members, func(m *db.PortalMember) bool { return m.MatrixUser == person.user })
		if !isKnown && isWanted(person) {
			missing = append(missing, person)
		}
	}
	for _, member := range members {
		// Whether a candidate waits was read at the same moment as whether they are wanted: they may log in again
		// meanwhile.
		stays := func(c candidate) bool { return c.user == member.MatrixUser && (isWanted(c) || c.waits()) }
		if member.State == db.MemberOwed && !slices.ContainsFunc(people, stays) {
			unwanted = append(unwanted, member.MatrixUser)
		}
	}
	return missing, unwanted, nil
}

// rename gives the Matrix room the name that the conversation has on Wazo now, unless a person has named the room.
func (f *following) rename(ctx context.Context) error {
	members, err := f.db.PortalMember.Of(ctx, f.portal.ID)
	if err != nil {
		return err
	}
	invited := make([]wazoapi.UUID, len(members))
	for i, member := range members {
		invited[i] = wazoapi.UUID(member.WazoUUID)
	}
	title, err := f.openings.conversationTitle(ctx, f.room, invited)
	if err != nil {
		f.log.Warn().Err(err).Msg("Failed to look up names for a room's title")
		return nil // the old one is better
	}
	shown := f.portal.ShownTitle
	if title != shown && f.matrix.RoomName(ctx, f.portal.MatrixRoom) == shown {
		if err = f.matrix.SetRoomName(ctx, f.portal.MatrixRoom, title); err != nil {
			return fmt.Errorf("failed to rename a room: %w", err)
		}
		shown = title
	}
	if title == f.portal.Title && shown == f.portal.ShownTitle {
		return nil
	}
	f.portal.Title, f.portal.ShownTitle = title, shown
	return f.db.Portal.SetTitle(context.WithoutCancel(ctx), f.portal.ID, title, shown)
}

// roomsListed has the conversations looked at that an account reads, if their Wazo rooms have changed since they were
// last seen.
func (c *conversations) roomsListed(ctx context.Context, acc *account, portals []*db.Portal) error {
	if !slices.ContainsFunc(portals, (*db.Portal).IsOpened) {
		return nil
	}
	rooms, err := acc.listRooms(ctx)
	if err != nil {
		return err
	}
	byUUID := make(map[string]wazoapi.Room, len(rooms))
	for _, room := range rooms {
		byUUID[string(room.UUID)] = room
	}
	for _, portal := range portals {
		if portal.IsOpened() && c.hasChanged(portal, byUUID[portal.WazoRoom]) {
			c.wake(portal.ID)
		}
	}
	return nil
}

// hasChanged reports whether a conversation's Wazo room is another one than when the conversation was last brought in
// line with it, or its people are called otherwise than when this was last asked, as far as the directory was asked for
// their names meanwhile.
func (c *conversations) hasChanged(portal *db.Portal, room wazoapi.Room) bool {
	names := c.knownNames(room)
	c.mu.Lock()
	defer c.mu.Unlock()
	before, known := c.names[portal.ID]
	c.names[portal.ID] = names
	return portal.FollowedRoom != hashOf(room) || known && before != names
}

// knownNames returns a hash of the names of a room's people that are known without asking the directory.
func (c *conversations) knownNames(room wazoapi.Room) uint64 {
	uuids := make([]wazoapi.UUID, len(room.Users))
	for i, user := range room.Users {
		uuids[i] = user.UUID
	}
	known := c.directory.names.Known(uuids...)
	hash := fnv.New64a()
	for _, uuid := range uuids {
		_, _ = hash.Write([]byte(known[uuid] + "\n")) // a hash takes everything
	}
	if outside, ok := room.Outside(); ok {
		_, _ = hash.Write([]byte(c.directory.outside.remembered(outside.Identity)))
	}
	return hash.Sum64()
}

// hashOf returns a hash of what a conversation follows of its Wazo room: its name and its members. It is empty if the
// room is not known.
func hashOf(room wazoapi.Room) string {
	if room.UUID == "" {
		return ""
	}
	members := make([]string, len(room.Users))
	for i, user := range room.Users {
		members[i] = string(user.UUID)
	}
	slices.Sort(members)
	sum := sha256.Sum256([]byte(room.Name + "\n" + strings.Join(members, "\n")))
	return hex.EncodeToString(sum[:8])
}
