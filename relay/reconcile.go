package relay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// This file finds out whether an attempt whose outcome is unknown was carried out, before the next one is made: chatd
// and the homeserver may have carried it out although the answer was an error or got lost.

// settle waits until the outcome of a row's attempt cannot change any more.
func (r *Relay) settle(ctx context.Context, row *db.Row) error {
	return r.settleSince(ctx, row.AttemptedAt.Time)
}

// settleSince waits until the outcome of an attempt that was begun at a time cannot change any more.
func (r *Relay) settleSince(ctx context.Context, attempted time.Time) error {
	return r.tasks.Sleep(ctx, min(r.cfg.Settle, r.cfg.Settle-time.Since(r.latestAttempt(attempted))))
}

// latestAttempt returns when an attempt that was begun at a time may have been made at the latest. If several relays
// can be started on the database, an earlier attempt may be another one's: its clock may differ, and it may have made
// the request much later, just before this relay took over (docs/architecture.md, "Stand-by").
func (r *Relay) latestAttempt(attempted time.Time) time.Time {
	if r.db.IsShared() && attempted.Before(r.startup.began) {
		return r.startup.began
	}
	return attempted
}

// arrived reports whether the last attempt of the row arrived. Its echo comes with /sync, or with the gap that /sync
// leaves, and is recorded there.
func (d *matrixDelivery) arrived(ctx context.Context) (bool, error) {
	row := d.row
	if err := d.settle(ctx, row); err != nil {
		return false, err
	}
	ctx, cancel := d.tasks.UntilStop(ctx)
	defer cancel()
	if err := d.matrix.Resync(ctx); err != nil {
		return false, fmt.Errorf("failed to wait for the next sync: %w", err)
	} else if err = d.gaps.fill(ctx, row.PortalID); err != nil {
		return false, err
	}
	current, err := d.db.Queue.ByID(ctx, row.ID)
	arrived := current == nil || current.Part != row.Part
	zerolog.Ctx(ctx).Debug().Bool("found", arrived).AnErr("error", err).Msg("Looked for an event with unknown outcome")
	return arrived, err
}

// newestOnWazo returns the time of the newest message in the Wazo room, as an account reads it, and the zero time if
// there is none.
func (d *wazoDelivery) newestOnWazo(ctx context.Context, acc *account) (db.WazoTime, error) {
	page, err := acc.api.Messages(ctx, wazoapi.UUID(d.portal.WazoRoom), wazoapi.MessageQuery{Direction: wazoapi.Descending, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return db.WazoTime{}, err
	}
	return jsontime.UMicro(page.Items[0].CreatedAt), nil
}

// findOnWazo searches the history for the message of a request, after the time within which chatd may still store it.
// It returns nil if the message is not there. looked is false if nobody can read the history now: a reader that comes
// wakes the queue.
func (d *wazoDelivery) findOnWazo(ctx context.Context, request *wazoRequest) (found *wazoapi.Message, looked bool, err error) {
	acc := d.readers.of(d.portal)
	if acc == nil {
		d.tasks.Wake(portalJob(jobCatchUp, d.portal.ID))
		return nil, false, nil
	} else if err = d.settle(ctx, d.row); err != nil {
		return nil, false, err
	}
	announced := jsontime.UM(time.Now().Add(-d.cfg.CommitLag))
	// What is still compared with what was posted before this start may be said again now.
	isNew := d.startup.phase(d.row.Queue()) == phaseCompared && !d.mayBeOlder(request)
	var stored []string
	var shown *wazoapi.Message
	err = (&reader{d.Relay, acc}).readHistory(ctx, wazoapi.UUID(d.portal.WazoRoom), request.After, func(page []wazoapi.Message) error {
		for _, m := range page {
			if !d.matches(request, m) || isNew && m.CreatedAt.Before(d.startup.began) {
				continue
			} else if stored = append(stored, string(m.UUID)); found != nil {
				continue
			}
			// Identical texts are told apart by count: each that is mapped belongs to another row.
			taken, err := d.echoes.isTaken(ctx, d.row, m.UUID)
			if err != nil {
				return err
			} else if !taken {
				found = &m
			} else if isShown, err := d.isShownInstead(ctx, m); err != nil {
				return err
			} else if isShown && shown == nil {
				shown = &m
			}
		}
		return nil
	})
	if found == nil && err == nil {
		found = shown
	}
	zerolog.Ctx(ctx).Debug().Bool("found", found != nil).AnErr("error", err).Msg("Looked for a message with unknown outcome")
	isReplaceable := acc != d.account || d.accounts.count() > 0
	if err != nil && isReplaceable && classify(err).Class == ClassPortal {
		d.tasks.Wake(portalJob(jobCatchUp, d.portal.ID)) // it is for another account to read
		return nil, false, nil
	}
	if err == nil && request.isOwn() {
		// chatd may have announced the message without storing it, and have stored that of a later attempt, which an
		// older copy of the database does not know. If it stores the first one yet, the history brings it.
		err = d.db.Queue.DropGhosts(ctx, d.row, string(request.Author), request.After, request.Content, announced, stored)
	}
	return found, true, err
}

// matches reports whether a message may be what a request has posted.
func (d *wazoDelivery) matches(request *wazoRequest, m wazoapi.Message) bool {
	return m.UserUUID == cmp.Or(request.Author, d.accounts.relayAuthor()) && m.Content == request.Content && m.Alias == request.Alias && m.CreatedAt.After(request.After.Time)
}

// findDelivered returns a message that a request has posted before the database was restored from an older copy, nil if
// there is none. The text of such a message may or may not have the late mark: the key may have come earlier or later
// than now. The form with the mark comes first, because it contains the time. So it fits few rows, and the rows of
// identical texts that were not late find the other messages.
func (d *wazoDelivery) findDelivered(ctx context.Context, request *wazoRequest) (found *wazoapi.Message, err error) {
	isOver := !d.mayBeOlder(request)
	if d.row.Kind != db.KindMessage || isOver && !d.row.Late {
		return nil, nil
	}
	forms := request.forms
	if forms == nil {
		forms = []form{{author: request.Author, alias: request.Alias, since: request.After, texts: []string{request.Content}}}
	}
	for _, f := range forms {
		if f.author == "" {
			found, err = d.findOrphan(ctx, f)
		} else if !isOver {
			found, err = d.findOwn(ctx, f)
		}
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}

// mayBeFound reports whether the row may have been posted before the database was restored, see findDelivered.
func (d *wazoDelivery) mayBeFound() bool {
	return d.row.Late || d.startup.phase(d.row.Queue()) != phaseMatched
}

// mayBeOlder reports whether the message of a row may have been posted before this start, so that it is compared with
// what was.
func (d *wazoDelivery) mayBeOlder(request *wazoRequest) bool {
	since := request.written
	if since.IsZero() { // the request is stored: it was compared before it was first sent
		since = d.row.AttemptedAt.Time
	}
	return d.startup.mayBeOlder(d.row.Queue(), since)
}

// findOrphan returns an orphan of a form, nil if there is none. A row that waited for its key is compared with all
// orphans that are kept; others are compared with those of this start.
func (d *wazoDelivery) findOrphan(ctx context.Context, f form) (*wazoapi.Message, error) {
	for _, text := range f.texts {
		orphan, err := d.db.Orphan.Find(ctx, d.portal.ID, f.alias, convert.WithoutQuote(text), d.row.Late)
		if err != nil {
			return nil, err
		} else if orphan != nil {
			return &wazoapi.Message{UUID: wazoapi.UUID(orphan.WazoUUID), CreatedAt: orphan.CreatedAt.Time}, d.noteSwapped(ctx, f, orphan.CreatedAt)
		}
	}
	return nil, nil
}

// findOwn returns what the sender's own account may have posted in a form, nil if there is nothing.
func (d *wazoDelivery) findOwn(ctx context.Context, f form) (*wazoapi.Message, error) {
	message, err := d.echoes.find(ctx, d.portal.ID, f.author, f.since, f.texts)
	if err != nil || message == nil {
		return nil, err
	}
	return message, d.noteSwapped(ctx, f, jsontime.UMicro(message.CreatedAt))
}

// noteSwapped notes that what a row was matched with, which chatd stored at a time, may be the message of a later row
// with the same text: something older is on Wazo whose row was not compared yet. So the last row with this text may
// find nothing, although an earlier one was not delivered.
func (d *wazoDelivery) noteSwapped(ctx context.Context, f form, stored db.WazoTime) error {
	if d.row.Late || d.row.HasRequest() {
		return nil
	}
	older, err := d.db.Orphan.HasOlder(ctx, d.portal.ID, stored)
	if err == nil && !older {
		older, err = d.echoes.hasOlder(ctx, d.portal.ID, stored)
	}
	if err == nil && older {
		d.startup.noteSwapped(d.said(f))
	}
	return err
}

// said returns what somebody said in a form, whether or not its key came late.
func (d *wazoDelivery) said(f form) saidText {
	return saidText{d.portal.ID, f.author, f.alias, convert.WithoutQuote(f.texts[len(f.texts)-1])}
}

// isSwapped reports whether a row of a new request may be one of those of which noteSwapped has noted that the last
// finds nothing.
func (d *wazoDelivery) isSwapped(request *wazoRequest) bool {
	return slices.ContainsFunc(request.forms, func(f form) bool { return d.startup.isSwapped(d.said(f)) })
}

// markOvertaken marks a new request as late if messages that were written after it were delivered before the database
// was restored, for example because its key was missing then. Without the mark it would seem to answer them.
func (d *wazoDelivery) markOvertaken(ctx context.Context, request *wazoRequest) error {
	if !request.isNew() || !d.mayBeOlder(request) {
		return nil
	}
	overtaken, err := d.db.Orphan.HasLater(ctx, d.portal.ID, jsontime.UMicro(request.written))
	if err != nil {
		return err
	}
	if late := request.posted.texts[0]; (overtaken || d.isSwapped(request)) && convert.CheckSize(late) == nil {
		request.Content = late
	}
	return nil
}

// clockSkew is how much the clocks of the homeservers and of Wazo may differ.
const clockSkew = 5 * time.Minute

// mayBeDelivered reports whether an event that cannot be read may have been delivered to Wazo before the database was
// restored: an orphan has its sender's name, or a message that waits to be shown is from its sender's account. What
// these say cannot be compared.
func (r *Relay) mayBeDelivered(ctx context.Context, portal *db.Portal, evt *event.Event) (bool, error) {
	since := jsontime.UMicro(time.UnixMilli(evt.Timestamp).Add(-clockSkew))
	if own, err := r.echoes.mayBeOwn(ctx, portal.ID, evt.Sender, since); err != nil || own {
		return own, err
	}
	alias := r.cfg.Alias.Alias(convert.Sender{Name: r.matrix.MemberName(ctx, portal.MatrixRoom, evt.Sender), UserID: evt.Sender})
	return r.db.Orphan.Has(ctx, portal.ID, alias, since)
}

// matchParked compares the parked rows of a portal with what was posted before the database was restored: a person may
// have had them delivered after the copy of the database was made.
func (w *queueWorker) matchParked(ctx context.Context) error {
	portal, err := w.db.Portal.ByID(ctx, w.queue.PortalID)
	if err != nil || portal == nil {
		return err
	}
	outside, err := w.outsideOf(ctx, portal)
	if err != nil {
		return err
	}
	rows, err := w.db.Queue.Blocked(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Direction != db.ToWazo || row.State != db.StateParked || !row.HasRequest() {
			continue
		}
		d := &wazoDelivery{Relay: w.Relay, portal: portal, row: row, outside: outside}
		request, err := d.storedRequest(ctx)
		if err != nil {
			continue // it is parked because of that
		}
		if found, err := d.findDelivered(ctx, request); err != nil {
			return err
		} else if found != nil {
			if err = d.recordFound(ctx, request, *found); err != nil {
				return err
			}
		}
	}
	return nil
}
