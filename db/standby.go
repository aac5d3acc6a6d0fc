package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
)

// Several processes may be started on one database on PostgreSQL. One of them is active, and each of the others is a
// stand-by, which does nothing but look for the end of the active one:
//
//   - The active one has ended in order. Then it has given its lease back, and a stand-by takes over at once.
//   - The lease was not renewed for leaseTimes.patience. Nobody can tell whether the active process was killed, stands
//     still, or is alive and cannot reach the server. A stand-by takes over all the same: in each of these cases the
//     active process has stopped acting, because its lease, which is shorter, has ended. That the session of the lock
//     has ended says less, because a server also ends the sessions of processes that are alive.
//
// A stand-by counts by its own clock, from when it first saw the last renewal, which is later than the renewal. So no
// two clocks are compared, and what the two processes count differs only by the speeds of their clocks.
//
// Among several, the lock decides. The lease is taken only if it is what was seen, so that a renewal at the last moment
// wins.

const (
	hasLeaseQuery = `SELECT to_regclass('lease') IS NOT NULL`
	claimQuery    = `SELECT holder, beat FROM lease`
	// endSessionsQuery ends the sessions of all others that hold one of two locks. A role may always end its own
	// sessions.
	endSessionsQuery = `
		SELECT COUNT(pg_terminate_backend(pid)) FROM (
			SELECT DISTINCT pid FROM pg_locks
			WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
				AND objsubid = 1 AND (classid::BIGINT << 32 | objid::BIGINT) IN ($1, $2)
		) former
	`
)

// claim is what a database says of the active process.
type claim struct {
	holder string // empty: there is none
	beat   int64
}

// readClaim reads the claim. A new database has none.
func readClaim(ctx context.Context, conn *pgx.Conn) (found claim, err error) {
	var exists bool
	if err = conn.QueryRow(ctx, hasLeaseQuery).Scan(&exists); err != nil || !exists {
		return claim{}, err
	}
	if err = conn.QueryRow(ctx, claimQuery).Scan(&found.holder, &found.beat); errors.Is(err, pgx.ErrNoRows) {
		return claim{}, nil
	}
	return found, err
}

// standby waits until it may write to a database.
type standby struct {
	server *postgres
	writer *writer
	conn   *pgx.Conn // nil: there is none

	seen   claim
	since  time.Time // when it was first seen; zero: it was not
	looked time.Time // when the last look ended

	gentle       bool      // a process that holds the lock is left alone, also if it does not renew its lease
	blockedSince time.Time // since when somebody else has held the lock although nobody has a lease; zero: nobody does
}

func (p *postgres) newStandby() *standby { return &standby{server: p, writer: newWriter(p)} }

// look looks once, and returns true if the writer has taken over.
func (s *standby) look(ctx context.Context) (taken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if s.conn == nil {
		if s.conn, err = s.server.connect(ctx); err != nil {
			return false, err
		}
	}
	if taken, err = s.lookOnce(ctx); err != nil {
		s.since = time.Time{} // while the server is away, the active process cannot renew anything
		err = errors.Join(ofPostgres(err), s.close())
	}
	return taken, err
}

func (s *standby) lookOnce(ctx context.Context) (taken bool, err error) {
	found, err := readClaim(ctx, s.conn)
	if err != nil {
		return false, err
	}
	now := time.Now()
	// A server that has stood still has kept the active process from renewing, too. And if this process has stood
	// still, it knows nothing.
	if found != s.seen || s.since.IsZero() || now.Sub(s.looked) > s.server.lease.patience/2 {
		s.seen, s.since = found, now
	}
	s.looked = now
	switch {
	case found.holder == "":
		return s.tryTakeOver(ctx)
	case now.Sub(s.since) < s.server.lease.patience:
		return false, nil
	}
	if !s.gentle {
		ended, err := s.endFormer(ctx)
		if err != nil {
			return false, err
		}
		s.server.log.Warn().Int("sessions_ended", ended).Msg("The active relay has not renewed its lease; taking over")
	}
	return s.tryTakeOver(ctx)
}

// endFormer ends the sessions of a process that has stopped renewing its lease: of its lock, and those through which it
// may write.
func (s *standby) endFormer(ctx context.Context) (ended int, err error) {
	err = s.conn.QueryRow(ctx, endSessionsQuery, int64(writerLock), int64(sessionsLock)).Scan(&ended)
	return ended, err
}

// tryTakeOver takes over what was seen, if nobody else does.
func (s *standby) tryTakeOver(ctx context.Context) (taken bool, err error) {
	locked, err := tryLock(ctx, s.conn)
	if err != nil || !locked {
		if s.blockedSince.IsZero() {
			s.blockedSince = time.Now()
		}
		return false, err
	}
	s.blockedSince = time.Time{}
	if s.seen == (claim{}) {
		if found, err := readClaim(ctx, s.conn); err != nil {
			return false, err
		} else if found == s.seen { // a new database, of which nobody else can have taken anything
			s.writer.conn, s.writer.locked = s.conn, true
			s.conn = nil
			return true, nil
		}
	} else if taken, err = s.writer.takeOver(ctx, s.conn, s.seen); err != nil || taken {
		if taken {
			s.conn = nil
		}
		return taken, err
	}
	_, err = s.conn.Exec(ctx, unlockQuery, int64(writerLock))
	s.since = time.Time{}
	return false, err
}

// isBlocked reports whether somebody else has held the lock for longer than a server needs to see that a process has
// ended.
func (s *standby) isBlocked() bool {
	return !s.blockedSince.IsZero() && time.Since(s.blockedSince) > lockPatience
}

func (s *standby) close() error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	err := s.conn.Close(ctx)
	s.conn = nil
	return err
}

// OpenAsStandby is like Open, but if another process uses a database on PostgreSQL, it waits until that one has ended,
// or has stopped answering. It calls waiting once when it begins to wait, and ends with the error of that. With SQLite
// it does not wait: it returns ErrInUse as Open does.
func OpenAsStandby(ctx context.Context, location, secret string, log zerolog.Logger, waiting func() error) (*Database, error) {
	if !IsPostgres(location) {
		return Open(ctx, location, secret, log)
	}
	p, err := newPostgres(location, log)
	if err != nil {
		return nil, err
	}
	if err = p.awaitTakeOver(ctx, waiting); err != nil {
		return nil, err
	}
	return p.openTaken(ctx, secret)
}

// awaitTakeOver returns when this process has taken over, or when ctx ends. A server that cannot be reached is waited
// for, but not for ever as long as it was never reached.
func (p *postgres) awaitTakeOver(ctx context.Context, waiting func() error) error {
	s := p.newStandby()
	giveUp := time.Now().Add(startTimeout)
	reached, said, away := false, false, false
	for {
		taken, err := s.look(ctx)
		switch {
		case taken:
			p.writer = s.writer
			return nil
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), s.close())
		case err != nil && (!isStarting(err) && !isReadOnly(err) || !reached && time.Now().After(giveUp)):
			return fmt.Errorf("failed to open database: %w", errors.Join(err, s.close()))
		case err != nil && !away:
			p.log.Warn().Err(err).Msg(notReady)
		case err == nil && !said:
			if err = waiting(); err != nil {
				return errors.Join(err, s.close())
			}
			said = true
		}
		reached, away = reached || err == nil, err != nil
		select {
		case <-ctx.Done():
		case <-time.After(p.lease.look):
		}
	}
}

// takeOverNow takes over from a process that has ended: in order, or in another way, which shows only after
// leaseTimes.patience. It returns ErrInUse if there is a process that renews its lease or holds the lock. It waits for
// a server that cannot be reached, is itself starting, or has no connection left.
func (p *postgres) takeOverNow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := p.newStandby()
	s.gentle = true
	reached, said := false, false
	var first claim
	for {
		taken, err := s.look(ctx)
		switch {
		case taken:
			p.writer = s.writer
			return nil
		case err != nil && (!isStarting(err) || ctx.Err() != nil):
			return errors.Join(err, s.close())
		case err != nil && !said:
			p.log.Warn().Err(err).Msg(notReady)
			said = true
		case err == nil && (s.isBlocked() || reached && s.seen != first && s.seen.holder != ""):
			return errors.Join(fmt.Errorf("%w: %s", ErrInUse, Redacted(p.config.ConnString())), s.close())
		case err == nil:
			reached, first = true, s.seen
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err(), s.close())
		case <-time.After(lockPause):
		}
	}
}

// notReady is logged once when a start begins to wait for a server.
const notReady = "PostgreSQL is not ready yet; waiting for it"
