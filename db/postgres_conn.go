package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// turnPool takes a turn before it takes a connection: while many wait, they need no connections. mautrix begins some
// transactions by itself. They take a connection of DB, which are limited, before they wait for their turn. So whoever
// has the turn takes a connection of its own, and never waits for one of those: they would wait for each other. As only
// one has the turn, that pool has one connection, and seldom more.
type turnPool struct {
	*sql.DB
	postgres *postgres
}

// of returns where a statement or a transaction takes its connection.
func (t *turnPool) of(ctx context.Context) *sql.DB {
	if held, ok := ctx.Value(heldTurnKey{}).(*heldTurn); ok && !held.inUse {
		return t.postgres.ofTurn
	}
	return t.DB
}

// BeginTx implements dbutil.UnderlyingExecutableWithTx.
func (t *turnPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	return t.of(ctx).BeginTx(ctx, opts)
}

// ExecContext implements dbutil.UnderlyingExecable.
func (t *turnPool) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = t.postgres.inTurn(ctx, writes(query), func(ctx context.Context) error {
		result, err = t.of(ctx).ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// QueryContext implements dbutil.UnderlyingExecable. The rows of a statement that writes are there when it returns.
func (t *turnPool) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = t.postgres.inTurn(ctx, writes(query), func(ctx context.Context) error {
		rows, err = t.of(ctx).QueryContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// QueryRowContext implements dbutil.UnderlyingExecable.
func (t *turnPool) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	if err := t.postgres.inTurn(ctx, writes(query), func(ctx context.Context) error {
		row = t.of(ctx).QueryRowContext(ctx, query, args...)
		return nil
	}); err != nil {
		return t.DB.QueryRowContext(ctx, query, args...) // ctx has ended, and the row says so
	}
	return row
}

// heldTurn is a turn that was taken before a connection was.
type heldTurn struct{ inUse bool } // a transaction uses it, and gives it back

type heldTurnKey struct{}

// inTurn calls fn when it is the turn of the caller to write. The first transaction that fn begins uses the turn.
func (p *postgres) inTurn(ctx context.Context, writes bool, fn func(context.Context) error) error {
	if !writes || ctx.Value(heldTurnKey{}) != nil {
		return fn(ctx)
	} else if err := p.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	held := &heldTurn{}
	defer func() {
		if !held.inUse {
			p.turn.Release(1)
		}
	}()
	return fn(context.WithValue(ctx, heldTurnKey{}, held))
}

// writes reports whether a statement may write.
func writes(query string) bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return !strings.EqualFold(verb, "SELECT") && !strings.EqualFold(verb, "PRAGMA")
}

// pgConn is a connection that writes only when it is its turn, and only in transactions, because the outcome of a
// commit can be found out when its answer is lost, see [pgConn.commit]. Like every connection it is used by one
// goroutine at a time.
type pgConn struct {
	*stdlib.Conn
	server *postgres
	tx     *pgTx // nil: there is no transaction
}

// CheckNamedValue implements driver.NamedValueChecker. PostgreSQL has no text with the character NUL, and none that is
// not UTF-8. What people wrote must not hold up everything else for that.
func (c *pgConn) CheckNamedValue(value *driver.NamedValue) (err error) {
	if value.Value, err = driver.DefaultParameterConverter.ConvertValue(value.Value); err != nil {
		return err
	}
	if text, ok := value.Value.(string); ok {
		value.Value = storable(text)
	}
	return nil
}

// storable returns a text as PostgreSQL takes it.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "�")
}

// storableJSON does the same for JSON in columns of the type jsonb, which takes no NUL either. Only the tables of
// mautrix about the states of rooms have such columns with what other people wrote.
func storableJSON(query string, args []driver.NamedValue) {
	if !strings.Contains(query, "mx_room_state") {
		return
	}
	for i := range args {
		switch text := args[i].Value.(type) {
		case string:
			args[i].Value = escapedNUL.Replace(text)
		case []byte:
			args[i].Value = escapedNUL.Replace(string(text))
		}
	}
}

// escapedNUL replaces NUL in JSON. A backslash that is followed by u0000 stays.
var escapedNUL = strings.NewReplacer(`\\`, `\\`, `\u0000`, `\ufffd`)

// limited returns a context that ends when a server stands still for too long, and a function that says so in an error,
// which it notes (failures.go).
func (c *pgConn) limited(ctx context.Context) (context.Context, context.CancelFunc, func(error) error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if patience := time.Duration(c.server.patience.Load()); patience > 0 {
		limited, cancel = context.WithTimeout(ctx, patience)
	}
	return limited, cancel, func(err error) error {
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			err = errNoAnswer
		}
		err = ofPostgres(err)
		noteFailure(ctx, err)
		return err
	}
}

// BeginTx implements driver.ConnBeginTx. Every transaction may write.
func (c *pgConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	held, isHeld := ctx.Value(heldTurnKey{}).(*heldTurn)
	isHeld = isHeld && !held.inUse
	if !isHeld {
		if err := c.server.turn.Acquire(ctx, 1); err != nil {
			return nil, err
		}
	}
	if err := c.begin(ctx); err != nil {
		if !isHeld {
			c.server.turn.Release(1)
		}
		return nil, err
	}
	if isHeld {
		held.inUse = true
	}
	c.tx.holds = true
	return c.tx, nil
}

// begin begins a transaction. Nothing has happened yet if that fails, so that another connection may do it.
func (c *pgConn) begin(ctx context.Context) error {
	if c.Conn.Conn().IsClosed() {
		return driver.ErrBadConn
	}
	limited, cancel, ofServer := c.limited(ctx)
	defer cancel()
	if _, err := c.Conn.Conn().PgConn().Exec(limited, "BEGIN").ReadAll(); err != nil {
		if c.Conn.Conn().IsClosed() && limited.Err() == nil {
			return driver.ErrBadConn
		}
		return ofServer(err)
	}
	c.tx = &pgTx{conn: c, ctx: ctx}
	return nil
}

// ExecContext implements driver.ExecerContext.
func (c *pgConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	if c.tx != nil || !writes(query) {
		return c.exec(ctx, query, args)
	}
	err = c.alone(ctx, func() error {
		result, err = c.exec(ctx, query, args)
		return err
	})
	return result, err
}

// QueryContext implements driver.QueryerContext. Some statements write and return rows.
func (c *pgConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	switch {
	case c.tx != nil:
		return c.query(ctx, query, args)
	case !writes(query):
		rows, err = c.query(ctx, query, args)
		if err != nil && c.Conn.Conn().IsClosed() && ctx.Err() == nil && !errors.Is(err, errNoAnswer) {
			return nil, driver.ErrBadConn // another connection may answer
		}
		return rows, err
	}
	err = c.alone(ctx, func() error {
		written, err := c.query(ctx, query, args)
		if err != nil {
			return err
		}
		rows, err = keepRows(written)
		return err
	})
	return rows, err
}

// maxRepeats is how often a statement is repeated that another transaction was in the way of.
const maxRepeats = 3

// alone runs a statement in a transaction of its own. As long as nothing is committed it is repeated after a deadlock
// and the like, and package database/sql repeats it on another connection if this one is lost.
func (c *pgConn) alone(ctx context.Context, statement func() error) (err error) {
	for range maxRepeats {
		if err = c.aloneOnce(ctx, statement); !isInTheWay(err) {
			break
		}
	}
	return err
}

func (c *pgConn) aloneOnce(ctx context.Context, statement func() error) error {
	tx, err := c.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	if err = statement(); err == nil {
		return tx.Commit()
	}
	_ = tx.Rollback() // a connection that fails here is closed
	if c.Conn.Conn().IsClosed() && ctx.Err() == nil && !errors.Is(err, errNoAnswer) {
		return driver.ErrBadConn
	}
	return err
}

// noRetry keeps database/sql from running a statement again.
func noRetry(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return &postgresError{errors.New("the connection to PostgreSQL is closed")}
	}
	return err
}

func (c *pgConn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.noteWrite(query)
	storableJSON(query, args)
	ctx, cancel, ofServer := c.limited(ctx)
	defer cancel()
	result, err := c.Conn.ExecContext(ctx, query, args)
	c.leaveStandby(err)
	return result, c.inTransaction(ofServer(err))
}

func (c *pgConn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.noteWrite(query)
	ctx, cancel, ofServer := c.limited(ctx)
	rows, err := c.Conn.QueryContext(ctx, query, args)
	if err != nil {
		defer cancel()
		c.leaveStandby(err)
		return nil, c.inTransaction(ofServer(err))
	}
	return &pgRows{Rows: rows, cancel: cancel, ofServer: ofServer}, nil
}

// leaveStandby closes a connection to a server that takes no writes any more, because another one has taken its place.
// The next connection finds that one.
func (c *pgConn) leaveStandby(err error) {
	if isReadOnly(err) {
		_ = c.Conn.Close() // it is of no use any more
	}
}

func (c *pgConn) noteWrite(query string) {
	if c.tx != nil && writes(query) {
		c.tx.wrote = true
	}
}

// inTransaction keeps database/sql from continuing a transaction on another connection.
func (c *pgConn) inTransaction(err error) error {
	if c.tx != nil {
		return noRetry(err)
	}
	return err
}

// PrepareContext implements driver.ConnPrepareContext. The driver itself prepares each statement once for each
// connection. A statement that is prepared here would not take its turn.
func (c *pgConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errors.New("statements on PostgreSQL are not prepared by the caller")
}

// Prepare implements driver.Conn.
func (c *pgConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// Begin implements driver.Conn.
func (c *pgConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// ResetSession implements driver.SessionResetter.
func (c *pgConn) ResetSession(ctx context.Context) error {
	c.tx = nil
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return c.Conn.ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (c *pgConn) IsValid() bool { return !c.Conn.Conn().IsClosed() }

// pgTx is a transaction. Its end ends the turn.
type pgTx struct {
	conn  *pgConn
	ctx   context.Context // of its beginning
	wrote bool            // a statement may have written
	holds bool            // the turn
}

// Commit implements driver.Tx.
func (t *pgTx) Commit() error {
	defer t.end()
	began := time.Now()
	err := t.conn.commit(t)
	if observe := t.conn.server.observe.Load(); observe != nil && err == nil {
		(*observe)(time.Since(began))
	}
	return err
}

// Rollback implements driver.Tx.
func (t *pgTx) Rollback() error {
	defer t.end()
	return t.conn.rollback()
}

func (t *pgTx) end() {
	t.conn.tx = nil
	if t.holds {
		t.holds = false
		t.conn.server.turn.Release(1)
	}
}
