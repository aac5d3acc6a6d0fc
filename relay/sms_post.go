package relay

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/phone"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// This file decides what becomes a text message to somebody outside Wazo. Each of them is paid for, so that only what a
// person writes anew is sent, from their own number, without any addition. Nothing is sent again before the history was
// looked at, as for all messages (reconcile.go).

// SMSConfig is what an administrator decides about text messages.
type SMSConfig struct {
	Corrections  bool // an edit is sent as a further text message
	PerHour      int  // how many text messages are sent in a room within an hour; 0: 60
	RoomsPerHour int  // how many rooms open for a person within an hour, because unknown numbers write; 0: 20
}

// stays returns what an event is that is not sent as a text message, "" if it is sent.
func (d *wazoDelivery) stays(evt *event.Event) words.Stays {
	description := convert.Describe(evt, nil)
	switch {
	case d.outside == nil:
		return ""
	case description.Kind == convert.KindReacted:
		return words.StaysReaction
	case description.Kind == convert.KindRedacted:
		return words.StaysRemoval
	case editedBy(evt) != "" && !d.cfg.SMS.Corrections:
		return words.StaysEdit
	case description.Kind == convert.KindWordless:
		return words.StaysWordless
	case description.Content == nil:
		return ""
	case convert.IsGesture(evt):
		return words.StaysWordless // one click must not cost anything
	}
	content := description.Content
	if content.NewContent != nil {
		content = content.NewContent
	} else if target, thread := convert.RepliedTo(content); target != "" && (thread == "" || !content.RelatesTo.IsFallingBack) {
		return words.StaysReply
	}
	opts := convert.WazoOptions{Sticker: evt.Type.Type == event.EventSticker.Type}
	switch file := convert.AttachmentOf(content, opts); {
	case file == nil:
		return ""
	case d.cfg.Media.URL == "":
		return words.StaysFile
	case int64(file.Size) > d.cfg.Media.MaxSize:
		return words.StaysBigFile
	}
	return ""
}

// stay lets an event go that stays on Matrix. Its sender is told: each time if it is written, and otherwise once.
func (d *wazoDelivery) stay(ctx context.Context, what words.Stays) error {
	return d.letGo(ctx, OutcomeNotSent, func(ctx context.Context) error {
		if !isWritten(what) {
			if first, err := d.db.SaidOnce.Add(ctx, d.portal.ID, db.OnceStays, d.row.Author); err != nil || !first {
				return err
			}
		}
		return d.Say(ctx, d.portal.MatrixRoom, d.texts.StaysOnMatrix(what, d.cfg.SMS.Corrections), id.EventID(d.row.SourceID))
	})
}

// isWritten reports whether something has words or a file of its own, of which the sender would think that they were
// sent. The rest changes or decorates a message.
func isWritten(what words.Stays) bool {
	return what == words.StaysReply || what == words.StaysFile || what == words.StaysBigFile
}

// toldReadOnly is what db.Told keeps of people who were told that they cannot write to somebody outside Wazo.
const toldReadOnly = "sms_read_only"

// mayText returns from which number a request is posted, if it is a text message. done says that it is not posted now,
// and result is what that means for the row.
func (d *wazoDelivery) mayText(ctx context.Context, acc *account, request *wazoRequest) (number wazoapi.Identity, result outcome, done bool, err error) {
	if d.outside == nil {
		return number, result, false, nil
	}
	number, may, err := d.ownNumber(ctx, acc, request)
	if err != nil {
		return number, outcomeStopped, true, err
	} else if !may {
		return number, outcomeChanged, true, nil
	} else if !request.isNew() {
		return number, result, false, nil
	}
	may, err = d.maySend(ctx)
	return number, outcomeStopped, !may, err
}

// ownNumber returns the number from which a request is sent, and stores it in a new request. It reports false if the
// room is read-only for the account: then the row has left the queue. An error with a reason says what the sender can
// do.
func (d *wazoDelivery) ownNumber(ctx context.Context, acc *account, request *wazoRequest) (number wazoapi.Identity, may bool, err error) {
	mine, err := d.numbers.in(ctx, acc, d.wazoRoom())
	switch {
	case mayNotSeeNumbers(err) && request.isNew():
		return number, false, d.readOnly(ctx)
	case mayNotSeeNumbers(err):
		return number, false, &messageError{words.WhyNumbersHidden, err}
	case err != nil:
		_, err = d.posters.failed(ctx, acc, d.wazoRoom(), d.row.AcceptedAt.Time, true, err)
		if err == nil {
			err = &messageError{why: words.WhyOwnAccount}
		}
		return number, false, err
	case len(mine) == 0:
		return number, false, &messageError{why: words.WhyNoNumber}
	}
	if request.Number != "" {
		number, ok := stillOwn(request.Number, d.outside, mine)
		if !ok {
			return number, false, &messageError{why: words.WhyNumberGone}
		}
		request.Number = number.Number
		return number, true, nil
	}
	number, ok := chosen(d.outside, mine)
	if !ok {
		return number, false, &messageError{why: words.WhyWhichNumber}
	}
	request.Number = number.Number
	return number, true, nil
}

// readOnly lets a message go that its sender cannot send as a text message, for want of a permission. The sender is
// told once.
func (d *wazoDelivery) readOnly(ctx context.Context) error {
	return d.letGo(ctx, OutcomeNotSent, func(ctx context.Context) error {
		if first, err := d.db.Told.Tell(ctx, id.UserID(d.row.Author), d.portal.ID, toldReadOnly); err != nil || !first {
			return err
		}
		return d.Say(ctx, d.portal.MatrixRoom, d.texts.NumbersHidden(wazoapi.IdentityScope), id.EventID(d.row.SourceID))
	})
}

// postMessage posts a request on Wazo. To somebody outside it is sent from number.
func (d *wazoDelivery) postMessage(ctx context.Context, acc *account, request *wazoRequest, number wazoapi.Identity) (wazoapi.Message, error) {
	if d.outside == nil {
		return acc.api.PostMessage(ctx, d.wazoRoom(), wazoapi.Draft{Content: request.Content, Alias: request.Alias})
	}
	message, err := acc.api.PostMessage(ctx, d.wazoRoom(), wazoapi.Draft{Content: request.Content, Identity: number.UUID})
	if !errors.Is(err, wazoapi.ErrInvalidIdentity) {
		return message, err
	}
	// The number may have got another uuid. Nothing was stored, so that it may be tried once more.
	d.numbers.forget(acc)
	mine, askErr := d.numbers.in(ctx, acc, d.wazoRoom())
	for _, again := range mine {
		if askErr == nil && again.Number == number.Number && again.UUID != number.UUID {
			return acc.api.PostMessage(ctx, d.wazoRoom(), wazoapi.Draft{Content: request.Content, Identity: again.UUID})
		}
	}
	return message, err
}

// sayParts tells the sender once, within a transaction, that a long text makes several text messages.
func (d *wazoDelivery) sayParts(ctx context.Context, request *wazoRequest) error {
	parts := phone.Segments(request.Content)
	if d.outside == nil || parts < 2 {
		return nil
	}
	first, err := d.db.SaidOnce.Add(ctx, d.portal.ID, db.OnceParts, d.row.Author)
	if err != nil {
		return fmt.Errorf("failed to store that a notice is said: %w", err)
	} else if !first {
		return nil
	}
	return d.Say(ctx, d.portal.MatrixRoom, d.texts.SeveralTextMessages(parts), id.EventID(d.row.SourceID))
}
