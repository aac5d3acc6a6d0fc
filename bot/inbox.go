package bot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// inboxTries is how often something in the inbox is tried before it is given up.
const inboxTries = 5

// inboxTimeout is how long one answer may take.
const inboxTimeout = 3 * time.Minute

// inbox runs one worker for each room in which something has to be answered.
type inbox struct {
	filled chan struct{}

	mu      sync.Mutex
	running map[id.RoomID]bool
	wg      sync.WaitGroup
}

func (i *inbox) init() {
	i.filled = make(chan struct{}, 1)
	i.running = make(map[id.RoomID]bool)
}

func (i *inbox) wake() {
	select {
	case i.filled <- struct{}{}:
	default:
	}
}

// answerInbox answers what stands in the inbox until ctx ends.
func (b *Bot) answerInbox(ctx context.Context) {
	defer b.inbox.wg.Wait()
	b.inbox.wake() // for what an earlier start left
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.inbox.filled:
		}
		rows, err := b.db.Inbox.After(ctx, 0)
		if err != nil {
			if ctx.Err() == nil {
				b.log.Err(err).Msg("Failed to read the inbox")
				time.AfterFunc(time.Second, b.inbox.wake)
			}
			continue
		}
		byRoom := make(map[id.RoomID][]*db.InboxRow)
		for _, row := range rows {
			byRoom[row.Room] = append(byRoom[row.Room], row)
		}
		for room, rows := range byRoom {
			b.answerRoom(ctx, room, rows)
		}
	}
}

// answerRoom starts a room's worker unless it runs.
func (b *Bot) answerRoom(ctx context.Context, room id.RoomID, rows []*db.InboxRow) {
	b.inbox.mu.Lock()
	defer b.inbox.mu.Unlock()
	if b.inbox.running[room] {
		return
	}
	b.inbox.running[room] = true
	b.inbox.wg.Go(func() {
		for _, row := range rows {
			if ctx.Err() != nil {
				break
			}
			b.answerPatiently(ctx, row)
		}
		b.inbox.mu.Lock()
		delete(b.inbox.running, room)
		b.inbox.mu.Unlock()
		b.inbox.wake() // for what came meanwhile
	})
}

// answerPatiently answers one row, again after a failure of the service, and removes it.
func (b *Bot) answerPatiently(ctx context.Context, row *db.InboxRow) {
	for try := 1; ; try++ {
		err := b.answer(ctx, row)
		if ctx.Err() != nil {
			return // stays for the next start
		} else if err == nil {
			break
		}
		b.log.Err(err).Str("kind", string(row.Kind)).Stringer("room_id", row.Room).Int("try", try).Msg("Failed to answer")
		if try == inboxTries || !worthAnotherTry(err) {
			break
		}
		pause := max(toMatrixError(err).RetryAfter, time.Second<<try)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
	if err := b.db.Inbox.Delete(ctx, row.ID); err != nil && ctx.Err() == nil {
		b.log.Err(err).Msg("Failed to remove an answered row")
	}
}

// worthAnotherTry reports whether an error may pass.
func worthAnotherTry(err error) bool {
	status := toMatrixError(err).Status
	return status == 0 || status >= 500 || status == http.StatusTooManyRequests
}

func (b *Bot) answer(ctx context.Context, row *db.InboxRow) error {
	ctx, cancel := context.WithTimeout(ctx, inboxTimeout)
	defer cancel()
	evt := &event.Event{}
	if err := json.Unmarshal([]byte(row.Payload), evt); err != nil {
		return err
	}
	evt.RoomID = row.Room
	var err error
	b.guard("answer the inbox", func() {
		switch row.Kind {
		case db.InboxInvite:
			err = b.invited(ctx, row.Room, evt.Sender)
		case db.InboxJoined:
			err = b.joined(ctx, row.Room)
		case db.InboxRemoved:
			err = b.relay.Removed(ctx, row.Room)
		case db.InboxAccess:
			err = b.accessChanged(ctx, row.Room)
		case db.InboxCommand:
			b.command(ctx, evt, time.Duration(evt.Unsigned.Age)*time.Millisecond+time.Since(time.UnixMilli(row.AcceptedAt)))
		}
	})
	return err
}

// invited joins a room, or declines with a reason.
func (b *Bot) invited(ctx context.Context, roomID id.RoomID, inviter id.UserID) error {
	if err := b.gate.wait(ctx); err != nil {
		return err
	}
	if !b.relay.Rights().IsAllowed(inviter) {
		b.log.Info().Stringer("room_id", roomID).Stringer("user_id", inviter).Msg("Declined an invite")
		_, err := b.client.LeaveRoom(ctx, roomID, &mautrix.ReqLeave{Reason: words.InviteDeclined})
		if errors.Is(err, mautrix.MForbidden) || errors.Is(err, mautrix.MNotFound) {
			return nil // the invite is gone
		}
		return err
	}
	_, err := b.client.JoinRoomByID(ctx, roomID)
	return err
}

// joined says hello, or goes on in a room that is linked.
func (b *Bot) joined(ctx context.Context, roomID id.RoomID) error {
	linked, err := b.relay.Rejoined(ctx, roomID)
	if err != nil || linked {
		return err
	}
	b.Notice(ctx, roomID, words.Hello(b.cfg.CommandPrefix), "")
	return nil
}

// accessChanged pauses a portal whose room was opened to strangers, and lets it go on when it is closed again.
func (b *Bot) accessChanged(ctx context.Context, roomID id.RoomID) error {
	portal, err := b.relay.Portal(ctx, roomID)
	if err != nil || portal == nil {
		return err
	}
	why, err := b.whyOpen(ctx, roomID)
	if err != nil {
		return err
	}
	return b.relay.Opened(ctx, roomID, why)
}
