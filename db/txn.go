package db

import (
	"context"
	"database/sql"
)

// hooks are what is to be done when a transaction is committed.
type hooks struct{ fns []func() }

type hooksKey struct{}

// DoTxn runs fn in a transaction, or as a part of the one that ctx carries. What fn leaves with AfterCommit is done when
// the outermost transaction is committed, and not at all if it is rolled back.
func (db *Database) DoTxn(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(hooksKey{}) != nil {
		return fn(ctx)
	}
	h := &hooks{}
	if err := db.Database.DoTxn(context.WithValue(ctx, hooksKey{}, h), nil, fn); err != nil {
		return err
	}
	for _, hook := range h.fns {
		hook()
	}
	return nil
}

// AfterCommit does something when the transaction that ctx carries is committed, or at once if it carries none. Waking a
// worker before that would let it look too early.
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
