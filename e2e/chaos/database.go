package chaos

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"wazo-matrix-relay/e2e/harness"
)

// lockedFor is how long a table is locked beyond the time after which a statement
// of the relay gives up.
const lockedFor = 6 * time.Second

// databaseOutages are the faults of a PostgreSQL server. There are none with SQLite.
func (s *fixture) databaseOutages() []outage {
	server, err := harness.PostgresServer(s.whole)
	if err != nil || server == nil {
		return nil // a fixture has started it, so there is no error
	}
	ofServer := func(name string, stop, start func(ctx context.Context) error) outage {
		return outage{name, func(ctx context.Context, lasts time.Duration) (bool, error) {
			s.copies.mu.Lock() // nobody copies the database meanwhile
			defer s.copies.mu.Unlock()
			if err := stop(ctx); err != nil {
				return false, err
			}
			err := sleep(ctx, lasts)
			return err == nil, errors.Join(err, start(ctx))
		}}
	}
	without := func(do func() error) func(context.Context) error { return func(context.Context) error { return do() } }
	return []outage{
		ofServer("PostgreSQL restarted", without(server.Stop), server.Run),
		ofServer("PostgreSQL crashed", without(server.Crash), server.Run),
		ofServer("PostgreSQL stands still", without(server.Freeze), without(server.Thaw)),
		{"connections to PostgreSQL ended", func(ctx context.Context, _ time.Duration) (bool, error) {
			return true, s.onDatabase(ctx, func(conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'wazo-matrix-relay'`)
				return err
			})
		}},
		{"table locked", func(ctx context.Context, lasts time.Duration) (bool, error) {
			return true, s.onDatabase(ctx, func(conn *pgx.Conn) error {
				if _, err := conn.Exec(ctx, "BEGIN; LOCK TABLE queue"); err != nil {
					return err
				}
				return sleep(ctx, lockedFor+lasts)
			})
		}},
	}
}

// onDatabase calls do with a connection to the database of the relay. What do has
// begun and not committed ends with it.
func (s *fixture) onDatabase(ctx context.Context, do func(conn *pgx.Conn) error) error {
	s.copies.mu.Lock()
	defer s.copies.mu.Unlock()
	location := s.Relay.Getenv("DATABASE_URL")
	if s.pair != nil {
		location = s.pair.location
	}
	conn, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}
