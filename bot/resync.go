package bot

import (
	"context"
	"sync"
)

// resync lets others wait for an answer of /sync that was asked for after they began to wait.
type resync struct {
	mu      sync.Mutex
	wanted  int           // the number of the last request for a fresh answer
	done    int           // the number of the last request that is satisfied
	changed chan struct{} // closed when done grows

	polling     int                // wanted at the time when the running poll began
	cancelPoll  context.CancelFunc // of a long poll, nil while none runs
	interrupted bool               // the running poll was ended for a fresh answer
}

func (r *resync) init() { r.changed = make(chan struct{}) }

// beginPoll marks the beginning of a poll. A long one is ended when a fresh answer is wanted; end reports whether it
// was.
func (r *resync) beginPoll(ctx context.Context, long bool) (_ context.Context, end func() (interrupted bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	r.polling, r.interrupted = r.wanted, false
	if long {
		r.cancelPoll = cancel
	}
	return ctx, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cancelPoll = nil
		cancel()
		return r.interrupted
	}
}

// isWanted reports whether somebody waits for a fresh answer.
func (r *resync) isWanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted > r.done
}

// current returns the number of the last request that the running poll satisfies.
func (r *resync) current() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.polling
}

// accepted notes that the answer is accepted which satisfies the requests up to a number.
func (r *resync) accepted(request int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if request > r.done {
		r.done = request
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// request asks for a fresh answer and returns the number of the request.
func (r *resync) request() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted++
	if r.cancelPoll != nil {
		r.interrupted = true
		r.cancelPoll()
	}
	return r.wanted
}

// await returns when a request is satisfied, or when ctx ends.
func (r *resync) await(ctx context.Context, request int) error {
	for {
		r.mu.Lock()
		done, changed := r.done, r.changed
		r.mu.Unlock()
		if done >= request {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Resync implements relay.Matrix.
func (b *Bot) Resync(ctx context.Context) error { return b.resync.await(ctx, b.resync.request()) }
