package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"wazo-matrix-relay/internal/task"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("an empty file gets the schema", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		db := openAt(t, path, "key")
		for _, table := range []string{"account", "portal", "pause", "queue", "message", "gap", "inbox", "notice", "listing", "direct_chat", "explanation", "orphan", "media", "avatar"} {
			require.Zero(t, db.count(t, table), table)
		}
	})

	t.Run("what is stored is there after opening again", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		portal := db.addPortal(t, "a")
		db.queue(t, portal, ToWazo, "$1", 1)
		require.NoError(t, db.Close())
		db = openAt(t, path, "key")
		require.Equal(t, []string{"$1"}, db.drain(t, portal, ToWazo))
	})

	t.Run("the file is whole after closing, also while something is still being read", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		portal := db.addPortal(t, "a")
		db.queue(t, portal, ToWazo, "$1", 1)
		rows, err := db.RawDB.Query("SELECT source_id FROM queue")
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		require.NoError(t, db.Close())
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		path = filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		db = openAt(t, path, "key")
		require.Equal(t, []string{"$1"}, db.drain(t, portal, ToWazo))
	})

	t.Run("another key is refused", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, openAt(t, path, "key").Close())
		_, err := Open(t.Context(), path, "another key", zerolog.Nop())
		require.ErrorIs(t, err, ErrWrongKey)
		openAt(t, path, "key") // and nothing is changed by that
	})

	t.Run("the database of another program is refused", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		_, err := db.Exec(t.Context(), "UPDATE database_owner SET owner = 'another program'")
		require.NoError(t, err)
		require.NoError(t, db.Close())
		_, err = Open(t.Context(), path, "key", zerolog.Nop())
		var owned dbutil.NotOwnedError
		require.ErrorAs(t, err, &owned)
	})

	t.Run("a database that is open is refused, as often as it is tried", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		db := openAt(t, path, "key")
		for range 2 {
			_, err := Open(t.Context(), path, "key", zerolog.Nop())
			require.ErrorIs(t, err, ErrInUse)
		}
		require.NoError(t, db.Close())
		require.NoError(t, openAt(t, path, "key").Close())
	})

	t.Run("a refused key leaves the database free for the right one", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, openAt(t, path, "key").Close())
		for range 2 {
			_, err := Open(t.Context(), path, "wrong", zerolog.Nop())
			require.ErrorIs(t, err, ErrWrongKey)
		}
		openAt(t, path, "key")
	})

	t.Run("a file that is no database is refused", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "relay.db")
		require.NoError(t, os.WriteFile(path, []byte("dear diary, today I was a text file and nothing else happened"), 0o600))
		_, err := Open(t.Context(), path, "key", zerolog.Nop())
		require.Error(t, err)
	})

	t.Run("names with special characters are just names", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		for _, name := range []string{"with space.db", "what?mode=memory.db", "50%25.db", "a#b.db", "ünïcode.db"} {
			require.NoError(t, openAt(t, filepath.Join(dir, name), "key").Close())
			require.FileExists(t, filepath.Join(dir, name))
		}
	})

	t.Run("an attempt survives a power cut", func(t *testing.T) {
		t.Parallel()
		var synchronous int
		require.NoError(t, openNewFile(t).QueryRow(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
		require.Equal(t, 2, synchronous, "2 is FULL")
	})

	t.Run("keys for different purposes differ, and depend on the secret", func(t *testing.T) {
		t.Parallel()
		a, b := openNew(t), openAt(t, filepath.Join(t.TempDir(), "relay.db"), "other")
		require.Len(t, a.PickleKey(), 32)
		require.NotEqual(t, a.PickleKey(), b.PickleKey())
		require.NotEqual(t, a.box.derive("seal"), a.PickleKey())
	})
}

func TestTransactionsAreWhole(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	failure := errors.New("on purpose")
	err := db.DoTxn(t.Context(), func(ctx context.Context) error {
		if err := db.Setting.Set(ctx, SettingNextBatch, "s2"); err != nil {
			return err
		}
		_, err := db.Queue.Insert(ctx, &Row{PortalID: portal.ID, Direction: ToWazo, Kind: KindMessage, SourceID: "$1", State: StateNew})
		return errors.Join(err, failure)
	})
	require.ErrorIs(t, err, failure)
	batch, err := db.Setting.Get(t.Context(), SettingNextBatch)
	require.NoError(t, err)
	require.Empty(t, batch)
	require.Empty(t, db.drain(t, portal, ToWazo))
}

// A transaction that stays open keeps SQLite's write lock.
func TestAPanicRollsATransactionBack(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	for name, inTransaction := range map[string]func(fn func(context.Context) error) error{
		"DoTxn":  func(fn func(context.Context) error) error { return db.DoTxn(t.Context(), fn) },
		"DryRun": func(fn func(context.Context) error) error { return db.DryRun(t.Context(), fn) },
		"doTxn":  func(fn func(context.Context) error) error { return doTxn(t.Context(), db.Database, fn) },
	} {
		err := task.Guard(t.Context(), func() error {
			return inTransaction(func(ctx context.Context) error {
				require.NoError(t, db.Setting.Set(ctx, SettingNextBatch, "s2"))
				panic("on purpose")
			})
		})
		var panicked *task.PanicError
		require.ErrorAs(t, err, &panicked, name)
		require.Equal(t, "on purpose", panicked.Value)
		batch, err := db.Setting.Get(t.Context(), SettingNextBatch)
		require.NoError(t, err)
		require.Empty(t, batch, name)
		require.NoError(t, db.Setting.Set(t.Context(), "x", name), "%s has left the database locked", name)
	}
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	// seen is what another connection sees when the hook runs.
	seen := func(t *testing.T, db *Database) string {
		value, err := db.Setting.Get(context.Background(), "x")
		require.NoError(t, err)
		return value
	}

	t.Run("hooks run in order when the outermost transaction is committed", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		var ran []string
		hook := func(name string) func() { return func() { ran = append(ran, name+" sees "+seen(t, db)) } }
		err := db.DoTxn(t.Context(), func(ctx context.Context) error {
			AfterCommit(ctx, hook("outer"))
			err := db.DoTxn(ctx, func(ctx context.Context) error {
				AfterCommit(ctx, hook("inner"))
				return db.Setting.Set(ctx, "x", "1")
			})
			require.Empty(t, ran, "nothing is committed yet")
			return err
		})
		require.NoError(t, err)
		require.Equal(t, []string{"outer sees 1", "inner sees 1"}, ran)
	})

	t.Run("hooks of what is rolled back do not run", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		failure := errors.New("on purpose")
		err := db.DoTxn(t.Context(), func(ctx context.Context) error {
			AfterCommit(ctx, func() { t.Error("ran") })
			return failure
		})
		require.ErrorIs(t, err, failure)
	})

	t.Run("without a transaction they run at once", func(t *testing.T) {
		t.Parallel()
		ran := false
		AfterCommit(t.Context(), func() { ran = true })
		require.True(t, ran)
	})

	t.Run("an inner failure that is returned rolls everything back", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		failure := errors.New("on purpose")
		err := db.DoTxn(t.Context(), func(ctx context.Context) error {
			if err := db.Setting.Set(ctx, "x", "1"); err != nil {
				return err
			}
			return db.DoTxn(ctx, func(context.Context) error { return failure })
		})
		require.ErrorIs(t, err, failure)
		require.Empty(t, seen(t, db))
	})
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, url, want string
		err             error
	}{
		{name: "a file name", url: "relay.db", want: "relay.db"},
		{name: "a path", url: "/data/relay.db", want: "/data/relay.db"},
		{name: "a path with a colon", url: "./a:b.db", want: "./a:b.db"},
		{name: "an absolute path with a colon", url: "/data/a:b.db", want: "/data/a:b.db"},
		{name: "a sqlite URL", url: "sqlite:relay.db", want: "relay.db"},
		{name: "a sqlite URL with slashes", url: "sqlite://relay.db", want: "relay.db"},
		{name: "a sqlite URL with an absolute path", url: "sqlite:///data/relay.db", want: "/data/relay.db"},
		{name: "a file URL with options", url: "file:relay.db?cache=shared", want: "relay.db"},
		{name: "PostgreSQL", url: "postgres://user:pw@host/db", want: "postgres://user:pw@host/db"},
		{name: "PostgreSQL with another scheme", url: "postgresql://host/db?sslmode=require", want: "postgresql://host/db?sslmode=require"},
		{name: "a URL of PostgreSQL that cannot be understood is refused", url: "postgres://user:pw@host:port/db", err: ErrUnsupportedURL},
		{name: "an option of PostgreSQL that cannot be understood is refused", url: "postgres://user:pw@host/db?sslmode=pw", err: ErrUnsupportedURL},
		{name: "MySQL is refused", url: "mysql:db", err: ErrUnsupportedURL},
		{name: "nothing is refused", url: "", err: ErrUnsupportedURL},
		{name: "a sqlite URL without a file is refused", url: "sqlite:", err: ErrUnsupportedURL},
		{name: "a sqlite URL of only options is refused", url: "sqlite://?mode=ro", err: ErrUnsupportedURL},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path, err := Location(test.url)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, path)
			if err != nil {
				require.NotContains(t, err.Error(), "pw", "a password of the URL must not be repeated")
			}
		})
	}
}
