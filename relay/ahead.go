package relay

import (
	"context"
	"encoding/json"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/wazoapi"
)

// While a message is being sent, the one behind it in the queue is made ready: it is converted, and what its sending
// has to ask is asked. The transaction that records the former also marks the latter as attempted, so that a message
// costs one commit and not two. At any time at most one row of a queue is attempted, as without this.
//
// Only an ordinary message is made ready so early. What may depend on the one before it, such as a reply or an edit, or
// takes long, such as a file, is left to the next step of the queue, and so is everything of which anything has changed
// when it would be marked. So are text messages to people outside Wazo, which are paid for: whether one more may be
// sent, and from which number, is decided when its turn comes.

// maxAhead is how many messages follow one another within a step of a queue.
const maxAhead = 50

// maxAheadBytes is how long a text may be that is converted ahead. Longer ones may have to be uploaded.
const maxAheadBytes = 4 << 10

// delivery is the delivery of a row.
type delivery interface {
	// run delivers the row, or the next part of it.
	run(ctx context.Context) (outcome, error)
	// about returns the row and its portal.
	about() (*db.Portal, *db.Row)
	// following returns the delivery of the row behind it that was marked as attempted when this one was recorded. It
	// must be run now. It returns nil if there is none.
	following() delivery
}

var (
	_ delivery = (*matrixDelivery)(nil)
	_ delivery = (*wazoDelivery)(nil)
)

// ahead makes something ready while the caller does something else. The function that it returns waits for it.
func ahead[T any](ctx context.Context, prepare func() (*T, error)) (await func() *T) {
	var ready *T
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := task.Guard(ctx, func() (err error) {
			ready, err = prepare()
			return err
		})
		if err != nil {
			ready = nil // what is wrong is found again when its turn comes
			zerolog.Ctx(ctx).Debug().Err(err).Msg("Failed to make the next message ready")
		}
	}()
	return func() *T {
		<-done
		return ready
	}
}

// readAhead is how many rows are read at once. They may have changed when their turn comes, which is noticed then.
const readAhead = 16

// nextPlain returns the row behind another one if it is an ordinary message of which nothing was tried yet, and else
// nil. It also returns the rows behind that one, as far as they were read. known are those behind the first row that
// were read before.
func (r *Relay) nextPlain(ctx context.Context, row *db.Row, known []*db.Row) (next *db.Row, following []*db.Row, err error) {
	if r.tasks.Stopping() {
		return nil, nil, nil // it would be marked, and not sent
	}
	if len(known) == 0 {
		if known, err = r.db.Queue.Following(ctx, row, readAhead); err != nil || len(known) == 0 {
			return nil, nil, err
		}
	}
	next = known[0]
	if next.Kind != db.KindMessage || next.State != db.StateNew || next.HasRequest() || next.Part > 0 || next.Session != "" ||
		next.Late || next.MergedInto != 0 || next.Alone || len(next.Payload) > maxAheadBytes {
		return nil, nil, nil
	}
	return next, known[1:], nil
}

// isStillNext reports, within a transaction, whether a row that was made ready is what its queue delivers next, and may
// be delivered: nothing has changed since it was read.
func (r *Relay) isStillNext(ctx context.Context, read *db.Portal, row *db.Row) (bool, error) {
	if r.tasks.Stopping() {
		return false, nil
	}
	portal, err := r.db.Portal.ByID(ctx, read.ID)
	if err != nil || portal == nil || portal.MatrixRoom != read.MatrixRoom || portal.ReaderID != read.ReaderID || portal.HistoryUntil != read.HistoryUntil {
		return false, err
	}
	if pauses, err := r.pauses.of(ctx, row.Queue()); err != nil || len(pauses) > 0 {
		return false, err
	}
	if gap, err := r.db.Gap.First(ctx, portal.ID); err != nil || gap != nil && row.Direction == db.ToWazo {
		return false, err
	}
	return r.db.Queue.IsNext(ctx, row)
}

// about implements delivery.
func (d *matrixDelivery) about() (*db.Portal, *db.Row) { return d.portal, d.row }

// following implements delivery.
func (d *matrixDelivery) following() delivery {
	if d.next == nil {
		return nil
	}
	return d.next
}

// prepareNext makes the message behind this one ready while this one is sent. The function that it returns waits for
// that; it returns nil if the next message is not ready.
func (d *matrixDelivery) prepareNext(ctx context.Context) (await func() *matrixDelivery) {
	if d.depth >= maxAhead || d.row.Kind != db.KindMessage || d.row.Part+1 < d.row.Parts || d.isHistory(d.row) || d.matrix.IsLimited() || d.cast.reader == nil || d.cast.reader.hasPlugin() {
		return func() *matrixDelivery { return nil }
	}
	return ahead(ctx, func() (*matrixDelivery, error) {
		row, behind, err := d.nextPlain(ctx, d.row, d.behind)
		if err != nil || row == nil || d.isHistory(row) || d.events.settling(row) > 0 {
			return nil, err
		}
		var message wazoapi.Message
		if json.Unmarshal([]byte(row.Payload), &message) != nil || len(d.typed().Pictures(message.Content)) > 0 {
			return nil, nil
		}
		ctx := withLookups(withMessageID(ctx, row.SourceID), d.cfg.LookupWait)
		if d.portal.IsOpened() && !d.conversations.isAttended(ctx, d.portal) {
			return nil, nil
		} else if held, err := d.echoes.holds(ctx, row); err != nil || held || d.wazoRelations.replies.awaits(d.portal, row) {
			return nil, err
		}
		next := newMatrixDelivery(d.Relay, d.portal, row)
		next.depth, next.behind = d.depth+1, behind
		next.ready, next.request, err = next.nextPart(ctx)
		if err != nil || next.ready == nil || len(next.request) != 1 || next.ready.IsReply || next.ready.EncryptedFallback != nil {
			return nil, err
		}
		d.lastReady.Store(row.ID)
		return next, nil
	})
}

// markNext marks, within the transaction that records this delivery, the next one as attempted. It reports false if
// that has to wait.
func (d *matrixDelivery) markNext(ctx context.Context, next *matrixDelivery) (bool, error) {
	if next == nil || !d.readers.isVerified(next.portal) || d.matrix.IsLimited() {
		return false, nil // while the homeserver limits, messages are merged
	} else if next.portal.IsOpened() && !d.conversations.isAttended(ctx, next.portal) {
		return false, nil // the last one has left meanwhile
	} else if is, err := d.isStillNext(ctx, next.portal, next.row); err != nil || !is {
		return false, err
	}
	return next.markPart(ctx, next.ready, next.request)
}

// about implements delivery.
func (d *wazoDelivery) about() (*db.Portal, *db.Row) { return d.portal, d.row }

// following implements delivery.
func (d *wazoDelivery) following() delivery {
	if d.next == nil {
		return nil
	}
	return d.next
}

// prepareNext makes the message behind this one ready while this one is posted. The function that it returns waits for
// that; it returns nil if the next message is not ready.
func (d *wazoDelivery) prepareNext(ctx context.Context) (await func() *wazoDelivery) {
	if d.depth >= maxAhead || d.row.Kind != db.KindMessage || d.outside != nil || d.startup.phase(d.row.Queue()) != phaseMatched {
		return func() *wazoDelivery { return nil }
	}
	return ahead(ctx, func() (*wazoDelivery, error) {
		row, behind, err := d.nextPlain(ctx, d.row, d.behind)
		if err != nil || row == nil {
			return nil, err
		}
		evt := &event.Event{}
		if json.Unmarshal([]byte(row.Payload), evt) != nil || !isPlainMessage(evt) || awaitsEdit(row) {
			return nil, nil
		}
		ctx := withLookups(withMessageID(ctx, row.SourceID), d.cfg.LookupWait)
		next := &wazoDelivery{Relay: d.Relay, portal: d.portal, row: row, depth: d.depth + 1, behind: behind}
		request, err := next.convert(ctx, evt)
		if err != nil || !request.isPlain() {
			return nil, err
		} else if next.acc, err = next.accountOf(ctx, request); err != nil || next.acc == nil {
			return nil, err
		}
		next.ready = request
		d.lastReady.Store(row.ID)
		return next, nil
	})
}

// isPlainMessage reports whether an event is a message that refers to no other event.
func isPlainMessage(evt *event.Event) bool {
	if evt.Type.Type != event.EventMessage.Type || evt.Unsigned.RedactedBecause != nil {
		return false
	}
	for _, key := range []string{"m.relates_to", "m.new_content", "url", "file"} {
		if _, has := evt.Content.Raw[key]; has {
			return false
		}
	}
	return true
}

// isPlain reports whether a request posts a text and does nothing else.
func (q *wazoRequest) isPlain() bool {
	return !q.silent && q.failure == nil && q.media == nil && len(q.Once) == 0 && q.Edits == "" && len(q.Reactions) == 0 && q.Parent == "" && len(q.also) == 0
}

// markNext marks, within the transaction that records this delivery, the next one as attempted. It reports false if
// that has to wait.
func (d *wazoDelivery) markNext(ctx context.Context, next *wazoDelivery) (bool, error) {
	if next == nil || !next.isStillPoster() {
		return false, nil
	} else if is, err := d.isStillNext(ctx, next.portal, next.row); err != nil || !is {
		return false, err
	}
	return next.attempt(ctx, next.ready)
}

// isStillPoster reports whether the account that was to post a message which was made ready is still the one: its
// sender has not logged out or in since then.
func (d *wazoDelivery) isStillPoster() bool {
	own := d.accounts.of(id.UserID(d.row.Author))
	if d.ready.isOwn() {
		return own == d.acc
	}
	return own == nil || d.ready.Instead != ""
}
