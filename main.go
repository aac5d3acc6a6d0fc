// Command wazo-matrix-relay relays messages between Matrix rooms and chats of Wazo Platform.
//
// It is configured by environment variables, see .env.example. Without arguments it relays until SIGINT or SIGTERM.
//
//	wazo-matrix-relay --check      tries everything without relaying, a line for each, and exits with 0 or 1
//	wazo-matrix-relay --version    prints versions
//	wazo-matrix-relay healthcheck  asks a running relay whether it is well, for a container's HEALTHCHECK
//	wazo-matrix-relay recovery-key prints the recovery key of the bot's cryptographic identity again
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
