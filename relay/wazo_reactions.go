package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// The bot shows the reactions of people on Wazo as its own: one for each event and emoji. Who has reacted is said by a
// notice, if that is not obvious (reaction_notice.go).

// wazoReactions show the reactions on Wazo on Matrix. They are safe for concurrent use.
type wazoReactions struct {
	*Relay
	events  *shownEvents
	notices *reactionNotices
	turns   *turns
}

func newWazoReactions(r *Relay, turns *turns) *wazoReactions {
	events := newShownEvents(r)
	return &wazoReactions{Relay: r, events: events, notices: newReactionNotices(r, events), turns: turns}
}

// aboutEvent are the reactions to one event, the oldest first.
type aboutEvent struct {
	target    id.EventID
	reactions []wazoapi.Reaction
}

// emoji returns with what people reacted, as it is shown, each only once.
func (a aboutEvent) emoji() (all []string) {
	for _, x := range a.reactions {
		if emoji := convert.MatrixEmoji(x.Emoji); !slices.Contains(all, emoji) {
			all = append(all, emoji)
		}
	}
	return all
}

// read returns the reactions in a room on Wazo.
func (w *wazoReactions) read(ctx context.Context, acc *account, room wazoapi.UUID) ([]wazoapi.Reaction, error) {
	reactions, err := acc.api.RoomReactions(ctx, room)
	if err != nil {
		return nil, fmt.Errorf("failed to read reactions: %w", err)
	}
	return reactions, nil
}

// show brings what is shown in line with the reactions on Wazo. messages are the mappings of those to which they are.
func (w *wazoReactions) show(ctx context.Context, portal *db.Portal, acc *account, reactions []wazoapi.Reaction, messages []*db.Message) error {
	own, err := w.ofPeople(ctx, portal, acc, reactions)
	if err != nil {
		return err
	}
	wished := byEvent(portal, own, messages)
	shown, err := w.settled(ctx, portal)
	if err != nil {
		return err
	}
	var failed []error
	// A room may allow messages and no reactions.
	for _, changes := range [][]change{w.changes(portal, wished, shown), w.notices.changes(ctx, portal, wished, shown)} {
		for _, change := range changes {
			if isTurn, err := w.turns.take(ctx, portal); err != nil || !isTurn {
				return err
			} else if err = change(ctx); errors.Is(err, errMayNotSend) {
				break
			} else if err != nil {
				failed = append(failed, err)
				if !isOfOneEvent(err) {
					return errors.Join(failed...)
				}
			}
		}
	}
	return errors.Join(failed...)
}

// ofPeople leaves out the reactions that the relay has made for people on Matrix. When it removes one of those that it
// made through somebody's own account, it may be on Wazo at the first look and not be known here any more at the
// second. So what seems to be of such an account must be on Wazo still.
func (w *wazoReactions) ofPeople(ctx context.Context, portal *db.Portal, acc *account, reactions []wazoapi.Reaction) (own []wazoapi.Reaction, err error) {
	uncertain := false
	for _, x := range reactions {
		if convert.MatrixEmoji(x.Emoji) == "" {
			continue
		} else if fromMatrix, err := w.natives.isFromMatrix(ctx, portal.ID, x); err != nil {
			return nil, err
		} else if !fromMatrix {
			own = append(own, x)
			uncertain = uncertain || w.accounts.byUUID(x.User) != nil
		}
	}
	if !uncertain {
		return own, nil
	}
	again, err := w.read(ctx, acc, wazoapi.UUID(portal.WazoRoom))
	if err != nil {
		return nil, err
	}
	isThere := func(x wazoapi.Reaction) bool {
		return slices.ContainsFunc(again, func(y wazoapi.Reaction) bool { return x.Message == y.Message && x.User == y.User && x.Emoji == y.Emoji })
	}
	return slices.DeleteFunc(own, func(x wazoapi.Reaction) bool { return w.accounts.byUUID(x.User) != nil && !isThere(x) }), nil
}

// byEvent returns the reactions by the events that they are about. It leaves out those to messages that no event shows,
// and to those that were said before a conversation opened: one event shows many of them.
func byEvent(portal *db.Portal, reactions []wazoapi.Reaction, messages []*db.Message) []aboutEvent {
	targets := make(map[wazoapi.UUID]id.EventID, len(messages))
	for _, m := range messages {
		if m.CreatedAt.IsZero() || !isPast(portal, m.CreatedAt.UnixMicro()) {
			targets[wazoapi.UUID(m.WazoUUID)] = m.EventID
		}
	}
	var all []aboutEvent
	at := make(map[id.EventID]int)
	for _, x := range reactions {
		target, ok := targets[x.Message]
		if !ok {
			continue
		}
		i, ok := at[target]
		if !ok {
			i, at[target] = len(all), len(all)
			all = append(all, aboutEvent{target: target})
		}
		all[i].reactions = append(all[i].reactions, x)
	}
	return all
}

// settled returns what is shown in a portal. It first finds out what became of the attempts whose outcome is unknown:
// their echoes come with /sync.
func (w *wazoReactions) settled(ctx context.Context, portal *db.Portal) ([]*db.ShownReaction, error) {
	shown, err := w.db.ShownReaction.Of(ctx, portal.ID)
	isUnknown := func(s *db.ShownReaction) bool { return s.EventID == "" && !s.Withdrawn }
	if err != nil || !slices.ContainsFunc(shown, isUnknown) {
		return shown, err
	} else if err = w.tasks.Sleep(ctx, w.cfg.Settle); err != nil {
		return nil, err
	}
	ctx, cancel := w.tasks.UntilStop(ctx)
	defer cancel()
	if err = w.matrix.Resync(ctx); err != nil {
		return nil, fmt.Errorf("failed to wait for the next sync: %w", err)
	} else if err = w.gaps.fill(ctx, portal.ID); err != nil {
		return nil, err
	}
	return w.db.ShownReaction.Of(ctx, portal.ID)
}

// change is something that has to be sent.
type change func(ctx context.Context) error

// changes returns what has to be done so that the bot's reactions are those of people on Wazo.
func (w *wazoReactions) changes(portal *db.Portal, wished []aboutEvent, shown []*db.ShownReaction) (changes []change) {
	type key struct {
		target id.EventID
		emoji  string
	}
	known, kept := make(map[key]*db.ShownReaction), make(map[key]bool)
	for _, s := range shown {
		known[key{s.Target, s.Emoji}] = s
	}
	for _, about := range wished {
		for _, emoji := range about.emoji() {
			kept[key{about.target, emoji}] = true
			s := known[key{about.target, emoji}]
			if s == nil {
				s = &db.ShownReaction{PortalID: portal.ID, Target: about.target, Emoji: emoji, SentAt: jsontime.UM(time.Now())}
			}
			if s.EventID == "" && !s.Withdrawn {
				changes = append(changes, func(ctx context.Context) error { return w.add(ctx, portal, s) })
			}
		}
	}
	for _, s := range shown {
		if s.Emoji != "" && !kept[key{s.Target, s.Emoji}] {
			changes = append(changes, func(ctx context.Context) error { return w.events.remove(ctx, portal, s) })
		}
	}
	return changes
}

// add sends a reaction.
func (w *wazoReactions) add(ctx context.Context, portal *db.Portal, s *db.ShownReaction) error {
	return w.events.send(ctx, s, func(txnID string) (id.EventID, error) {
		eventID, err := w.matrix.React(ctx, portal.MatrixRoom, OutgoingReaction{
			Target: s.Target, Key: s.Emoji, Check: func(ctx context.Context) error { return w.pauses.checkMaySend(ctx, portal) },
		}, txnID)
		var refused *MatrixError
		if errors.As(err, &refused) && refused.Code == "M_DUPLICATE_ANNOTATION" {
			// It is there, and nothing here knows of it.
			found, findErr := w.matrix.FindReaction(ctx, portal.MatrixRoom, s.Target, s.Emoji)
			if findErr != nil || found != "" {
				return found, findErr
			}
		}
		return eventID, err
	})
}
