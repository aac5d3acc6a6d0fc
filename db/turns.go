package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.mau.fi/util/dbutil"
	"golang.org/x/sync/semaphore"
)

// SQLite lets one connection write at a time. The others ask for the write lock again and again, with pauses, and give up after five
// seconds; whoever asks at the right moment gets it. With many connections some are never lucky. Therefore the connections of this
// process take turns before they ask SQLite: first come, first served.

// turns opens connections that take turns at writing.
type turns struct {
	driver driver.Driver
	name   string              // what the driver opens
	turn   *semaphore.Weighted // held by the connection that writes

	observe atomic.Pointer[func(took time.Duration)] // see Database.OnCommit
}

var (
	_ driver.Connector = (*turns)(nil)
	_ driver.Driver    = (*turns)(nil)
)

// openTurns returns a pool of connections that take turns at writing.
func openTurns(dialect, name string) (*sql.DB, error) {
	registered, err := sql.Open(dialect, name)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(&turns{driver: registered.Driver(), name: name, turn: semaphore.NewWeighted(1)})
	return pool, registered.Close() // it has opened nothing yet
}

// Driver implements driver.Connector. So the turns can be found from the pool.
func (t *turns) Driver() driver.Driver { return t }

// Open implements driver.Driver.
func (t *turns) Open(string) (driver.Conn, error) { return t.Connect(context.Background()) }

// heldTurn is a turn that was taken before a connection was: while many wait, they need no connections.
type heldTurn struct{ inUse bool } // a transaction uses it, and gives it back

type heldTurnKey struct{}

// inTurn calls fn when it is the turn of the caller to write to a database. The first transaction that fn begins uses the turn. Within fn,
// and within a transaction that somebody else has begun, such as the store of the keys, inTurn calls at once.
func inTurn(ctx context.Context, db *dbutil.Database, fn func(context.Context) error) error {
	t, ok := db.RawDB.Driver().(*turns)
	_, inTransaction := db.Execable(ctx).(dbutil.Transaction)
	if p, ok := db.RawDB.Driver().(*postgres); ok {
		return p.inTurn(ctx, !inTransaction, fn)
	}
	// A statement by itself takes a connection first, and its turn then. Where connections are limited, everybody has to take them in
	// this order.
	isLimited := db.RawDB.Stats().MaxOpenConnections > 0
	if !ok || inTransaction || isLimited || ctx.Value(heldTurnKey{}) != nil {
		return fn(ctx)
	} else if err := t.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	held := &heldTurn{}
	defer func() {
		if !held.inUse {
			t.turn.Release(1)
		}
	}()
	return fn(context.WithValue(ctx, heldTurnKey{}, held))
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

// Connect implements driver.Connector.
func (t *turns) Connect(context.Context) (driver.Conn, error) {
	conn, err := t.driver.Open(t.name)
	if err != nil {
		return nil, err
	}
	sqlite, ok := conn.(sqliteConn)
	if !ok {
		_ = conn.Close() // the error says more
		return nil, fmt.Errorf("the driver's connections lack something: %T", conn)
	}
	return &turnConn{sqliteConn: sqlite, turn: t.turn, observe: &t.observe}, nil
}

// turnConn is a connection that waits for its turn before it writes. Like every connection it is used by one goroutine at a time.
type turnConn struct {
	sqliteConn
	turn    *semaphore.Weighted
	holds   bool // in a transaction
	observe *atomic.Pointer[func(took time.Duration)]
}

// BeginTx implements driver.ConnBeginTx. Every transaction may write.
func (c *turnConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	held, isHeld := ctx.Value(heldTurnKey{}).(*heldTurn)
	isHeld = isHeld && !held.inUse
	if !isHeld {
		if err := c.turn.Acquire(ctx, 1); err != nil {
			return nil, err
		}
	}
	tx, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil && !isHeld {
		c.turn.Release(1)
	}
	if err != nil {
		return nil, err
	}
	if isHeld {
		held.inUse = true
	}
	c.holds = true
	return &turnTx{tx, c}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *turnConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.holds || !writes(query) {
		return c.sqliteConn.ExecContext(ctx, query, args)
	} else if err := c.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.turn.Release(1)
	return c.sqliteConn.ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext. Some statements write and return rows.
func (c *turnConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.holds || !writes(query) {
		return c.sqliteConn.QueryContext(ctx, query, args)
	} else if err := c.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	rows, err := c.sqliteConn.QueryContext(ctx, query, args)
	if err != nil {
		c.turn.Release(1)
		return nil, err
	}
	return &turnRows{Rows: rows, turn: c.turn}, nil
}

// writes reports whether a statement may write.
func writes(query string) bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return !strings.EqualFold(verb, "SELECT") && !strings.EqualFold(verb, "PRAGMA")
}

// turnTx is a transaction. Its end ends the turn.
type turnTx struct {
	driver.Tx
	conn *turnConn
}

// Commit implements driver.Tx.
func (t *turnTx) Commit() error {
	defer t.end()
	began := time.Now()
	err := t.Tx.Commit()
	if observe := t.conn.observe.Load(); observe != nil && err == nil {
		(*observe)(time.Since(began))
	}
	return err
}

// Rollback implements driver.Tx.
func (t *turnTx) Rollback() error {
	defer t.end()
	return t.Tx.Rollback()
}

func (t *turnTx) end() {
	if t.conn.holds {
		t.conn.holds = false
		t.conn.turn.Release(1)
	}
}

// turnRows are the rows of a statement that writes. Closing them ends the turn.
type turnRows struct {
	driver.Rows
	turn   *semaphore.Weighted
	closed bool
}

// Close implements driver.Rows.
func (r *turnRows) Close() error {
	if !r.closed {
		r.closed = true
		defer r.turn.Release(1)
	}
	return r.Rows.Close()
}
