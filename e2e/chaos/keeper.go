package chaos

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/e2e/harness"
)

const (
	// healthyWithin is how long a started relay may be unhealthy, for example
	// because Wazo is away, before it is killed and started again. A supervisor
	// would do the same.
	healthyWithin = 10 * time.Second
	// reviveEvery is the pause after a start that failed.
	reviveEvery = 200 * time.Millisecond
)

// keeper owns the relay's process. It kills the process when asked to, and starts
// it again with the same database whenever it has ended.
type keeper struct {
	relay    *harness.Relay
	inFlight *atomic.Int64
	requests chan killRequest

	mu        sync.Mutex
	kills     int // by SIGKILL
	attempted int // the kills that came while a message was on its way
	exits     int // how often the relay ended by itself, because a server was away when it started
}

// killRequest asks for the relay to be killed.
type killRequest struct {
	then func() error // what to do before the relay is started again
	done chan error   // gets what then returned, when the relay is dead
}

func newKeeper(relay *harness.Relay, inFlight *atomic.Int64) *keeper {
	return &keeper{relay: relay, inFlight: inFlight, requests: make(chan killRequest)}
}

// leaseWithin is how long a started relay may wait until the lease of the one that was
// killed has ended (docs/architecture.md, "Stand-by").
func (k *keeper) leaseWithin() time.Duration {
	if db.IsPostgres(k.relay.Getenv("DATABASE_URL")) {
		return 6 * time.Second
	}
	return 0
}

// run keeps the relay running until ctx ends.
func (k *keeper) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-k.requests:
			k.obey(request)
		case <-k.relay.Exited():
			k.note(&k.exits)
		}
		k.revive(ctx)
	}
}

// revive starts the relay again, as often as it takes.
func (k *keeper) revive(ctx context.Context) {
	for ctx.Err() == nil && !k.start(ctx) {
		_ = sleep(ctx, reviveEvery) // the loop ends with ctx
	}
}

// start tries to start the relay. The relay is killed if that takes too long, or
// if a kill is asked for meanwhile.
func (k *keeper) start(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, healthyWithin+k.leaseWithin())
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- k.relay.Restart(limited) }()
	select {
	case err := <-started:
		return k.judgeStart(err)
	case request := <-k.requests:
		cancel()
		if k.judgeStart(<-started) {
			k.obey(request)
		} else {
			request.done <- request.then()
		}
		return false
	}
}

// obey kills the relay, which runs.
func (k *keeper) obey(request killRequest) {
	k.noteKill()
	k.relay.Kill()
	request.done <- request.then()
}

// judgeStart counts how a start ended and returns whether the relay runs. A start
// that is given up counts as a kill, because the harness then kills the process.
func (k *keeper) judgeStart(err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		k.noteKill()
	default:
		k.note(&k.exits)
	}
	return false
}

// kill kills the relay and returns when it is dead or ctx has ended. It does not
// count as a kill if the relay has ended by itself in the same moment.
func (k *keeper) kill(ctx context.Context) {
	_ = k.killAnd(ctx, func() error { return nil }) // callers look at ctx
}

// killAnd kills the relay like kill, and calls then before it is started again.
func (k *keeper) killAnd(ctx context.Context, then func() error) error {
	request := killRequest{then, make(chan error, 1)}
	select {
	case k.requests <- request:
		return <-request.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *keeper) noteKill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kills++
	if k.inFlight.Load() > 0 {
		k.attempted++
	}
}

func (k *keeper) note(counter *int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*counter++
}

func (k *keeper) counts() (kills, attempted, exits int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kills, k.attempted, k.exits
}
