package relay

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
)

// stepFunc does the next thing in a queue. It returns errIdle when nothing is to be done now.
type stepFunc func(ctx context.Context, key db.QueueKey) error

// errIdle says that a queue has nothing to deliver now; whoever changes that kicks it.
var errIdle = errors.New("nothing to do")

// workers runs one worker for each queue that has something to do, and none for the others.
type workers struct {
	step  stepFunc
	delay func(ctx context.Context, key db.QueueKey, err error, failures int) time.Duration // 0: at once

	mu      sync.Mutex
	running map[db.QueueKey]*worker
	ctx     context.Context // ends when no new step may begin
	work    context.Context // of the steps
	wg      sync.WaitGroup
}

// worker is one running worker.
type worker struct {
	again bool          // something came while it worked
	woken chan struct{} // ends a pause early
}

func newWorkers(step stepFunc, delay func(context.Context, db.QueueKey, error, int) time.Duration) *workers {
	return &workers{step: step, delay: delay, running: make(map[db.QueueKey]*worker)}
}

// start lets workers run: until ctx ends they begin new steps, with work as the context of these.
func (w *workers) start(ctx, work context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.work = ctx, work
}

// kick makes sure that a worker looks at a queue from now on.
func (w *workers) kick(key db.QueueKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.ctx.Err() != nil {
		return
	}
	if running := w.running[key]; running != nil {
		running.again = true
		return
	}
	running := &worker{woken: make(chan struct{}, 1)}
	w.running[key] = running
	w.wg.Go(func() { w.run(key, running) })
}

// wake ends the pauses of all workers: a service is back.
func (w *workers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, running := range w.running {
		select {
		case running.woken <- struct{}{}:
		default:
		}
	}
}

// do runs something besides the queues; stopping waits for it.
func (w *workers) do(fn func(ctx context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.ctx.Err() != nil {
		return
	}
	w.wg.Go(func() { fn(w.work) })
}

// stopping reports whether an error may only say that the relay stops.
func (w *workers) stopping() bool { return w.ctx.Err() != nil }

// untilStop returns a step's context for a long wait, which ends when no new step may begin.
func (w *workers) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(w.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// wait returns when no worker runs.
func (w *workers) wait() { w.wg.Wait() }

func (w *workers) run(key db.QueueKey, self *worker) {
	log := zerolog.Ctx(w.ctx).With().Int64("portal_id", key.PortalID).Str("direction", string(key.Direction)).Logger()
	ctx := log.WithContext(w.work)
	failures := 0
	for {
		if w.ctx.Err() != nil {
			w.leave(key, self, true)
			return
		}
		err := guard(ctx, func() error { return w.step(ctx, key) })
		switch {
		case err == nil:
			failures = 0
		case errors.Is(err, errIdle):
			if w.leave(key, self, false) {
				return
			}
		default:
			failures++
			w.pause(w.delay(ctx, key, err, failures), self)
		}
	}
}

// leave ends a worker unless something came meanwhile. It reports whether the worker is gone.
func (w *workers) leave(key db.QueueKey, self *worker, force bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if self.again && !force {
		self.again = false
		return false
	}
	delete(w.running, key)
	return true
}

func (w *workers) pause(d time.Duration, self *worker) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.ctx.Done():
	case <-self.woken:
	case <-timer.C:
	}
}

// panicError is a panic in a step.
type panicError struct{ value any }

// Error implements error.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// guard runs fn; a panic in it is an error like others, not the end of the process.
func guard(ctx context.Context, fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			zerolog.Ctx(ctx).Error().Bytes(zerolog.ErrorStackFieldName, debug.Stack()).Any("panic", value).Msg("Panic in a queue worker")
			err = &panicError{value}
		}
	}()
	return fn()
}
