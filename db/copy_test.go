package db

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// requireNoOther checks that there is nothing in the directory of a database but the database, its own files and these
// names.
func requireNoOther(t *testing.T, path string, names ...string) {
	t.Helper()
	allowed := map[string]bool{}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		allowed[filepath.Base(path)+suffix] = true
	}
	for _, name := range names {
		allowed[name] = true
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, entry := range entries {
		require.True(t, allowed[entry.Name()], entry.Name())
	}
}

func requirePrivate(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(privateMode), info.Mode())
}

func TestBackupOfADatabaseThatIsWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	db := openAt(t, path, "key")
	portal := db.addPortal(t, "support")
	written, stop, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	// Each transaction adds a message to both queues. A copy that is of one moment has as many of one as of the other.
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			err := db.DoTxn(context.Background(), func(ctx context.Context) error {
				for _, direction := range []Direction{ToWazo, ToMatrix} {
					row := &Row{PortalID: portal.ID, Direction: direction, Kind: KindMessage, SourceID: fmt.Sprint(n), Author: "@robin:a.example", Position: int64(n), Payload: strings.Repeat("x", 2000), State: StateNew}
					if _, err := db.Queue.Insert(ctx, row); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				ended <- err
				return
			}
			if n == 50 {
				close(written)
			}
		}
	}()
	select {
	case <-written:
	case err := <-ended:
		require.NoError(t, err)
	}
	target := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, Backup(t.Context(), path, target))
	close(stop)
	require.NoError(t, <-ended)
	requirePrivate(t, target)
	requireNoOther(t, target)

	restored := openAt(t, target, "key")
	toWazo, toMatrix := restored.drain(t, portal, ToWazo), restored.drain(t, portal, ToMatrix)
	require.GreaterOrEqual(t, len(toWazo), 51)
	require.Equal(t, toWazo, toMatrix)
	require.Equal(t, schemaOf(t, db), schemaOf(t, restored))
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "relay.db")
	openAt(t, path, "key")
	taken := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(taken, []byte("precious"), 0o600))
	require.ErrorIs(t, Backup(t.Context(), path, taken), fs.ErrExist)
	content, err := os.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))
	require.ErrorIs(t, Backup(t.Context(), path, path), fs.ErrExist, "the database itself")

	empty := filepath.Join(t.TempDir(), "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	target := filepath.Join(t.TempDir(), "copy.db")
	require.ErrorIs(t, Backup(t.Context(), empty, target), ErrNotARelay)
	require.ErrorIs(t, Backup(t.Context(), taken, target), ErrNotARelay, "no database at all")
	require.ErrorIs(t, Backup(t.Context(), filepath.Join(dir, "none.db"), target), fs.ErrNotExist)
	require.ErrorIs(t, Backup(t.Context(), path, filepath.Join(dir, "none", "copy.db")), fs.ErrNotExist)
	requireNoOther(t, target)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Backup(ctx, path, target), context.Canceled)
	requireNoOther(t, target)
	require.NoFileExists(t, target)
}

// install makes a database by the SQL scripts of an installation.
func install(t *testing.T, path string, installation ...string) {
	t.Helper()
	old, err := sql.Open("sqlite3", path+"?_foreign_keys=on")
	require.NoError(t, err)
	for _, script := range installation {
		_, err = old.Exec(script)
		require.NoError(t, err)
	}
	require.NoError(t, old.Close())
}

// versionOf reads the version of the schema of a database that nobody uses.
func versionOf(t *testing.T, path string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.QueryRow("SELECT version FROM version").Scan(&version))
	return version
}

func TestDatabaseIsCopiedBeforeAnUpgrade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	require.NoError(t, openAt(t, path, "key").Close())
	requireNoOther(t, path)
	require.NoError(t, openAt(t, path, "key").Close())
	requireNoOther(t, path) // neither a new database nor an up-to-date one is copied
	newest := versionOf(t, path)

	path = filepath.Join(t.TempDir(), "relay.db")
	install(t, path, installationV2...)
	require.NoError(t, openAt(t, path, "key").Close())
	requireNoOther(t, path, "relay-v2.db")
	copied := UpgradeCopy(path, 2)
	requirePrivate(t, copied)
	require.Equal(t, newest, versionOf(t, path))
	require.Equal(t, 2, versionOf(t, copied))

	// Somebody goes back, and upgrades again later.
	content, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	later, err := sql.Open("sqlite3", path)
	require.NoError(t, err)
	_, err = later.Exec("UPDATE portal SET title = 'Later'")
	require.NoError(t, err)
	require.NoError(t, later.Close())
	require.NoError(t, openAt(t, path, "key").Close())
	requireNoOther(t, path, "relay-v2.db")

	// The copy is complete: it can be upgraded itself.
	restored := openAt(t, copied, "key")
	portals, err := restored.Portal.All(t.Context())
	require.NoError(t, err)
	require.Len(t, portals, 2)
	require.Equal(t, "Later", portals[0].Title, "the newer copy of a version is kept")
}

// The tables of the encryption keys have versions of their own, which a newer version of mautrix upgrades.
func TestDatabaseIsCopiedBeforeAnUpgradeOfMautrix(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	db := openAt(t, path, "key")
	_, err := db.Exec(t.Context(), "CREATE TABLE crypto_version (version INTEGER, compat INTEGER)")
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "INSERT INTO crypto_version VALUES (1, 1)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, openAt(t, path, "key").Close())
	requirePrivate(t, UpgradeCopy(path, versionOf(t, path)))
}

// envFull names the database that a process opens that may write only small files. The limit counts for a whole
// process.
const envFull = "TEST_DB_NO_SPACE"

func TestNoSpaceForTheCopyBeforeAnUpgrade(t *testing.T) {
	if path := os.Getenv(envFull); path != "" {
		signal.Ignore(syscall.SIGXFSZ) // so that writing fails
		limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
		_, err := Open(t.Context(), path, "key", zerolog.Nop())
		require.ErrorIs(t, err, ErrNotCopied)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	install(t, path, append(installationV2[:len(installationV2):len(installationV2)], "UPDATE payload SET content = hex(randomblob(100000))")...)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), envFull+"="+path)
	output, err := child.CombinedOutput()
	require.NoError(t, err, string(output))

	requireNoOther(t, path)
	require.Equal(t, 2, versionOf(t, path), "the database was not upgraded")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, after, len(before))
	require.NoError(t, openAt(t, path, "key").Close(), "it goes on when there is space")
	requireNoOther(t, path, "relay-v2.db")
}

// Somebody stops the relay while it copies a large database: that is no failure of the disk.
func TestCopyBeforeAnUpgradeIsInterrupted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	install(t, path, installationV2...)
	db, err := open(path, "key", zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	ctx := &endsWhenCopied{Context: t.Context(), dir: filepath.Dir(path)}
	err = db.copyBeforeUpgrade(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrNotCopied)
	requireNoOther(t, path)
}

// endsWhenCopied is a context that ends when the copy has been begun.
type endsWhenCopied struct {
	context.Context
	dir   string
	ended atomic.Bool
}

// Done implements context.Context. Whoever waits for the end asks again for each statement.
func (c *endsWhenCopied) Done() <-chan struct{} {
	done := make(chan struct{})
	if c.Err() != nil {
		close(done)
	}
	return done
}

// Err implements context.Context.
func (c *endsWhenCopied) Err() error {
	if begun, err := filepath.Glob(filepath.Join(c.dir, "*.unfinished")); err != nil || len(begun) > 0 {
		c.ended.Store(true)
	}
	if c.ended.Load() {
		return context.Canceled
	}
	return nil
}
