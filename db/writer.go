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
	// writerLock is the key of the advisory lock that a relay holds on its database. The lock ends with the session that holds it.
	writerLock = 0x77617a6f2d6d78 // "wazo-mx"

	// lockProbe is how often it is looked whether the session with the lock is still there.
	lockProbe = 2 * time.Second

	createWriter = `
		CREATE TABLE IF NOT EXISTS writer (
			id     INTEGER PRIMARY KEY DEFAULT 0 CHECK (id = 0), -- there is one row
			holder TEXT   NOT NULL, -- the process that writes
			epoch  BIGINT NOT NULL, -- goes up when another process takes the database over
			token  BIGINT NOT NULL  -- the mark of the last transaction
		);
		INSERT INTO writer (holder, epoch, token) VALUES ('', 0, 0) ON CONFLICT DO NOTHING
	`
	hasWriterQuery = `SELECT to_regclass('writer') IS NOT NULL`
	takeOverQuery  = `UPDATE writer SET holder = $1, epoch = epoch + 1 RETURNING epoch, token`
	newEpochQuery  = `UPDATE writer SET epoch = epoch + 1 WHERE holder = $1 RETURNING epoch, token`
	holderQuery    = `SELECT holder FROM writer`
)

// writer is the right of this process to write to a database on PostgreSQL. Two things give it: a lock, which keeps a second relay from
// starting, and an epoch, which each transaction that writes checks when it is committed. The lock is lost with its connection, for
// example when the server is restarted, and another process may get it first. Then nothing of this process is committed any more, not
// even what was on its way.
type writer struct {
	server *postgres
	holder string // names this process
	epoch  atomic.Int64
	token  int64 // of the last mark; guarded by the turn

	lost      chan struct{} // closed when another process has taken the database over
	losing    sync.Once
	releasing sync.Once
	closing   chan struct{} // closed by release
	watched   sync.WaitGroup
	lock      *pgx.Conn // holds the lock; guarded by the watch as long as that runs
}

// lockPostgres takes the lock. It returns ErrInUse if another process has it.
func lockPostgres(ctx context.Context, server *postgres) (*writer, error) {
	w := &writer{server: server, holder: rand.Text(), lost: make(chan struct{}), closing: make(chan struct{})}
	if err := w.takeLock(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// takeLock takes the lock in a new session. It returns ErrInUse if another session has it.
func (w *writer) takeLock(ctx context.Context) error {
	conn, err := w.server.connect(ctx)
	if err != nil {
		return err
	}
	err = tryLock(ctx, conn)
	// If another process had the database before, it writes no more from here on, also if it does not know it yet.
	if err == nil && w.epoch.Load() == 0 {
		err = w.takeOverIfThere(ctx, conn)
	}
	if err != nil {
		return errors.Join(ofPostgres(err), conn.Close(ctx))
	}
	w.lock = conn
	return nil
}

// tryLock takes the lock for as long as a connection stays open. It returns ErrInUse if another session has it.
func tryLock(ctx context.Context, conn *pgx.Conn) error {
	var locked bool
	err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(writerLock)).Scan(&locked)
	if err == nil && !locked {
		return fmt.Errorf("%w: %s", ErrInUse, Redacted(conn.Config().ConnString()))
	}
	return ofPostgres(err)
}

func (w *writer) takeOverIfThere(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	if err := conn.QueryRow(ctx, hasWriterQuery).Scan(&exists); err != nil || !exists {
		return err
	}
	return w.takeOver(ctx, conn)
}

func (w *writer) takeOver(ctx context.Context, conn *pgx.Conn) error {
	var epoch int64
	if err := conn.QueryRow(ctx, takeOverQuery, w.holder).Scan(&epoch, &w.token); err != nil {
		return fmt.Errorf("failed to take the database over: %w", err)
	}
	w.epoch.Store(epoch)
	return nil
}

// begin has each transaction from here on checked and marked. It must be called when the tables of the relay are there: a database of
// another program gets no table of this one.
func (w *writer) begin(ctx context.Context) error {
	if w.epoch.Load() == 0 {
		if _, err := w.lock.PgConn().Exec(ctx, createWriter).ReadAll(); err != nil {
			return ofPostgres(err)
		} else if err = w.takeOver(ctx, w.lock); err != nil {
			return ofPostgres(err)
		}
	}
	w.watched.Go(w.watch)
	return nil
}

// next returns the mark of the next transaction. The caller has the turn.
func (w *writer) next() mark {
	w.token++
	return mark{epoch: w.epoch.Load(), token: w.token}
}

// newEpoch begins another epoch of this process. It returns ErrInUse if another process has taken the database over.
func (w *writer) newEpoch(ctx context.Context, conn *pgx.Conn) (epoch, token int64, err error) {
	err = conn.QueryRow(ctx, newEpochQuery, w.holder).Scan(&epoch, &token)
	if errors.Is(err, pgx.ErrNoRows) {
		w.lose()
		return 0, 0, ErrInUse
	}
	return epoch, token, ofPostgres(err)
}

// lose notes that another process has taken the database over.
func (w *writer) lose() { w.losing.Do(func() { close(w.lost) }) }

// watch sees to it that the lock is held, until release is called or the database is lost.
func (w *writer) watch() {
	ticker := time.NewTicker(lockProbe)
	defer ticker.Stop()
	for {
		select {
		case <-w.closing:
			return
		case <-w.lost:
			return
		case <-ticker.C:
		}
		if err := w.holdLock(); errors.Is(err, ErrInUse) {
			w.checkHolder()
		}
	}
}

// holdLock asks whether the session with the lock is there, and takes the lock again if it is not.
func (w *writer) holdLock() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if !w.lock.IsClosed() {
		if err := w.lock.Ping(ctx); err == nil {
			return nil
		}
		_ = w.lock.Close(ctx) // it is of no use any more
	}
	return w.takeLock(ctx)
}

// checkHolder looks whether the session that has the lock is of another process. It may be an earlier one of this process, which the
// server has not given up yet.
func (w *writer) checkHolder() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	conn, err := w.server.connect(ctx)
	if err != nil {
		return // the next look tells
	}
	defer conn.Close(ctx)
	var holder string
	if err = conn.QueryRow(ctx, holderQuery).Scan(&holder); err == nil && holder != w.holder {
		w.lose()
	}
}

// release gives the lock back. It may be called again.
func (w *writer) release() error {
	w.releasing.Do(func() { close(w.closing) })
	w.watched.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if w.lock.IsClosed() {
		return nil
	}
	// The session ends a moment after its connection.
	_, err := w.lock.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(writerLock))
	return errors.Join(ofPostgres(err), w.lock.Close(ctx))
}
