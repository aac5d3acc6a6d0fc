package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"go.mau.fi/util/exsync"
	"golang.org/x/sync/semaphore"

	"wazo-matrix-relay/db"
)

// conversations are the portals that have opened by themselves. Their people are invited one by one, and a conversation
// ends when nobody is left in its Matrix room. One job for each of them does everything that takes requests. It is safe
// for concurrent use.
type conversations struct {
	*Relay
	lookingAt *semaphore.Weighted // limits how many are brought in line at once

	mu    sync.Mutex
	names map[int64]uint64 // portal → the names of its people, see knownNames

	topics *exsync.Set[int64] // portals whose topics may be outdated, see retopic
}

func newConversations(r *Relay) *conversations {
	return &conversations{
		Relay: r, lookingAt: semaphore.NewWeighted(parallelReads), names: make(map[int64]uint64), topics: exsync.NewSet[int64](),
	}
}

func (c *conversations) wake(portalID int64) { c.tasks.Wake(portalJob(jobConversation, portalID)) }

// wakeChanged has the conversations looked at that have changed since they were last looked at.
func (c *conversations) wakeChanged(ctx context.Context) error {
	portals, err := c.db.Portal.Unfollowed(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the conversations: %w", err)
	}
	for _, portalID := range portals {
		c.wake(portalID)
	}
	return nil
}

// compareConfig has all conversations looked at if something else than at the last start decides who belongs to them:
// the relay account, or who is ignored.
func (c *conversations) compareConfig(ctx context.Context) error {
	now := strings.Join(append([]string{string(c.openings.relayUUID())}, c.cfg.Rights.ignoredPatterns...), "\n")
	return c.db.DoTxn(ctx, func(ctx context.Context) error {
		before, err := c.db.Setting.Get(ctx, db.SettingConversations)
		if err != nil || before == now {
			return err
		} else if err = c.db.Portal.AllChanged(ctx); err != nil {
			return fmt.Errorf("failed to store that the conversations are to be looked at: %w", err)
		}
		return c.db.Setting.Set(ctx, db.SettingConversations, now)
	})
}

// changed has a conversation looked at as soon as the transaction that ctx carries, if any, is committed. That it is to
// be looked at is stored in this transaction, so that a stop does not keep it from that.
func (c *conversations) changed(ctx context.Context, portalID int64) error {
	db.AfterCommit(ctx, func() { c.wake(portalID) })
	return c.db.Portal.Changed(ctx, portalID)
}

// peopleChanged has all conversations looked at, also those that are still to open, as soon as the transaction that ctx
// carries, if any, is committed: somebody is another person on Wazo than before.
func (c *conversations) peopleChanged(ctx context.Context) error {
	db.AfterCommit(ctx, func() {
		c.tasks.Go(func(ctx context.Context) {
			if err := c.openings.resume(ctx); err != nil {
				c.log.Err(err).Msg("Failed to look at the conversations")
			}
		})
	})
	if err := c.db.Portal.AllChanged(ctx); err != nil {
		return fmt.Errorf("failed to store that the conversations are to be looked at: %w", err)
	}
	return nil
}

// update brings a conversation in line with what is known: it follows the Wazo room, invites whom an invitation is
// owed, tells who asked for the conversation, and ends it if nobody is left.
func (c *conversations) update(ctx context.Context, portalID int64) error {
	ctx, cancel := c.tasks.UntilStop(ctx)
	defer cancel()
	portal, err := c.db.Portal.ByID(ctx, portalID)
	if err != nil || portal == nil || !portal.IsOpened() {
		return err
	}
	awaitsLogIn, err := c.awaitsLogIn(ctx, portal) // who logs in after this question is invited by the next update
	if err != nil {
		return err
	}
	followed, over, err := c.follow(ctx, portal)
	if err != nil || over {
		return err
	}
	err = errors.Join(c.invite(ctx, portal), c.answerAsked(ctx, portal))
	if !awaitsLogIn {
		err = errors.Join(err, c.endIfEmpty(ctx, portal))
	}
	if err != nil {
		return err
	}
	return c.db.Portal.SetFollowed(context.WithoutCancel(ctx), portal.ID, portal.Changes, followed)
}

// follow brings a conversation in line with its Wazo room, a few at the same time. It returns what the room was, see
// hashOf. It reports true if the conversation had to end.
func (c *conversations) follow(ctx context.Context, portal *db.Portal) (followed string, over bool, err error) {
	if err = c.lookingAt.Acquire(ctx, 1); err != nil {
		return "", false, err
	}
	defer c.lookingAt.Release(1)
	if err = c.compareMembers(ctx, portal); err != nil {
		return "", false, err
	}
	f := &following{conversations: c, portal: portal}
	over, err = f.run(ctx)
	return hashOf(f.room), over, err
}

// isAttended reports whether somebody has joined the Matrix room of a conversation. If that cannot be told, nothing is
// sent.
func (c *conversations) isAttended(ctx context.Context, portal *db.Portal) bool {
	attended, err := c.db.PortalMember.IsAttended(ctx, portal.ID)
	if err != nil {
		c.log.Err(err).Int64("portal_id", portal.ID).Msg("Failed to read who is in a conversation")
	}
	return attended
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
