package task

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Outcome says what a worker does after a step that succeeded.
type Outcome int

const (
	// Again means that the key may have more work: the next step follows at once.
	Again Outcome = iota
	// Idle means that the key has no work now. Its worker ends; whoever brings new work calls [Scheduler.Wake].
	Idle
)

// Config is what a [Scheduler] does for its keys.
type Config[K comparable] struct {
	// Step does the next piece of a key's work. A panic in it counts as an error.
	Step func(ctx context.Context, key K) (Outcome, error)
	// Failed is called after a step that returned an error. It returns how long the key pauses. failures counts the
	// errors in a row and begins at 1; those whose pause [Scheduler.EndPauses] has ended are not counted. It is not
	// called for errors that come while the scheduler stops.
	Failed func(ctx context.Context, key K, err error, failures int) time.Duration
	// LogContext adds the fields that identify a key to the logger of its steps. It may be nil.
	LogContext func(log zerolog.Context, key K) zerolog.Context
	// Limit returns how many keys of a group may do their work at the same time. The others wait for their turn, and
	// take next to no memory meanwhile. A key that pauses after an error does not count. Limit may be nil; a group with
	// the limit 0 has none.
	Limit func(key K) (group string, limit int)
}

// Scheduler runs one worker for each key that has work. Make it with [New].
type Scheduler[K comparable] struct {
	cfg Config[K]

	mu      sync.Mutex
	workers map[K]*worker
	most    int // how many workers there have been at once since the map was made, see forget
	groups  map[string]*group[K]
	wg      sync.WaitGroup

	stopping   context.Context // ends when no new step may begin; nil before Start
	work       context.Context // of the steps; it outlives stopping
	cancelWork context.CancelFunc
}

// worker is the worker of one key, which runs or waits for its turn.
type worker struct {
	more     bool          // work came while a step ran
	failures int           // in a row
	endPause chan struct{} // ends a pause early; nil: it waits for its turn
}

// group is the keys of a limited group.
type group[K comparable] struct {
	running int
	waiting []K // for their turn, in order: their workers do not run yet
}

// New returns a scheduler that does nothing before [Scheduler.Start].
func New[K comparable](cfg Config[K]) *Scheduler[K] {
	return &Scheduler[K]{cfg: cfg, workers: make(map[K]*worker), groups: make(map[string]*group[K])}
}

// Start lets workers run until ctx ends. Steps log by the logger of ctx. Call [Scheduler.Drain] afterwards.
func (s *Scheduler[K]) Start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = ctx
	s.work, s.cancelWork = context.WithCancel(context.WithoutCancel(ctx))
}

// Wake makes sure that a worker looks at a key from now on. It does nothing before Start and after its context has
// ended.
func (s *Scheduler[K]) Wake(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isRunning() {
		return
	}
	if known := s.workers[key]; known != nil {
		known.more = known.endPause != nil
		return
	}
	s.begin(key, &worker{})
}

// begin starts the worker of a key, or has it wait for its turn. The lock must be held.
func (s *Scheduler[K]) begin(key K, w *worker) {
	s.workers[key] = w
	s.most = max(s.most, len(s.workers))
	if g, limit := s.groupOf(key); g != nil {
		if g.running >= limit {
			g.waiting = append(g.waiting, key)
			return
		}
		g.running++
	}
	w.endPause = make(chan struct{}, 1)
	s.wg.Go(func() { s.run(key, w) })
}

// groupOf returns the group of a key and its limit, nil if it has none. The lock must be held.
func (s *Scheduler[K]) groupOf(key K) (*group[K], int) {
	if s.cfg.Limit == nil {
		return nil, 0
	}
	name, limit := s.cfg.Limit(key)
	if limit == 0 {
		return nil, 0
	} else if s.groups[name] == nil {
		s.groups[name] = &group[K]{}
	}
	return s.groups[name], limit
}

// pass ends the turn of a key, and lets the next one of its group begin. The lock must be held.
func (s *Scheduler[K]) pass(key K) {
	g, _ := s.groupOf(key)
	if g == nil {
		return
	}
	g.running--
	if len(g.waiting) == 0 {
		return
	}
	next := g.waiting[0]
	if g.waiting = g.waiting[1:]; len(g.waiting) == 0 {
		g.waiting = nil // an empty slice would hold on to where thousands may have waited
	}
	if !s.isRunning() {
		s.forget(next)
		return
	}
	s.begin(next, s.workers[next])
}

// takeTurn has a key that has paused wait for its turn again: its worker ends, and another one begins then. It reports
// false if the key goes on at once.
func (s *Scheduler[K]) takeTurn(key K, self *worker) (waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, limit := s.groupOf(key)
	if g == nil {
		return false
	} else if g.running >= limit && s.isRunning() {
		g.waiting = append(g.waiting, key)
		self.more, self.endPause = false, nil
		return true
	}
	g.running++
	return false
}

// isRunning reports whether new steps may begin. The lock must be held.
func (s *Scheduler[K]) isRunning() bool { return s.stopping != nil && s.stopping.Err() == nil }

// WakeAfter wakes a key after a while.
func (s *Scheduler[K]) WakeAfter(d time.Duration, key K) { time.AfterFunc(d, func() { s.Wake(key) }) }

// IsBusy reports whether a worker works on a key now.
func (s *Scheduler[K]) IsBusy(key K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.workers[key] != nil
}

// EndPauses lets all workers that pause after an error try again now: a service is back.
func (s *Scheduler[K]) EndPauses() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workers {
		select {
		case w.endPause <- struct{}{}:
		default:
		}
	}
}

// Go runs something that belongs to no key. Its context is that of the steps, and Drain waits for it. It does nothing
// before Start and after its context has ended.
func (s *Scheduler[K]) Go(fn func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isRunning() {
		s.wg.Go(func() { _ = Guard(s.work, func() error { fn(s.work); return nil }) })
	}
}

// Stopping reports whether the context of Start has ended. An error may then say nothing else.
func (s *Scheduler[K]) Stopping() bool { return s.stopping.Err() != nil }

// UntilStop returns a context for a long wait within a step: it ends with ctx, or when no new step may begin.
func (s *Scheduler[K]) UntilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.stopping, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// Sleep waits within a step. It returns an error if the scheduler stops first.
func (s *Scheduler[K]) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	ctx, cancel := s.UntilStop(ctx)
	defer cancel()
	return Sleep(ctx, d)
}

// Drain waits for the steps in hand after the context of Start has ended. When grace is over, it cancels their context
// and goes on waiting.
func (s *Scheduler[K]) Drain(grace time.Duration) {
	<-s.stopping.Done()
	s.mu.Lock()   // A Wake that came before the end of the context has started its worker when the lock is free.
	s.mu.Unlock() //nolint:staticcheck // see above
	timer := time.AfterFunc(grace, s.cancelWork)
	defer timer.Stop()
	s.wg.Wait()
	s.cancelWork()
}

func (s *Scheduler[K]) run(key K, self *worker) {
	ctx := s.work
	if s.cfg.LogContext != nil {
		ctx = s.cfg.LogContext(zerolog.Ctx(ctx).With(), key).Logger().WithContext(ctx)
	}
	for !s.Stopping() {
		var outcome Outcome
		err := Guard(ctx, func() (err error) {
			outcome, err = s.cfg.Step(ctx, key)
			return err
		})
		switch {
		case err != nil && s.Stopping():
		case err != nil:
			s.mu.Lock()
			s.pass(key)
			s.mu.Unlock()
			if s.pause(ctx, key, self, err, self.failures+1) {
				self.failures++
			}
			if s.takeTurn(key, self) {
				return
			}
		default:
			self.failures = 0
			if outcome == Idle && s.leave(key, self) {
				return
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(key)
}

// end forgets the worker of a key, which has its turn. The lock must be held.
func (s *Scheduler[K]) end(key K) {
	s.forget(key)
	s.pass(key)
}

// Workers need another map if there have been so many at once, and few of them are left.
const (
	manyWorkers = 1024
	fewWorkers  = manyWorkers / 8
)

// forget removes the worker of a key. A map never becomes smaller by itself, and there may have been tens of thousands
// of workers at a start. The lock must be held.
func (s *Scheduler[K]) forget(key K) {
	delete(s.workers, key)
	if s.most >= manyWorkers && len(s.workers) <= fewWorkers {
		left := make(map[K]*worker, len(s.workers))
		maps.Copy(left, s.workers)
		s.workers, s.most = left, len(left)
	}
}

// leave ends a worker unless work came meanwhile. It reports whether the worker is gone.
func (s *Scheduler[K]) leave(key K, self *worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if self.more {
		self.more = false
		return false
	}
	s.end(key)
	return true
}

// fallbackPause is how long a key pauses when the function that decides it panics.
const fallbackPause = time.Minute

// pause waits after a failure. It reports whether the whole pause is over: a failure after which the key tried again
// early does not count, so that the pauses of a key do not grow because other things come back often.
func (s *Scheduler[K]) pause(ctx context.Context, key K, self *worker, cause error, failures int) bool {
	pause := fallbackPause
	_ = Guard(ctx, func() error { // a panic is logged, and the fallback applies
		pause = s.cfg.Failed(ctx, key, cause, failures)
		return nil
	})
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-s.stopping.Done():
	case <-self.endPause:
		return false
	case <-timer.C:
	}
	return true
}
