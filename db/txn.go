package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"

	"wazo-matrix-relay/internal/task"
)

// hooks are the functions to call when a transaction is committed.
type hooks struct{ fns []func() }

type hooksKey struct{}

// DoTxn runs fn in a transaction. If ctx carries a transaction already, fn becomes a part of that one. The transaction
// is rolled back if fn returns an error, or if it panics, which DoTxn returns as a *[task.PanicError]. Functions that
// fn passes to AfterCommit are called when the outermost transaction is committed, and never if it is rolled back.
func (db *Database) DoTxn(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(hooksKey{}) != nil {
		return fn(ctx)
	}
	h := &hooks{}
	if err := doTxn(context.WithValue(ctx, hooksKey{}, h), db.Database, fn); err != nil {
		return err
	}
	for _, hook := range h.fns {
		hook()
	}
	return nil
}

// doTxn is dbutil's DoTxn, which would not end the transaction if fn panics: it would keep SQLite's write lock until
// its context ends, and nobody could write.
func doTxn(ctx context.Context, db *dbutil.Database, fn func(ctx context.Context) error) error {
	var opts *dbutil.TxnOptions
	run := func(ctx context.Context) error {
		return db.DoTxn(ctx, opts, func(ctx context.Context) error {
			return task.Guard(ctx, func() error { return fn(ctx) })
		})
	}
	if server, ok := db.RawDB.Driver().(*postgres); ok {
		// Another one may have begun a transaction, such as the store of the keys: that has its turn.
		_, inTransaction := db.Execable(ctx).(dbutil.Transaction)
		opts = &dbutil.TxnOptions{Conn: &db.LoggingDB} // by the turnPool
		return server.inTurn(ctx, !inTransaction, run)
	}
	return run(ctx)
}

// DryRun runs fn in a transaction that is rolled back whatever fn returns. Functions that fn passes to AfterCommit are
// not called.
func (db *Database) DryRun(ctx context.Context, fn func(ctx context.Context) error) error {
	rollBack := errors.New("roll back")
	err := db.DoTxn(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		return rollBack
	})
	if errors.Is(err, rollBack) {
		return nil
	}
	return err
}

// AfterCommit calls fn when the transaction that ctx carries is committed. It calls fn at once if ctx carries no
// transaction. For example, a worker must be woken after the commit, because before that it would not find what it was
// woken for.
func AfterCommit(ctx context.Context, fn func()) {
	if h, ok := ctx.Value(hooksKey{}).(*hooks); ok {
		h.fns = append(h.fns, fn)
		return
	}
	fn()
}

// changed reports whether a statement changed anything.
func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
