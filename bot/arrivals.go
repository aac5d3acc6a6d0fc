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

// memberRetry is how long to wait before a member is looked up again after a failure.
const memberRetry = 5 * time.Second

// arrivals knows in which rooms somebody is new, and lets others wait for somebody.
type arrivals struct {
	mu      sync.Mutex
	silence time.Duration               // acquaintance, but for tests
	last    map[id.RoomID]time.Time     // when somebody joined last, as far as that matters
	waiting map[id.RoomID]chan struct{} // closed when somebody's membership has changed
}

func (a *arrivals) init() {
	a.silence = acquaintance
	a.last = make(map[id.RoomID]time.Time)
	a.waiting = make(map[id.RoomID]chan struct{})
}

// note takes note of a change of somebody's membership.
func (a *arrivals) note(member *event.Event, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if isArrival(member) {
		a.last[member.RoomID] = now
	}
	if waiting := a.waiting[member.RoomID]; waiting != nil {
		close(waiting)
		delete(a.waiting, member.RoomID)
	}
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
	last, ok := a.last[roomID]
	if !ok {
		return 0
	}
	pause := a.silence - now.Sub(last)
	if pause <= 0 {
		delete(a.last, roomID)
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

// getAcquainted is silent for a while if somebody is new in an encrypted room. It waits once, however many come meanwhile:
// where people come all the time the bot has to speak nevertheless. It returns a *relay.MatrixError: nothing was sent.
func (b *Bot) getAcquainted(ctx context.Context, roomID id.RoomID) error {
	pause := b.arrivals.pause(roomID, time.Now())
	if pause == 0 {
		return nil
	}
	if encrypted, err := b.askEncrypted(ctx, roomID); err != nil || !encrypted {
		return err
	}
	if !sleep(ctx, pause) {
		return &relay.MatrixError{NotSent: true, Err: ctx.Err()}
	}
	return nil
}

// awaitArrival waits until a person has answered an invite, or ctx ends, and returns their membership. It is leave, too, if
// the homeserver does not tell any more. What it tells is believed rather than the state store, into which mautrix writes the
// invite after it has made the room, perhaps after the answer to it.
func (b *Bot) awaitArrival(ctx context.Context, roomID id.RoomID, user id.UserID) event.Membership {
	for {
		change := b.arrivals.change(roomID)
		var member event.MemberEventContent
		err := b.state(ctx, roomID, event.StateMember, user.String(), &member)
		switch {
		case ctx.Err() != nil:
			return event.MembershipInvite
		case err != nil && mayPass(err):
			b.log.Err(err).Stringer("room_id", roomID).Msg("Failed to look up a member")
			sleep(ctx, memberRetry)
			continue
		case err != nil:
			return event.MembershipLeave
		case member.Membership != event.MembershipInvite:
			return member.Membership
		}
		select {
		case <-ctx.Done():
		case <-change:
		}
	}
}
