package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.mau.fi/util/jsontime"
	"golang.org/x/sync/semaphore"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// conversations are the portals that have opened by themselves. Their people are invited one by one, and a conversation ends when
// nobody is left in its Matrix room. One job for each of them does everything that takes requests. It is safe for concurrent use.
type conversations struct {
	*Relay
	following *semaphore.Weighted // limits how many are brought in line at once

	mu   sync.Mutex
	seen map[int64]string // portal → what was last seen of its Wazo room, see describe
}

func newConversations(r *Relay) *conversations {
	return &conversations{Relay: r, following: semaphore.NewWeighted(parallelReads), seen: make(map[int64]string)}
}

func (c *conversations) wake(portalID int64) { c.tasks.Wake(portalJob(jobMembers, portalID)) }

// wakeAll has all conversations looked at.
func (c *conversations) wakeAll(ctx context.Context) error {
	portals, err := c.db.Portal.Opened(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the conversations: %w", err)
	}
	for _, portal := range portals {
		c.wake(portal.ID)
	}
	return nil
}

// peopleChanged has all conversations looked at, also those that are still to open, as soon as the transaction that ctx carries, if any, is committed: somebody is another
// person on Wazo than before.
func (c *conversations) peopleChanged(ctx context.Context) {
	db.AfterCommit(ctx, func() {
		c.tasks.Go(func(ctx context.Context) {
			if err := c.openings.resume(ctx); err != nil {
				c.log.Err(err).Msg("Failed to look at the conversations")
			}
		})
	})
}

// update brings a conversation in line with what is known: it follows the Wazo room, invites whom an invitation is owed, tells who
// asked for the conversation, and ends it if nobody is left.
func (c *conversations) update(ctx context.Context, portalID int64) error {
	ctx, cancel := c.tasks.UntilStop(ctx)
	defer cancel()
	portal, err := c.db.Portal.ByID(ctx, portalID)
	if err != nil || portal == nil || !portal.IsOpened() {
		return err
	}
	if over, err := c.follow(ctx, portal); err != nil || over {
		return err
	}
	err = c.invite(ctx, portal)
	return errors.Join(err, c.answerAsked(ctx, portal), c.endIfEmpty(ctx, portal))
}

// follow brings a conversation in line with its Wazo room, a few at the same time. It reports true if the conversation had to end.
func (c *conversations) follow(ctx context.Context, portal *db.Portal) (over bool, err error) {
	if err = c.following.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer c.following.Release(1)
	if err = c.compareMembers(ctx, portal); err != nil {
		return false, err
	}
	return (&following{conversations: c, portal: portal}).run(ctx)
}

// isAttended reports whether somebody has joined the Matrix room of a conversation. If that cannot be told, nothing is sent.
func (c *conversations) isAttended(ctx context.Context, portal *db.Portal) bool {
	attended, err := c.db.PortalMember.IsAttended(ctx, portal.ID)
	if err != nil {
		c.log.Err(err).Int64("portal_id", portal.ID).Msg("Failed to read who is in a conversation")
	}
	return attended
}

// membersChanged accepts, within a transaction, that people came into the Matrix room of a conversation, were invited, or left. If
// something is missing in the timeline, who is there is compared with what is stored.
func (c *conversations) membersChanged(ctx context.Context, portal *db.Portal, room RoomSync) error {
	if room.Limited {
		db.AfterCommit(ctx, func() { c.wake(portal.ID) })
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
		db.AfterCommit(ctx, func() { c.wake(portal.ID) })
		return nil
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
	db.AfterCommit(ctx, func() {
		c.wake(portal.ID)
		c.tasks.Wake(portalJob(jobToMatrix, portal.ID))
	})
	return c.db.PortalMember.Put(ctx, member)
}

// compareMembers compares what is stored of a conversation's people with who is in the Matrix room. A change may have been missed.
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
	db.AfterCommit(ctx, func() { c.wake(portal.ID) })
	known, err := c.db.PortalMember.Get(ctx, portal.ID, member.MatrixUser)
	if err != nil || known != nil && known.State.IsActive() {
		return err
	}
	member.State = db.MemberOwed
	return c.db.PortalMember.Put(ctx, member)
}

// oweAgain notes, within a transaction, that a message came from Wazo: who has left is invited again. Whether a person wants that is
// found out before they are invited. The author is not invited: the message may be the last thing that they said on Matrix.
func (c *conversations) oweAgain(ctx context.Context, portal *db.Portal, author wazoapi.UUID) error {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, member := range members {
		if member.State == db.MemberLeft && member.WazoUUID != string(author) {
			if err = c.owe(ctx, portal, member); err != nil {
				return err
			}
		}
	}
	return nil
}

// invite invites whom an invitation is owed, one by one: the homeserver limits invitations, and one that it refuses must not
// keep the others from coming.
func (c *conversations) invite(ctx context.Context, portal *db.Portal) error {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	members = slices.DeleteFunc(members, func(m *db.PortalMember) bool { return m.State != db.MemberOwed || c.isRefused(m.MatrixUser) })
	if err != nil || len(members) == 0 {
		return err
	}
	acc, room, err := c.openings.anyMember(ctx, wazoapi.UUID(portal.WazoRoom), c.readers.of(portal), c.cfg.invitedBy())
	if err != nil || acc == nil {
		return err
	}
	for _, member := range members {
		if !c.openings.mayBeIn(room, member) { // has changed just now
			c.wake(portal.ID)
			continue
		}
		err := c.matrix.Invite(ctx, portal.MatrixRoom, member.MatrixUser, portal.Direct)
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

// inviteRefused notes that the homeserver refuses to invite a person: there is no such user, or the user wants no invitations. It also
// refuses to invite who is in the room already, because what was done last was not recorded.
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

// answerAsked tells the people who asked for a conversation where it is.
func (c *conversations) answerAsked(ctx context.Context, portal *db.Portal) error {
	return c.db.DoTxn(ctx, func(ctx context.Context) error {
		asked, err := c.db.Asked.For(ctx, portal.WazoRoom)
		if err != nil {
			return err
		}
		for _, user := range asked {
			member, err := c.db.PortalMember.Get(ctx, portal.ID, user)
			if err != nil {
				return err
			}
			answer := c.texts.ConversationReady(portal.Title, portal.MatrixRoom.String())
			switch {
			case member == nil:
				answer = c.texts.ConversationNotReady()
			case member.State == db.MemberRefused:
				answer = c.texts.ConversationRefused(portal.Title)
			case member.State == db.MemberOwed:
				continue
			}
			if _, err = c.db.Asked.Delete(ctx, portal.WazoRoom, user); err != nil {
				return err
			} else if err = c.SayTo(ctx, user, answer); err != nil {
				return err
			}
		}
		return nil
	})
}

// endingPause is how long a conversation that everybody has left waits for what is still to be delivered to Wazo, before that is
// looked at again.
const endingPause = time.Second

// endIfEmpty ends a conversation when nobody is in its Matrix room or may still come. What was said there is delivered first.
func (c *conversations) endIfEmpty(ctx context.Context, portal *db.Portal) error {
	if over, err := c.isEmpty(ctx, portal); err != nil || !over {
		return err
	} else if waits, err := c.awaitsLogIn(ctx, portal); err != nil || waits {
		return err
	}
	if delivering, err := c.delivers(ctx, portal); err != nil {
		return err
	} else if delivering {
		c.tasks.Wake(portalJob(jobToWazo, portal.ID))
		c.tasks.WakeAfter(endingPause, portalJob(jobMembers, portal.ID))
		return nil
	}
	return c.db.DoTxn(ctx, func(ctx context.Context) error {
		if over, err := c.isEmpty(ctx, portal); err != nil || !over {
			return err // a message came meanwhile
		}
		return c.end(ctx, portal)
	})
}

// awaitsLogIn reports whether nobody was invited to a conversation yet, because Wazo refused the log-in of who is to be, when the room
// was found.
func (c *conversations) awaitsLogIn(ctx context.Context, portal *db.Portal) (bool, error) {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	if err != nil || len(members) > 0 {
		return false, err
	}
	return c.openings.mayLogInAgain(ctx, wazoapi.UUID(portal.WazoRoom))
}

func (c *conversations) isEmpty(ctx context.Context, portal *db.Portal) (bool, error) {
	members, err := c.db.PortalMember.Of(ctx, portal.ID)
	isActive := func(m *db.PortalMember) bool { return m.State.IsActive() }
	return !slices.ContainsFunc(members, isActive), err
}

// delivers reports whether something is still to be read from the Matrix room, or delivered from there to Wazo, and nothing keeps it
// from that.
func (c *conversations) delivers(ctx context.Context, portal *db.Portal) (bool, error) {
	paused, err := c.pauses.of(ctx, db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo})
	if err != nil || len(paused) > 0 {
		return false, err
	}
	gap, err := c.db.Gap.First(ctx, portal.ID)
	if err != nil || gap != nil {
		return gap != nil, err
	}
	counts, err := c.db.Queue.Counts(ctx, portal.ID)
	return counts[db.ToWazo].Pending > 0, err
}

// end ends a conversation, within a transaction. Nothing is said on Wazo: nobody there was told of the Matrix room. Who said something
// that is not delivered is told.
func (c *conversations) end(ctx context.Context, portal *db.Portal) error {
	sayers, err := c.db.Queue.Sayers(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, sayer := range sayers {
		if err = c.SayTo(ctx, id.UserID(sayer), c.texts.EndedWithMessages(portal.Title)); err != nil {
			return err
		}
	}
	until, err := c.db.Queue.NewestOfWazo(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, known := range []db.WazoTime{portal.ReadUntil, portal.HistoryUntil} {
		if known.After(until.Time) {
			until = known
		}
	}
	if err = c.db.Closed.Put(ctx, portal.WazoRoom, until); err != nil {
		return err
	} else if err = c.db.Portal.Delete(ctx, portal.ID); err != nil {
		return err
	}
	c.log.Info().Stringer("room_id", portal.MatrixRoom).Str("wazo_room", portal.WazoRoom).Msg("A conversation is over")
	return c.openings.leave(ctx, portal.MatrixRoom)
}

// isGone reports whether an error says that a person or room is not there, so that there is nothing to do.
func isGone(err error) bool {
	failure, ok := errors.AsType[*MatrixError](err)
	return ok && (failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound) && failure.Code != ""
}

// roomsListed has the conversations looked at that an account reads, if their Wazo rooms have changed since they were last seen.
func (c *conversations) roomsListed(ctx context.Context, acc *account) error {
	portals, err := c.db.Portal.Opened(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the conversations: %w", err)
	}
	portals = slices.DeleteFunc(portals, func(p *db.Portal) bool { return p.ReaderID != acc.row.ID })
	if len(portals) == 0 {
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
		if c.hasChanged(portal.ID, c.describe(ctx, byUUID[portal.WazoRoom])) {
			c.wake(portal.ID)
		}
	}
	return nil
}

// describe returns what a conversation follows of its Wazo room. The names are those that the directory has told.
func (c *conversations) describe(ctx context.Context, room wazoapi.Room) string {
	described := c.titleFor(ctx, room, c.openings.relayUUID())
	for _, user := range room.Users {
		described += "\n" + string(user.UUID)
	}
	return described
}

func (c *conversations) hasChanged(portalID int64, described string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, known := c.seen[portalID]
	c.seen[portalID] = described
	return !known || before != described
}
