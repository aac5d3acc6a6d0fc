package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// The stores of mautrix, which use the same database, only log many of their failures. Whoever must know of those
// watches for them: the drivers of both databases note them with the context of the statement.

// failures are those of the statements that use a context. They are safe for concurrent use.
type failures struct {
	mu    sync.Mutex
	first error
}

type failuresKey struct{}

// WatchFailures returns a context, and a function that returns the first failure of the database, so far, while
// somebody used that context or one that was made from it. Only failures count that may pass, see MayPass.
func WatchFailures(ctx context.Context) (watched context.Context, failed func() error) {
	f := &failures{}
	return context.WithValue(ctx, failuresKey{}, f), func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.first
	}
}

// Unwatched returns a context for what may fail although somebody watches, see WatchFailures: it is tried again anyway.
func Unwatched(ctx context.Context) context.Context {
	return context.WithValue(ctx, failuresKey{}, nil)
}

// noteFailure notes how a statement has ended. A connection that was lost before anything happened does not count:
// package database/sql takes another one.
func noteFailure(ctx context.Context, err error) {
	f, watched := ctx.Value(failuresKey{}).(*failures)
	if !watched || errors.Is(err, driver.ErrBadConn) || !MayPass(err) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == nil {
		f.first = err
	}
}
