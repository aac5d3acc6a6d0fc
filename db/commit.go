package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// SQLite lets one connection write at a time, and a commit usually waits until the disk has it. So there is one
// connection that writes, and those who write take turns: first come, first served. Whoever ends a transaction while
// others wait for their turn does not commit it. The next one goes on in the same transaction of SQLite, and the last
// one commits for all of them: they share one fsync. Nobody is told that a transaction is committed before it is. Which
// commits need that fsync is told in sync.go.
//
// A transaction that fails is rolled back to its savepoint, and takes none of the others with it. They fail only if
// SQLite itself gives up the whole transaction, or cannot commit it, for example because the disk is full. Then nothing
// of any of them is stored, and each of them learns that.
//
// On PostgreSQL each transaction has a commit of its own, see postgres_conn.go.

const (
	// maxGroup is how many transactions share a commit at most.
	maxGroup = 64
	// maxGroupTime is after how long a group takes nobody in any more, so that the first ones do not wait for ever.
	maxGroupTime = 20 * time.Millisecond
)

// closeTimeout is how long close waits for a transaction that is in hand.
const closeTimeout = 5 * time.Second

// errClosed is what those get who want to write when the database is closed.
var errClosed = errors.New("the database is closed")

// errGaveUp means that SQLite has rolled back a whole transaction because of an earlier error.
var errGaveUp = errors.New("SQLite has given up the transaction after an error")

// groupWriter is the connection that writes, with those who wait for it. It is safe for concurrent use.
type groupWriter struct {
	open     func() (sqliteConn, error)
	facts    *facts
	patience time.Duration                            // see maxGroupTime
	observe  atomic.Pointer[func(took time.Duration)] // see Database.OnCommit

	mu      sync.Mutex
	held    bool            // it is somebody's turn
	closed  bool            // nobody gets a turn any more
	waiting []chan struct{} // closed when it is their turn

	// Only whoever has the turn uses what follows.
	conn    sqliteConn
	syncing bool   // its commits wait for the disk
	group   *group // what is not committed yet; nil: nothing
}

// group are the transactions that share a commit.
type group struct {
	sync    bool // its commit waits for the disk
	members int
	began   time.Time
	done    chan struct{} // closed when it is committed, or not
	err     error         // why it is not; valid after done is closed
}

// acquire waits for the caller's turn. Every turn ends with pass.
func (w *groupWriter) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	} else if !w.held {
		w.held = true
		w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	if i := slices.Index(w.waiting, turn); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
		w.mu.Unlock()
		return ctx.Err()
	}
	w.mu.Unlock()
	w.pass() // the turn came at the same moment, and perhaps others count on a commit
	return ctx.Err()
}

// pass ends the caller's turn. If nobody waits who could go on in the same group, or if the group is full, it commits.
func (w *groupWriter) pass() {
	if w.group != nil && (w.isFull() || !w.isWanted()) {
		w.commit()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.group != nil && len(w.waiting) == 0 { // those who waited have given up
		w.mu.Unlock()
		w.commit()
		w.mu.Lock()
	}
	if len(w.waiting) == 0 {
		w.held = false
		return
	}
	close(w.waiting[0])
	w.waiting = slices.Delete(w.waiting, 0, 1)
}

// isFull reports whether nobody may join the group any more.
func (w *groupWriter) isFull() bool {
	return w.group.members >= maxGroup || time.Since(w.group.began) > w.patience
}

// isWanted reports whether somebody waits.
func (w *groupWriter) isWanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0
}

// exec runs a statement that ends or divides transactions. Like every statement here it cannot be interrupted: that
// would end the transaction of the others, too.
func (w *groupWriter) exec(statement string) error {
	_, err := w.conn.ExecContext(context.Background(), statement, nil)
	return err
}

// join begins a transaction of the caller, whose turn it is: in the present group, or in a new one. alone says that the
// caller runs one statement only, which is undone as a whole if it fails. sync says that the commit must wait for the
// disk (sync.go).
func (w *groupWriter) join(alone, sync bool) error {
	if w.group != nil && sync && !w.group.sync {
		w.commit() // SQLite does not change that within a transaction
	}
	if w.group != nil {
		if alone {
			return nil
		}
		return w.exec("SAVEPOINT member")
	}
	if w.conn == nil {
		conn, err := w.open()
		if err != nil {
			return err
		}
		w.conn, w.syncing = conn, true // see dialect
	}
	if err := w.setSync(sync); err != nil {
		return err
	} else if err = w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.group = &group{sync: sync, began: time.Now(), done: make(chan struct{})}
	return nil
}

// setSync says whether the next commits wait for the disk.
func (w *groupWriter) setSync(sync bool) error {
	if w.syncing == sync {
		return nil
	}
	statement := "PRAGMA synchronous = NORMAL"
	if sync {
		statement = "PRAGMA synchronous = FULL"
	}
	if err := w.exec(statement); err != nil {
		return err
	}
	w.syncing = sync
	return nil
}

// leave ends a transaction of the caller that has succeeded, and the caller's turn. It returns when the group is
// committed, or why it is not.
func (w *groupWriter) leave(alone bool) error {
	group := w.group
	if group == nil {
		w.pass()
		return errGaveUp
	}
	if group.members > 0 && !alone {
		if err := w.exec("RELEASE member"); err != nil {
			w.giveUp(err)
			w.pass()
			return err
		}
	}
	group.members++
	w.pass()
	<-group.done
	return group.err
}

// undo ends a transaction of the caller that has failed, and the caller's turn.
func (w *groupWriter) undo(alone bool) (err error) {
	defer w.pass()
	switch {
	case w.group == nil:
		return nil // there is nothing left of it
	case w.group.members == 0: // nobody else is in it
		err = w.exec("ROLLBACK")
		w.end(err)
	case !alone:
		if err = errors.Join(w.exec("ROLLBACK TO member"), w.exec("RELEASE member")); err != nil {
			w.giveUp(err)
		}
	}
	return err
}

// failed is called after a statement of the caller has failed. If SQLite has rolled back everything, the group is at
// its end.
func (w *groupWriter) failed(cause error) {
	if w.group != nil && isOutside(w.conn) {
		w.end(fmt.Errorf("%w: %w", errGaveUp, cause))
	}
}

// giveUp rolls back the whole group.
func (w *groupWriter) giveUp(cause error) {
	if !isOutside(w.conn) {
		_ = w.exec("ROLLBACK") // the cause says more
	}
	w.end(cause)
}

// commit commits the group. The caller has the turn.
func (w *groupWriter) commit() {
	began := time.Now()
	err := w.exec("COMMIT")
	if err != nil {
		w.giveUp(err)
		return
	}
	if observe := w.observe.Load(); observe != nil && w.group.sync && w.group.members > 0 {
		(*observe)(time.Since(began))
	}
	w.end(nil)
}

// end lets the members of the group know what became of it. A connection that is still in a transaction is not used any
// more.
func (w *groupWriter) end(err error) {
	w.group.err = err
	group := w.group
	w.group = nil
	if !isOutside(w.conn) {
		_ = w.conn.Close() // which rolls back
		w.conn = nil
	}
	w.facts.resume()
	close(group.done)
}

// flush commits what is not committed yet, for somebody whose turn it is and who writes by another connection.
func (w *groupWriter) flush() {
	if w.group != nil {
		w.commit()
	}
}

// close closes the connection, after what is in hand. Those who still want to write fail.
func (w *groupWriter) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := w.acquire(ctx); err != nil {
		return fmt.Errorf("failed to wait for the end of a transaction: %w", err)
	}
	defer w.pass()
	w.flush()
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	if w.conn == nil {
		return nil
	}
	conn := w.conn
	w.conn, w.open = nil, func() (sqliteConn, error) { return nil, errClosed }
	return conn.Close()
}

// isOutside reports whether a connection is in no transaction.
func isOutside(conn sqliteConn) bool {
	sqlite, ok := conn.(interface{ AutoCommit() bool })
	return !ok || sqlite.AutoCommit()
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
}
