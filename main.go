// Command wazo-matrix-relay relays messages between Matrix rooms and chats of Wazo Platform.
//
// Environment variables configure it; the file .env.example explains each. Without arguments it relays until SIGINT or
// SIGTERM. With each of these arguments, --env-file FILE also reads variables from a file in the format of docker run
// --env-file.
//
//	wazo-matrix-relay --check      checks everything without relaying, prints one line for each check, and exits with 0 or 1
//	wazo-matrix-relay login        logs the bot in where the homeserver leaves that to an OAuth 2.0 provider
//	wazo-matrix-relay --version    prints the versions of the relay, of Go and of mautrix
//	wazo-matrix-relay healthcheck  asks a running relay whether messages can be relayed, for the HEALTHCHECK of a container
//	wazo-matrix-relay recovery-key prints the recovery key of the bot's cryptographic identity again
//	wazo-matrix-relay backup FILE  copies the database of a relay, which may be running
//	wazo-matrix-relay migrate-database FROM TO moves the database from SQLite to PostgreSQL
//	wazo-matrix-relay --help       prints all arguments
//
// This file only turns signals into the end of a context, and the result into an exit code. The program itself is
// package app in internal/app; docs/architecture.md shows the other packages.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"wazo-matrix-relay/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(app.Main(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
