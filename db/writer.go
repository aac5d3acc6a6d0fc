package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// writerLock is the key of the advisory lock that a relay holds on its database. The lock ends with the session
	// that holds it.
	writerLock = 0x77617a6f2d6d78 // "wazo-mx"
	// sessionsLock is the key of the advisory lock that all connections share through which a relay may write. Whoever
	// takes over ends them by it: a process that stands still may have left a transaction open, which holds locks of
	// rows.
	sessionsLock = writerLock + 1

	// releasePatience is how long the end of a process waits for a server that does not answer.
	releasePatience = 2 * time.Second

	createWriter = `
		CREATE TABLE IF NOT EXISTS writer (
			id     INTEGER PRIMARY KEY DEFAULT 0 CHECK (id = 0), -- there is one row
			holder TEXT   NOT NULL, -- the process that writes
			epoch  BIGINT NOT NULL, -- goes up when another process takes the database over
			token  BIGINT NOT NULL  -- the mark of the last transaction
		);
		CREATE TABLE IF NOT EXISTS lease ( -- apart from writer, whose row each commit locks
			id     INTEGER PRIMARY KEY DEFAULT 0 CHECK (id = 0), -- there is one row
			holder TEXT   NOT NULL, -- the active process; empty: it has ended in order
			beat   BIGINT NOT NULL  -- goes up with each renewal
		);
		INSERT INTO writer (holder, epoch, token) VALUES ('', 0, 0) ON CONFLICT DO NOTHING;
		INSERT INTO lease (holder, beat) VALUES ('', 0) ON CONFLICT DO NOTHING
	`
	tryLockQuery = `SELECT pg_try_advisory_lock($1)`
	unlockQuery  = `SELECT pg_advisory_unlock($1)`
	// takeOverQuery changes nothing if the lease was renewed meanwhile.
	takeOverQuery = `
		WITH taken AS (UPDATE lease SET holder = $1, beat = beat + 1 WHERE holder = $2 AND beat = $3 RETURNING id)
		UPDATE writer SET holder = $1, epoch = epoch + 1 FROM taken WHERE writer.id = taken.id RETURNING epoch, token
	`
	epochQuery    = `SELECT epoch FROM writer`
	newEpochQuery = `UPDATE writer SET epoch = epoch + 1 WHERE holder = $1 RETURNING epoch, token`
	// Nothing depends on a renewal that is lost when the server crashes, so that none waits for the disk.
	noWaitQuery  = `SET synchronous_commit = off`
	renewQuery   = `UPDATE lease SET beat = beat + 1 WHERE holder = $1`
	releaseQuery = `UPDATE lease SET holder = '' WHERE holder = $1`
)

// writer is the right of this process to write to a database on PostgreSQL, and to act. Three things give it:
//
//   - An advisory lock in a session of its own. Whoever has it may take the database over, one process at a time. The
//     lock is lost with its connection, for example when the server is restarted.
//   - A lease in the database, which the process renews all the time. As long as the others see that, none of them
//     takes over. As long as the process knows that, by its own clock, it makes requests to both servers.
//   - An epoch, which each transaction that writes checks when it is committed. Whoever takes over begins another one.
//     Then nothing of this process is committed any more, not even what was on its way. Each transaction also checks
//     that the one before it is there, see ErrOlder.
type writer struct {
	server *postgres
	holder string // names this process
	epoch  atomic.Int64
	token  int64 // of the last mark; guarded by the turn
	stored int64 // the token that must be in the database; unknownToken: nobody knows; guarded by the turn
	lease  *lease

	lost      chan struct{} // closed when another process has taken the database over, or it has become an older one
	whyLost   error         // ErrInUse or ErrOlder; valid after lost is closed
	losing    sync.Once
	releasing sync.Once
	closing   chan struct{} // closed by release
	watched   sync.WaitGroup

	// What follows is guarded by the watch as long as that runs.
	conn   *pgx.Conn // through which the lease is renewed
	locked bool      // conn holds the lock
}

func newWriter(server *postgres) *writer {
	w := &writer{server: server, holder: rand.Text(), lost: make(chan struct{}), closing: make(chan struct{})}
	w.lease = newLease(server.lease.length, w.lost)
	return w
}

// tryLock takes the lock for as long as a connection stays open. It returns false if another session has it.
func tryLock(ctx context.Context, conn *pgx.Conn) (locked bool, err error) {
	err = conn.QueryRow(ctx, tryLockQuery, int64(writerLock)).Scan(&locked)
	return locked, ofPostgres(err)
}

// takeOver makes this process the active one, if the claim of the former one is still what it was. The caller has the
// lock on conn, which belongs to the writer from here on.
func (w *writer) takeOver(ctx context.Context, conn *pgx.Conn, former claim) (taken bool, err error) {
	asked := time.Now()
	var epoch int64
	err = conn.QueryRow(ctx, takeOverQuery, w.holder, former.holder, former.beat).Scan(&epoch, &w.token)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	} else if err != nil {
		return false, ofPostgres(fmt.Errorf("failed to take the database over: %w", err))
	}
	if _, err = conn.Exec(ctx, noWaitQuery); err != nil {
		return false, ofPostgres(err)
	}
	w.conn, w.locked, w.stored = conn, true, w.token
	w.epoch.Store(epoch)
	w.lease.renew(asked)
	w.watched.Go(w.watch)
	return true, nil
}

// begin has each transaction from here on checked and marked. It must be called when the tables of the relay are there:
// a database of another program gets no table of this one.
func (w *writer) begin(ctx context.Context) error {
	if w.epoch.Load() != 0 {
		return nil
	}
	if _, err := w.conn.PgConn().Exec(ctx, createWriter).ReadAll(); err != nil {
		return ofPostgres(err)
	}
	former, err := readClaim(ctx, w.conn)
	if err != nil {
		return ofPostgres(err)
	}
	taken, err := w.takeOver(ctx, w.conn, former)
	if err == nil && !taken {
		return ErrInUse // somebody without the lock has the lease
	}
	return err
}

// next returns the mark of the next transaction. The caller has the turn.
func (w *writer) next() mark {
	w.token++
	return mark{epoch: w.epoch.Load(), token: w.token, after: w.stored}
}

// newEpoch begins another epoch of this process. It returns ErrInUse if another process has taken the database over.
func (w *writer) newEpoch(ctx context.Context, conn *pgx.Conn) (epoch, token int64, err error) {
	err = conn.QueryRow(ctx, newEpochQuery, w.holder).Scan(&epoch, &token)
	if errors.Is(err, pgx.ErrNoRows) {
		w.lose(ErrInUse)
		return 0, 0, ErrInUse
	}
	return epoch, token, ofPostgres(err)
}

// lose notes that another process has taken the database over (ErrInUse), or that it has become an older one
// (ErrOlder).
func (w *writer) lose(why error) {
	w.losing.Do(func() {
		w.whyLost = why
		close(w.lost)
	})
}

// watch renews the lease and holds the lock, until release is called or the database is lost.
func (w *writer) watch() {
	ticker := time.NewTicker(w.server.lease.renewal)
	defer ticker.Stop()
	for {
		select {
		case <-w.closing:
			return
		case <-w.lost:
			return
		case <-ticker.C:
		}
		w.renew()
	}
}

// renew renews the lease once, by a new connection if the last one was lost.
func (w *writer) renew() {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), w.server.lease.length)
	defer cancel()
	if w.conn.IsClosed() {
		conn, err := w.connect(ctx)
		if err != nil {
			return // the next renewal may succeed
		}
		w.conn, w.locked = conn, false
	}
	renewed, err := w.conn.Exec(ctx, renewQuery, w.holder)
	switch {
	case err != nil:
		_ = w.conn.Close(ctx) // it is of no use any more
		return
	case renewed.RowsAffected() == 0:
		w.lose(ErrInUse)
		return
	}
	w.lease.renew(asked)
	if !w.locked {
		// Without the lock the lease is valid all the same. An earlier session may still have the lock.
		w.locked, _ = tryLock(ctx, w.conn) // the next renewal tries again
	}
}

func (w *writer) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := w.server.connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, noWaitQuery); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// release gives the lease and the lock back, so that another process may go on at once. It must be the last thing that
// the process does with the database, or with anybody else. It may be called again.
func (w *writer) release() error {
	w.releasing.Do(func() { close(w.closing) })
	w.watched.Wait()
	w.lease.end()
	ctx, cancel := context.WithTimeout(context.Background(), releasePatience)
	defer cancel()
	select {
	case <-w.lost: // there is nothing to give back
		_ = w.conn.Close(ctx) // it is of no use any more
		return nil
	default:
	}
	if w.conn.IsClosed() {
		conn, err := w.connect(ctx)
		if err != nil {
			return nil //nolint:nilerr // the others find out by themselves
		}
		w.conn = conn
	}
	var err error
	if w.epoch.Load() != 0 {
		_, err = w.conn.Exec(ctx, releaseQuery, w.holder)
	}
	// The session ends a moment after its connection.
	_, unlockErr := w.conn.Exec(ctx, unlockQuery, int64(writerLock))
	return errors.Join(ofPostgres(err), ofPostgres(unlockErr), w.conn.Close(ctx))
}
