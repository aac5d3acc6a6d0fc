package relay

import (
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
)

// Whoever takes a reaction away and makes it again, perhaps by touching it three times, has changed nothing. While the removal waits,
// it is withdrawn, and people on Wazo read neither of the two.

// cancelRemoval withdraws, within a transaction, the removal of a reaction that waits, because the same person makes the same reaction
// again. The new event takes the place of the old one. It reports false if no such removal waits.
func (a *matrixAccept) cancelRemoval(ctx context.Context, evt *event.Event) (bool, error) {
	target, emoji, _ := convert.ReactionOf(evt)
	reactions, err := a.db.Reaction.To(ctx, a.portal.ID, target)
	if err != nil {
		return false, err
	}
	for _, reaction := range reactions {
		if convert.EmojiKey(reaction.Emoji) != convert.EmojiKey(emoji) {
			continue
		}
		removals, err := a.removalsOf(ctx, reaction.EventID, evt.Sender)
		if err != nil {
			return false, err
		} else if len(removals) > 0 {
			return true, a.replaceReaction(ctx, reaction, evt.ID, removals)
		}
	}
	return false, nil
}

// removalsOf returns the rows that take a reaction of a person away and wait.
func (a *matrixAccept) removalsOf(ctx context.Context, reaction id.EventID, by id.UserID) ([]*db.Row, error) {
	author, err := a.authorOf(ctx, reaction)
	if err != nil || author != by {
		return nil, err
	}
	return a.db.Queue.PendingRedactions(ctx, a.portal.ID, reaction.String())
}

// replaceReaction stores that a reaction on Wazo is made by another event from now on, and deletes the rows of its removal.
func (a *matrixAccept) replaceReaction(ctx context.Context, reaction *db.Reaction, event id.EventID, removals []*db.Row) error {
	for _, row := range removals {
		if _, err := a.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		a.counts.finished(ctx, row, OutcomeTakenBack)
	}
	if err := a.db.Message.Copy(ctx, a.portal.ID, reaction.EventID, event); err != nil {
		return err
	} else if err = a.db.Reaction.Delete(ctx, a.portal.ID, reaction.EventID); err != nil {
		return err
	}
	if err := a.db.SaidOnce.Add(ctx, a.portal.ID, db.OnceRemoved, reaction.EventID.String()); err != nil {
		return err
	}
	reaction.EventID = event
	return a.db.Reaction.Insert(ctx, reaction)
}
