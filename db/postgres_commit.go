package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// When the connection is lost while a commit is under way, nobody knows whether it was carried out: its answer may have
// been on the way. To go on as if it had failed would be wrong: workers would not be woken for what is stored, and a
// claim that succeeded would look as if somebody else had made it. Therefore each transaction that writes leaves a
// mark, in the same request as its commit, in the row of the table writer. If the answer is lost, the mark says what
// happened.

// errOutcomeUnknown is returned by a commit whose answer was lost if the process ends before the server can be asked.
var errOutcomeUnknown = errors.New("it is not known whether a transaction was committed")

const (
	// settleGrace is how long a commit without an answer asks the server after the context of its transaction has
	// ended.
	settleGrace = 5 * time.Second
	settlePause = 250 * time.Millisecond
)

// ErrOlder means that PostgreSQL has lost transactions that it had committed, for example because a replica that lacked
// them has taken the place of the server. What a process knows does not fit to such a database any more: what it has
// accepted may be gone. So the process has to end. A start looks at what was already said, as after a restore.
var ErrOlder = errors.New("PostgreSQL has lost what it had stored")

// mark is what a transaction leaves behind. Each is used once.
type mark struct {
	epoch, token int64
	after        int64 // the token that the last transaction of this process has left; unknownToken: nobody knows
}

// unknownToken stands for the mark of a transaction of which nobody knows whether it was committed.
const unknownToken = -1

// statement returns the statement that leaves the mark. It fails if another process has taken the database over, or if
// the database has lost the mark of the last transaction: the column does not take NULL.
func (m mark) statement() string {
	condition := fmt.Sprintf("epoch = %d", m.epoch)
	if m.after != unknownToken {
		condition += fmt.Sprintf(" AND token = %d", m.after)
	}
	return fmt.Sprintf("UPDATE writer SET token = CASE WHEN %s THEN %d END", condition, m.token)
}

// commit commits a transaction, and finds out what happened if the answer is lost.
func (c *pgConn) commit(tx *pgTx) error {
	script := "COMMIT"
	var left mark
	isMarked := tx.wrote && c.server.writer != nil && c.server.writer.epoch.Load() != 0
	if isMarked {
		left = c.server.writer.next()
		script = left.statement() + "; COMMIT"
	}
	ctx, cancel, ofServer := c.limited(context.WithoutCancel(tx.ctx)) // a commit that is under way is waited for
	defer cancel()
	results, err := c.Conn.Conn().PgConn().Exec(ctx, script).ReadAll()
	switch {
	case err == nil && results[len(results)-1].CommandTag.String() == "COMMIT":
		if isMarked {
			c.server.writer.stored = left.token
		}
		return nil
	case err == nil:
		return &postgresError{errors.New("a statement of the transaction had failed, so it was rolled back")}
	case isNull(err, "writer"):
		_ = c.rollback() // a connection that fails here is closed
		return c.server.writer.refused(ctx, c.Conn.Conn())
	case isRefusal(err), !isMarked:
		_ = c.rollback()
		return ofServer(err)
	}
	c.server.log.Warn().Err(err).Msg("The answer of PostgreSQL to a commit was lost; asking whether it was carried out")
	committed, settleErr := c.server.writer.settle(tx.ctx, left)
	switch {
	case settleErr != nil:
		return errors.Join(settleErr, ofServer(err))
	case committed:
		return nil
	default:
		return ofServer(err)
	}
}

// rollback ends a transaction without its changes. The server does that by itself if the connection is gone.
func (c *pgConn) rollback() error {
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if _, err := conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		return errors.Join(ofPostgres(err), conn.Close(ctx))
	}
	return nil
}

// settle asks until it is known whether a transaction was committed. The caller has the turn, so that no other
// transaction of this process leaves a mark meanwhile.
func (w *writer) settle(ctx context.Context, left mark) (committed bool, err error) {
	grace := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(settleGrace, func() { close(grace) }) })
	defer stop()
	for {
		if committed, err = w.ask(left); err == nil || errors.Is(err, ErrInUse) || errors.Is(err, ErrOlder) {
			return committed, err
		}
		select {
		case <-grace:
		case <-w.closing:
		case <-time.After(settlePause):
			continue
		}
		w.stored = unknownToken
		return false, fmt.Errorf("%w: %w", errOutcomeUnknown, err)
	}
}

// ask asks once. It begins another epoch, so that a transaction that is still on its way to the server cannot be
// committed later. It waits for one whose commit is under way, because that one has locked the row.
func (w *writer) ask(left mark) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	conn, err := w.server.connect(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	epoch, token, err := w.newEpoch(ctx, conn)
	if err != nil {
		return false, err
	}
	w.epoch.Store(epoch)
	if token != left.token && left.after != unknownToken && token != left.after {
		w.lose(ErrOlder)
		return false, ErrOlder
	}
	w.stored = token
	return token == left.token, nil
}

// refused says why the database has not taken a mark: ErrInUse or ErrOlder. This process stores nothing any more.
func (w *writer) refused(ctx context.Context, conn *pgx.Conn) error {
	why := ErrInUse
	var epoch int64
	if err := conn.QueryRow(ctx, epochQuery).Scan(&epoch); err == nil && epoch == w.epoch.Load() {
		why = ErrOlder
	}
	w.lose(why)
	return why
}
