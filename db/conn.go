package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// pool is the driver of a database: its connections are cheap, and share the few connections to the file that there
// are. What only reads borrows one of the readers, what writes takes turns at the writer (commit.go).
type pool struct {
	driver  driver.Driver
	name    string // what the driver opens
	writer  *groupWriter
	readers *readers
	facts   *facts
}

var (
	_ driver.Connector = (*pool)(nil)
	_ driver.Driver    = (*pool)(nil)
	_ io.Closer        = (*pool)(nil)
)

// readOnly is what a reader is opened with beside what the writer is opened with. Its cache is small, in kB: what it
// reads is in the cache of the system.
const readOnly = "&_query_only=on&_cache_size=-256"

// openPool returns a pool of connections of a driver that was registered under the name of a dialect.
func openPool(dialect, name string) (*sql.DB, error) {
	registered, err := sql.Open(dialect, name)
	if err != nil {
		return nil, err
	}
	p := &pool{driver: registered.Driver(), name: name, facts: newFacts()}
	p.writer = &groupWriter{open: func() (sqliteConn, error) { return p.dial(p.name) }, facts: p.facts, patience: maxGroupTime}
	p.readers = newReaders(func() (sqliteConn, error) { return p.dial(p.name + readOnly) })
	return sql.OpenDB(p), registered.Close() // it has opened nothing yet
}

// poolOf returns what is behind a database, nil if that is not SQLite.
func poolOf(db *sql.DB) *pool {
	p, _ := db.Driver().(*pool)
	return p
}

func (p *pool) dial(name string) (sqliteConn, error) {
	conn, err := p.driver.Open(name)
	if err != nil {
		return nil, err
	}
	sqlite, ok := conn.(sqliteConn)
	if !ok {
		_ = conn.Close() // the error says more
		return nil, fmt.Errorf("the driver's connections lack something: %T", conn)
	}
	return sqlite, nil
}

// Driver implements driver.Connector. So the pool can be found from the database.
func (p *pool) Driver() driver.Driver { return p }

// Open implements driver.Driver.
func (p *pool) Open(string) (driver.Conn, error) { return &conn{pool: p}, nil }

// Connect implements driver.Connector.
func (p *pool) Connect(context.Context) (driver.Conn, error) { return &conn{pool: p}, nil }

// Close implements io.Closer: it is called when the database is closed.
func (p *pool) Close() error { return errors.Join(p.writer.close(), p.readers.close()) }

// conn is a connection of the pool. Like every connection it is used by one goroutine at a time.
type conn struct {
	*pool
	tx  *tx        // the transaction that it is in; nil: none
	own sqliteConn // a connection to the file that nobody shares, after something was said that concerns a connection; nil: none
}

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
)

// Begin implements driver.Conn.
func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

// Prepare implements driver.Conn.
func (c *conn) Prepare(query string) (driver.Stmt, error) { return &stmt{c, query}, nil }

// PrepareContext implements driver.ConnPrepareContext. The connections to the file keep the statements that they have
// prepared.
func (c *conn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return c.Prepare(query)
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(context.Context) error { return nil }

// IsValid implements driver.Validator. A transaction whose context has ended leaves nothing behind.
func (c *conn) IsValid() bool { return c.tx == nil }

// Close implements driver.Conn.
func (c *conn) Close() error {
	if c.own == nil {
		return nil
	}
	own := c.own
	c.own = nil
	return own.Close()
}

// BeginTx implements driver.ConnBeginTx. Every transaction may write.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (_ driver.Tx, err error) {
	defer func() { noteFailure(ctx, err) }()
	if err = c.writer.acquire(ctx); err != nil {
		return nil, err
	}
	c.tx = &tx{conn: c, ctx: ctx}
	if c.own != nil {
		c.writer.flush()
		c.facts.suspend()
		c.tx.own, err = c.own.BeginTx(context.Background(), opts)
		if err != nil {
			c.facts.resume()
		}
	} else {
		err = c.writer.join(false, needsSync(ctx))
	}
	if err != nil {
		c.tx = nil
		c.writer.pass()
		return nil, err
	}
	return c.tx, nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	defer func() { noteFailure(ctx, err) }()
	kind := kindOf(query)
	switch {
	case c.tx != nil:
		return onTx(c.tx, kind, func(conn sqliteConn) (driver.Result, error) {
			return conn.ExecContext(context.Background(), query, args)
		})
	case kind.reads && c.own == nil:
		return onReader(ctx, c.readers, func(conn sqliteConn) (driver.Result, error) {
			return conn.ExecContext(context.Background(), query, args)
		})
	case kind.isOwn() || c.own != nil:
		err = c.alone(ctx, func(conn sqliteConn) (err error) {
			result, err = conn.ExecContext(context.Background(), query, args)
			return err
		})
		return result, err
	}
	result, err = onWriter(ctx, c, kind, func(conn sqliteConn) (driver.Result, error) {
		return conn.ExecContext(context.Background(), query, args)
	})
	if err != nil {
		return nil, err
	}
	return result, c.writer.leave(true)
}

// QueryContext implements driver.QueryerContext. Some statements write and return rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	defer func() { noteFailure(ctx, err) }()
	kind := kindOf(query)
	switch {
	case c.tx != nil:
		rows, err := onTx(c.tx, kind, func(conn sqliteConn) (driver.Rows, error) {
			return conn.QueryContext(context.Background(), query, args)
		})
		if err != nil || c.tx.own != nil {
			return rows, err
		}
		return &endedRows{Rows: rows, failed: c.writer.failed}, nil
	case kind.reads && c.own == nil:
		reader, err := c.readers.take(ctx)
		if err != nil {
			return nil, err
		}
		rows, err := reader.QueryContext(context.Background(), query, args)
		if err != nil {
			c.readers.give(reader)
			return nil, err
		}
		return &endedRows{Rows: rows, end: func() error { c.readers.give(reader); return nil }}, nil
	case kind.isOwn() || c.own != nil:
		if err := c.takeOwn(ctx); err != nil {
			return nil, err
		}
		rows, err := c.own.QueryContext(context.Background(), query, args)
		if err != nil {
			c.giveOwn()
			return nil, err
		}
		return &endedRows{Rows: rows, end: func() error { c.giveOwn(); return nil }}, nil
	}
	rows, err = onWriter(ctx, c, kind, func(conn sqliteConn) (driver.Rows, error) {
		return conn.QueryContext(context.Background(), query, args)
	})
	if err != nil {
		return nil, err
	}
	return &endedRows{Rows: rows, failed: c.writer.failed, end: func() error { return c.writer.leave(true) }}, nil
}

// alone runs something by a connection that nobody shares, while nobody else writes.
func (c *conn) alone(ctx context.Context, do func(conn sqliteConn) error) error {
	if err := c.takeOwn(ctx); err != nil {
		return err
	}
	defer c.giveOwn()
	return do(c.own)
}

// takeOwn waits until nobody else writes, and makes sure that there is a connection that nobody shares. Call giveOwn
// afterwards.
func (c *conn) takeOwn(ctx context.Context) error {
	if err := c.writer.acquire(ctx); err != nil {
		return err
	}
	c.writer.flush()
	c.facts.suspend()
	if c.own != nil {
		return nil
	}
	var err error
	if c.own, err = c.dial(c.name); err != nil {
		c.giveOwn()
	}
	return err
}

func (c *conn) giveOwn() {
	c.facts.resume()
	c.writer.pass()
}

// tx is a transaction.
type tx struct {
	conn *conn
	ctx  context.Context // of its beginning
	own  driver.Tx       // of the connection's own connection to the file; nil: it is in a group
}

// onTx runs a statement of a transaction.
func onTx[T any](t *tx, kind kind, run func(conn sqliteConn) (T, error)) (T, error) {
	if t.own != nil {
		return run(t.conn.own)
	}
	w := t.conn.writer
	if w.group == nil {
		var none T
		return none, errGaveUp
	}
	t.conn.facts.note(kind)
	result, err := run(w.conn)
	if err != nil {
		w.failed(err)
	}
	return result, err
}

// onWriter runs a statement that is a transaction by itself. If it succeeds, the caller ends that with leave.
func onWriter[T any](ctx context.Context, c *conn, kind kind, run func(conn sqliteConn) (T, error)) (result T, err error) {
	w := c.writer
	if err = w.acquire(ctx); err != nil {
		return result, err
	} else if err = w.join(true, needsSync(ctx)); err != nil {
		w.pass()
		return result, err
	}
	c.facts.note(kind)
	if result, err = run(w.conn); err != nil {
		w.failed(err)
		_ = w.undo(true) // the first error says more
	}
	return result, err
}

// onReader runs a statement that only reads.
func onReader[T any](ctx context.Context, readers *readers, run func(conn sqliteConn) (T, error)) (result T, err error) {
	reader, err := readers.take(ctx)
	if err != nil {
		return result, err
	}
	defer readers.give(reader)
	return run(reader)
}

// Commit implements driver.Tx.
func (t *tx) Commit() (err error) {
	defer func() { noteFailure(t.ctx, err) }()
	t.conn.tx = nil
	if t.own != nil {
		defer t.conn.giveOwn()
		return t.own.Commit()
	}
	return t.conn.writer.leave(false)
}

// Rollback implements driver.Tx.
func (t *tx) Rollback() error {
	t.conn.tx = nil
	if t.own != nil {
		defer t.conn.giveOwn()
		return t.own.Rollback()
	}
	return t.conn.writer.undo(false)
}

// endedRows are rows that end something when they are closed.
type endedRows struct {
	driver.Rows
	failed func(error)  // is told of an error on the way; nil: nobody is
	end    func() error // nil: nothing
	closed bool
}

// Next implements driver.Rows.
func (r *endedRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err != nil && r.failed != nil && !errors.Is(err, io.EOF) {
		r.failed(err)
	}
	return err
}

// Close implements driver.Rows.
func (r *endedRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if err := r.Rows.Close(); r.end == nil {
		return err
	} else {
		return errors.Join(err, r.end())
	}
}

// stmt is a statement that was prepared by somebody who uses this package as a database of Go.
type stmt struct {
	conn  *conn
	query string
}

// Close implements driver.Stmt.
func (s *stmt) Close() error { return nil }

// NumInput implements driver.Stmt.
func (s *stmt) NumInput() int { return -1 }

// Exec implements driver.Stmt.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.conn.ExecContext(context.Background(), s.query, named(args))
}

// Query implements driver.Stmt.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.conn.QueryContext(context.Background(), s.query, named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return all
}
