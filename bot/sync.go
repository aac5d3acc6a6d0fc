package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

const (
	// longPoll is how long the homeserver may hold an answer back.
	longPoll = 30 * time.Second
	// pollGrace is how much later the answer may come before the connection counts as dead. A first answer may be large.
	pollGrace      = 60 * time.Second
	firstPollGrace = 10 * time.Minute
	lastSyncPause  = 30 * time.Second
	// timelineLimit is large because a gap is worth avoiding: Dendrite loses events at the page boundaries of /messages when
	// several people write at once. Synapse allows 100 whatever is asked for.
	timelineLimit = 500
)

// syncForever asks for news until ctx ends. Unlike mautrix's own loop it stores the token after what it covers, in the same
// transaction (docs/matrix.md, "Sync").
func (b *Bot) syncForever(ctx context.Context) error {
	since, err := b.db.Setting.Get(ctx, db.SettingNextBatch)
	if err != nil {
		return fmt.Errorf("failed to read the sync token: %w", err)
	}
	var pending *syncAnswer   // asked for and not accepted yet
	failures, refused := 0, 0 // in a row, and of the pending answer
	for ctx.Err() == nil {
		err = nil
		if pending == nil {
			pending, err = b.ask(ctx, since, failures > 0)
			refused = 0
		}
		if err == nil && pending != nil {
			if err = b.accept(ctx, pending, since, refused); err == nil {
				if failures > 0 {
					b.relay.MatrixBack()
				}
				since, pending, failures = pending.NextBatch, nil, 0
				b.device.RaiseGenerationIfDue(ctx)
				b.maintainDevice(ctx)
				continue
			}
			refused++
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			continue // a resync ended the poll
		case errors.Is(err, mautrix.MUnknownToken), errors.Is(err, mautrix.MMissingToken):
			if err = b.logInAgain(ctx, err); err == nil {
				b.relay.MatrixBack()
				continue
			} else if errors.Is(err, device.ErrLoggedOut) {
				return err
			}
		}
		failures++
		b.log.Err(err).Int("failures", failures).Msg("Failed to sync")
		b.syncPause(ctx, err, failures)
	}
	return nil
}

// logInAgain gets a new access token for the same device, if there is a password. It returns an error that is
// device.ErrLoggedOut if only an administrator can help.
func (b *Bot) logInAgain(ctx context.Context, cause error) error {
	if b.cfg.Password == "" {
		return fmt.Errorf("%w: %w", device.ErrLoggedOut, cause)
	}
	return b.gate.alone(func() error { return b.device.LogInAgain(ctx, cause) })
}

// maintainDevice looks after the device now and then. It runs between two answers of /sync, and while nothing is sent.
func (b *Bot) maintainDevice(ctx context.Context) {
	if b.device.MaintenanceDue() {
		b.gate.tryAlone(func() { b.device.Maintain(ctx) })
	}
}

func (b *Bot) syncPause(ctx context.Context, err error, failures int) {
	pause := min(lastSyncPause, time.Second<<min(failures-1, 5))
	if asked := toMatrixError(err).RetryAfter; asked > 0 {
		pause = asked
	}
	sleep(ctx, pause)
}

// ask asks for the next answer. It returns nil and no error if a resync ended the poll.
func (b *Bot) ask(ctx context.Context, since string, afterFailure bool) (*syncAnswer, error) {
	timeout, grace := longPoll, pollGrace
	if afterFailure || since == "" || b.lastSync.Load() == 0 || b.resync.wanted() {
		timeout = 0
	}
	if since == "" {
		grace = firstPollGrace
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+grace)
	defer cancel()
	ctx, done := b.resync.polling(ctx, timeout > 0)
	defer done()
	query := map[string]string{"timeout": strconv.FormatInt(timeout.Milliseconds(), 10), "filter": syncFilter}
	if since != "" {
		query["since"] = since
	}
	var answer syncAnswer
	_, err := b.client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: b.client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "sync"}, query), ResponseJSON: &answer,
	})
	if err != nil {
		if errors.Is(context.Cause(ctx), errResync) {
			return nil, nil
		}
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

var errResync = errors.New("a fresh sync is wanted")

// resync lets others wait for an answer of /sync that was asked for after they began to wait.
type resync struct {
	mu        sync.Mutex
	want      int           // the number of the last request for a fresh answer
	have      int           // the last request that is satisfied
	changed   chan struct{} // closed when have grows
	asking    int           // want at the time the running poll began
	interrupt context.CancelCauseFunc
}

func (r *resync) init() { r.changed = make(chan struct{}) }

// polling marks the beginning of a poll; long ones are ended when a fresh answer is wanted.
func (r *resync) polling(ctx context.Context, long bool) (context.Context, func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking = r.want
	if !long {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r.interrupt = cancel
	return ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.interrupt = nil
		cancel(nil)
	}
}

func (r *resync) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.want > r.have
}

func (r *resync) current() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asking
}

func (r *resync) accepted(asked int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if asked > r.have {
		r.have = asked
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// Resync implements relay.Matrix.
func (b *Bot) Resync(ctx context.Context) error {
	r := &b.resync
	r.mu.Lock()
	r.want++
	mine := r.want
	if r.interrupt != nil {
		r.interrupt(errResync)
	}
	r.mu.Unlock()
	for {
		r.mu.Lock()
		have, changed := r.have, r.changed
		r.mu.Unlock()
		if have >= mine {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
