package db

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// maxReaders is how many connections read at once. Each has a cache of SQLite, and its own prepared statements.
const maxReaders = 4

// readers are the connections that only read. A statement borrows one of them. They are safe for concurrent use.
type readers struct {
	open  func() (sqliteConn, error)
	limit *semaphore.Weighted

	mu   sync.Mutex
	idle []sqliteConn // the one that was used last comes last
}

func newReaders(open func() (sqliteConn, error)) *readers {
	return &readers{open: open, limit: semaphore.NewWeighted(maxReaders)}
}

// take returns a connection, which must be given back.
func (r *readers) take(ctx context.Context) (sqliteConn, error) {
	if err := r.limit.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := len(r.idle) - 1; last >= 0 {
		conn := r.idle[last]
		r.idle = r.idle[:last]
		return conn, nil
	}
	conn, err := r.open()
	if err != nil {
		r.limit.Release(1)
	}
	return conn, err
}

// give gives a connection back.
func (r *readers) give(conn sqliteConn) {
	r.mu.Lock()
	r.idle = append(r.idle, conn)
	r.mu.Unlock()
	r.limit.Release(1)
}

// close closes all connections that nobody uses.
func (r *readers) close() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.idle {
		err = errors.Join(err, conn.Close())
	}
	r.idle = nil
	return err
}
