package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// removeStrangers removes the people who do not belong to the Wazo room any more. A private conversation on Wazo has no
// reader whom Wazo did not give it.
func (f *following) removeStrangers(ctx context.Context) error {
	members, err := f.db.PortalMember.Of(ctx, f.portal.ID)
	if err != nil {
		return err
	}
	for _, member := range members {
		if belongs, err := f.belongs(ctx, member); err != nil {
			return err
		} else if belongs {
			continue
		} else if err = f.remove(ctx, member); err != nil {
			return err
		}
	}
	return nil
}

// removeUninvited removes the people whom the bot has not invited, unless they belong to the Wazo room. Only the bot
// can invite somebody, but administrators of a homeserver can give that right to others, also by an upgrade of the
// room.
func (f *following) removeUninvited(ctx context.Context) error {
	// Read before what is stored: who is to be invited is stored first.
	there, err := f.matrix.Members(ctx, f.portal.MatrixRoom)
	if err != nil || !there[f.matrix.UserID()].Joined {
		return err
	}
	members, err := f.db.PortalMember.Of(ctx, f.portal.ID)
	if err != nil {
		return err
	}
	for user, present := range there {
		isInvited := slices.ContainsFunc(members, func(m *db.PortalMember) bool { return m.MatrixUser == user })
		if user == f.matrix.UserID() || isInvited || f.expelled[user] || f.isMember(user) {
			continue
		} else if past := f.pastMember(user); past != nil {
			if err = f.keep(ctx, past, present); err != nil {
				return err
			}
			continue
		}
		f.log.Warn().Stringer("room_id", f.portal.MatrixRoom).Stringer("user_id", user).Msg("Somebody is in a conversation whom the bot has not invited")
		if err = f.expel(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

// isMember reports whether a person belongs to the Wazo room, although nothing is stored of them: the database may be
// an older copy.
func (f *following) isMember(user id.UserID) bool {
	wazo, loggedIn, ok := f.identities.ofMatrix(user)
	return ok && f.openings.mayBeIn(f.room, &db.PortalMember{WazoUUID: string(wazo), LoggedIn: loggedIn})
}

// pastMember returns what is to be stored of a person who is in the Matrix room, has logged out, and is a member of the
// Wazo room. It returns nil if that is not so. Who has only logged out stays (see belongs), and the database may be an
// older copy.
func (f *following) pastMember(user id.UserID) *db.PortalMember {
	if _, _, isKnown := f.identities.ofMatrix(user); isKnown {
		return nil
	}
	for _, author := range f.accounts.wasLoggedIn(user) {
		member := &db.PortalMember{PortalID: f.portal.ID, MatrixUser: user, WazoUUID: string(author), LoggedIn: true, State: db.MemberInvited}
		if f.openings.mayBeIn(f.room, member) {
			return member
		}
	}
	return nil
}

// keep stores that a person of whom nothing is stored is in the conversation.
func (f *following) keep(ctx context.Context, member *db.PortalMember, present Member) error {
	if present.Joined {
		member.State = db.MemberJoined
	}
	f.tasks.Wake(portalJob(jobToMatrix, f.portal.ID))
	return f.db.PortalMember.Put(ctx, member)
}

// remove removes a person from the Matrix room, and tells them why.
func (f *following) remove(ctx context.Context, member *db.PortalMember) error {
	wasThere := member.State == db.MemberInvited || member.State == db.MemberJoined
	if wasThere {
		if err := f.expel(ctx, member.MatrixUser); err != nil {
			return err
		}
	}
	return f.db.DoTxn(context.WithoutCancel(ctx), func(ctx context.Context) error {
		if err := f.db.PortalMember.Forget(ctx, f.portal.ID, member.MatrixUser); err != nil || !wasThere {
			return err
		}
		return f.SayTo(ctx, member.MatrixUser, f.texts.ConversationLost(f.portal.Title))
	})
}

// expel removes somebody from the Matrix room. If the homeserver does not let the bot do that, the room is not fit for
// the conversation any more.
func (f *following) expel(ctx context.Context, user id.UserID) error {
	err := f.matrix.Remove(ctx, f.portal.MatrixRoom, user, f.texts.ConversationKick())
	if err != nil && !isGone(err) {
		return fmt.Errorf("failed to remove %s: %w", user, err)
	}
	f.expelled[user] = true
	if err == nil {
		return nil
	}
	if err = f.matrix.Resync(ctx); err != nil {
		return fmt.Errorf("failed to wait for the next sync: %w", err)
	}
	there, err := f.matrix.Members(ctx, f.portal.MatrixRoom)
	if err != nil || !there[f.matrix.UserID()].Joined {
		return err
	}
	if _, f.isUnfit = there[user]; f.isUnfit {
		f.log.Error().Stringer("room_id", f.portal.MatrixRoom).Stringer("user_id", user).Msg("The bot may not remove somebody from a conversation, which therefore ends")
	}
	return nil
}

// isGone reports whether an error says that a person or room is not there, so that there is nothing to do.
func isGone(err error) bool {
	failure, ok := errors.AsType[*MatrixError](err)
	return ok && (failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound) && failure.Code != ""
}
