package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"
	"golang.org/x/sync/semaphore"
	"maunium.net/go/mautrix/crypto"
)

const (
	// maxConnections is how many connections to PostgreSQL there are at a time, beside the one that holds the lock and
	// the one of whoever has the turn.
	maxConnections = 20
	// keptConnections is how many of them are kept that nobody uses now.
	keptConnections = 8
	connectTimeout  = 10 * time.Second
	// statementTimeout is how long the answer to a statement may take. A server that stands still, or a network that is
	// cut, is noticed by that.
	statementTimeout = 30 * time.Second
	// startTimeout is how long a start waits for a server that cannot be reached, is itself starting, or has no
	// connection left.
	startTimeout = 30 * time.Second
	// connectPatience is how long a statement waits for a server that does not answer.
	connectPatience = 5 * time.Second
	// lockPatience is how long a command waits for the lock: the server may need a moment to see that a relay has
	// ended.
	lockPatience = 2 * time.Second
	lockPause    = 100 * time.Millisecond
)

// session is what the relay sets on each connection. A statement waits for a lock as long as it does on SQLite. A
// commit is on the disk when it is answered, whatever the server's own configuration says, unless that or DATABASE_URL
// demands more. Transactions take turns, see postgres_conn.go, so that none of them needs a stricter isolation. The
// server gives a relay up that it cannot reach any more.
const session = `SET lock_timeout = 5000; SET idle_in_transaction_session_timeout = 60000;
	SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
	SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on;
	SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')`

// IsPostgres reports whether a location, see Location, is a database on PostgreSQL.
func IsPostgres(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// Redacted returns a location without the password that the URL of a database on PostgreSQL may have.
func Redacted(location string) string {
	if !IsPostgres(location) {
		return location
	}
	address, err := url.Parse(location)
	if err != nil {
		return "postgres://…"
	}
	query := address.Query()
	for _, secret := range []string{"password", "sslpassword"} {
		if query.Has(secret) {
			query.Set(secret, "xxxxx")
		}
	}
	address.RawQuery = query.Encode()
	return address.Redacted()
}

// postgres opens connections to a server, and has those that write take turns. That makes transactions on PostgreSQL
// see each other as on SQLite: one after the other.
type postgres struct {
	config    *pgx.ConnConfig
	connector driver.Connector    // set by open
	turn      *semaphore.Weighted // held by the connection that writes
	ofTurn    *sql.DB             // the connections of those who have the turn, set by open; see turnPool
	writer    *writer             // nil: the process does not write, or nobody else can
	lease     leaseTimes
	log       zerolog.Logger

	patience atomic.Int64 // how long the answer to a statement may take, in ns; 0: as long as it needs
	observe  atomic.Pointer[func(took time.Duration)]
}

var (
	_ driver.Connector = (*postgres)(nil)
	_ driver.Driver    = (*postgres)(nil)
)

// textArray is a list as PostgreSQL writes it. The store of the keys needs it.
type textArray []string

// Value implements driver.Valuer.
func (a textArray) Value() (driver.Value, error) {
	encoded, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, []string(a), nil)
	return string(encoded), err
}

// Scan implements sql.Scanner. Nobody reads lists.
func (textArray) Scan(any) error { return errors.New("lists cannot be read") }

func init() {
	crypto.PostgresArrayWrapper = func(list any) interface {
		driver.Valuer
		sql.Scanner
	} {
		return textArray(stringsOf(list))
	}
}

// newPostgres understands a URL. It does not connect yet.
func newPostgres(address string, log zerolog.Logger) (*postgres, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("%w (the URL cannot be understood: %s)", ErrUnsupportedURL, whatIsWrong(err))
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	if _, set := config.RuntimeParams["application_name"]; !set {
		config.RuntimeParams["application_name"] = owner
	}
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	config.DialFunc = dialer.DialContext
	return &postgres{config: config, turn: semaphore.NewWeighted(1), lease: usualLease, log: log}, nil
}

// whatIsWrong returns what is wrong with a URL, without the URL: it may contain a password in a place where nobody
// expects it.
func whatIsWrong(err error) string {
	wrong, ok := errors.AsType[*pgconn.ParseConfigError](err)
	if !ok || wrong.Unwrap() == nil {
		return "it is not valid"
	} else if parse, ok := errors.AsType[*url.Error](wrong.Unwrap()); ok {
		return parse.Err.Error()
	}
	return wrong.Unwrap().Error()
}

func prepareSession(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.PgConn().Exec(ctx, session).ReadAll(); err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	return nil
}

// preparePooled prepares a connection of the pool.
func (p *postgres) preparePooled(ctx context.Context, conn *pgx.Conn) error {
	if err := prepareSession(ctx, conn); err != nil || p.writer == nil {
		return err
	}
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock_shared($1)`, int64(sessionsLock)); err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	return nil
}

// connect opens a connection outside of the pool.
func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err == nil {
		err = prepareSession(ctx, conn)
	}
	return conn, ofPostgres(err)
}

// open sets up the database without a request to the server.
func (p *postgres) open(secret string) (*Database, error) {
	p.connector = stdlib.GetConnector(*p.config, stdlib.OptionAfterConnect(p.preparePooled))
	pool := sql.OpenDB(p)
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(keptConnections)
	p.ofTurn = sql.OpenDB(p)
	raw, err := dbutil.NewWithDB(pool, "pgx")
	if err != nil {
		return nil, fmt.Errorf("failed to open database: %w", err)
	}
	raw.UpgradeTable = postgresUpgradeTable()
	raw.IgnoreForeignTables = false
	raw.LoggingDB.UnderlyingExecable = &turnPool{DB: pool, postgres: p}
	db := newDatabase(raw, secret, p.log)
	db.postgres = p
	return db, nil
}

// openPostgres is Open for a URL.
func openPostgres(ctx context.Context, address, secret string, log zerolog.Logger) (*Database, error) {
	p, err := newPostgres(address, log)
	if err != nil {
		return nil, err
	}
	return p.openToWrite(ctx, secret)
}

// openToWrite takes the database over, if no other process uses it, and opens it.
func (p *postgres) openToWrite(ctx context.Context, secret string) (*Database, error) {
	if err := p.takeOverNow(ctx); err != nil {
		return nil, fmt.Errorf("failed to open database: %w", err)
	}
	return p.openTaken(ctx, secret)
}

// openTaken opens a database that this process has taken over, and upgrades the schema: nobody else writes, not even an
// older version.
func (p *postgres) openTaken(ctx context.Context, secret string) (*Database, error) {
	db, err := p.open(secret)
	if err != nil {
		return nil, errors.Join(err, p.writer.release())
	}
	if err = db.Upgrade(ctx); err != nil {
		err = fmt.Errorf("failed to upgrade database: %w", err)
	} else if err = p.writer.begin(ctx); err == nil {
		err = db.checkKey(ctx)
	}
	p.patience.Store(int64(statementTimeout))
	if err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	return db, nil
}

// openPostgresToRead is OpenToRead for a URL.
func openPostgresToRead(ctx context.Context, address, secret string, log zerolog.Logger) (*Database, error) {
	p, err := newPostgres(address, log)
	if err != nil {
		return nil, err
	}
	p.config.RuntimeParams["default_transaction_read_only"] = "on"
	p.patience.Store(int64(statementTimeout))
	db, err := p.open(secret)
	if err != nil {
		return nil, err
	}
	if _, err = db.Setting.GetSecret(ctx, keyCheck); err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	return db, nil
}

// close closes what does not belong to the pool of open.
func (p *postgres) close() error {
	err := p.ofTurn.Close()
	if p.writer != nil {
		err = errors.Join(err, p.writer.release())
	}
	return err
}

// isClosing reports whether nobody uses the database any more.
func (p *postgres) isClosing() bool {
	if p.writer == nil {
		return false
	}
	select {
	case <-p.writer.closing:
		return true
	default:
		return false
	}
}

// size returns how many bytes the database has on the server, 0 if that cannot be found now.
func (p *postgres) size(db *dbutil.Database) (bytes int64) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if err := db.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&bytes); err != nil {
		return 0
	}
	return bytes
}

// Driver implements driver.Connector. So the server can be found from the pool.
func (p *postgres) Driver() driver.Driver { return p }

// Open implements driver.Driver.
func (p *postgres) Open(string) (driver.Conn, error) { return p.Connect(context.Background()) }

// Connect implements driver.Connector. It waits a moment for a server that is being restarted: not everybody who uses
// the database tries again later.
func (p *postgres) Connect(ctx context.Context) (driver.Conn, error) {
	until := time.Now().Add(connectPatience)
	conn, err := p.connector.Connect(ctx)
	for err != nil && isStarting(err) && ctx.Err() == nil && time.Now().Before(until) && !p.isClosing() {
		time.Sleep(lockPause)
		conn, err = p.connector.Connect(ctx)
	}
	if err != nil && ctx.Err() == nil {
		err = &postgresError{err} // also when it took too long
		noteFailure(ctx, err)
		return nil, err
	} else if err != nil {
		return nil, err
	}
	postgresConn, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connections are of another kind: %T", conn), conn.Close())
	}
	return &pgConn{Conn: postgresConn, server: p}, nil
}
