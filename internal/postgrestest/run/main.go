// Command run starts a PostgreSQL server and runs a command whose tests use it:
//
//	go run ./internal/postgrestest/run go test ./db
//
// It exits with the code of the command.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/internal/postgrestest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode())
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("write the command to run")
	}
	server, err := postgrestest.Start(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Remove()) }()
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), dbtest.Variable+"="+server.URL("postgres"))
	return command.Run()
}
