package db

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
)

// quickLease has the proportions of usualLease.
var quickLease = leaseTimes{renewal: 100 * time.Millisecond, length: 600 * time.Millisecond, patience: time.Second, look: 25 * time.Millisecond}

// frozenLease is that of a process that stands still: it does not renew its lease by itself.
var frozenLease = leaseTimes{renewal: time.Hour, length: quickLease.length, patience: quickLease.patience, look: quickLease.look}

// openWithLease opens a database as the active process.
func openWithLease(t *testing.T, location string, times leaseTimes) *Database {
	t.Helper()
	p, err := newPostgres(location, zerolog.Nop())
	require.NoError(t, err)
	p.lease = times
	db, err := p.openToWrite(t.Context(), "key")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // perhaps closed by the test
	return db
}

// opened is what a stand-by has got.
type opened struct {
	db  *Database
	at  time.Time
	err error
}

// standBy starts a stand-by, and returns when it waits.
func standBy(t *testing.T, location string) <-chan opened {
	t.Helper()
	p, err := newPostgres(location, zerolog.Nop())
	require.NoError(t, err)
	p.lease = quickLease
	ctx, cancel := context.WithCancel(context.Background())
	waits, got, ended := make(chan struct{}), make(chan opened, 1), make(chan struct{})
	var took opened
	go func() {
		defer close(ended)
		if took.err = p.awaitTakeOver(ctx, func() error { close(waits); return nil }); took.err == nil {
			took.at = time.Now()
			took.db, took.err = p.openTaken(ctx, "key")
		}
		got <- took
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if took.err == nil {
			_ = took.db.Close() // perhaps closed by the test
		}
	})
	await.Receive(t, "a stand-by", waits)
	return got
}

func TestStandbyTakesOverAtOnceAfterAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	first := openWithLease(t, location, usualLease)
	require.NoError(t, first.Setting.Set(t.Context(), "x", "1"))
	require.True(t, first.IsActive())
	waiting := standBy(t, location)
	select {
	case <-waiting:
		t.Fatal("two are active")
	case <-time.After(2 * quickLease.patience): // real time: the first one renews its lease
	}
	require.NoError(t, first.Close())
	closed := time.Now()
	require.False(t, first.IsActive())
	second := await.Receive(t, "the stand-by", waiting)
	require.NoError(t, second.err)
	require.Less(t, second.at.Sub(closed), quickLease.patience, "nothing is waited for")
	require.True(t, second.db.IsActive())
	value, err := second.db.Setting.Get(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, "1", value)
	require.NoError(t, second.db.Setting.Set(t.Context(), "x", "2"))
}

// A process that stands still keeps its sessions, with the lock and with what it has locked.
func TestStandbyTakesOverFromAProcessThatStandsStill(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	frozen := openWithLease(t, location, frozenLease)
	require.NoError(t, frozen.Setting.Set(t.Context(), "x", "1"))
	begun := make(chan struct{})
	woken, wake := context.WithCancel(t.Context())
	committed := make(chan error, 1)
	go func() {
		committed <- frozen.DoTxn(context.WithoutCancel(t.Context()), func(ctx context.Context) error {
			err := frozen.Setting.Set(ctx, "x", "frozen")
			close(begun)
			<-woken.Done()
			return err
		})
	}()
	await.Receive(t, "a transaction", begun)
	second := await.Receive(t, "the stand-by", standBy(t, location))
	require.NoError(t, second.err)
	require.NoError(t, second.db.Setting.Set(t.Context(), "x", "2"), "no transaction is in the way")

	require.False(t, frozen.IsActive(), "it knows that without asking")
	wake()
	require.Error(t, await.Receive(t, "the end of the transaction", committed))
	require.ErrorIs(t, frozen.Setting.Set(t.Context(), "x", "3"), ErrInUse)
	await.Receive(t, "the loss", frozen.Lost())
	require.ErrorIs(t, frozen.AwaitActive(t.Context()), ErrInUse)
	value, err := second.db.Setting.Get(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, "2", value)
	require.NoError(t, frozen.Close())
	require.True(t, second.db.IsActive(), "the end of the first one takes nothing from the second one")
	require.NoError(t, second.db.Setting.Set(t.Context(), "x", "4"))
	var holder string
	require.NoError(t, second.db.QueryRow(t.Context(), "SELECT holder FROM lease").Scan(&holder))
	require.Equal(t, second.db.postgres.writer.holder, holder)
}

// What follows from the times: the lease of the first one has ended when the second one takes over.
func TestNobodyTakesOverBeforeTheLeaseHasEnded(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	require.Less(t, quickLease.length, quickLease.patience)
	require.Less(t, usualLease.length+time.Second, usualLease.patience)
	require.Less(t, usualLease.patience+2*usualLease.look, 6*time.Second, "a start takes some time, too")
	location := dbtest.Location(t)
	frozen := openWithLease(t, location, frozenLease)
	ended := make(chan time.Time, 1)
	go func() {
		for frozen.IsActive() {
			time.Sleep(time.Millisecond)
		}
		ended <- time.Now()
	}()
	second := await.Receive(t, "the stand-by", standBy(t, location))
	require.NoError(t, second.err)
	require.True(t, await.Receive(t, "the end of the lease", ended).Before(second.at))
}

// That the session with the lock ends says nothing about the process.
func TestStandbyLeavesAloneWhoRenewsItsLease(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	first := openWithLease(t, location, quickLease)
	waiting := standBy(t, location)
	for range 3 {
		_, err := first.RawDB.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
		require.NoError(t, err)
		await.Until(t, "the lock to be lost", func() bool { return first.lockHolders(t) == 0 })
		await.Until(t, "the lock to be taken again", func() bool { return first.lockHolders(t) == 1 })
	}
	require.NoError(t, first.AwaitActive(t.Context()))
	require.NoError(t, first.Setting.Set(t.Context(), "x", "1"))
	select {
	case <-waiting:
		t.Fatal("two are active")
	default:
	}
}

// While a server is away, the active process cannot renew anything, and nobody may blame it for that.
func TestStandbyWaitsForAServerThatIsAway(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	server := startServer(t)
	location := server.URL("postgres")
	first := openWithLease(t, location, quickLease)
	waiting := standBy(t, location)
	for name, outage := range map[string]struct{ begin, end func() error }{
		"restarted":    {server.Stop, func() error { return server.Run(t.Context()) }},
		"stands still": {server.Freeze, server.Thaw},
	} {
		require.NoError(t, outage.begin(), name)
		await.Until(t, "the lease to end", func() bool { return !first.IsActive() })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, first.AwaitActive(ctx), context.Canceled)
		time.Sleep(2 * quickLease.patience) // longer than the stand-by would wait otherwise
		require.NoError(t, outage.end(), name)
		require.NoError(t, first.AwaitActive(t.Context()), name)
		require.NoError(t, first.Setting.Set(t.Context(), "x", name))
	}
	select {
	case <-waiting:
		t.Fatal("two are active")
	default:
	}
}

// Of several, one takes over, and the others go on waiting.
func TestOneOfSeveralTakesOver(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	openWithLease(t, location, frozenLease)
	all := []<-chan opened{standBy(t, location), standBy(t, location), standBy(t, location)}
	active := func() (n int) {
		for _, one := range all {
			n += len(one)
		}
		return n
	}
	await.Until(t, "one of them", func() bool { return active() == 1 })
	time.Sleep(2 * quickLease.patience) // real time: the others see that the lease is renewed
	require.Equal(t, 1, active())
}

func TestStandbyThatIsStopped(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	openWithLease(t, location, quickLease)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := OpenAsStandby(ctx, location, "key", zerolog.Nop(), func() error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	_, err = OpenAsStandby(t.Context(), location, "key", zerolog.Nop(), func() error { return errCut })
	require.ErrorIs(t, err, errCut)
}

// A command does not wait for long, and does not take the database away from anybody.
func TestCommandLeavesADatabaseThatIsInUseAlone(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	first := openWithLease(t, location, frozenLease)
	_, err := Open(t.Context(), location, "key", zerolog.Nop())
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, first.Setting.Set(t.Context(), "x", "1"))
}

// A process that was killed leaves a lease behind.
func TestStartAfterAKill(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	killed := openWithLease(t, location, frozenLease)
	require.NoError(t, killed.postgres.writer.conn.Close(t.Context()))
	again := openWithLease(t, location, quickLease)
	require.NoError(t, again.Setting.Set(t.Context(), "x", "1"))
	require.False(t, killed.IsActive())
}

func TestLeaseOnSQLite(t *testing.T) {
	t.Parallel()
	db := openNewFile(t)
	require.True(t, db.IsActive())
	require.NoError(t, db.AwaitActive(t.Context()))
	_, err := OpenAsStandby(t.Context(), db.file, "key", zerolog.Nop(), func() error { t.Error("waits"); return nil })
	require.ErrorIs(t, err, ErrInUse)
}

func TestLeaseEndsByEitherClock(t *testing.T) {
	t.Parallel()
	lost := make(chan struct{})
	l := newLease(time.Minute, lost)
	require.False(t, l.isValid(), "it was never renewed")
	l.renew(time.Now())
	require.True(t, l.isValid())
	l.renew(time.Now().Add(-time.Minute))
	require.False(t, l.isValid())
	// While a virtual machine is paused, only the wall clock goes on. A time of Date has no other clock.
	now := time.Now().Add(-2 * time.Minute)
	l.renew(time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), now.Minute(), now.Second(), 0, now.Location()))
	require.False(t, l.isValid())

	var returned atomic.Bool
	done := make(chan error, 1)
	go func() {
		err := l.await(t.Context())
		returned.Store(true)
		done <- err
	}()
	require.False(t, returned.Load())
	l.renew(time.Now())
	require.NoError(t, await.Receive(t, "the renewal", done))
	close(lost)
	require.False(t, l.isValid())
	require.ErrorIs(t, l.await(t.Context()), ErrInUse)
}
