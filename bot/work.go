package bot

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// patience is how long something that may pass is tried: what is older says nothing to anybody any more.
const patience = 24 * time.Hour

// attemptTimeout is how long one try may take. A join of a room on other servers is slow.
const attemptTimeout = 5 * time.Minute

// tray is a table of things to be done in rooms: one worker for each room that has something, in its order.
type tray struct {
	filled chan struct{}

	mu      sync.Mutex
	running map[id.RoomID]bool
	wg      sync.WaitGroup
}

func (t *tray) init() {
	t.filled = make(chan struct{}, 1)
	t.running = make(map[id.RoomID]bool)
}

// wake makes the tray be looked at.
func (t *tray) wake() {
	select {
	case t.filled <- struct{}{}:
	default:
	}
}

// serve does what read finds, room by room, until ctx ends.
func (t *tray) serve(ctx context.Context, read func(context.Context) (map[id.RoomID][]func(context.Context), error)) {
	defer t.wg.Wait()
	t.wake() // for what an earlier start left
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.filled:
		}
		busy := t.busy() // before reading: what their workers are doing may be read, and done by then
		work, err := read(ctx)
		if err != nil {
			time.AfterFunc(time.Second, t.wake)
			continue
		}
		for room, items := range work {
			if !busy[room] {
				t.serveRoom(ctx, room, items)
			}
		}
	}
}

// busy returns the rooms whose workers run. They wake the tray when they are done.
func (t *tray) busy() map[id.RoomID]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.running)
}

// serveRoom starts a room's worker.
func (t *tray) serveRoom(ctx context.Context, room id.RoomID, items []func(context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running[room] = true
	t.wg.Go(func() {
		for _, do := range items {
			if ctx.Err() == nil {
				do(ctx)
			}
		}
		t.mu.Lock()
		delete(t.running, room)
		t.mu.Unlock()
		t.wake() // for what came meanwhile
	})
}

// patiently does something that was asked for at a time of ours (ms), again after a failure that may pass, and then notes that
// it is done. What ctx interrupts stays for the next start.
func (b *Bot) patiently(ctx context.Context, what string, room id.RoomID, since db.Time, do, done func(context.Context) error) {
	b.try(ctx, what, room, since, do)
	b.finish(ctx, what, done)
}

// try does something again and again until it succeeds, cannot succeed, or is too old.
func (b *Bot) try(ctx context.Context, what string, room id.RoomID, since db.Time, do func(context.Context) error) {
	for try := 1; ctx.Err() == nil; try++ {
		err := b.tryOnce(ctx, do)
		if ctx.Err() != nil || err == nil {
			return
		}
		b.log.Err(err).Str("what", what).Stringer("room_id", room).Int("try", try).Msg("Failed")
		if !mayPass(err) || time.Since(since.Time) > patience {
			return
		}
		sleep(ctx, min(time.Minute, time.Second<<min(try, 6)))
	}
}

func (b *Bot) tryOnce(ctx context.Context, do func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	b.guard("try", func() { err = do(ctx) })
	return err
}

// finish notes that something is done, unless ctx has ended: it may have been interrupted.
func (b *Bot) finish(ctx context.Context, what string, done func(context.Context) error) {
	for ctx.Err() == nil {
		err := done(ctx)
		if err == nil {
			return
		}
		b.log.Err(err).Str("what", what).Msg("Failed to note that something is done")
		sleep(ctx, time.Second)
	}
}

// mayPass reports whether an error may pass by itself.
func mayPass(err error) bool {
	var answer mautrix.HTTPError
	if errors.As(err, &answer) {
		err = toMatrixError(err)
	}
	return relay.MayPass(err)
}

// sleep waits. It reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
