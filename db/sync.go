package db

import (
	"context"
	"errors"
)

// A commit waits for the disk (fsync) if what it stores must still be known after a power cut. That is so by default.
//
// It need not be so for what a restart finds again: a message that was accepted is in the history of Wazo, and an
// answer of /sync comes again after an older token. A delivery that was recorded is looked for, because the mark that
// it was attempted is on the disk. With which key a message was decrypted is found out again with the message. What is
// stored without waiting is on the disk at the latest when a later commit has waited: SQLite writes all commits into
// one log, in their order, and a power cut takes only the end of it. So after a power cut the database is as after a
// kill at an earlier moment.
//
// That a message is attempted must be on the disk before it is sent. [Queue.MarkAttempted] fails where that is not so.
//
// On PostgreSQL every commit waits.

type withoutSyncKey struct{}

// errNotSynced means that an attempt would not be on the disk before its message is sent.
var errNotSynced = errors.New("an attempt must not be marked in a transaction that does not wait for the disk")

// DoTxnWithoutSync is DoTxn for what a restart finds again: the commit does not wait for the disk. If ctx carries a
// transaction already, that one decides.
func (db *Database) DoTxnWithoutSync(ctx context.Context, fn func(ctx context.Context) error) error {
	return db.DoTxn(WithoutSync(ctx), fn)
}

// WithoutSync returns a context for statements outside a transaction whose commits need not wait for the disk, because
// a restart finds again what they store. If ctx carries a transaction, that one decides.
func WithoutSync(ctx context.Context) context.Context {
	if ctx.Value(hooksKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, withoutSyncKey{}, true)
}

// needsSync reports whether what is stored with a context must be on the disk when it is committed.
func needsSync(ctx context.Context) bool { return ctx.Value(withoutSyncKey{}) == nil }
