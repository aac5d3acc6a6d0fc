package bot

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// acquaintance is how long the bot is silent in an encrypted room after it, or anybody else, has joined. Clients ask for the
// keys of people whom they see in an encrypted room for the first time. One that has no answer yet when a message comes takes
// it for one of an unsigned device; if it excludes those (MSC4153), it shows an error instead and may not look again
// (matrix-js-sdk 38 does not, until it is restarted).
const acquaintance = 2 * time.Second

// longestSilence is how long people who keep coming can keep the bot silent. After that it may speak for as long.
const longestSilence = 10 * time.Second

// arrivals knows in which rooms somebody is new, and lets others wait for somebody.
type arrivals struct {
	mu      sync.Mutex
	silence time.Duration               // acquaintance, but for tests
	joining map[id.RoomID]*joining      // as far as that matters
	device  time.Time                   // when the bot got its device: it is new in all rooms
	waiting map[id.RoomID]chan struct{} // closed when somebody's membership has changed
}

// joining is when people have come into a room, one after the other.
type joining struct{ first, last time.Time }

func (a *arrivals) init() {
	a.silence = acquaintance
	a.joining = make(map[id.RoomID]*joining)
	a.waiting = make(map[id.RoomID]chan struct{})
}

// note takes note of a change of somebody's membership.
func (a *arrivals) note(member *event.Event, now time.Time) {
	if isArrival(member) {
		a.arrive(member.RoomID, now)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if waiting := a.waiting[member.RoomID]; waiting != nil {
		close(waiting)
		delete(a.waiting, member.RoomID)
	}
}

// arrive notes that somebody is new in a room, or all are because it has become encrypted.
func (a *arrivals) arrive(roomID id.RoomID, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.joining[roomID]
	if known == nil || known.isOver(now) {
		known = &joining{first: now}
		a.joining[roomID] = known
	}
	known.last = now
}

// isOver reports whether the silence and the time to speak after it have passed.
func (j *joining) isOver(now time.Time) bool { return now.Sub(j.first) >= 2*longestSilence }

// haveDevice notes that the bot has another device.
func (a *arrivals) haveDevice(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.device = now
}

// isArrival reports whether somebody is new in a room. A homeserver that does not tell what was before, as in the state of a
// room that the bot joins, is taken to mean that nothing was.
func isArrival(member *event.Event) bool {
	if member.Content.Raw["membership"] != string(event.MembershipJoin) {
		return false
	}
	before := member.Unsigned.PrevContent
	return before == nil || before.Raw["membership"] != string(event.MembershipJoin)
}

// pause returns how long to be silent in a room, 0 if its members know each other.
func (a *arrivals) pause(roomID id.RoomID, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	pause := a.silence - now.Sub(a.device)
	if known := a.joining[roomID]; known != nil {
		pause = max(pause, min(a.silence-now.Sub(known.last), longestSilence-now.Sub(known.first)))
		if known.isOver(now) {
			delete(a.joining, roomID)
		}
	}
	return max(0, pause)
}

// change returns a channel that is closed when somebody's membership in a room has changed.
func (a *arrivals) change(roomID id.RoomID) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[roomID] == nil {
		a.waiting[roomID] = make(chan struct{})
	}
	return a.waiting[roomID]
}

// getAcquainted is silent for a while if somebody is new in an encrypted room. It returns a *relay.MatrixError: nothing was
// sent.
func (b *Bot) getAcquainted(ctx context.Context, roomID id.RoomID) error {
	if b.arrivals.pause(roomID, time.Now()) == 0 {
		return nil
	}
	if encrypted, err := b.askEncrypted(ctx, roomID); err != nil || !encrypted {
		return err
	}
	for {
		pause := b.arrivals.pause(roomID, time.Now())
		if pause == 0 {
			return nil
		} else if !sleep(ctx, pause) {
			return &relay.MatrixError{NotSent: true, Err: ctx.Err()}
		}
	}
}
