package relay

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
)

// Whoever takes a reaction away and makes it again, perhaps by touching it three times, has changed nothing. While the
// removal waits, it is withdrawn, and people on Wazo read neither of the two. If the reaction is on Wazo when it is
// made again, that happens at once. If it is still on its way there, it happens when the removal has its turn: then it
// is known what became of the reaction.

// repeatedReactions withdraw the removals of reactions that are made again in a portal.
type repeatedReactions struct {
	*Relay
	portal *db.Portal
}

// made accepts, within a transaction, a reaction of which the same person has a removal waiting. The new event takes
// the place of the old one. It reports false if no such removal waits, or if the first reaction is not delivered yet.
func (r repeatedReactions) made(ctx context.Context, evt *event.Event) (bool, error) {
	target, emoji, _ := convert.ReactionOf(evt)
	reactions, err := r.db.Reaction.To(ctx, r.portal.ID, target)
	if err != nil {
		return false, err
	}
	for _, reaction := range reactions {
		if convert.EmojiKey(reaction.Emoji) != convert.EmojiKey(emoji) {
			continue
		}
		author, err := r.authorOf(ctx, reaction)
		if err != nil {
			return false, err
		} else if author != evt.Sender {
			continue
		}
		removals, err := r.db.Queue.PendingRedactions(ctx, r.portal.ID, reaction.EventID.String())
		if err != nil {
			return false, err
		} else if len(removals) > 0 {
			return true, r.replace(ctx, reaction, evt.ID, removals)
		}
	}
	return false, nil
}

// find returns the row behind that of a removal in which the same person makes the same reaction again, nil if there is
// none.
func (r repeatedReactions) find(ctx context.Context, removal *reactionRow) (*db.Row, error) {
	author, err := r.authorOf(ctx, removal.stored)
	if err != nil || author == "" {
		return nil, err
	}
	rows, err := r.db.Queue.PendingReactions(ctx, r.portal.ID, removal.target.String())
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		evt := &event.Event{}
		if row.Author != author.String() || row.Position < removal.row.Position || json.Unmarshal([]byte(row.Payload), evt) != nil {
			continue
		} else if _, emoji, ok := convert.ReactionOf(evt); ok && convert.EmojiKey(emoji) == convert.EmojiKey(removal.emoji) {
			return row, nil
		}
	}
	return nil, nil
}

// withdraw deletes the row of a removal and the one that makes the same reaction again, if there is one.
func (r repeatedReactions) withdraw(ctx context.Context, removal *reactionRow) (withdrawn bool, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		row, err := r.find(ctx, removal)
		if err != nil || row == nil {
			return err
		}
		removals, err := r.db.Queue.PendingRedactions(ctx, r.portal.ID, removal.event.String())
		if err != nil {
			return err
		}
		withdrawn = true
		return r.replace(ctx, removal.stored, id.EventID(row.SourceID), append(removals, row))
	})
	return withdrawn, err
}

// authorOf returns who made a reaction that was delivered, "" if that is not known.
func (r repeatedReactions) authorOf(ctx context.Context, reaction *db.Reaction) (id.UserID, error) {
	message, err := r.db.Message.ByEvent(ctx, r.portal.ID, reaction.EventID)
	if err != nil || message == nil {
		return "", err
	}
	return id.UserID(message.Author), nil
}

// replace stores that a reaction on Wazo is made by another event from now on, and deletes the rows that would remove
// and make it.
func (r repeatedReactions) replace(ctx context.Context, reaction *db.Reaction, event id.EventID, rows []*db.Row) error {
	for _, row := range rows {
		if _, err := r.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		r.counts.finished(ctx, row, OutcomeTakenBack)
	}
	if err := r.db.Message.Copy(ctx, r.portal.ID, reaction.EventID, event); err != nil {
		return err
	} else if err = r.db.Reaction.Delete(ctx, r.portal.ID, reaction.EventID); err != nil {
		return err
	}
	if _, err := r.db.SaidOnce.Add(ctx, r.portal.ID, db.OnceRemoved, reaction.EventID.String()); err != nil {
		return err
	}
	repeated := *reaction
	repeated.EventID = event
	return r.db.Reaction.Insert(ctx, &repeated)
}
