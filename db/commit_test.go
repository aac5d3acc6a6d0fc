package db

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each of these writes on a connection of its own while another one is in a transaction.
var writers = map[string]func(ctx context.Context, db *Database) error{
	"a transaction": func(ctx context.Context, db *Database) error {
		return db.DoTxn(ctx, func(ctx context.Context) error { return db.Setting.Set(ctx, "name", "value") })
	},
	"a statement": func(ctx context.Context, db *Database) error { return db.Setting.Set(ctx, "name", "value") },
	"a statement with rows": func(ctx context.Context, db *Database) error {
		var name string
		return db.QueryRow(ctx, `INSERT INTO setting (name, value) VALUES ('name', $1) ON CONFLICT DO NOTHING RETURNING name`, []byte{0}).Scan(&name)
	},
}

func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openNew(t)
			other, err := openPool(dialect, "file:"+filepath.Join(t.TempDir(), "other.db")+"?_txlock=immediate")
			require.NoError(t, err)
			_, err = other.ExecContext(t.Context(), `CREATE TABLE other (id INTEGER)`)
			require.NoError(t, err)
			written := make(chan error, 1)
			err = db.DoTxn(t.Context(), func(ctx context.Context) error {
				go func() { written <- write(t.Context(), db) }()
				_, err := other.ExecContext(ctx, `INSERT INTO other VALUES (1)`)
				require.NoError(t, err, "another database has turns of its own")
				value, err := db.Setting.Get(t.Context(), "name")
				require.NoError(t, err, "reading needs no turn")
				require.Empty(t, value)
				limited, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				require.ErrorIs(t, write(limited, db), context.DeadlineExceeded)
				select {
				case err := <-written:
					t.Errorf("it did not wait: %v", err)
				default:
				}
				return db.Setting.Set(ctx, "own", "the transaction has its turn")
			})
			require.NoError(t, err)
			require.NoError(t, <-written)
			require.NoError(t, db.Setting.Set(t.Context(), "last", "nobody has kept the turn"))
			require.NoError(t, other.Close())
		})
	}
}

// The store of the end-to-end keys begins transactions of its own on the same database.
func TestTransactionsOfOthersAreJoined(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	crypto := db.Child("crypto_version", nil, nil)
	require.NoError(t, crypto.DoTxn(ctx, nil, func(ctx context.Context) error {
		return db.DoTxn(ctx, func(ctx context.Context) error { return db.Setting.Set(ctx, "name", "value") })
	}))
	require.NoError(t, db.DoTxn(ctx, func(ctx context.Context) error {
		return crypto.DoTxn(ctx, nil, func(ctx context.Context) error { return db.Setting.Set(ctx, "name", "another") })
	}))
}

func TestLimitedConnectionsBlockNobody(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	db.RawDB.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	failed := make(chan error, 2)
	const times = 500
	for _, name := range []string{"a transaction", "a statement"} {
		go func() {
			for range times {
				if err := writers[name](ctx, db); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	require.NoError(t, errors.Join(<-failed, <-failed))
}
