package relay

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// job is what a worker works on.
type job string

// The jobs. The first two are the queues of a portal.
const (
	jobToWazo   job = job(db.ToWazo)
	jobToMatrix job = job(db.ToMatrix)
	jobCatchUp  job = "catch_up" // read a portal's history on Wazo
	jobProbe    job = "probe"    // ask Wazo which rooms have news
	jobExplain  job = "explain"  // tell people in rooms without portal what to do
	jobKey      job = "key"      // try to decrypt what waits for a key
	jobExpire   job = "expire"   // give up what has waited for its key for too long
)

// task is one thing that a worker exists for: a job, of a portal or (0) of all.
type task struct {
	job      job
	portalID int64
	session  id.SessionID // of jobKey
}

func queueTask(key db.QueueKey) task { return portalTask(job(key.Direction), key.PortalID) }

func portalTask(j job, portalID int64) task { return task{job: j, portalID: portalID} }

// stepFunc does the next thing in a task. It returns errIdle when nothing is to be done now.
type stepFunc func(ctx context.Context, t task) error

// errIdle says that a task has nothing to do now; whoever changes that kicks it.
var errIdle = errors.New("nothing to do")

// workers runs one worker for each task that has something to do, and none for the others.
type workers struct {
	step  stepFunc
	delay func(ctx context.Context, t task, err error, failures int) time.Duration // the pause after a failure

	mu      sync.Mutex
	running map[task]*worker
	ctx     context.Context // ends when no new step may begin
	work    context.Context // of the steps
	wg      sync.WaitGroup
}

// worker is one running worker.
type worker struct {
	again bool          // something came while it worked
	woken chan struct{} // ends a pause early
}

func newWorkers(step stepFunc, delay func(context.Context, task, error, int) time.Duration) *workers {
	return &workers{step: step, delay: delay, running: make(map[task]*worker)}
}

// start lets workers run: until ctx ends they begin new steps, with work as the context of these.
func (w *workers) start(ctx, work context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.work = ctx, work
}

// kick makes sure that a worker looks at a task from now on.
func (w *workers) kick(t task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.ctx.Err() != nil {
		return
	}
	if running := w.running[t]; running != nil {
		running.again = true
		return
	}
	running := &worker{woken: make(chan struct{}, 1)}
	w.running[t] = running
	w.wg.Go(func() { w.run(t, running) })
}

// kickAfter kicks a task after a while.
func (w *workers) kickAfter(d time.Duration, t task) { time.AfterFunc(d, func() { w.kick(t) }) }

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

// do runs something besides the tasks; stopping waits for it.
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

// wait returns when no worker runs. Call it when ctx has ended.
func (w *workers) wait() {
	w.mu.Lock()   // a kick that came before the end of ctx has started its worker now
	w.mu.Unlock() //nolint:staticcheck // see above
	w.wg.Wait()
}

func (w *workers) run(t task, self *worker) {
	log := zerolog.Ctx(w.ctx).With().Str("job", string(t.job)).Int64("portal_id", t.portalID).Logger()
	ctx := log.WithContext(w.work)
	failures := 0
	for {
		if w.ctx.Err() != nil {
			w.leave(t, self, true)
			return
		}
		err := guard(ctx, func() error { return w.step(ctx, t) })
		switch {
		case err == nil:
			failures = 0
		case errors.Is(err, errIdle):
			if w.leave(t, self, false) {
				return
			}
		default:
			failures++
			pause := lastPause
			_ = guard(ctx, func() error { pause = w.delay(ctx, t, err, failures); return nil }) // a panic is logged there
			w.pause(pause, self)
		}
	}
}

// leave ends a worker unless something came meanwhile. It reports whether the worker is gone.
func (w *workers) leave(t task, self *worker, force bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if self.again && !force {
		self.again = false
		return false
	}
	delete(w.running, t)
	return true
}

func (w *workers) pause(d time.Duration, self *worker) {
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
			zerolog.Ctx(ctx).Error().Bytes(zerolog.ErrorStackFieldName, debug.Stack()).Any("panic", value).Msg("Panic")
			err = &panicError{value}
		}
	}()
	return fn()
}
