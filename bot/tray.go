package bot

import (
	"context"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"
)

// tries is how often something that may pass is tried, with growing pauses: about a quarter of an hour.
const tries = 12

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
		work, err := read(ctx)
		if err != nil {
			time.AfterFunc(time.Second, t.wake)
			continue
		}
		for room, items := range work {
			t.serveRoom(ctx, room, items)
		}
	}
}

// serveRoom starts a room's worker unless it runs.
func (t *tray) serveRoom(ctx context.Context, room id.RoomID, items []func(context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[room] {
		return
	}
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

// patiently does something, again after a failure that may pass, and then notes that it is done. What ctx interrupts stays
// for the next start.
func (b *Bot) patiently(ctx context.Context, what string, room id.RoomID, do, done func(context.Context) error) {
	for try := 1; ; try++ {
		err := b.try(ctx, do)
		if ctx.Err() != nil {
			return
		} else if err == nil {
			break
		}
		b.log.Err(err).Str("what", what).Stringer("room_id", room).Int("try", try).Msg("Failed")
		if try == tries || !mayPass(err) {
			break
		}
		if !sleep(ctx, min(5*time.Minute, time.Second<<try)) {
			return
		}
	}
	for ctx.Err() == nil {
		err := done(ctx)
		if err == nil {
			return
		}
		b.log.Err(err).Str("what", what).Msg("Failed to note that something is done")
		sleep(ctx, time.Second)
	}
}

func (b *Bot) try(ctx context.Context, do func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	b.guard("try", func() { err = do(ctx) })
	return err
}

// mayPass reports whether an error may pass.
func mayPass(err error) bool {
	status := toMatrixError(err).Status
	return status == 0 || status >= 500 || status == http.StatusTooManyRequests
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
