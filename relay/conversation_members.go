package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// membersChanged accepts, within a transaction, that people came into the Matrix room of a conversation, were invited,
// or left. If something is missing in the timeline, who is there is compared with what is stored.
func (c *conversations) membersChanged(ctx context.Context, portal *db.Portal, room RoomSync) error {
	if room.Limited {
		if err := c.changed(ctx, portal.ID); err != nil {
			return err
		}
	}
	for _, change := range room.Members {
		if err := c.memberChanged(ctx, portal, change); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversations) memberChanged(ctx context.Context, portal *db.Portal, change MemberChange) error {
	member, err := c.db.PortalMember.Get(ctx, portal.ID, change.User)
	if err != nil {
		return err
	} else if member == nil { // perhaps somebody whom the bot has not invited
		return c.changed(ctx, portal.ID)
	}
	before := member.State
	switch change.Membership {
	case event.MembershipJoin:
		member.State = db.MemberJoined
	case event.MembershipInvite:
		member.State = db.MemberInvited
	case event.MembershipLeave, event.MembershipBan:
		if before != db.MemberInvited && before != db.MemberJoined {
			return nil // that was before the invitation that is owed now
		}
		member.State = db.MemberLeft
	}
	if member.State == before {
		return nil
	}
	db.AfterCommit(ctx, func() { c.tasks.Wake(portalJob(jobToMatrix, portal.ID)) })
	if err = c.changed(ctx, portal.ID); err != nil {
		return err
	}
	return c.db.PortalMember.Put(ctx, member)
}

// compareMembers compares what is stored of a conversation's people with who is in the Matrix room. A change may have
// been missed.
func (c *conversations) compareMembers(ctx context.Context, portal *db.Portal) error {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	if err != nil {
		return err
	}
	// Read after what is stored: who is in the room is known before it is stored.
	there, err := c.matrix.Members(ctx, portal.MatrixRoom)
	if err != nil || !there[c.matrix.UserID()].Joined {
		return err // nothing is known of the room
	}
	for _, member := range members {
		present, isThere := there[member.MatrixUser]
		state := member.State
		switch {
		case present.Joined:
			state = db.MemberJoined
		case !isThere && member.State == db.MemberJoined:
			state = db.MemberLeft
		}
		if state == member.State {
			continue
		} else if _, err = c.db.PortalMember.Move(ctx, portal.ID, member.MatrixUser, member.State, state); err != nil {
			return err
		}
		c.tasks.Wake(portalJob(jobToMatrix, portal.ID))
	}
	return nil
}

// owe stores, within a transaction, that a person is to be invited, unless they are there or were invited.
func (c *conversations) owe(ctx context.Context, portal *db.Portal, member *db.PortalMember) error {
	if err := c.changed(ctx, portal.ID); err != nil {
		return err
	}
	known, err := c.db.PortalMember.Get(ctx, portal.ID, member.MatrixUser)
	if err != nil || known != nil && known.State.IsActive() {
		return err
	}
	member.State = db.MemberOwed
	return c.db.PortalMember.Put(ctx, member)
}

// oweAgain notes, within a transaction, that a message came from Wazo: who has left is invited again, and who could not
// be invited. Whether a person wants that is found out before they are invited. The author is not invited: the message
// may be the last thing that they said on Matrix.
func (c *conversations) oweAgain(ctx context.Context, portal *db.Portal, author wazoapi.UUID) error {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, member := range members {
		if member.WazoUUID == string(author) {
			continue
		}
		may, err := c.mayOweAgain(ctx, member)
		if err != nil {
			return err
		} else if !may {
			continue
		} else if err = c.owe(ctx, portal, member); err != nil {
			return err
		}
	}
	return nil
}

// mayOweAgain reports whether a person may be invited again: they have left, or the homeserver refused to invite them
// long ago.
func (c *conversations) mayOweAgain(ctx context.Context, member *db.PortalMember) (bool, error) {
	if member.State != db.MemberRefused {
		return member.State == db.MemberLeft, nil
	}
	person, err := c.db.Person.Get(ctx, member.MatrixUser)
	return err == nil && time.Since(person.RefusedAt.Time) >= refusedFor, err
}

// invite invites whom an invitation is owed, one by one: the homeserver limits invitations, and one that it refuses
// must not keep the others from coming.
func (c *conversations) invite(ctx context.Context, portal *db.Portal) error {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	members = slices.DeleteFunc(members, func(m *db.PortalMember) bool { return m.State != db.MemberOwed || c.isRefused(m.MatrixUser) })
	if err != nil || len(members) == 0 {
		return err
	}
	acc, room, err := c.openings.anyMember(ctx, wazoapi.UUID(portal.WazoRoom), c.readers.of(portal), c.cfg.maxMemberListAge())
	if err != nil || acc == nil {
		return err
	}
	for _, member := range members {
		person, err := c.openings.candidateFor(ctx, room, member)
		if err != nil {
			return err
		} else if !person.isWanted(room, c.openings.relayUUID()) {
			if !person.waits() { // has changed just now: the invitation may be owed since the conversation was last looked at
				c.wake(portal.ID)
			}
			continue
		}
		err = c.matrix.Invite(ctx, portal.MatrixRoom, member.MatrixUser, portal.Direct)
		if err == nil {
			_, err = c.db.PortalMember.Move(context.WithoutCancel(ctx), portal.ID, member.MatrixUser, db.MemberOwed, db.MemberInvited)
		} else if classify(err).Class != ClassService {
			err = c.inviteRefused(ctx, portal, member, err)
		}
		if err != nil {
			return fmt.Errorf("failed to invite %s: %w", member.MatrixUser, err)
		}
	}
	return nil
}

// isRefused reports whether Wazo refuses the log-in of a person. What is owed to them waits until they log in again.
func (c *conversations) isRefused(user id.UserID) bool {
	acc := c.accounts.login(user)
	return acc != nil && acc.refused.Load()
}

// inviteRefused notes that the homeserver refuses to invite a person: there is no such user, or the user wants no
// invitations. It also refuses to invite who is in the room already, because what was done last was not recorded.
func (c *conversations) inviteRefused(ctx context.Context, portal *db.Portal, member *db.PortalMember, cause error) error {
	if err := c.matrix.Resync(ctx); err != nil {
		return fmt.Errorf("failed to wait for the next sync: %w", err)
	}
	there, err := c.matrix.Members(ctx, portal.MatrixRoom)
	if err != nil {
		return err
	}
	state := db.MemberRefused
	if present, ok := there[member.MatrixUser]; ok && present.Joined {
		state = db.MemberJoined
	} else if ok {
		state = db.MemberInvited
	} else {
		c.log.Warn().Err(cause).Stringer("room_id", portal.MatrixRoom).Stringer("user_id", member.MatrixUser).Msg("The homeserver refuses to invite a person to a conversation")
	}
	return c.db.DoTxn(ctx, func(ctx context.Context) error {
		moved, err := c.db.PortalMember.Move(ctx, portal.ID, member.MatrixUser, db.MemberOwed, state)
		if err != nil || !moved || state != db.MemberRefused {
			return err
		}
		return c.db.Person.SetRefused(ctx, member.MatrixUser, jsontime.UM(time.Now()))
	})
}
