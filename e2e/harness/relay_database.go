package harness

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of a database on PostgreSQL
	_ "github.com/mattn/go-sqlite3"    // the driver of an SQLite file

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/postgrestest"
)

// CopyDatabase copies the database of a relay, which may be running, to a file
// that does not exist yet. The copy is of one moment, like the snapshot of a
// virtual machine.
func (r *Relay) CopyDatabase(ctx context.Context, file string) (err error) {
	if r.isOnPostgres() {
		return postgrestest.RunTool(ctx, nil, nil, "pg_dump", "--format=custom", "--compress=0", "--file="+file, "--dbname="+r.database())
	}
	db, err := r.readDatabase()
	if err != nil {
		return fmt.Errorf("failed to copy the relay's database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err = db.ExecContext(ctx, "VACUUM INTO ?", file); err != nil {
		return fmt.Errorf("failed to copy the relay's database: %w", err)
	}
	return nil
}

// QueryDatabase reads one value from the database of a relay, which may be running.
func (r *Relay) QueryDatabase(ctx context.Context, into any, query string, args ...any) (err error) {
	db, err := r.readDatabase()
	if err != nil {
		return fmt.Errorf("failed to read the relay's database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = db.QueryRowContext(ctx, query, args...).Scan(into); err != nil {
		return fmt.Errorf("failed to read the relay's database: %w", err)
	}
	return nil
}

func (r *Relay) readDatabase() (*sql.DB, error) {
	if r.isOnPostgres() {
		return sql.Open("pgx", r.database())
	}
	return sql.Open("sqlite3", "file:"+r.database()+"?mode=ro&_busy_timeout=5000")
}

// RestoreDatabase puts a copy in the place of the database of a relay that does
// not run. The copy stays.
func (r *Relay) RestoreDatabase(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("failed to restore the relay's database: %w", err)
	}
	if err = r.RemoveDatabase(); err != nil {
		return err
	}
	if r.isOnPostgres() {
		return postgrestest.RunTool(context.Background(), nil, nil, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+r.database(), file)
	}
	if err = os.WriteFile(r.database(), content, 0o600); err != nil {
		return fmt.Errorf("failed to restore the relay's database: %w", err)
	}
	return nil
}

// RemoveDatabase removes the database of a relay that does not run.
func (r *Relay) RemoveDatabase() error {
	if r.isOnPostgres() {
		if err := executeOn(context.Background(), r.database(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
			return fmt.Errorf("failed to remove the relay's database: %w", err)
		}
		return nil
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(r.database() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("failed to remove the relay's database: %w", err)
		}
	}
	return nil
}

// database is the file of the database, or its URL.
func (r *Relay) database() string { return r.env["DATABASE_URL"] }

func (r *Relay) isOnPostgres() bool { return db.IsPostgres(r.database()) }
