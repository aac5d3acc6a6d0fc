package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// chatd cannot delete a message, so people on Wazo are told which one was removed on Matrix, without its text. What
// still waits is withdrawn instead (pending_edits.go), and the links to its files end (file_links.go).

// redact accepts an event that takes another one back.
func (a *matrixAccept) redact(ctx context.Context, evt Event, position int64) error {
	if err := a.redactPending(ctx, evt.Event); err != nil {
		return err
	}
	target := redacted(evt.Event)
	if err := a.db.ShownReaction.Withdraw(ctx, a.portal.ID, target); err != nil {
		return err
	}
	reaction, err := a.db.Reaction.ByEvent(ctx, a.portal.ID, target)
	if err != nil {
		return err
	}
	isKnown, err := a.db.Message.KnowsEvent(ctx, a.portal.ID, target)
	isReaction := reaction != nil
	if err == nil && !isKnown {
		// The message may be on its way to Wazo right now. The row of this redaction comes after it in the queue, and
		// is decided when the outcome is known.
		var row *db.Row
		row, err = a.db.Queue.BySource(ctx, a.portal.ID, db.ToWazo, target.String())
		isKnown = row != nil
		isReaction = isReaction || isKnown && isReactionRow(row)
	}
	if err != nil {
		return err
	} else if !isKnown {
		// It, or an edit of it, may stand in a gap, which is read later.
		_, err := a.db.SaidOnce.Add(ctx, a.portal.ID, db.OnceWithdrawn, target.String())
		return err
	}
	without := a.cfg.Relations.WithoutRedactions
	if isReaction {
		without = a.cfg.Relations.WithoutReactions
	}
	if isOff, err := a.isOff(ctx, a.portal, without); err != nil {
		return err
	} else if isOff || evt.Tag != nil || a.cfg.Rights.IsIgnored(evt.Sender) {
		return nil
	}
	return a.insert(ctx, evt, position)
}

// isReactionRow reports whether a row of a queue to Wazo stands for a reaction, which may be marked as taken back.
func isReactionRow(row *db.Row) bool {
	evt := &event.Event{}
	return json.Unmarshal([]byte(row.Payload), evt) == nil && evt.Type.Type == event.EventReaction.Type
}

// isWithdrawn reports whether an event, or the one that it edits or is a reaction to, was redacted before anybody on
// Wazo could see it.
func (a *matrixAccept) isWithdrawn(ctx context.Context, evt *event.Event) (bool, error) {
	reactsTo, _, _ := convert.ReactionOf(evt)
	for _, said := range []id.EventID{evt.ID, editedBy(evt), reactsTo} {
		if said == "" {
			continue
		} else if withdrawn, err := a.db.SaidOnce.Has(ctx, a.portal.ID, db.OnceWithdrawn, said.String()); err != nil || withdrawn {
			return withdrawn, err
		}
	}
	return false, nil
}

// removal returns the line that says which message was removed. It returns convert.ErrEmpty if people on Wazo have
// never seen it, or were told before: several people may redact an event.
func (d *wazoDelivery) removal(ctx context.Context, evt *event.Event) (said saying, err error) {
	target := redacted(evt)
	known, err := d.db.Message.ByEvent(ctx, d.portal.ID, target)
	if err != nil {
		return said, err
	} else if known == nil || !wazoapi.UUID(known.WazoUUID).Valid() {
		return said, convert.ErrEmpty
	}
	told, err := d.db.SaidOnce.Has(ctx, d.portal.ID, db.OnceRemoved, target.String())
	if err != nil {
		return said, err
	} else if told {
		return said, convert.ErrEmpty
	}
	written := known.CreatedAt.Time
	if written.IsZero() {
		written = known.RelayedAt.Time
	}
	author := ""
	if !d.isSame(known.Author, evt.Sender) {
		author = cmp.Or(d.authorOnWazo(ctx, known.Author), d.words().Say(words.SomebodyElse))
	}
	said.text = convert.Removal(written.Local(), time.UnixMilli(evt.Timestamp), author, d.wazoOptions(ctx, evt))
	said.once = []onceSaid{{db.OnceRemoved, target.String()}}
	return said, nil
}

// isSame reports whether the author of a message, a Matrix user or a user on Wazo, is a Matrix user.
func (d *wazoDelivery) isSame(author string, user id.UserID) bool {
	if author == user.String() {
		return true
	}
	known, ok := d.identities.ofWazo(wazoapi.UUID(author))
	return ok && known == user
}
