package relay

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// chatd has no reactions, so a reaction becomes a line, unless the plugin shows it (native_reactions.go). Reactions to
// one message that come within a few seconds share a line, and so do removals. They wait for each other until then, but
// no message waits for them. A reaction that is removed while it waits is never shown.

// maxReactions is how many reactions one line shows at most.
const maxReactions = 100

// errWaits says that a row is not to be delivered yet. Its queue is woken when it is.
var errWaits = errors.New("more may come that is delivered together with this")

// react accepts a reaction.
func (a *matrixAccept) react(ctx context.Context, evt Event, position int64) error {
	if _, _, ok := convert.ReactionOf(evt.Event); !ok {
		return nil
	} else if off, err := a.isOff(ctx, a.portal, a.cfg.Relations.WithoutReactions); err != nil || off {
		return err
	} else if isRepeated, err := (repeatedReactions{a.Relay, a.portal}).made(ctx, evt.Event); err != nil || isRepeated {
		return err
	}
	return a.insert(ctx, evt, position)
}

// reactionRow is a row that stands for a reaction, or for the removal of one.
type reactionRow struct {
	row     *db.Row
	by      string     // the name of who reacted
	event   id.EventID // of the reaction
	target  id.EventID
	emoji   string
	removed bool
	stored  *db.Reaction  // what is known of a reaction that is removed
	note    *reactionNote // see noteOf; nil: it was not made yet
}

// reactionNote is what a stored request keeps of a reaction that it shows or removes.
type reactionNote struct {
	Event   id.EventID `json:"event"`
	Target  id.EventID `json:"target"`
	Emoji   string     `json:"emoji"`
	Removed bool       `json:"removed,omitempty"`

	// If the plugin for reactions shows it on Wazo, too:
	Account int64        `json:"account,omitempty"` // that reacts
	User    wazoapi.UUID `json:"user,omitempty"`    // whose account that is; not of a removal
	Wazo    wazoapi.UUID `json:"wazo,omitempty"`    // the message
	Native  string       `json:"native,omitempty"`  // the emoji; empty: only the message of the request shows it
}

// reactionOf returns the reaction that a row stands for, nil if it stands for something else.
func (d *wazoDelivery) reactionOf(ctx context.Context, row *db.Row) (*reactionRow, error) {
	evt := &event.Event{}
	if row.Session != "" || json.Unmarshal([]byte(row.Payload), evt) != nil {
		return nil, nil
	}
	return d.reactionIn(ctx, row, evt)
}

// reactionIn is reactionOf for a row whose event is known.
func (d *wazoDelivery) reactionIn(ctx context.Context, row *db.Row, evt *event.Event) (*reactionRow, error) {
	shown := &reactionRow{row: row, event: evt.ID, by: d.senderOf(ctx, row, evt.Sender).DisplayName()}
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
		shown.stored = reaction
		return shown, nil
	}
	return nil, nil
}

// reactions returns the reactions that the row's line shows, that of the row first. It returns errWaits if more of them
// may come.
func (d *wazoDelivery) reactions(ctx context.Context, first *reactionRow) ([]*reactionRow, error) {
	shown := []*reactionRow{first}
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
		} else if isRepeated, err := d.isRepeated(ctx, next); err != nil {
			return nil, err
		} else if isRepeated {
			return shown, nil // it is withdrawn when it has its turn
		}
		shown = append(shown, next)
	}
	// Reactions from before this start wait, too: meanwhile, the connections find out whether Wazo has the plugin.
	since := d.row.AcceptedAt.Time
	if since.Before(d.startup.began) {
		since = d.startup.began
	}
	left := min(d.cfg.ReactionWait, d.cfg.ReactionWait-time.Since(since))
	if left <= 0 || len(shown) >= maxReactions {
		return shown[:min(len(shown), maxReactions)], nil
	}
	d.tasks.WakeAfter(left, portalJob(jobToWazo, d.portal.ID))
	return nil, errWaits
}

// isRepeated reports whether a row removes a reaction that the same person makes again behind it.
func (d *wazoDelivery) isRepeated(ctx context.Context, shown *reactionRow) (bool, error) {
	if !shown.removed {
		return false, nil
	}
	row, err := (repeatedReactions{d.Relay, d.portal}).find(ctx, shown)
	return row != nil, err
}

// goTogether reports whether the reactions of two rows may be shown in one line. Who has an account on Wazo says
// everything there alone.
func (d *wazoDelivery) goTogether(first, other *db.Row) bool {
	isUntouched := other.State == db.StateNew && !other.HasRequest() && other.MergedInto == 0 && !other.Alone
	isAlone := d.accounts.login(id.UserID(first.Author)) != nil || d.accounts.login(id.UserID(other.Author)) != nil
	return isUntouched && (first.Author == other.Author || !isAlone)
}

// sayReaction returns what people on Wazo are told of a reaction, or of its removal, and of those that are shown with
// it. It returns convert.ErrEmpty if nothing has to be said, because the reaction is made again.
func (d *wazoDelivery) sayReaction(ctx context.Context, evt *event.Event, first *reactionRow) (said saying, err error) {
	if first.removed {
		if withdrawn, err := (repeatedReactions{d.Relay, d.portal}).withdraw(ctx, first); err != nil {
			return said, err
		} else if withdrawn {
			return said, convert.ErrEmpty
		}
	}
	if silent, err := d.reactsSilently(ctx, first); err != nil {
		return said, err
	} else if silent {
		return saying{reactions: []reactionNote{*first.note}, silent: true}, nil
	}
	shown, err := d.reactions(ctx, first)
	if err != nil {
		return said, err
	}
	return d.lineFor(ctx, evt, shown)
}

// lineFor returns the line that shows reactions, or their removal.
func (d *wazoDelivery) lineFor(ctx context.Context, evt *event.Event, shown []*reactionRow) (said saying, err error) {
	first, several := shown[0], false
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
		note, err := d.noteOf(ctx, reaction)
		if err != nil {
			return said, err
		}
		said.reactions = append(said.reactions, note)
		said.also = append(said.also, reaction.row)
		if reaction.removed {
			said.once = append(said.once, onceSaid{db.OnceRemoved, reaction.event.String()})
		}
	}
	said.also = said.also[1:]
	// The line may have been posted before a restore, when Wazo had the plugin or had not: findDelivered compares both
	// forms.
	said.parent = d.aboutNative(ctx, said.reactions)
	said.text = d.replyLine(ctx, evt, line, first.removed)
	if said.parent == "" {
		said.ifPluginDiffered = said.text
		said.text, err = d.lineOf(ctx, evt, line, first)
	} else if d.mayBeFound() {
		said.ifPluginDiffered, err = d.lineOf(ctx, evt, line, first)
	}
	if err != nil {
		return said, err
	} else if said.text == "" {
		return said, convert.ErrEmpty
	}
	return said, nil
}

// lineOf returns the line that shows reactions, or their removal, with the beginning of the message that they are for.
func (d *wazoDelivery) lineOf(ctx context.Context, evt *event.Event, line convert.Reactions, first *reactionRow) (string, error) {
	about := ""
	quote, err := d.quoteOf(ctx, evt, first.target)
	if err != nil {
		return "", err
	} else if quote != nil {
		about = quote.Text
	}
	if first.removed {
		return line.RemovedLine(about, d.wazoOptions(ctx, evt)), nil
	}
	return line.Line(about, d.wazoOptions(ctx, evt)), nil
}

// recordReactions stores, within a transaction, which reactions are on Wazo.
func (d *wazoDelivery) recordReactions(ctx context.Context, reactions []reactionNote) error {
	for _, reaction := range reactions {
		if err := d.recordReaction(ctx, reaction); err != nil {
			return err
		}
	}
	return nil
}
