package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

const (
	// longPoll is how long the homeserver may hold an answer back.
	longPoll = 30 * time.Second
	// pollGrace is how much later the answer may come before the connection counts as dead. A first answer may be large.
	pollGrace      = 60 * time.Second
	firstPollGrace = 10 * time.Minute
	// timelineLimit is large because a gap is worth avoiding: Dendrite loses events at the page boundaries of /messages when
	// several people write at once. Synapse allows 100 whatever is asked for.
	timelineLimit = 500
)

// syncBackoff is the pause after a failure to sync.
var syncBackoff = task.Backoff{First: time.Second, Longest: 30 * time.Second}

// syncForever asks for news until ctx ends. Unlike mautrix's own loop it stores the token after what it covers, in the same
// transaction (docs/matrix.md, "Sync"). It returns an error that only an administrator can repair.
func (b *Bot) syncForever(ctx context.Context) error {
	since, err := b.db.Setting.Get(ctx, db.SettingNextBatch)
	if err != nil {
		return fmt.Errorf("failed to read the sync token: %w", err)
	}
	loop := syncLoop{Bot: b, since: since}
	for ctx.Err() == nil {
		err = loop.step(ctx)
		if isLoggedOut(err) {
			err = b.logInAgain(ctx, err)
		}
		switch {
		case err == nil, ctx.Err() != nil:
			continue
		case errors.Is(err, device.ErrLoggedOut):
			return err
		}
		loop.failures++
		b.log.Err(err).Int("failures", loop.failures).Msg("Failed to sync")
		_ = task.Sleep(ctx, syncBackoff.AfterAsked(toMatrixError(err).RetryAfter, loop.failures)) // the loop ends with ctx
	}
	return nil
}

// syncLoop is where the sync loop stands.
type syncLoop struct {
	*Bot
	since    string
	pending  *syncAnswer // an answer that is not accepted yet
	refused  int         // how often the core refused it
	failures int         // steps that failed, in a row
}

// step asks for the next answer and has it accepted. An answer that could not be accepted is not asked for again.
func (l *syncLoop) step(ctx context.Context) (err error) {
	if l.pending == nil {
		if l.pending, err = l.ask(ctx, l.since, l.failures > 0); err != nil || l.pending == nil {
			return err
		}
		l.refused = 0
	}
	if err = l.accept(ctx, l.pending, l.since, l.refused); err != nil {
		l.refused++
		return err
	}
	if l.failures > 0 {
		l.homeserverBack()
	}
	l.since, l.pending, l.failures = l.pending.NextBatch, nil, 0
	l.device.RaiseGenerationIfDue(ctx)
	l.maintainDevice(ctx)
	return nil
}

// homeserverBack lets everything that waits for the homeserver try again now.
func (b *Bot) homeserverBack() {
	b.relay.MatrixBack()
	b.tasks.EndPauses()
}

// isLoggedOut reports whether the homeserver does not accept the access token any more.
func isLoggedOut(err error) bool {
	return errors.Is(err, mautrix.MUnknownToken) || errors.Is(err, mautrix.MMissingToken)
}

// logInAgain gets a new access token for the same device, if there is a password. It returns an error that is
// device.ErrLoggedOut if only an administrator can help.
func (b *Bot) logInAgain(ctx context.Context, cause error) error {
	if b.cfg.Password == "" {
		return fmt.Errorf("%w: %w", device.ErrLoggedOut, cause)
	}
	b.token.Lock()
	defer b.token.Unlock()
	if err := b.device.LogInAgain(ctx, cause); err != nil {
		return err
	}
	b.homeserverBack()
	return nil
}

// maintainDevice looks after the device now and then. It runs between two answers of /sync, and while nothing is sent.
func (b *Bot) maintainDevice(ctx context.Context) {
	if b.device.MaintenanceDue() {
		b.token.whileIdle(func() { b.device.Maintain(ctx) })
	}
}

// ask asks for the next answer. It returns nil and no error if a resync ended the poll.
func (b *Bot) ask(ctx context.Context, since string, afterFailure bool) (*syncAnswer, error) {
	timeout, grace := longPoll, pollGrace
	if afterFailure || since == "" || b.lastSync.Load() == 0 || b.resync.isWanted() {
		timeout = 0
	}
	if since == "" {
		grace = firstPollGrace
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+grace)
	defer cancel()
	ctx, endPoll := b.resync.beginPoll(ctx, timeout > 0)
	query := map[string]string{"timeout": strconv.FormatInt(timeout.Milliseconds(), 10), "filter": syncFilter}
	if since != "" {
		query["since"] = since
	}
	var answer syncAnswer
	_, err := b.client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: b.client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "sync"}, query), ResponseJSON: &answer,
	})
	if interrupted := endPoll(); interrupted && err != nil {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("failed to ask for news: %w", err)
	} else if answer.NextBatch == "" {
		return nil, fmt.Errorf("the homeserver's answer has no next_batch")
	}
	return &answer, nil
}

// syncFilter leaves out what the bot has no use for; the room's state stays whole (docs/matrix.md, "Never hide state").
var syncFilter = func() string {
	none := map[string]any{"types": []string{}}
	filter, err := json.Marshal(map[string]any{
		"presence":     none,
		"account_data": none,
		"room": map[string]any{
			"timeline": map[string]any{"limit": timelineLimit}, "ephemeral": none, "account_data": none,
		},
	})
	if err != nil {
		panic(err)
	}
	return string(filter)
}()

// poisonTries is how often an answer is tried as a whole before the event at fault is looked for.
const poisonTries = 3

// accept hands an answer to the core, which has refused it so many times before.
func (b *Bot) accept(ctx context.Context, answer *syncAnswer, since string, refused int) error {
	asked := b.resync.current()
	received := b.receive(ctx, answer, since)
	if refused >= poisonTries {
		b.isolatePoison(ctx, received)
	}
	if err := b.relay.AcceptSync(ctx, received); err != nil {
		return fmt.Errorf("failed to accept an answer of /sync: %w", err)
	}
	b.lastSync.Store(time.Now().UnixMilli())
	b.resync.accepted(asked)
	return nil
}

// isolatePoison tries the events of an answer that cannot be accepted one by one, and marks those at fault as broken, so that
// they are parked and the others go on. It stores nothing.
func (b *Bot) isolatePoison(ctx context.Context, received relay.Sync) {
	if b.relay.TrySync(ctx, relay.Sync{Since: received.Since, NextBatch: received.NextBatch}) != nil {
		return // not even nothing can be accepted: the database is at fault
	}
	for _, room := range received.Rooms {
		for i, evt := range room.Events {
			alone := relay.Sync{Since: received.Since, NextBatch: received.NextBatch, Rooms: []relay.RoomSync{{Room: room.Room, Events: []relay.Event{evt}}}}
			if err := b.relay.TrySync(ctx, alone); err != nil {
				b.log.Err(err).Stringer("room_id", room.Room).Stringer("event_id", evt.ID).Msg("Found an event that cannot be accepted")
				raw, _ := json.Marshal(evt.Event) // what there is of it
				room.Events[i] = relay.Event{Event: evt.Event, ParseError: err, Raw: raw}
			}
		}
	}
}
