package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// A message whose key is missing holds its queue for KeyWait. Then the queue goes on without it, its sender is told,
// and it waits, for KeyKept, until its key comes: then it goes out, marked as late.

// lateKeys looks after messages whose keys are missing.
type lateKeys struct{ *Relay }

// KeyCame notes that a Megolm session was stored, or that its key is withheld. It does not block.
func (r *Relay) KeyCame(session id.SessionID) { r.tasks.Wake(job{kind: jobKey, session: session}) }

// awaitKey tries to decrypt the row, which was stored encrypted. Its queue waits for a while if there is no key at all;
// a key that is withheld, or there only for later messages, does not come in time.
func (d *wazoDelivery) awaitKey(ctx context.Context, evt *event.Event) (outcome, error) {
	decrypted, err := d.matrix.Decrypt(ctx, evt)
	why := d.texts.WhyNoKey(d.cfg.KeyKept)
	switch {
	case err == nil:
		return outcomeChanged, d.lateKeys.acceptDecrypted(ctx, d.row, decrypted)
	case errors.Is(err, ErrUndecryptable):
		return outcomeStopped, &messageError{words.WhyUndecryptable, err}
	case errors.Is(err, ErrKeyWithheld):
		why = d.texts.WhyKeyWithheld(d.cfg.KeyKept)
	case errors.Is(err, ErrNoKey):
		left := min(d.cfg.KeyWait, d.cfg.KeyWait-time.Since(d.row.AcceptedAt.Time))
		if left > 0 {
			d.tasks.WakeAfter(left, portalJob(jobToWazo, d.portal.ID))
			return outcomeStopped, nil // until then, or until KeyCame
		}
	case !errors.Is(err, ErrPartialKey):
		return outcomeStopped, err
	}
	zerolog.Ctx(ctx).Warn().Err(err).Msg("Passed over a message that cannot be decrypted yet")
	return outcomeChanged, d.passOver(ctx, evt, why)
}

// passOver lets the queue go on without the row, whose key is missing, tells the sender why, and asks for the key.
func (d *wazoDelivery) passOver(ctx context.Context, evt *event.Event, why string) error {
	notice := d.texts.NotDelivered(why)
	if unsure, err := d.mayBeDelivered(ctx, d.portal, evt); err != nil {
		return err
	} else if unsure {
		notice = d.texts.MayBeDelivered(d.cfg.KeyKept)
	}
	err := d.db.DoTxn(ctx, func(ctx context.Context) error {
		asked, err := d.db.Queue.IsMissing(ctx, d.row.Session)
		if err != nil {
			return err
		}
		there, err := d.db.Queue.PassOver(ctx, d.row)
		if err != nil || !there {
			return err
		}
		db.AfterCommit(ctx, func() {
			d.KeyCame(id.SessionID(d.row.Session)) // perhaps just now
			if !asked {
				d.lateKeys.wakeAsk(id.SessionID(d.row.Session))
			}
		})
		return d.Say(ctx, d.portal.MatrixRoom, notice, evt.ID)
	})
	if err != nil {
		return fmt.Errorf("failed to pass over %s: %w", d.row.SourceID, err)
	}
	return nil
}

// wakeAsk has the key of a session asked for. That is tried until it succeeds, and once more after each start: the
// request may have been made by a device that is gone.
func (k *lateKeys) wakeAsk(session id.SessionID) {
	k.tasks.Wake(job{kind: jobAskKey, session: session})
}

// ask asks for the key of a session, if something still waits for it.
func (k *lateKeys) ask(ctx context.Context, session id.SessionID) error {
	rows, err := k.db.Queue.EncryptedBy(ctx, session.String())
	if err != nil {
		return err
	}
	for _, row := range rows {
		evt := &event.Event{}
		if row.State != db.StateWaiting || json.Unmarshal([]byte(row.Payload), evt) != nil {
			continue
		}
		if err = k.matrix.RequestKey(ctx, evt); err != nil {
			return fmt.Errorf("failed to ask for a key: %w", err)
		}
		return nil
	}
	return nil
}

// acceptDecrypted replaces an encrypted row by its decrypted form, which takes the row's place in the queue, unless it
// was edited, redacted or decrypted meanwhile.
func (k *lateKeys) acceptDecrypted(ctx context.Context, row *db.Row, decrypted *event.Event) error {
	return k.db.DoTxn(ctx, func(ctx context.Context) error {
		current, err := k.db.Queue.ByID(ctx, row.ID)
		if err != nil || current == nil || current.Revision != row.Revision {
			return err
		}
		disposition := k.Disposition(Event{Event: decrypted, Tag: TagOf(decrypted.Content.VeryRaw, decrypted.Sender)})
		if disposition == Reacted {
			portal, err := k.db.Portal.ByID(ctx, row.PortalID)
			if err != nil || portal == nil {
				return err
			} else if off, err := k.isOff(ctx, portal, k.cfg.Relations.WithoutReactions); err != nil {
				return err
			} else if off {
				disposition = NothingToDo
			}
		}
		switch disposition {
		case Relayed, Encrypted, Reacted:
			db.AfterCommit(ctx, func() { k.tasks.Wake(portalJob(jobToWazo, row.PortalID)) })
			payload, err := storedEvent(decrypted, storedSenderName(current.Payload))
			if err != nil {
				return err
			}
			_, err = k.db.Queue.SetPayload(ctx, current, payload)
			return err
		case Command:
			if err = k.acceptCommand(ctx, row.PortalID, decrypted, row.AcceptedAt); err != nil {
				return err
			}
		}
		_, err = k.db.Queue.Delete(ctx, row.ID)
		return err
	})
}

// tryAll tries to decrypt what is encrypted by a session.
func (k *lateKeys) tryAll(ctx context.Context, session id.SessionID) error {
	rows, err := k.db.Queue.EncryptedBy(ctx, session.String())
	if err != nil {
		return err
	}
	return k.tryRows(ctx, rows)
}

// tryRows tries to decrypt rows of one session. Those that can be read go on in their order.
func (k *lateKeys) tryRows(ctx context.Context, rows []*db.Row) error {
	events := make([]*event.Event, len(rows))
	// If the key comes during the first round, only the second one finds it for the rows that were tried before.
	for range 2 {
		found := false
		for i, row := range rows {
			if k.tasks.Stopping() {
				return nil // the next start tries them all
			} else if events[i] != nil {
				continue
			}
			var err error
			if events[i], err = k.tryDecrypt(ctx, row); err != nil {
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
				zerolog.Ctx(ctx).Debug().Str(MessageIDField, row.SourceID).Msg("The key of a message came late")
			}
			if err := k.acceptDecrypted(ctx, row, events[i]); err != nil {
				return err
			}
		case row.State == db.StateNew:
			k.tasks.Wake(portalJob(jobToWazo, row.PortalID)) // what keeps the key away may be clear now
		}
	}
	return nil
}

// tryDecrypt decrypts a row. It returns nil if it takes another key, and an error if that cannot be told now.
func (k *lateKeys) tryDecrypt(ctx context.Context, row *db.Row) (*event.Event, error) {
	evt := &event.Event{}
	if json.Unmarshal([]byte(row.Payload), evt) != nil {
		return nil, nil
	}
	decrypted, err := k.matrix.Decrypt(ctx, evt)
	if IsUnreadable(err) {
		return nil, nil
	}
	return decrypted, err
}

// tryEverything tries to decrypt all that waits, because its key may have come just before the relay stopped, and asks
// again for the keys that are missing.
func (k *lateKeys) tryEverything(ctx context.Context) error {
	sessions, err := k.db.Queue.MissingSessions(ctx)
	if err != nil {
		return fmt.Errorf("failed to read which keys are missing: %w", err)
	}
	for _, session := range sessions {
		k.KeyCame(id.SessionID(session))
		k.wakeAsk(id.SessionID(session))
	}
	return nil
}

// retry tries to decrypt what waits for a key, and asks for the keys again: a person may have changed what kept them
// away.
func (k *lateKeys) retry(rows []*db.Row) {
	asked := make(map[string]bool)
	for _, row := range rows {
		if row.State != db.StateWaiting || asked[row.Session] {
			continue
		}
		asked[row.Session] = true
		k.KeyCame(id.SessionID(row.Session))
		k.wakeAsk(id.SessionID(row.Session))
	}
}

// expirePause is the pause between two looks for messages whose keys did not come.
const expirePause = time.Hour

// keepExpiring looks for messages whose keys did not come until ctx ends. The first look is when /sync has answered:
// after a long time off, the keys come with that.
func (k *lateKeys) keepExpiring(ctx context.Context) {
	ticker := time.NewTicker(min(expirePause, k.cfg.KeyKept))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.tasks.Wake(job{kind: jobExpire})
		}
	}
}

// expire gives up what has waited for its key for KeyKept, and tells the senders.
func (k *lateKeys) expire(ctx context.Context) error {
	if !k.startup.isSynced() {
		return nil
	}
	rows, err := k.db.Queue.Waiting(ctx, jsontime.UM(time.Now().Add(-k.cfg.KeyKept)))
	if err != nil {
		return err
	}
	expired := 0
	for _, row := range rows {
		decrypted, err := k.tryDecrypt(ctx, row)
		if err != nil {
			return err
		} else if decrypted != nil {
			k.KeyCame(id.SessionID(row.Session)) // at the last moment
			continue
		}
		if err = k.giveUp(ctx, row); err != nil {
			return err
		}
		expired++
	}
	if err = k.db.Orphan.Forget(ctx); err != nil {
		return err
	}
	if expired > 0 {
		zerolog.Ctx(ctx).Warn().Int("messages", expired).Msg("Gave up messages whose keys did not come")
	}
	return nil
}

// giveUp removes a row that waits for its key, unless that came meanwhile.
func (k *lateKeys) giveUp(ctx context.Context, row *db.Row) error {
	return k.db.DoTxn(ctx, func(ctx context.Context) error {
		current, err := k.db.Queue.ByID(ctx, row.ID)
		if err != nil || current == nil || current.State != db.StateWaiting {
			return err
		}
		portal, err := k.db.Portal.ByID(ctx, row.PortalID)
		if err != nil || portal == nil {
			return err
		}
		notice := k.texts.KeyNeverCame(k.cfg.KeyKept)
		evt := &event.Event{}
		if json.Unmarshal([]byte(row.Payload), evt) == nil {
			if unsure, err := k.mayBeDelivered(ctx, portal, evt); err != nil {
				return err
			} else if unsure {
				notice = k.texts.KeyNeverCameButMayBeDelivered(k.cfg.KeyKept)
			}
		}
		if _, err = k.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		k.counts.finished(ctx, row, OutcomeNoKey)
		return k.Say(ctx, portal.MatrixRoom, notice, id.EventID(row.SourceID))
	})
}
