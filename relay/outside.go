package relay

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/phone"
	"wazo-matrix-relay/wazoapi"
)

// People outside Wazo are reached by text messages. Such a Wazo room has two members, one of them with a telephone
// number. For a person who has logged in it becomes a conversation like any other. This file says who is outside, and
// how they are called. sms_numbers.go says from which own number they are written to, and sms_post.go what is sent to
// them.

// outsideOf returns who is outside Wazo in a portal, nil if nobody is.
func (r *Relay) outsideOf(ctx context.Context, portal *db.Portal) (*db.Outside, error) {
	if !portal.IsOpened() || !portal.Direct {
		return nil, nil // the usual case costs nothing
	}
	return r.db.Outside.Of(ctx, portal.ID)
}

// isOff reports whether a switch of RelationsConfig leaves something out in a portal. In a conversation with somebody
// outside Wazo, SMSConfig decides what is sent, and the sender is told of the rest.
func (r *Relay) isOff(ctx context.Context, portal *db.Portal, without bool) (bool, error) {
	if !without {
		return false, nil
	}
	outside, err := r.outsideOf(ctx, portal)
	return outside == nil, err
}

// outsideNames are how people outside Wazo are called: as in the directory, or else by their numbers. It is safe for
// concurrent use.
type outsideNames struct {
	phonebook *phonebook

	mu    sync.Mutex
	known map[string]outsideName // by number
}

// outsideName is what the directory has said of a number.
type outsideName struct {
	name  string // empty: nobody has the number
	until time.Time
}

// outsideNameTTL is how long the name of a number is believed. A search finds one number, while one request brings the
// names of many users on Wazo, so it is longer than nameTTL.
const outsideNameTTL = time.Hour

// maxOutsideNames is how many numbers are remembered at most. They are asked for again when there are more.
const maxOutsideNames = 10_000

func newOutsideNames(book *phonebook) *outsideNames {
	return &outsideNames{phonebook: book, known: make(map[string]outsideName)}
}

// name returns how the owner of a number is called. After an error it is the number.
func (o *outsideNames) name(ctx context.Context, number string) (string, error) {
	o.mu.Lock()
	known, ok := o.known[number]
	o.mu.Unlock()
	var err error
	if !ok || time.Now().After(known.until) {
		if known.name, err = o.ask(ctx, number); err == nil {
			o.remember(number, known.name)
		}
	}
	if known.name == "" {
		return phone.Readable(convert.CleanName(number, convert.MaxProfileBytes)), err
	}
	return known.name, err
}

// remembered returns how the owner of a number is called in the directory, as it was last asked, "" if that is not
// known. It makes no request.
func (o *outsideNames) remembered(number string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known[number].name
}

func (o *outsideNames) remember(number, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) >= maxOutsideNames {
		clear(o.known)
	}
	o.known[number] = outsideName{name, time.Now().Add(outsideNameTTL)}
}

// lastDigits is how many digits at the end of a number are searched for: the directory finds texts, and hyphens divide
// many numbers.
const lastDigits = 4

// ask returns the name of the one contact who has a number as their mobile number, "" if there is none, or if there are
// several: the number says more then. The directory may have the number in any spelling.
func (o *outsideNames) ask(ctx context.Context, number string) (string, error) {
	national := phone.National(number)
	if len(national) < lastDigits {
		return "", nil // a short code, or the name of a sender
	}
	for _, term := range []string{number, national[len(national)-lastDigits:]} {
		found, _, err := o.phonebook.Search(ctx, term)
		if err != nil {
			return "", err
		}
		names := make(map[string]bool)
		for _, contact := range found {
			if mobile, err := phone.Normalize(contact.Mobile, number); err == nil && mobile == number {
				names[convert.CleanName(contact.Name(), convert.MaxProfileBytes)] = true
			}
		}
		for name := range names {
			if len(names) == 1 {
				return strings.TrimSpace(name), nil
			}
		}
	}
	return "", nil
}

// nameOf is name for the author of a message, which does not wait for long.
func (o *outsideNames) nameOf(ctx context.Context, number string) string {
	lookup, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	name, err := o.name(lookup, number)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up a number in the directory")
	}
	return name
}

// noteOwnNumber stores, within a transaction, which own number a message from outside was sent to: it is answered from
// there.
func (a *wazoAccept) noteOwnNumber(ctx context.Context, portal *db.Portal, m wazoapi.Message) error {
	outside, err := a.outsideOf(ctx, portal)
	if err != nil || outside == nil || outside.Participant != string(m.UserUUID) || m.Delivery.Number == "" {
		return err
	}
	db.AfterCommit(ctx, func() { a.numbers.writtenTo(a.acc, m.Room, m.Delivery.Number) })
	return a.db.Outside.NoteOwnNumber(ctx, portal.ID, m.Delivery.Number, jsontime.UMicro(m.CreatedAt))
}

// outsideTopic is the topic of the Matrix room of a conversation with somebody outside Wazo. reader is the account of
// the person whose conversation it is. After an error it does not name the own numbers.
func (o *openings) outsideTopic(ctx context.Context, reader *account, room wazoapi.UUID, number string) (string, error) {
	mine, err := o.numbers.in(ctx, reader, room)
	if mayNotSeeNumbers(err) {
		err = nil
	}
	var own []string
	for _, identity := range mine {
		own = append(own, phone.Readable(identity.Number))
	}
	return o.texts.OutsideTopic(phone.Readable(number), own), err
}

// outsideNumber returns the telephone number of the author of a message, "" if the author is inside Wazo.
func (c *cast) outsideNumber(ctx context.Context, author wazoapi.UUID) string {
	if !c.isAsked && c.portal.IsOpened() && c.portal.Direct {
		var err error
		if c.outside, err = c.numbers.Of(ctx, c.portal.ID); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to read who is outside Wazo") // a message is worth more
		}
	}
	c.isAsked = true
	if c.outside == nil || c.outside.Participant != string(author) {
		return ""
	}
	return c.outside.Number
}
