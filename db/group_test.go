package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/task"
)

var errTest = errors.New("it fails")

// grouped is a database whose commits are counted.
type grouped struct {
	*Database
	testing.TB
	commits atomic.Int64
}

func openGrouped(t *testing.T) *grouped {
	t.Helper()
	g := &grouped{Database: openNewFile(t), TB: t}
	poolOf(g.RawDB).writer.patience = time.Minute // however slow the machine is
	g.OnCommit(func(time.Duration) { g.commits.Add(1) })
	return g
}

// member is a transaction of a group.
type member func(ctx context.Context) error

// runGroup lets transactions wait for one that is in hand, in order, so that all of them are one group. It returns what
// became of each.
func (g *grouped) runGroup(ctx context.Context, members ...member) []error {
	g.Helper()
	results := make([]error, len(members))
	var wg sync.WaitGroup
	before := g.commits.Load()
	first := g.DoTxn(g.Context(), func(context.Context) error {
		for i, member := range members {
			wg.Go(func() { results[i] = g.DoTxn(ctx, member) })
			g.awaitWaiting(i + 1)
		}
		return nil
	})
	wg.Wait()
	require.NoError(g, first)
	require.EqualValues(g, before+1, g.commits.Load(), "they share a commit")
	return results
}

// awaitWaiting waits until so many wait for their turn.
func (g *grouped) awaitWaiting(n int) {
	w := poolOf(g.RawDB).writer
	await.Until(g, "writers to wait", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.waiting) == n
	})
}

// set is a transaction that stores a name.
func (g *grouped) set(name string) member {
	return func(ctx context.Context) error { return g.Setting.Set(ctx, name, "stored") }
}

func (g *grouped) has(ctx context.Context, name string) bool {
	value, err := g.Setting.Get(ctx, name)
	assert.NoError(g, err)
	return value != ""
}

func TestThoseWhoWaitShareACommit(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	var hooks atomic.Int64
	hooked := func(name string) member {
		return func(ctx context.Context) error {
			AfterCommit(ctx, func() {
				assert.True(t, g.has(t.Context(), name), "it is stored when the hooks are called")
				hooks.Add(1)
			})
			return g.set(name)(ctx)
		}
	}
	for _, err := range g.runGroup(t.Context(), hooked("one"), hooked("two"), hooked("three")) {
		assert.NoError(t, err)
	}
	require.EqualValues(t, 3, hooks.Load())
}

func TestAMemberThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]member{
		"by an error": func(context.Context) error { return errTest },
		"by a panic":  func(context.Context) error { panic("it fails") },
	} {
		for position := range 3 {
			t.Run(fmt.Sprint(name, " as number ", position), func(t *testing.T) {
				t.Parallel()
				g := openGrouped(t)
				members := []member{g.set("0"), g.set("1"), g.set("2")}
				members[position] = func(ctx context.Context) error {
					AfterCommit(ctx, func() { t.Error("it was not committed") })
					assert.NoError(t, g.set("lost")(ctx))
					return fail(ctx)
				}
				for i, err := range g.runGroup(t.Context(), members...) {
					if i == position {
						assert.Error(t, err)
						continue
					}
					assert.NoError(t, err)
					assert.True(t, g.has(t.Context(), strconv.Itoa(i)))
				}
				assert.False(t, g.has(t.Context(), "lost"))
			})
		}
	}
}

func TestAMemberThatIsCancelledIsCancelledAlone(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	canceled, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	results := g.runGroup(t.Context(), g.set("one"), func(ctx context.Context) error {
		go func() {
			ended <- g.DoTxn(canceled, func(ctx context.Context) error {
				assert.NoError(t, g.set("lost")(ctx))
				cancel()
				await.Until(t, "the transaction to be rolled back", func() bool { return g.set("too late")(ctx) != nil })
				return nil
			})
		}()
		g.awaitWaiting(2)
		return g.set("two")(ctx)
	}, g.set("three"))
	require.NoError(t, errors.Join(results...))
	require.ErrorIs(t, <-ended, context.Canceled)
	for _, name := range []string{"one", "two", "three"} {
		assert.True(t, g.has(t.Context(), name), name)
	}
	require.False(t, g.has(t.Context(), "lost") || g.has(t.Context(), "too late"))
}

// Whoever ends a transaction counts on those who wait: they commit it. If all of these give up, it is committed all the
// same.
func TestThoseWhoGiveUpLeaveNothingUncommitted(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		err := g.DoTxn(t.Context(), func(txn context.Context) error {
			for range 3 {
				wg.Go(func() { _ = g.DoTxn(ctx, g.set("canceled")) })
			}
			g.awaitWaiting(3)
			go cancel()
			return g.set("kept")(txn)
		})
		assert.NoError(t, err)
		wg.Wait()
		cancel()
	}
}

func TestNobodyIsToldBeforeTheCommit(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	told := make(chan error, 1)
	results := g.runGroup(t.Context(), g.set("one"), func(ctx context.Context) error {
		go func() { told <- g.DoTxn(t.Context(), g.set("last")) }()
		g.awaitWaiting(2)
		assert.True(t, g.has(ctx, "one"), "a transaction sees what came before it")
		assert.False(t, g.has(t.Context(), "one"), "others do not see what is not committed")
		return nil
	}, func(ctx context.Context) error {
		assert.Empty(t, told)
		assert.False(t, g.has(ctx, "last"))
		return nil
	})
	require.NoError(t, errors.Join(append(results, <-told)...))
	require.True(t, g.has(t.Context(), "last"), "it is seen as soon as it is told")
}

func TestTransactionsWithinTransactionsAreOne(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	results := g.runGroup(t.Context(), g.set("one"), func(ctx context.Context) error {
		assert.NoError(t, g.DoTxn(ctx, g.set("inner")))
		assert.NoError(t, g.Child("crypto_version", nil, nil).DoTxn(ctx, nil, g.set("of another")))
		return errTest
	}, g.set("two"))
	require.ErrorIs(t, results[1], errTest)
	require.False(t, g.has(t.Context(), "inner") || g.has(t.Context(), "of another"))
	require.True(t, g.has(t.Context(), "one") && g.has(t.Context(), "two"))
}

// A statement outside of transactions takes part, too. If it fails, it is undone by itself.
func TestStatementsShareACommit(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	ctx := t.Context()
	type result struct {
		value string
		err   error
	}
	results := make(chan result, 3)
	before := g.commits.Load()
	require.NoError(t, g.DoTxn(ctx, func(txn context.Context) error {
		for i, statement := range []string{
			`INSERT INTO setting (name, value) VALUES ('one', x'01') RETURNING name`,
			`INSERT INTO setting (name, value) VALUES ('two', x'01'), ('two', x'01') RETURNING name`,
			`INSERT INTO setting (name, value) VALUES ('three', x'01') RETURNING name`,
		} {
			go func() {
				var r result
				r.err = g.QueryRow(ctx, statement).Scan(&r.value)
				results <- r
			}()
			g.awaitWaiting(i + 1)
		}
		return g.set("zero")(txn)
	}))
	got := map[string]bool{}
	for range 3 {
		r := <-results
		got[r.value] = r.err == nil
	}
	require.Equal(t, map[string]bool{"one": true, "": false, "three": true}, got)
	require.EqualValues(t, before+1, g.commits.Load())
	require.False(t, g.has(ctx, "two"))
}

// If the disk is full, SQLite gives up the whole transaction. Then nobody may believe to have stored anything.
func TestAGroupThatCannotBeStoredFailsAsAWhole(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	ctx := t.Context()
	w := poolOf(g.RawDB).writer
	limit := func(pages string) {
		assert.NoError(t, w.acquire(ctx))
		assert.NoError(t, w.exec("PRAGMA max_page_count = "+pages))
		w.pass()
	}
	require.NoError(t, g.set("first")(ctx)) // so that there is a connection
	limit("1")                              // SQLite takes the present size then
	large := string(make([]byte, 1<<20))
	var wg sync.WaitGroup
	var before, after error
	err := g.DoTxn(ctx, func(txn context.Context) error {
		wg.Go(func() { before = g.DoTxn(ctx, g.set("before")) })
		g.awaitWaiting(1)
		wg.Go(func() {
			after = g.DoTxn(ctx, func(txn context.Context) error {
				if err := g.Setting.Set(txn, "large", large); err == nil {
					t.Error("there is no space for it")
				}
				assert.ErrorIs(t, g.set("after")(txn), errGaveUp, "nothing is stored by itself now")
				return nil
			})
		})
		g.awaitWaiting(2)
		return g.set("in hand")(txn)
	})
	wg.Wait()
	require.ErrorIs(t, err, errGaveUp)
	require.ErrorIs(t, before, errGaveUp)
	require.ErrorIs(t, after, errGaveUp)
	limit("1000000")
	require.True(t, g.has(ctx, "first"))
	for _, name := range []string{"in hand", "before", "large", "after"} {
		assert.False(t, g.has(ctx, name), name)
	}
	require.NoError(t, g.set("later")(ctx), "there is space again")
}

// What was reported as stored is stored, and nothing else, whatever happens to the others.
func TestGroupsKeepWhatTheySay(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	const workers, times = 12, 150
	var mu sync.Mutex
	stored, doubtful := map[string]bool{}, map[string]bool{}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range times {
				name := fmt.Sprintf("%d-%d", worker, i)
				ctx, cancel := context.WithCancel(t.Context())
				luck := rand.IntN(10)
				if luck == 0 {
					time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
				}
				err := g.DoTxn(ctx, func(ctx context.Context) error {
					if err := g.set(name)(ctx); err != nil {
						return err
					}
					switch luck {
					case 1:
						return errTest
					case 2:
						panic("it fails")
					}
					return nil
				})
				cancel()
				var panicked *task.PanicError
				mu.Lock()
				stored[name] = err == nil
				doubtful[name] = err != nil && luck == 0
				mu.Unlock()
				if luck > 2 && err != nil || luck == 2 && !errors.As(err, &panicked) {
					t.Errorf("with luck %d: %v", luck, err)
				}
			}
		})
	}
	wg.Wait()
	for name, want := range stored {
		if !doubtful[name] || want {
			assert.Equal(t, want, g.has(t.Context(), name), name)
		}
	}
	require.Less(t, g.commits.Load(), int64(workers*times), "they shared commits")
}

func TestNobodyWritesAfterTheEnd(t *testing.T) {
	t.Parallel()
	g := openGrouped(t)
	w := poolOf(g.RawDB).writer
	require.NoError(t, g.set("kept")(t.Context()))
	late := make(chan error, 1)
	require.NoError(t, w.acquire(t.Context()))
	go func() { late <- g.set("too late")(context.WithoutCancel(t.Context())) }()
	g.awaitWaiting(1)
	closed := make(chan error, 1)
	go func() { closed <- w.close() }()
	g.awaitWaiting(2)
	w.pass()
	require.NoError(t, <-late, "it came before the end")
	require.NoError(t, <-closed)
	require.ErrorIs(t, g.set("later")(t.Context()), errClosed)
}
