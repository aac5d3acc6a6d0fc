package relay

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// openings are the conversations on Wazo that are to open by themselves: a message in a Wazo room without portal has a
// Matrix room made for the members who are known there. What is wanted is stored, so that it survives a stop.
type openings struct{ *Relay }

// resume goes on with what was wanted when the relay last stopped.
func (o *openings) resume(ctx context.Context) error {
	if err := o.wakeWanted(ctx); err != nil {
		return err
	}
	return o.conversations.wakeChanged(ctx)
}

// wakeWanted has the rooms made that are wanted.
func (o *openings) wakeWanted(ctx context.Context) error {
	openings, err := o.db.Opening.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read which conversations are to open: %w", err)
	}
	for _, opening := range openings {
		o.wake(wazoapi.UUID(opening.WazoRoom))
	}
	return nil
}

func (o *openings) wake(room wazoapi.UUID) { o.tasks.Wake(job{kind: jobOpen, wazoRoom: room}) }

// want notes that a message that an account has heard opens a conversation. It reports false if it does not, because
// nobody is to be invited. The account must be a member of the room: some accounts hear the whole tenant.
func (o *openings) want(ctx context.Context, acc *account, m wazoapi.Message) (opens bool, err error) {
	if o.accounts.isRelay(m.UserUUID) || string(m.TenantUUID) != acc.row.TenantUUID {
		return false, nil
	}
	if portal, err := o.db.Portal.ByWazoRoom(ctx, string(m.Room)); err != nil || portal != nil {
		return portal != nil, err
	}
	room, member, err := o.roomOf(ctx, acc, m.Room, o.cfg.MemberKept)
	if err != nil || !member {
		return false, err
	}
	people, err := o.wanted(ctx, room)
	if err != nil || len(people) == 0 {
		return false, err
	}
	return true, o.db.DoTxn(ctx, func(ctx context.Context) error {
		// Nobody is in the conversation any more, and it has shown this message, or had nobody to show it to.
		if until, err := o.db.Closed.Until(ctx, string(m.Room)); err != nil || !m.CreatedAt.After(until.Time) {
			return err
		}
		return o.store(ctx, m.Room, jsontime.UMicro(m.CreatedAt))
	})
}

// store stores, within a transaction, that a Matrix room is to be made, unless the Wazo room has a portal by now.
func (o *openings) store(ctx context.Context, room wazoapi.UUID, from db.WazoTime) error {
	if portal, err := o.db.Portal.ByWazoRoom(ctx, string(room)); err != nil || portal != nil {
		return err
	}
	db.AfterCommit(ctx, func() { o.wake(room) })
	_, err := o.db.Opening.Want(ctx, string(room), from, jsontime.UM(time.Now()))
	return err
}

// roomOf returns a room of an account. It reports false if the account is not a member. The rooms as last listed are
// believed for the time kept.
func (o *openings) roomOf(ctx context.Context, acc *account, uuid wazoapi.UUID, kept time.Duration) (wazoapi.Room, bool, error) {
	if member, _, err := acc.isMember(ctx, uuid, kept); err != nil || !member {
		return wazoapi.Room{}, false, err
	}
	return acc.room(ctx, uuid)
}

// heard notes what an account has missed while nobody listened, and what has changed in its rooms. latest is the newest
// message of each of the account's rooms, and portals are what the account reads.
func (o *openings) heard(ctx context.Context, acc *account, latest []wazoapi.Message, portals []*db.Portal) error {
	known := make(map[wazoapi.UUID]bool, len(portals))
	for _, portal := range portals {
		known[wazoapi.UUID(portal.WazoRoom)] = true
	}
	heardUntil, before := acc.heard()
	newest, listed := heardUntil, false
	for _, m := range latest {
		if m.CreatedAt.After(newest.Time) {
			newest = jsontime.UMicro(m.CreatedAt)
		}
		// A message may be committed a little later than its time says, so that the last look has not seen it.
		late := before != nil && !before.includes(m) && m.CreatedAt.After(heardUntil.Add(-o.cfg.lagOf(m)))
		if heardUntil.IsZero() || !late && !m.CreatedAt.After(heardUntil.Time) {
			continue // what was said before the account first listened opens nothing
		} else if known[m.Room] {
			continue // there is nothing to open
		}
		if !listed {
			var err error
			if listed, err = o.listIfNew(ctx, acc, m.Room); err != nil {
				return err
			}
		}
		if _, err := o.want(ctx, acc, m); err != nil {
			return err
		}
	}
	if newest.After(heardUntil.Time) {
		if err := o.db.Account.SetHeardUntil(ctx, acc.row.ID, newest); err != nil {
			return fmt.Errorf("failed to store what was heard: %w", err)
		}
	}
	acc.setHeard(newest, newLatestMessages(latest))
	return o.conversations.roomsListed(ctx, acc, portals)
}

// listIfNew lists the rooms of an account anew if a room in which it has missed a message is not listed, and has no
// portal. The room may have been made since, when nobody listened, and the message is not asked for again. listIfNew
// reports whether it has listed them.
func (o *openings) listIfNew(ctx context.Context, acc *account, room wazoapi.UUID) (listed bool, err error) {
	if _, isListed := acc.listedRoom(room); isListed {
		return false, nil
	} else if portal, err := o.db.Portal.ByWazoRoom(ctx, string(room)); err != nil || portal != nil {
		return false, err
	}
	_, err = acc.listRooms(ctx)
	return err == nil, err
}

// ask stores that a person wants a Wazo room on Matrix now, whatever they decided before. When they are invited, they
// are told so in their direct chat. It returns a *UserError if the room is not theirs, or is linked by a command.
func (o *openings) ask(ctx context.Context, room wazoapi.Room, by id.UserID) error {
	wazo, loggedIn, ok := o.identities.ofMatrix(by)
	asked := candidate{user: by, wazo: wazo, loggedIn: loggedIn, usable: o.accounts.of(by) != nil, asked: true, ignored: o.cfg.Rights.IsIgnored(by)}
	if !ok || !asked.isWanted(room, o.relayUUID()) {
		return refuse(o.texts.NotInWazoRoom())
	}
	return o.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := o.db.Portal.ByWazoRoom(ctx, string(room.UUID))
		if err != nil {
			return err
		} else if portal != nil && !portal.IsOpened() {
			return refusePrivately(o.texts.AlreadyLinkedElsewhere(portal.Title, portal.MatrixRoom.String()))
		} else if _, err = o.db.Mute.Delete(ctx, by, string(room.UUID)); err != nil {
			return err
		} else if err = o.db.Person.SetRefused(ctx, by, db.Time{}); err != nil {
			return err
		} else if err = o.db.Asked.Put(ctx, string(room.UUID), by); err != nil {
			return err
		} else if portal == nil {
			return o.store(ctx, room.UUID, db.WazoTime{})
		}
		return o.conversations.owe(ctx, portal, &db.PortalMember{PortalID: portal.ID, MatrixUser: by, WazoUUID: string(wazo), LoggedIn: loggedIn})
	})
}
