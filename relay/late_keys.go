package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// A message whose key is missing holds its queue for KeyWait. Then the queue goes on without it, its sender is told, and it
// waits, for KeyKept, until its key comes: then it goes out, marked as late.

// KeyCame notes that a Megolm session was stored, or that its key is withheld. It does not block.
func (r *Relay) KeyCame(session id.SessionID) { r.workers.kick(task{job: jobKey, session: session}) }

// awaitKey tries to decrypt a row that was stored encrypted. Its queue waits for the key for a while, and only if there is
// none at all: one that is withheld, or there in part, does not come in time.
func (r *Relay) awaitKey(ctx context.Context, portal *db.Portal, row *db.Row) error {
	evt := &event.Event{}
	if err := json.Unmarshal([]byte(row.Payload), evt); err != nil {
		return &messageError{words.WhyUnreadable, err}
	}
	decrypted, err := r.matrix.Decrypt(ctx, evt)
	why := words.WhyNoKey(r.cfg.KeyKept)
	switch {
	case err == nil:
		if err = r.acceptDecrypted(ctx, row, decrypted); err == nil {
			err = errChanged
		}
		return err
	case errors.Is(err, ErrUndecryptable):
		return &messageError{words.WhyUndecryptable, err}
	case errors.Is(err, ErrKeyWithheld):
		why = words.WhyKeyWithheld(r.cfg.KeyKept)
	case errors.Is(err, ErrNoKey):
		left := min(r.cfg.KeyWait, r.cfg.KeyWait-time.Since(time.UnixMilli(row.AcceptedAt)))
		if left > 0 {
			r.workers.kickAfter(left, portalTask(jobToWazo, portal.ID))
			return errIdle // until then, or until KeyCame
		}
	case !errors.Is(err, ErrPartialKey):
		return err
	}
	zerolog.Ctx(ctx).Warn().Err(err).Str("source", row.Source).Msg("Passed over a message that cannot be decrypted yet")
	return r.passOver(ctx, portal, row, evt, why)
}

// passOver lets a queue go on without a row whose key is missing, tells the sender why, and asks for the key.
// It returns errChanged: another row is next.
func (r *Relay) passOver(ctx context.Context, portal *db.Portal, row *db.Row, evt *event.Event, why string) error {
	err := r.db.DoTxn(ctx, func(ctx context.Context) error {
		asked, err := r.db.Queue.IsMissing(ctx, row.Session)
		if err != nil {
			return err
		}
		there, err := r.db.Queue.PassOver(ctx, row)
		if err != nil || !there {
			return err
		}
		db.AfterCommit(ctx, func() {
			r.KeyCame(id.SessionID(row.Session)) // perhaps just now
			if !asked {
				r.requestKey(evt)
			}
		})
		return r.Say(ctx, portal.MatrixRoom, words.NotDelivered(why), evt.ID)
	})
	if err != nil {
		return fmt.Errorf("failed to pass over %s: %w", row.Source, err)
	}
	return errChanged
}

func (r *Relay) requestKey(evt *event.Event) {
	r.workers.do(func(ctx context.Context) { r.matrix.RequestKey(ctx, evt) })
}

// acceptDecrypted replaces an encrypted row by its decrypted form, which takes the row's place in the queue, unless it was
// edited, redacted or decrypted meanwhile.
func (r *Relay) acceptDecrypted(ctx context.Context, row *db.Row, decrypted *event.Event) error {
	payload, err := json.Marshal(decrypted)
	if err != nil {
		return fmt.Errorf("failed to store event %s: %w", decrypted.ID, err)
	}
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		current, err := r.db.Queue.ByID(ctx, row.ID)
		if err != nil || current == nil || current.Revision != row.Revision {
			return err
		}
		switch {
		case r.IsCommand(decrypted):
			if err = r.toInbox(ctx, db.InboxCommand, decrypted, row.AcceptedAt); err != nil {
				return err
			}
			return r.db.Queue.Delete(ctx, row.ID)
		case !isRelayed(decrypted) || TagOf(decrypted.Content.VeryRaw) != nil:
			return r.db.Queue.Delete(ctx, row.ID)
		}
		db.AfterCommit(ctx, func() { r.workers.kick(portalTask(jobToWazo, row.PortalID)) })
		_, err = r.db.Queue.SetPayload(ctx, current, string(payload))
		return err
	})
}

// tryKey tries to decrypt what is encrypted by a session.
func (r *Relay) tryKey(ctx context.Context, session id.SessionID) error {
	rows, err := r.db.Queue.EncryptedBy(ctx, session.String())
	if err != nil {
		return err
	}
	return r.tryRows(ctx, rows)
}

// tryRows tries to decrypt rows of one session. Those that can be read go on in their order.
func (r *Relay) tryRows(ctx context.Context, rows []*db.Row) error {
	events := make([]*event.Event, len(rows))
	// If the key comes during the first round, only the second one finds it for the rows that were tried before.
	for range 2 {
		found := false
		for i, row := range rows {
			if r.workers.stopping() {
				return nil // the next start tries them all
			} else if events[i] != nil {
				continue
			}
			var err error
			if events[i], err = r.tryDecrypt(ctx, row); err != nil {
				return err
			}
			found = found || events[i] != nil
		}
		if !found {
			break
		}
	}
	for i, row := range rows {
		switch {
		case events[i] != nil:
			if row.State == db.StateWaiting {
				zerolog.Ctx(ctx).Info().Str("source", row.Source).Msg("The key of a message came late")
			}
			if err := r.acceptDecrypted(ctx, row, events[i]); err != nil {
				return err
			}
		case row.State == db.StateNew:
			r.workers.kick(portalTask(jobToWazo, row.PortalID)) // what keeps the key away may be clear now
		}
	}
	return nil
}

// tryDecrypt decrypts a row. It returns nil if it takes another key, and an error if that cannot be told now.
func (r *Relay) tryDecrypt(ctx context.Context, row *db.Row) (*event.Event, error) {
	evt := &event.Event{}
	if json.Unmarshal([]byte(row.Payload), evt) != nil {
		return nil, nil
	}
	decrypted, err := r.matrix.Decrypt(ctx, evt)
	if IsUnreadable(err) {
		return nil, nil
	}
	return decrypted, err
}

// tryAllKeys tries to decrypt all that waits: its key may have come just before the relay stopped.
func (r *Relay) tryAllKeys(ctx context.Context) error {
	sessions, err := r.db.Queue.MissingSessions(ctx)
	if err != nil {
		return fmt.Errorf("failed to read which keys are missing: %w", err)
	}
	for _, session := range sessions {
		r.KeyCame(id.SessionID(session))
	}
	return nil
}

// expirePause is the pause between two looks for messages whose keys did not come.
const expirePause = time.Hour

// keepExpiring looks for messages whose keys did not come until ctx ends. The first look is when /sync has answered: after a
// long time off, the keys come with that.
func (r *Relay) keepExpiring(ctx context.Context) {
	ticker := time.NewTicker(min(expirePause, r.cfg.KeyKept))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.workers.kick(task{job: jobExpire})
		}
	}
}

// expire gives up what has waited for its key for KeyKept, and tells the senders.
func (r *Relay) expire(ctx context.Context) error {
	if !r.look.isSynced() {
		return nil
	}
	rows, err := r.db.Queue.Waiting(ctx, time.Now().Add(-r.cfg.KeyKept).UnixMilli())
	if err != nil {
		return err
	}
	expired := 0
	for _, row := range rows {
		decrypted, err := r.tryDecrypt(ctx, row)
		if err != nil {
			return err
		} else if decrypted != nil {
			r.KeyCame(id.SessionID(row.Session)) // at the last moment
			continue
		}
		if err = r.giveUpKey(ctx, row); err != nil {
			return err
		}
		expired++
	}
	if expired > 0 {
		zerolog.Ctx(ctx).Warn().Int("messages", expired).Msg("Gave up messages whose keys did not come")
	}
	return nil
}

// giveUpKey removes a row that waits for its key, unless that came meanwhile.
func (r *Relay) giveUpKey(ctx context.Context, row *db.Row) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		current, err := r.db.Queue.ByID(ctx, row.ID)
		if err != nil || current == nil || current.State != db.StateWaiting {
			return err
		}
		portal, err := r.db.Portal.ByID(ctx, row.PortalID)
		if err != nil || portal == nil {
			return err
		} else if err = r.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		return r.Say(ctx, portal.MatrixRoom, words.KeyNeverCame(r.cfg.KeyKept), id.EventID(row.Source))
	})
}

// markLate says above a message when it was written.
func markLate(evt *event.Event, request *wazoRequest) error {
	// A blank line between: what follows may begin with a block that must stand on its own.
	request.Content = words.Late(time.UnixMilli(evt.Timestamp)) + "\n\n" + request.Content
	if convert.CheckSize(request.Content) != nil {
		return &messageError{words.WhyTooLarge, convert.ErrTooLarge}
	}
	return nil
}
