package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/util/jsontime"
	"golang.org/x/sync/semaphore"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/phone"
	"wazo-matrix-relay/wazoapi"
)

// smsStarter starts conversations with telephone numbers. Two rooms of one pair would make Wazo drop all messages from
// that number for ever (docs/wazo.md, "Rooms with somebody outside"). So one room is made at a time, after a look at
// the list, and a creation whose outcome is not known is not repeated for a while, also after a restart.
type smsStarter struct {
	*Relay

	making *semaphore.Weighted // held while a room is looked for or made
}

func newSMSStarter(r *Relay) *smsStarter {
	return &smsStarter{Relay: r, making: semaphore.NewWeighted(1)}
}

// doubtLife is how long a room of unknown outcome may take to appear in the list.
const doubtLife = time.Minute

// StartSMS starts a conversation with a telephone number, see smsStarter. isEdit says that the command is an edit: then
// no text is sent, as no other edit is, unless SMSConfig wants that. The text may have been sent as it was before.
func (r *Relay) StartSMS(ctx context.Context, by id.UserID, number, text string, isEdit bool) (string, error) {
	return r.sms.start(ctx, by, number, text, isEdit && !r.cfg.SMS.Corrections)
}

// start opens the conversation of a person with a telephone number, and (text is not empty) sends a first text message.
// It returns what to answer, and a *UserError if that is not possible. It may be called again after a crash: a text
// that was sent in the last minutes is not sent again. withoutText says that no text is sent.
func (s *smsStarter) start(ctx context.Context, by id.UserID, what, text string, withoutText bool) (string, error) {
	acc, err := s.people.own(by)
	if err != nil {
		return "", err
	}
	s.numbers.forget(acc)
	mine, err := s.numbers.in(ctx, acc, "")
	switch {
	case mayNotSeeNumbers(err):
		return "", refuse(s.texts.NumbersHidden(wazoapi.IdentityScope))
	case err != nil:
		return "", s.people.explain(ctx, acc, err)
	case len(mine) == 0:
		return "", refuse(s.texts.OwnNumber("", nil))
	}
	number, err := phone.Normalize(what, mine[0].Number)
	if err != nil {
		return "", refuse(s.texts.NotANumber(what))
	}
	for _, own := range mine {
		if own.Number == number {
			return "", refuse(s.texts.YourOwnNumber())
		}
	}
	room, err := s.room(ctx, acc, number)
	if err != nil {
		return "", err
	}
	if err = s.openings.ask(ctx, room, by); err != nil {
		return "", err
	} else if _, outside := room.Outside(); !outside {
		return s.texts.NumberOfAColleague(phone.Readable(number)), nil
	} else if text = strings.TrimSpace(text); text == "" {
		return s.texts.SMSStarted(phone.Readable(number)), nil
	} else if withoutText {
		return s.texts.SMSNotSentByEdit(phone.Readable(number)), nil
	}
	return s.first(ctx, acc, room, text, number)
}

// room returns the Wazo room of an account and a number. It makes the room if there is none.
func (s *smsStarter) room(ctx context.Context, acc *account, number string) (wazoapi.Room, error) {
	if err := s.making.Acquire(ctx, 1); err != nil {
		return wazoapi.Room{}, err
	}
	defer s.making.Release(1)
	if room, found, err := s.existing(ctx, acc, number); err != nil || found {
		return room, err
	}
	uuid := string(acc.uuid())
	if last, err := s.db.OutsideTry.Last(ctx, uuid, number); err != nil {
		return wazoapi.Room{}, err
	} else if !last.IsZero() && time.Since(s.latestAttempt(last.Time)) < doubtLife {
		return wazoapi.Room{}, refuse(s.texts.SMSRoomDoubtful())
	} else if err = s.db.OutsideTry.Begin(ctx, uuid, number, jsontime.UM(time.Now())); err != nil {
		return wazoapi.Room{}, fmt.Errorf("failed to store that a room is created: %w", err)
	}
	room, err := acc.api.CreateOutsideRoom(ctx, number)
	if wazoapi.OutcomeUnknown(err) {
		if room, found, listErr := s.existing(ctx, acc, number); listErr == nil && found {
			return room, nil
		}
		return wazoapi.Room{}, refuse(s.texts.SMSRoomDoubtful())
	}
	if endErr := s.db.OutsideTry.End(context.WithoutCancel(ctx), uuid, number); endErr != nil {
		s.log.Err(endErr).Msg("Failed to store what became of the creation of a room") // it is not repeated for a while
	}
	switch {
	case err == nil:
		acc.addRoom(room)
		return room, nil
	case errors.Is(err, wazoapi.ErrUnreachable):
		return wazoapi.Room{}, refuse(s.texts.NumberUnreachable(phone.Readable(number)))
	default:
		return wazoapi.Room{}, s.people.explain(ctx, acc, err)
	}
}

// existing returns the room of an account and a number, if there is one. Of several, it prefers one that has a portal.
func (s *smsStarter) existing(ctx context.Context, acc *account, number string) (found wazoapi.Room, ok bool, err error) {
	rooms, err := acc.listRooms(ctx)
	if err != nil {
		return found, false, s.people.explain(ctx, acc, err)
	}
	for _, room := range rooms {
		outside, isOutside := room.Outside()
		if !isOutside || outside.Identity != number {
			continue
		}
		portal, err := s.db.Portal.ByWazoRoom(ctx, string(room.UUID))
		if err != nil {
			return found, false, err
		} else if portal != nil {
			return room, true, nil
		}
		found, ok = room, true
	}
	return found, ok, nil
}

// repeatedWithin is for how long the same first text is not sent again: the command may be carried out again after a
// crash. SMSSentAlready tells it.
const repeatedWithin = 10 * time.Minute

// first sends the first text message of a conversation, unless the history has it already. Shortly after a start it
// waits for Config.Settle first, as deliveries do before they look for a message: until then the history may lack what
// was posted before the start.
func (s *smsStarter) first(ctx context.Context, acc *account, room wazoapi.Room, text, number string) (string, error) {
	mine, err := s.numbers.in(ctx, acc, room.UUID)
	if err != nil {
		return "", s.people.explain(ctx, acc, err)
	}
	known := &db.Outside{}
	portal, err := s.db.Portal.ByWazoRoom(ctx, string(room.UUID))
	if err != nil {
		return "", err
	} else if portal != nil {
		if known, err = s.outsideOf(ctx, portal); err != nil {
			return "", err
		} else if known == nil {
			known = &db.Outside{}
		}
	}
	from, ok := chosen(known, mine)
	if !ok {
		return s.texts.SMSNotSentYet(phone.Readable(number)), nil
	}
	text = wazoapi.Clean(text)
	// A process that carried the command out before this start may have posted the text a moment ago.
	if err = s.settleSince(ctx, s.startup.began); err != nil {
		return "", fmt.Errorf("failed to wait until the history can be trusted: %w", err)
	}
	page, err := acc.api.Messages(ctx, room.UUID, wazoapi.MessageQuery{Direction: wazoapi.Descending, Limit: 20})
	if err != nil {
		return "", s.people.explain(ctx, acc, err)
	}
	for _, m := range page.Items {
		if m.UserUUID == acc.uuid() && m.Content == text && time.Since(m.CreatedAt) < repeatedWithin {
			return s.texts.SMSSentAlready(phone.Readable(number)), nil
		}
	}
	if portal != nil && s.smsLimits.sent.Take(portal.ID) > 0 {
		return "", refuse(s.texts.SMSLimited(phone.Readable(number), s.cfg.SMS.perHour()))
	}
	_, err = acc.api.PostMessage(ctx, room.UUID, wazoapi.Draft{Content: text, Identity: from.UUID})
	switch {
	case err == nil:
		return s.texts.SMSSent(phone.Readable(number), phone.Segments(text)), nil
	case wazoapi.OutcomeUnknown(err):
		return s.texts.SMSPerhapsSent(phone.Readable(number)), nil
	case errors.Is(err, wazoapi.ErrUnreachable):
		return "", refuse(s.texts.NumberUnreachable(phone.Readable(number)))
	default:
		return "", fmt.Errorf("failed to send a first text message: %w", s.people.explain(ctx, acc, err))
	}
}
