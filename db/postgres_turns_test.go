package db

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// mautrix begins transactions by itself, for example when it stores the members of a room. Each of them takes a
// connection before it waits for its turn. However many there are, whoever has the turn gets a connection.
func TestTransactionsOfOthersTakeNoConnectionFromTheTurn(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	db := openNew(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const others = 2 * maxConnections
	errs := make(chan error, others+2)
	var wg sync.WaitGroup
	err := db.DoTxn(ctx, func(txn context.Context) error {
		wg.Go(func() { errs <- db.Setting.Set(ctx, "statement", "1") })
		wg.Go(func() {
			errs <- db.DoTxn(ctx, func(ctx context.Context) error { return db.Setting.Set(ctx, "transaction", "1") })
		})
		for range others {
			wg.Go(func() {
				errs <- db.Database.DoTxn(ctx, nil, func(ctx context.Context) error { return db.Setting.Set(ctx, "other", "1") })
			})
		}
		await.Until(t, "the others to take what connections there are", func() bool { return db.RawDB.Stats().WaitCount > 0 })
		return db.Setting.Set(txn, "first", "1")
	})
	require.NoError(t, err)
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}
