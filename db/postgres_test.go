package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/internal/postgrestest"
)

// cut is what happens to the next commit.
type cut int

const (
	nothingIsCut cut = iota
	requestIsLost
	answerIsLost
)

// network is a network that can lose a commit, or its answer.
type network struct {
	mu   sync.Mutex
	next cut
}

func (n *network) lose(what cut) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = what
}

func (n *network) take() (what cut) {
	n.mu.Lock()
	defer n.mu.Unlock()
	what, n.next = n.next, nothingIsCut
	return what
}

// networkConn is a connection through a network.
type networkConn struct {
	net.Conn
	network *network
	cut     cut
}

var errCut = errors.New("the network is cut")

func (c *networkConn) Write(data []byte) (int, error) {
	if bytes.Contains(data, []byte("COMMIT")) {
		c.cut = c.network.take()
	}
	if c.cut == requestIsLost {
		return 0, errors.Join(errCut, c.Conn.Close())
	}
	return c.Conn.Write(data)
}

func (c *networkConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	if err == nil && c.cut != nothingIsCut { // the server has answered
		return 0, errors.Join(errCut, c.Conn.Close())
	}
	return n, err
}

// postgresOnly skips a test of what only PostgreSQL has when the databases of tests are files.
func postgresOnly(t *testing.T) {
	t.Helper()
	if !dbtest.Enabled() {
		t.Skip("only PostgreSQL has this; make test runs it")
	}
}

// openThrough opens a new database through a network.
func openThrough(t *testing.T, network *network) *Database {
	t.Helper()
	p, err := newPostgres(dbtest.Location(t), zerolog.Nop())
	require.NoError(t, err)
	dial := p.config.DialFunc
	p.config.DialFunc = func(ctx context.Context, kind, address string) (net.Conn, error) {
		conn, err := dial(ctx, kind, address)
		return &networkConn{Conn: conn, network: network}, err
	}
	db, err := p.openToWrite(t.Context(), "key")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // perhaps closed by the test
	return db
}

func TestCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &network{}
			db := openThrough(t, network)
			require.NoError(t, db.Setting.Set(t.Context(), "another", "value"))

			network.lose(answerIsLost)
			woken := false
			err := db.DoTxn(t.Context(), func(ctx context.Context) error {
				AfterCommit(ctx, func() { woken = true })
				return db.Setting.Set(ctx, "committed", "value")
			})
			require.NoError(t, err, "it was carried out")
			require.True(t, woken)
			value, err := db.Setting.Get(t.Context(), "committed")
			require.NoError(t, err)
			require.Equal(t, "value", value)

			network.lose(requestIsLost)
			err = db.DoTxn(t.Context(), func(ctx context.Context) error {
				AfterCommit(ctx, func() { t.Error("woken") })
				return db.Setting.Set(ctx, "lost", "value")
			})
			require.Error(t, err)
			require.True(t, IsDatabaseError(err))
			value, err = db.Setting.Get(t.Context(), "lost")
			require.NoError(t, err)
			require.Empty(t, value)

			network.lose(requestIsLost)
			err = write(t.Context(), db)
			require.Error(t, err)
			require.True(t, IsDatabaseError(err))
			network.lose(answerIsLost)
			require.NoError(t, write(t.Context(), db))
			value, err = db.Setting.Get(t.Context(), "name")
			require.NoError(t, err)
			require.NotEmpty(t, value)
			require.NoError(t, db.Setting.Set(t.Context(), "last", "nobody has kept the turn"))
		})
	}
}

// A claim says whether somebody has made it before.
func TestClaimWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	network := &network{}
	db := openThrough(t, network)
	_, err := db.Explanation.Want(t.Context(), "room")
	require.NoError(t, err)
	network.lose(answerIsLost)
	claimed, err := db.Explanation.Claim(t.Context(), "room")
	require.NoError(t, err)
	require.True(t, claimed)
}

// takenByAnother is what another process does that takes a database over.
const takenByAnother = "UPDATE lease SET holder = 'another'; UPDATE writer SET holder = 'another', epoch = epoch + 1"

func TestDatabaseThatAnotherProcessTakesOver(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	db := openNew(t)
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
	select {
	case <-db.Lost():
		t.Fatal("lost")
	default:
	}
	conn, err := db.postgres.connect(t.Context())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), takenByAnother)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	require.ErrorIs(t, db.Setting.Set(t.Context(), "x", "2"), ErrInUse)
	await.Receive(t, "the loss", db.Lost())
	require.ErrorIs(t, db.DoTxn(t.Context(), func(ctx context.Context) error { return db.Setting.Set(ctx, "x", "3") }), ErrInUse)
	value, err := db.Setting.Get(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, "1", value)
}

// lockHolders returns how many sessions hold the lock of the database.
func (db *Database) lockHolders(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(t.Context(), "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&n))
	return n
}

// The session that holds the lock may end while the relay runs.
func TestLockIsTakenAgain(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	db := openAt(t, location, "key")
	require.Equal(t, 1, db.lockHolders(t))
	_, err := db.RawDB.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	require.NoError(t, err)
	await.Until(t, "the lock to be lost", func() bool { return db.lockHolders(t) == 0 })
	await.Until(t, "the lock to be taken again", func() bool { return db.lockHolders(t) == 1 })
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
	_, err = Open(t.Context(), location, "key", zerolog.Nop())
	require.ErrorIs(t, err, ErrInUse)
}

// Somebody else may write to the same database: nothing of it is kept in memory.
func TestPostgresIsAskedEachTime(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	db := openAt(t, location, "key")
	portal := db.addPortal(t, "one")
	other, err := pgx.Connect(t.Context(), location)
	require.NoError(t, err)
	for _, title := range []string{"two", "three"} {
		_, err = other.Exec(t.Context(), "UPDATE portal SET title = $1", title)
		require.NoError(t, err)
		found, err := db.Portal.ByID(t.Context(), portal.ID)
		require.NoError(t, err)
		require.Equal(t, title, found.Title)
	}
	require.NoError(t, other.Close(t.Context()))
}

// Each transaction has a commit of its own, which is observed.
func TestCommitsOnPostgresAreObserved(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openNew(t)
			var commits atomic.Int64
			db.OnCommit(func(time.Duration) { commits.Add(1) })
			require.NoError(t, write(t.Context(), db))
			require.EqualValues(t, 1, commits.Load())
		})
	}
}

// startServer starts a server that the test may stop.
func startServer(t *testing.T) *postgrestest.Server {
	t.Helper()
	server, err := postgrestest.Start(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Remove()) })
	return server
}

func TestServerThatIsRestarted(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	server := startServer(t)
	db := openAt(t, server.URL("postgres"), "key")
	set := func() error { return db.Setting.Set(t.Context(), "x", "1") }
	for name, stop := range map[string]func() error{"stopped": server.Stop, "crashed": server.Crash} {
		require.NoError(t, set())
		require.NoError(t, stop())
		err := set()
		require.Error(t, err, name)
		require.True(t, IsDatabaseError(err), "%s: %v", name, err)
		_, err = db.Setting.Get(t.Context(), "x")
		require.True(t, IsDatabaseError(err), "%s: %v", name, err)
		require.NoError(t, server.Run(t.Context()))
		require.NoError(t, set(), "the connections that are lost cost nothing")
		await.Until(t, "the lock to be taken again", func() bool { return db.lockHolders(t) == 1 })
		_, err = Open(t.Context(), server.URL("postgres"), "key", zerolog.Nop())
		require.ErrorIs(t, err, ErrInUse)
	}
}

func TestServerThatIsRestartedQuicklyIsNotMissed(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	server := startServer(t)
	db := openAt(t, server.URL("postgres"), "key")
	for name, write := range writers {
		_, err := db.Exec(t.Context(), "DELETE FROM setting WHERE name = 'name'")
		require.NoError(t, err)
		require.NoError(t, server.Stop())
		written := make(chan error, 1)
		go func() { written <- write(t.Context(), db) }()
		require.NoError(t, server.Run(t.Context()))
		require.NoError(t, await.Receive(t, "a write", written), name)
	}
}

// A server that has become a standby server keeps its connections.
func TestServerThatTakesNoWritesAnyMore(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	server := startServer(t)
	db := openAt(t, server.URL("postgres"), "key")
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
	db.postgres.ofTurn.SetMaxOpenConns(1)
	_, err := db.postgres.ofTurn.ExecContext(t.Context(), "SELECT set_config('default_transaction_read_only', 'on', false)")
	require.NoError(t, err)
	await.Until(t, "a connection that takes writes", func() bool { return db.Setting.Set(t.Context(), "x", "2") == nil })
}

func TestStatementThatAnotherTransactionIsInTheWayOf(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	db := openNew(t)
	_, err := db.Exec(t.Context(), `
		CREATE SEQUENCE tries;
		CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('tries') < 3 THEN RAISE deadlock_detected; END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER fail BEFORE INSERT ON setting FOR EACH ROW EXECUTE FUNCTION fail()`)
	require.NoError(t, err)
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
	value, err := db.Setting.Get(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, "1", value)
}

func TestServerThatStandsStill(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	server := startServer(t)
	db := openAt(t, server.URL("postgres"), "key")
	db.postgres.patience.Store(int64(200 * time.Millisecond))
	require.NoError(t, server.Freeze())
	_, err := db.Setting.Get(t.Context(), "x")
	require.True(t, IsDatabaseError(err), err)
	require.True(t, IsDatabaseError(db.Setting.Set(t.Context(), "x", "1")))
	require.NoError(t, server.Thaw())
	await.Until(t, "the server to answer", func() bool { return db.Setting.Set(t.Context(), "x", "2") == nil })
}

func TestLockThatSomebodyHoldsForLong(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	db := openNew(t)
	conn, err := db.postgres.connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "BEGIN; LOCK TABLE setting")
	require.NoError(t, err)
	err = db.Setting.Set(t.Context(), "x", "1")
	require.True(t, IsDatabaseError(err), err)
	_, err = conn.Exec(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
}

func TestTextsThatPostgreSQLDoesNotTake(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	for _, text := range []string{"with\x00NUL", "not \xff UTF-8"} {
		require.NoError(t, db.Notice.Insert(t.Context(), &Notice{Room: "!room:a.example", Markdown: text}))
	}
	notices, err := db.Notice.All(t.Context())
	require.NoError(t, err)
	require.Len(t, notices, 2, "they hold nothing up")
}

func TestEscapedNUL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a\u0000\u0000": 1}`: `{"a\ufffd\ufffd": 1}`,
		`{"a\\u0000": 1}`:      `{"a\\u0000": 1}`,
		`{"a\\\u0000": 1}`:     `{"a\\\ufffd": 1}`,
	} {
		require.Equal(t, want, escapedNUL.Replace(text))
	}
}

func TestFieldsOfJSON(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	for _, test := range []struct{ content, path, want string }{
		{`{"a": "x"}`, `$.a`, "x"},
		{`{"content": {"m.relates_to": {"event_id": "$1"}}}`, `$.content."m.relates_to".event_id`, "$1"},
		{`{"a": "x"}`, `$.b`, ""},
		{`{"a": "x"}`, `$.a.b`, ""},
	} {
		var got sql.NullString
		require.NoError(t, db.QueryRow(t.Context(), "SELECT json_extract($1, $2)", test.content, test.path).Scan(&got))
		require.Equal(t, test.want, got.String, test)
	}
	for content, want := range map[string]bool{`{}`: true, `{"a": "\u0000"}`: true, `{`: false, ``: false} {
		var valid bool
		require.NoError(t, db.QueryRow(t.Context(), "SELECT json_valid($1)", content).Scan(&valid))
		require.Equal(t, want, valid, content)
	}
}

func TestListsForPostgreSQL(t *testing.T) {
	t.Parallel()
	list, err := crypto.PostgresArrayWrapper([]id.UserID{"@a:a.example", `@"b\:a.example`}).Value()
	require.NoError(t, err)
	require.Equal(t, `{@a:a.example,"@\"b\\:a.example"}`, list)
	if dbtest.Enabled() {
		var there bool
		require.NoError(t, openNew(t).QueryRow(t.Context(), `SELECT '@"b\:a.example' = ANY($1::text[])`, list).Scan(&there))
		require.True(t, there)
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"relay.db":                           "relay.db",
		"postgres://relay:pw@host/db":        "postgres://relay:xxxxx@host/db",
		"postgres://host/db?password=pw":     "postgres://host/db?password=xxxxx",
		"postgres://relay@host/db?a=b":       "postgres://relay@host/db?a=b",
		"postgres://relay:p w@ho st/db?a=%%": "postgres://…",
	} {
		require.Equal(t, want, Redacted(location))
	}
}

func TestSizeOnPostgreSQL(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	size, wal := openNew(t).Size()
	require.Positive(t, size)
	require.Zero(t, wal)
}

func TestDatabaseOfAnotherProgramGetsNoTable(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	conn, err := pgx.Connect(t.Context(), location)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "CREATE TABLE state_groups_state (x INTEGER)")
	require.NoError(t, err)
	_, err = Open(t.Context(), location, "key", zerolog.Nop())
	require.ErrorContains(t, err, "Synapse")
	var tables int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'").Scan(&tables))
	require.Equal(t, 1, tables)
}

// A replica to which PostgreSQL replicates asynchronously may lack the last commits when it takes over.
func TestServerThatHasLostCommits(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	location := dbtest.Location(t)
	db := openAt(t, location, "key")
	conn, err := db.postgres.connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
	var token int64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT token FROM writer").Scan(&token))
	require.NoError(t, db.Setting.Set(t.Context(), "x", "2"))
	_, err = conn.Exec(t.Context(), "UPDATE setting SET value = '1' WHERE name = 'x'")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "UPDATE writer SET token = $1", token)
	require.NoError(t, err)

	require.ErrorIs(t, db.Setting.Set(t.Context(), "y", "3"), ErrOlder, "it is not stored beside what is gone")
	await.Receive(t, "the loss", db.Lost())
	require.ErrorIs(t, db.WhyLost(), ErrOlder)
	require.False(t, db.IsActive())
	value, err := db.Setting.Get(t.Context(), "y")
	require.NoError(t, err)
	require.Empty(t, value)
	require.NoError(t, db.Close())

	again := openAt(t, location, "key")
	require.NoError(t, again.Setting.Set(t.Context(), "y", "3"))
}

func TestServerThatHasLostCommitsWhenItIsAskedForOne(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	network := &network{}
	db := openThrough(t, network)
	require.NoError(t, db.Setting.Set(t.Context(), "x", "1"))
	require.NoError(t, db.Setting.Set(t.Context(), "x", "2"))
	conn, err := db.postgres.connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "UPDATE writer SET token = token - 1")
	require.NoError(t, err)
	network.lose(answerIsLost)
	require.ErrorIs(t, db.Setting.Set(t.Context(), "x", "3"), ErrOlder)
	await.Receive(t, "the loss", db.Lost())
}
