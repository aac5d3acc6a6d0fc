package bot

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// keyExchangeTime is how long the bot is silent in an encrypted room after it, or anybody else, has joined. Clients ask
// for the keys of people whom they see in an encrypted room for the first time. A client that has no answer yet when a
// message comes takes it for one of an unsigned device; if the client excludes those (MSC4153), it shows an error
// instead and may not look again (docs/matrix.md, "Newcomers and unsigned devices").
const keyExchangeTime = 2 * time.Second

// longestSilence is how long people who keep coming can keep the bot silent. After that it may speak for as long.
const longestSilence = 10 * time.Second

// newcomers knows in which rooms somebody is new.
type newcomers struct {
	mu      sync.Mutex
	silence time.Duration          // keyExchangeTime, but for tests
	joining map[id.RoomID]*joining // as far as that matters
	device  time.Time              // when the bot got its device: it is new in all rooms
}

// joining is when people have come into a room, one after the other.
type joining struct{ first, last time.Time }

func (n *newcomers) init() {
	n.silence = keyExchangeTime
	n.joining = make(map[id.RoomID]*joining)
}

// memberChanged takes note of a change of somebody's membership.
func (n *newcomers) memberChanged(member *event.Event, now time.Time) {
	if isArrival(member) {
		n.arrived(member.RoomID, now)
	}
}

// arrived notes that somebody is new in a room, or all are because it has become encrypted.
func (n *newcomers) arrived(roomID id.RoomID, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.joining[roomID]
	if known == nil || known.isOver(now) {
		known = &joining{first: now}
		n.joining[roomID] = known
	}
	known.last = now
}

// isOver reports whether the silence and the time to speak after it have passed.
func (j *joining) isOver(now time.Time) bool { return now.Sub(j.first) >= 2*longestSilence }

// newDevice notes that the bot has another device.
func (n *newcomers) newDevice(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.device = now
}

// isArrival reports whether somebody is new in a room. A homeserver that does not tell what was before, as in the state
// of a room that the bot joins, is taken to mean that nothing was.
func isArrival(member *event.Event) bool {
	if member.Content.Raw["membership"] != string(event.MembershipJoin) {
		return false
	}
	before := member.Unsigned.PrevContent
	return before == nil || before.Raw["membership"] != string(event.MembershipJoin)
}

// pause returns how long to be silent in a room, 0 if its members know each other's keys.
func (n *newcomers) pause(roomID id.RoomID, now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	pause := n.silence - now.Sub(n.device)
	if known := n.joining[roomID]; known != nil {
		pause = max(pause, min(n.silence-now.Sub(known.last), longestSilence-now.Sub(known.first)))
		if known.isOver(now) {
			delete(n.joining, roomID)
		}
	}
	return max(0, pause)
}

// awaitKeyExchange is silent for a while if somebody is new in an encrypted room. It returns a *relay.MatrixError:
// nothing was sent.
func (b *Bot) awaitKeyExchange(ctx context.Context, roomID id.RoomID) error {
	if b.newcomers.pause(roomID, time.Now()) == 0 {
		return nil
	}
	if encrypted, err := b.encryptedRooms.wasEncrypted(ctx, roomID); err != nil || !encrypted {
		return err
	}
	for {
		pause := b.newcomers.pause(roomID, time.Now())
		if pause == 0 {
			return nil
		} else if err := task.Sleep(ctx, pause); err != nil {
			return &relay.MatrixError{NotSent: true, Err: err}
		}
	}
}
