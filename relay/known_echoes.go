package relay

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// Most of what the bot hears while it relays from Wazo is its own events. Their deliveries are usually recorded when
// they come back, and then there is nothing to store. An answer of /sync that brings nothing else costs no transaction:
// its token is stored with the next one. After a crash /sync brings such an answer again, which changes nothing.

const (
	// maxUnstored is after how many answers of /sync in a row the token is stored all the same.
	maxUnstored = 200
	// maxUnstoredTime is after how long that is done. So a start has little to read again.
	maxUnstoredTime = 10 * time.Second
	// echoWait is how long an answer waits for the deliveries that it shows and that are being recorded.
	echoWait = 50 * time.Millisecond
)

// knownEchoes know which of the bot's events need not be accepted. They are safe for concurrent use.
type knownEchoes struct {
	*Relay

	mu     sync.Mutex
	sent   map[shownPart]chan struct{} // what is being sent now; closed when it is recorded, or not
	stored time.Time                   // when a token was last stored
	since  int                         // how many answers came since then whose tokens were not
}

// shownPart is a part of a message of Wazo that is shown in a portal.
type shownPart struct {
	portalID int64
	uuid     wazoapi.UUID
	part     int
}

func newKnownEchoes(r *Relay) *knownEchoes {
	return &knownEchoes{Relay: r, sent: make(map[shownPart]chan struct{})}
}

// sending notes that a part is being sent. The function that it returns is called when the delivery is recorded, or has
// failed.
func (k *knownEchoes) sending(portalID int64, tag Tag) (recorded func()) {
	part, done := shownPart{portalID, tag.UUID, tag.Part}, make(chan struct{})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sent[part] = done
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.sent[part] == done {
			delete(k.sent, part)
		}
		close(done)
	}
}

// tokenStored notes that the token of an answer is stored.
func (k *knownEchoes) tokenStored() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stored, k.since = time.Now(), 0
}

// mayLeave reports whether the token of an answer may stay unstored.
func (k *knownEchoes) mayLeave() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.since >= maxUnstored || time.Since(k.stored) > maxUnstoredTime {
		return false
	}
	k.since++
	return true
}

// areAll reports whether an answer brings nothing but events of the bot whose deliveries are recorded, so that nothing
// has to be stored.
func (k *knownEchoes) areAll(ctx context.Context, sync Sync) (bool, error) {
	if sync.Since == "" || len(sync.Inbox) > 0 || len(sync.Rooms) == 0 || !k.startup.isWhole() {
		return false, nil
	}
	timeout := time.NewTimer(echoWait)
	defer timeout.Stop()
	for _, room := range sync.Rooms {
		if room.Limited || room.Power || room.Marker != nil || len(room.Access) > 0 || len(room.Members) > 0 {
			return false, nil
		}
		portal, err := k.db.Portal.ByMatrixRoom(ctx, room.Room)
		if err != nil || portal == nil || !portal.StartedOnMatrix {
			return false, err
		}
		for _, evt := range room.Events {
			if !k.isDelivery(evt) {
				return false, nil
			} else if known, err := k.isRecorded(ctx, portal, evt, timeout.C); err != nil || !known {
				return false, err
			}
		}
	}
	return k.mayLeave(), nil
}

// isDelivery reports whether an event shows one message of Wazo.
func (k *knownEchoes) isDelivery(evt Event) bool {
	return evt.Event != nil && evt.Tag != nil && evt.Tag.Kind == TagMessage && len(evt.Tag.Also) == 0 && k.Disposition(evt) == OwnEcho
}

// isRecorded reports whether an event is recorded as that which shows its message. It waits for a delivery that is
// being recorded.
func (k *knownEchoes) isRecorded(ctx context.Context, portal *db.Portal, evt Event, timeout <-chan time.Time) (bool, error) {
	known, err := k.shows(ctx, portal, evt)
	if err != nil || known {
		return known, err
	}
	k.mu.Lock()
	done := k.sent[shownPart{portal.ID, evt.Tag.UUID, evt.Tag.Part}]
	k.mu.Unlock()
	if done == nil {
		return k.shows(ctx, portal, evt) // it may have been recorded in between
	}
	select {
	case <-done:
		return k.shows(ctx, portal, evt)
	case <-timeout:
	case <-ctx.Done():
	}
	return false, ctx.Err()
}

func (k *knownEchoes) shows(ctx context.Context, portal *db.Portal, evt Event) (bool, error) {
	var shownBy id.EventID
	shownBy, err := k.db.Message.EventOf(ctx, portal.ID, string(evt.Tag.UUID), evt.Tag.Part)
	return shownBy != "" && shownBy == evt.ID, err
}
