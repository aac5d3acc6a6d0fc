package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/phone"
	"wazo-matrix-relay/wazoapi"
)

// numbers are the own numbers of people, by which they can write to somebody outside Wazo. Wazo is asked once for each
// room and log-in. The uuids of numbers change, so they are kept in memory only, and forgotten when Wazo says that
// something has changed. It is safe for concurrent use.
type numbers struct {
	mu        sync.Mutex
	known     map[*account]map[wazoapi.UUID][]wazoapi.Identity // by Wazo room
	forgotten int                                              // how often something was: an answer from before is not kept

	learned func(room wazoapi.UUID) // is told that Wazo was asked again for the numbers of a room
}

func newNumbers() *numbers {
	return &numbers{known: make(map[*account]map[wazoapi.UUID][]wazoapi.Identity)}
}

// in returns the numbers by which an account can write in a room.
func (n *numbers) in(ctx context.Context, acc *account, room wazoapi.UUID) ([]wazoapi.Identity, error) {
	n.mu.Lock()
	mine, known := n.known[acc][room]
	forgotten := n.forgotten
	n.mu.Unlock()
	if known {
		return mine, nil
	}
	mine, err := acc.api.Identities(ctx, room)
	if err != nil {
		return nil, fmt.Errorf("failed to ask for the own numbers: %w", err)
	}
	if len(mine) > 0 && n.keep(acc, room, mine, forgotten) { // none may only mean that the backend is being restarted
		n.learned(room)
	}
	return mine, nil
}

// keep keeps an answer that was asked for when something had been forgotten a number of times. It reports false if that
// has happened again meanwhile: the answer may be out of date.
func (n *numbers) keep(acc *account, room wazoapi.UUID, mine []wazoapi.Identity, forgotten int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.forgotten != forgotten {
		return false
	}
	if n.known[acc] == nil {
		n.known[acc] = make(map[wazoapi.UUID][]wazoapi.Identity)
	}
	n.known[acc][room] = mine
	return true
}

// forget has Wazo asked again for the numbers of an account.
func (n *numbers) forget(acc *account) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgotten++
	delete(n.known, acc)
}

// writtenTo notes that somebody in a room has written to a number of an account. If that is not one of those that are
// known, it was assigned since they were asked for, which Wazo need not have told. They are asked for again then.
func (n *numbers) writtenTo(acc *account, room wazoapi.UUID, number string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	is := func(mine wazoapi.Identity) bool { return mine.Number == number }
	if mine, known := n.known[acc][room]; known && !slices.ContainsFunc(mine, is) {
		n.forgotten++
		delete(n.known[acc], room)
	}
}

// IdentitiesChanged implements wazoapi.OutsideHandler.
func (r *reader) IdentitiesChanged(_ context.Context, owner wazoapi.UUID) {
	for _, acc := range r.accounts.inUse() {
		if owner == acc.uuid() || owner == "" && acc.stream() == r.acc.stream() {
			r.numbers.forget(acc)
			r.conversations.numbersChanged(acc)
		}
	}
}

// chosen returns from which of their numbers somebody writes: the one that was last written to or chosen, else the only
// one. It reports false if there are several, or none.
func chosen(outside *db.Outside, mine []wazoapi.Identity) (wazoapi.Identity, bool) {
	if number, ok := findNumber(outside.OwnNumber, mine); ok {
		return number, true
	} else if len(mine) == 1 {
		return mine[0], true
	}
	return wazoapi.Identity{}, false
}

// stillOwn returns from which number a message is sent that was already to be sent from one: from that one, else from
// the one that was written to or chosen since. It reports false if neither is there any more: then the sender decides.
func stillOwn(number string, outside *db.Outside, mine []wazoapi.Identity) (wazoapi.Identity, bool) {
	if same, ok := findNumber(number, mine); ok {
		return same, true
	}
	return findNumber(outside.OwnNumber, mine)
}

// findNumber returns the one of some own numbers that is a number. It reports false if none is.
func findNumber(number string, mine []wazoapi.Identity) (wazoapi.Identity, bool) {
	at := slices.IndexFunc(mine, func(own wazoapi.Identity) bool { return own.Number == number })
	if at < 0 {
		return wazoapi.Identity{}, false
	}
	return mine[at], true
}

// mayNotSeeNumbers reports whether an error means that an account lacks the right to see its numbers, which Wazo's
// default policy lacks.
func mayNotSeeNumbers(err error) bool {
	answer, ok := errors.AsType[*wazoapi.Error](err)
	return ok && answer.MissingPermission()
}

// Number shows from which of their numbers a person writes in the conversation of a Matrix room, or (what is not empty)
// chooses it. It returns what to answer, and a *UserError if that is not possible.
func (r *Relay) Number(ctx context.Context, room id.RoomID, by id.UserID, what string) (string, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil {
		return "", err
	} else if portal == nil {
		return "", refuse(r.texts.NumberNotHere())
	}
	outside, err := r.outsideOf(ctx, portal)
	if err != nil {
		return "", err
	} else if outside == nil {
		return "", refuse(r.texts.NumberNotHere())
	}
	acc := r.accounts.of(by)
	if acc == nil {
		return "", refuse(r.texts.NotInWazoRoom())
	} else if member, _, err := acc.isMember(ctx, wazoapi.UUID(portal.WazoRoom), r.cfg.MemberKept); err != nil {
		return "", err
	} else if !member {
		return "", refuse(r.texts.NotInWazoRoom())
	}
	r.numbers.forget(acc) // a person who asks wants to know how it is now
	mine, err := r.numbers.in(ctx, acc, wazoapi.UUID(portal.WazoRoom))
	if mayNotSeeNumbers(err) {
		return "", refuse(r.texts.NumbersHidden(wazoapi.IdentityScope))
	} else if err != nil {
		return "", err
	}
	readable := make([]string, len(mine))
	for i, number := range mine {
		readable[i] = phone.Readable(number.Number)
	}
	if what == "" {
		number, ok := chosen(outside, mine)
		if !ok {
			return r.texts.OwnNumber("", readable), nil
		}
		return r.texts.OwnNumber(phone.Readable(number.Number), readable), nil
	}
	return r.chooseNumber(ctx, outside, mine, readable, what)
}

// chooseNumber stores that a person writes from one of their numbers.
func (r *Relay) chooseNumber(ctx context.Context, outside *db.Outside, mine []wazoapi.Identity, readable []string, what string) (string, error) {
	at := slices.IndexFunc(mine, func(number wazoapi.Identity) bool {
		wanted, err := phone.Normalize(what, number.Number)
		return err == nil && wanted == number.Number || what == number.Number
	})
	if at < 0 {
		return "", refuse(r.texts.NotYourNumber(what, readable))
	}
	since := jsontime.UMicro(time.Now())
	if !since.After(outside.OwnSince.Time) { // the clock of Wazo is ahead
		since = jsontime.UMicro(outside.OwnSince.Add(time.Microsecond))
	}
	if err := r.db.Outside.NoteOwnNumber(ctx, outside.PortalID, mine[at].Number, since); err != nil {
		return "", fmt.Errorf("failed to store a choice of number: %w", err)
	}
	return r.texts.NumberChosen(readable[at]), nil
}
