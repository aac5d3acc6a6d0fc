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
	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

const (
	// longPoll is how long the homeserver may hold an answer back.
	longPoll = 30 * time.Second
	// pollGrace is how much later the answer may come before the connection counts as dead.
	pollGrace = 60 * time.Second
	// firstPollGrace is pollGrace for the first answer ever, which may be large.
	firstPollGrace = 10 * time.Minute
	// timelineLimit is large because a gap is worth avoiding: Dendrite loses events at the page boundaries of /messages
	// when several people write at once. Synapse allows 100 whatever is asked for.
	timelineLimit = 500
)

// syncBackoff is the pause after a failure to sync.
var syncBackoff = task.Backoff{First: time.Second, Longest: 30 * time.Second}

// syncLoop asks for news and has it accepted. Unlike mautrix's own loop it stores the token after what it covers, in
// the same transaction (docs/matrix.md, "Sync").
type syncLoop struct {
	*Bot
	since    string
	pending  *syncAnswer // an answer that is not accepted yet
	refused  int         // how often the core refused it
	failures int         // steps that failed, in a row
	pace     syncPace
	isOwn    bool // the answer that was accepted last brought only the bot's own messages
}

// run asks for news until ctx ends. It returns an error that only an administrator can repair.
func (l *syncLoop) run(ctx context.Context) (err error) {
	if l.since, err = l.db.Setting.Get(ctx, db.SettingNextBatch); err != nil {
		return fmt.Errorf("failed to read the sync token: %w", err)
	}
	for ctx.Err() == nil {
		err = l.step(ctx)
		if isLoggedOut(err) {
			err = l.logInAgain(ctx, err)
		}
		switch {
		case err == nil, ctx.Err() != nil:
			continue
		case errors.Is(err, device.ErrLoggedOut):
			return err
		}
		l.failures++
		l.log.Err(err).Int("failures", l.failures).Msg("Failed to sync")
		_ = task.Sleep(ctx, syncBackoff.AfterAsked(toMatrixError(err).RetryAfter, l.failures)) // the loop ends with ctx
	}
	return nil
}

// step asks for the next answer and has it accepted. An answer that could not be accepted is not asked for again.
func (l *syncLoop) step(ctx context.Context) (err error) {
	if l.pending == nil {
		if err = l.device.SecureReceivedKeys(ctx); err != nil {
			return err
		} else if l.pending, err = l.ask(ctx); err != nil {
			l.relay.MatrixFails(toMatrixError(err))
			return err
		} else if l.pending == nil {
			return nil
		}
		l.refused = 0
	}
	if err = l.accept(ctx); err != nil {
		l.refused++
		return err
	}
	if l.failures > 0 {
		l.homeserverBack()
	}
	l.since, l.pending, l.failures = l.pending.NextBatch, nil, 0
	l.maintainDevice(ctx)
	l.device.BackUpKeys(ctx)
	if pause := l.pace.after(l.isOwn, time.Now()); pause > 0 {
		_ = task.Sleep(ctx, pause) // the loop ends with ctx
	}
	return nil
}

// homeserverBack lets everything that waits for the homeserver try again now.
func (l *syncLoop) homeserverBack() {
	l.relay.MatrixBack()
	l.tasks.EndPauses()
}

// isLoggedOut reports whether the homeserver does not accept the access token any more, and there is no new one.
func isLoggedOut(err error) bool {
	switch {
	case errors.Is(err, session.ErrNotRenewed):
		return false // that may pass
	case errors.Is(err, session.ErrEnded):
		return true
	}
	return errors.Is(err, mautrix.MUnknownToken) || errors.Is(err, mautrix.MMissingToken)
}

// logInAgain gets a new access token for the same device, if there is a password. It returns an error that is
// device.ErrLoggedOut if only an administrator can help.
func (l *syncLoop) logInAgain(ctx context.Context, cause error) error {
	if l.cfg.Password == "" {
		return fmt.Errorf("%w: %w", device.ErrLoggedOut, cause)
	}
	l.token.Lock()
	defer l.token.Unlock()
	if err := l.device.LogInAgain(ctx, cause); err != nil {
		return err
	}
	l.homeserverBack()
	return nil
}

// maintainDevice looks after the device now and then. It runs between two answers of /sync, and while nothing is sent.
func (l *syncLoop) maintainDevice(ctx context.Context) {
	if l.device.MaintenanceDue() {
		l.token.whileIdle(func() { l.device.Maintain(ctx) })
	}
}

// ask asks for the next answer. It returns nil and no error if a resync ended the poll.
func (l *syncLoop) ask(ctx context.Context) (*syncAnswer, error) {
	timeout, grace := longPoll, pollGrace
	if l.failures > 0 || l.since == "" || l.relay.LastSync().IsZero() || l.resync.isWanted() {
		timeout = 0
	}
	if l.since == "" {
		grace = firstPollGrace
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+grace)
	defer cancel()
	ctx, endPoll := l.resync.beginPoll(ctx, timeout > 0)
	query := map[string]string{"timeout": strconv.FormatInt(timeout.Milliseconds(), 10), "filter": syncFilter}
	if l.since != "" {
		query["since"] = l.since
	}
	var answer syncAnswer
	_, err := l.client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: l.client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "sync"}, query), ResponseJSON: &answer,
	})
	if interrupted := endPoll(); interrupted && err != nil {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("failed to ask for news: %w", toMatrixError(err))
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

// accept hands the pending answer to the core.
func (l *syncLoop) accept(ctx context.Context) error {
	asked := l.resync.current()
	received, err := l.receiver.receive(ctx, l.pending, l.since)
	if err != nil {
		return err
	} else if l.refused >= poisonTries {
		l.isolatePoison(ctx, received)
	}
	if err = l.relay.AcceptSync(ctx, received); err != nil {
		return fmt.Errorf("failed to accept an answer of /sync: %w", err)
	}
	l.resync.accepted(asked)
	l.isOwn = bringsOnlyOwn(l.pending, received, l.userID)
	return nil
}

// isolatePoison tries the events of an answer that cannot be accepted one by one. It gives a ParseError to those at
// fault, so that they are parked and the others go on. It stores nothing.
func (l *syncLoop) isolatePoison(ctx context.Context, received relay.Sync) {
	if l.relay.TrySync(ctx, relay.Sync{Since: received.Since, NextBatch: received.NextBatch}) != nil {
		return // even an answer without events cannot be accepted, so the database is at fault
	}
	for _, room := range received.Rooms {
		for i, evt := range room.Events {
			alone := relay.Sync{Since: received.Since, NextBatch: received.NextBatch, Rooms: []relay.RoomSync{{Room: room.Room, Events: []relay.Event{evt}}}}
			if err := l.relay.TrySync(ctx, alone); db.MayPass(err) {
				return // the database is at fault after all, for example because another table is locked
			} else if err != nil {
				l.log.Err(err).Stringer("room_id", room.Room).Stringer("event_id", evt.ID).Msg("Found an event that cannot be accepted")
				raw, _ := json.Marshal(evt.Event) // what there is of it
				room.Events[i] = relay.Event{Event: evt.Event, ParseError: err, Raw: raw}
			}
		}
	}
}
