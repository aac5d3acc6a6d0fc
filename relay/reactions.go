package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
)

// Wazo has no reactions, so a reaction becomes a line. Those to one message that come within a few seconds become one line, and so do
// those that are removed. Until then they wait, unless something else does: nothing waits for a reaction. A reaction that is removed
// while it waits is never shown.

// maxReactions is how many reactions one line shows at most.
const maxReactions = 100

// errWaits says that a row is not to be delivered yet. Its queue is woken when it is.
var errWaits = errors.New("more may come that is delivered together with this")

// react accepts a reaction.
func (a *matrixAccept) react(ctx context.Context, evt Event, position int64) error {
	if _, _, ok := convert.ReactionOf(evt.Event); !ok || a.cfg.Relations.WithoutReactions {
		return nil
	}
	return a.insert(ctx, evt, position)
}

// shownReaction is a row that stands for a reaction, or for the removal of one.
type shownReaction struct {
	row     *db.Row
	by      string     // the name of who reacted
	event   id.EventID // of the reaction
	target  id.EventID
	emoji   string
	removed bool
}

// reactionNote is what a stored request keeps of a reaction that it shows or removes.
type reactionNote struct {
	Event   id.EventID `json:"event"`
	Target  id.EventID `json:"target"`
	Emoji   string     `json:"emoji"`
	Removed bool       `json:"removed,omitempty"`
}

// reactionOf returns the reaction that a row stands for, nil if it stands for something else.
func (d *wazoDelivery) reactionOf(ctx context.Context, row *db.Row) (*shownReaction, error) {
	evt := &event.Event{}
	if row.Session != "" || json.Unmarshal([]byte(row.Payload), evt) != nil {
		return nil, nil
	}
	name := d.matrix.MemberName(ctx, d.portal.MatrixRoom, evt.Sender)
	if stored := storedSenderName(row.Payload); stored != nil {
		name = stored.Name
	}
	shown := &shownReaction{row: row, event: evt.ID, by: cmp.Or(convert.CleanName(name, convert.MaxProfileBytes), evt.Sender.Localpart())}
	switch convert.Describe(evt, nil).Kind {
	case convert.KindReacted:
		var ok bool
		if shown.target, shown.emoji, ok = convert.ReactionOf(evt); ok {
			return shown, nil
		}
	case convert.KindRedacted:
		reaction, err := d.db.Reaction.ByEvent(ctx, d.portal.ID, redacted(evt))
		if err != nil || reaction == nil {
			return nil, err
		}
		shown.event, shown.target, shown.emoji, shown.removed = reaction.EventID, reaction.Target, reaction.Emoji, true
		return shown, nil
	}
	return nil, nil
}

// reactions returns the reactions that the row's line shows, that of the row first, and none if the row stands for something else. It
// returns errWaits if more of them may come.
func (d *wazoDelivery) reactions(ctx context.Context) ([]*shownReaction, error) {
	first, err := d.reactionOf(ctx, d.row)
	if err != nil || first == nil {
		return nil, err
	}
	shown := []*shownReaction{first}
	if d.row.Alone {
		return shown, nil
	}
	following, err := d.db.Queue.Following(ctx, d.row, maxReactions)
	if err != nil {
		return nil, err
	}
	for _, row := range following {
		next, err := d.reactionOf(ctx, row)
		if err != nil {
			return nil, err
		} else if next == nil || next.target != first.target || next.removed != first.removed || !d.goTogether(d.row, row) {
			return shown, nil
		}
		shown = append(shown, next)
	}
	left := min(d.cfg.ReactionWait, d.cfg.ReactionWait-time.Since(d.row.AcceptedAt.Time))
	if left <= 0 || len(shown) >= maxReactions {
		return shown[:min(len(shown), maxReactions)], nil
	}
	d.tasks.WakeAfter(left, portalJob(jobToWazo, d.portal.ID))
	return nil, errWaits
}

// goTogether reports whether the reactions of two rows may be shown in one line. Who has an account on Wazo says everything there
// alone.
func (d *wazoDelivery) goTogether(first, other *db.Row) bool {
	isUntouched := other.State == db.StateNew && !other.HasRequest() && other.MergedInto == 0 && !other.Alone
	isAlone := d.accounts.login(id.UserID(first.Author)) != nil || d.accounts.login(id.UserID(other.Author)) != nil
	return isUntouched && (first.Author == other.Author || !isAlone)
}

// sayReactions returns the line that shows reactions, or their removal.
func (d *wazoDelivery) sayReactions(ctx context.Context, evt *event.Event, shown []*shownReaction) (said saying, err error) {
	first, about := shown[0], ""
	quote, err := d.quoteOf(ctx, evt, first.target)
	if err != nil {
		return said, err
	} else if quote != nil {
		about = quote.Text
	}
	several := false
	for _, reaction := range shown {
		several = several || reaction.row.Author != first.row.Author
	}
	var line convert.Reactions
	for _, reaction := range shown {
		one := convert.Reaction{Emoji: reaction.emoji}
		if several {
			one.By = reaction.by
		}
		line = append(line, one)
		said.reactions = append(said.reactions, reactionNote{reaction.event, reaction.target, reaction.emoji, reaction.removed})
		said.also = append(said.also, reaction.row)
		if reaction.removed {
			said.once = append(said.once, onceSaid{db.OnceRedacted, reaction.event.String()})
		}
	}
	said.also = said.also[1:]
	if said.text = line.Line(about, d.wazoOptions(ctx, evt)); first.removed {
		said.text = line.RemovedLine(about, d.wazoOptions(ctx, evt))
	}
	if said.text == "" {
		return said, convert.ErrEmpty
	}
	return said, nil
}

// recordReactions stores, within a transaction, which reactions are on Wazo.
func (d *wazoDelivery) recordReactions(ctx context.Context, reactions []reactionNote) error {
	for _, reaction := range reactions {
		var err error
		if reaction.Removed {
			err = d.db.Reaction.Delete(ctx, d.portal.ID, reaction.Event)
		} else {
			err = d.db.Reaction.Insert(ctx, &db.Reaction{PortalID: d.portal.ID, EventID: reaction.Event, Target: reaction.Target, Emoji: reaction.Emoji})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
