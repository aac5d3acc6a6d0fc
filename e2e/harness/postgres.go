package harness

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"wazo-matrix-relay/internal/postgrestest"
)

// databaseVariable chooses where relays keep their databases: in SQLite files, or,
// if it is postgres, on a PostgreSQL server that runs as long as this process.
const databaseVariable = "E2E_DATABASE"

var postgres struct {
	once   sync.Once
	server *postgrestest.Server
	remove func() error
	err    error
}

// PostgresServer returns the server of the relays' databases, nil if they are
// SQLite files.
func PostgresServer(ctx context.Context) (*postgrestest.Server, error) {
	switch chosen := os.Getenv(databaseVariable); chosen {
	case "", "sqlite":
		return nil, nil
	case "postgres":
	default:
		return nil, fmt.Errorf("%s is %q\nhint: it can be sqlite or postgres", databaseVariable, chosen)
	}
	postgres.once.Do(func() { postgres.server, postgres.err = startPostgres(ctx) })
	return postgres.server, postgres.err
}

// ChoosePostgres has this process keep the databases of relays on PostgreSQL, whatever its environment says.
func ChoosePostgres() error { return os.Setenv(databaseVariable, "postgres") }

// MainOnPostgres is the body of a TestMain whose relays keep their databases on
// PostgreSQL. It returns the exit code.
func MainOnPostgres(m *testing.M) int {
	if err := ChoosePostgres(); err != nil {
		return complain(err)
	}
	code := m.Run()
	if err := stopPostgres(); err != nil {
		return max(code, complain(err))
	}
	return code
}

func startPostgres(ctx context.Context) (*postgrestest.Server, error) {
	dir, remove, err := TempDir()
	if err != nil {
		return nil, err
	}
	postgres.remove = remove
	if err = os.Chmod(dir, 0o711); err != nil { // the server may run as another user
		return nil, err
	}
	return postgrestest.Start(ctx, dir)
}

// stopPostgres ends the server if it was started.
func stopPostgres() error {
	var err error
	if postgres.server != nil {
		err = postgres.server.Remove()
	}
	if postgres.remove != nil {
		err = errors.Join(err, postgres.remove())
	}
	return err
}

// NewDatabase makes an empty database on the server and returns its URL. It returns
// an error if the databases are SQLite files.
func NewDatabase(ctx context.Context) (string, error) {
	server, err := PostgresServer(ctx)
	if err != nil {
		return "", err
	} else if server == nil {
		return "", errors.New(databaseVariable + " is not postgres")
	}
	name := "relay_" + strings.ToLower(rand.Text())
	if err := executeOn(ctx, server.URL("postgres"), "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("failed to make a database: %w", err)
	}
	return server.URL(name), nil
}

func executeOn(ctx context.Context, address, statement string) (err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
