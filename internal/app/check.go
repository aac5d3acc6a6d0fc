package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// checkTimeout is how long one check may take.
const checkTimeout = 30 * time.Second

// check tries everything that the relay needs, without relaying, and prints one line for each thing. It leaves out what depends
// on something that failed. It returns errReported if anything failed.
func check(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) error {
	c := checker{w: stdout}
	defer c.summarize()
	fmt.Fprintf(stdout, "ok: configuration\n")
	log = log.Level(zerolog.Disabled)
	database, row, err := openStore(ctx, cfg, log)
	if !c.result("database", string(cfg.DatabasePath), err) {
		return errReported
	}
	p, err := assemble(cfg, database, row, log, stdout)
	if err != nil {
		c.result("Wazo configuration", string(cfg.WazoURL), err)
		return errors.Join(errReported, database.Close())
	}
	defer p.close(log)
	if c.try(ctx, "homeserver and log-in", string(cfg.MatrixUserID), func(ctx context.Context) error { return matrixHint(p.matrix.Login(ctx)) }) {
		c.checkEncryption(ctx, p.matrix)
	}
	if c.try(ctx, "Wazo log-in", string(cfg.WazoUsername), func(ctx context.Context) error { return wazoHint(p.core.Identify(ctx)) }) {
		c.try(ctx, "Wazo permissions", "", func(ctx context.Context) error { return checkScopes(ctx, p.account) })
		c.try(ctx, "Wazo websocket", "", func(ctx context.Context) error { return checkStream(ctx, p.account) })
	}
	c.result("health check listener", string(cfg.AdminListen), checkAdmin(cfg, p, log))
	if cfg.PublicURL.isSet() {
		c.result("public listener", string(cfg.Listen), checkPublic(cfg, p, log))
	}
	if c.failed > 0 {
		return errReported
	}
	return nil
}

// checkAdmin tries to open the local listener.
func checkAdmin(cfg *config, p *parts, log zerolog.Logger) error {
	server, err := listenAdmin(cfg, p)
	if err != nil {
		return err
	}
	server.close(log)
	return nil
}

// checkPublic tries to open the listener for people on Wazo.
func checkPublic(cfg *config, p *parts, log zerolog.Logger) error {
	closePublic, err := listenPublic(cfg, p, log)
	if err != nil {
		return err
	}
	closePublic()
	return nil
}

type checker struct {
	w      io.Writer
	failed int // how many things
}

// summarize prints the last line.
func (c *checker) summarize() {
	switch c.failed {
	case 0:
		fmt.Fprint(c.w, "\nEverything works. The relay can start.\n")
	case 1:
		fmt.Fprint(c.w, "\n1 check failed. What depends on it was not tried.\n")
	default:
		fmt.Fprintf(c.w, "\n%d checks failed. What depends on them was not tried.\n", c.failed)
	}
}

func (c *checker) try(ctx context.Context, what, detail string, fn func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.result(what, detail, fn(ctx))
}

func (c *checker) result(what, detail string, err error) bool {
	if detail != "" {
		what += " (" + detail + ")"
	}
	if err == nil {
		fmt.Fprintf(c.w, "ok: %s\n", what)
		return true
	}
	c.failed++
	fmt.Fprintf(c.w, "failed: %s\n", what)
	printErrors(c.w, err)
	return false
}

// checkEncryption prints how others see the bot's device.
func (c *checker) checkEncryption(ctx context.Context, matrix *bot.Bot) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	seen, err := matrix.Inspect(ctx)
	shown := seen.Words()
	detail := "device " + shown.ID + ", " + shown.State
	switch {
	case err != nil:
		err = matrixHint(err)
	case seen.Trust == device.TrustNoIdentity, seen.Trust == device.TrustUnsigned, seen.Trust == device.TrustIdentityChanged:
		detail += "; the relay will sign it when it starts"
	case seen.OneTimeKeys == 0:
		err = hint(errors.New(words.NoOneTimeKeys), shown.Advice)
	case seen.Trust != device.Trusted:
		err = hint(errors.New("the device is "+shown.State), shown.Advice)
	}
	if !c.result("encryption", detail, err) {
		return
	}
	keys := seen.Backup.Words()
	if keys.Advice != "" {
		err = hint(fmt.Errorf("room keys cannot be backed up: %w", seen.BackupError), keys.Advice)
	}
	c.result("key backup", keys.State, err)
}

// checkScopes checks that the account has all permissions that the relay needs.
func checkScopes(ctx context.Context, account *wazoapi.Account) error {
	granted, err := account.CheckScopes(ctx, wazoapi.RelayScopes()...)
	if err != nil {
		return wazoHint(err)
	}
	var missing []string
	for scope, ok := range granted {
		if !ok {
			missing = append(missing, scope)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return hint(fmt.Errorf("the account lacks these permissions: %s", strings.Join(missing, ", ")), "give the account a policy with these permissions (Wazo calls them ACLs); Wazo's default user policy has them")
}

// checkStream opens the websocket and waits until Wazo confirms that events will arrive.
func checkStream(ctx context.Context, account *wazoapi.Account) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_ = account.Listen(ctx, streamCheck{cancel}) // it ends with ctx, whose cause is the result
	if err := context.Cause(ctx); !errors.Is(err, errConnected) {
		return wazoHint(err)
	}
	return nil
}

var errConnected = errors.New("connected")

// streamCheck stops listening at the first thing that happens.
type streamCheck struct{ end context.CancelCauseFunc }

var _ wazoapi.Handler = streamCheck{}

// Connected implements wazoapi.Handler.
func (s streamCheck) Connected(context.Context) { s.end(errConnected) }

// Disconnected implements wazoapi.Handler.
func (s streamCheck) Disconnected(_ context.Context, err error) { s.end(err) }

// MessageCreated implements wazoapi.Handler.
func (s streamCheck) MessageCreated(context.Context, wazoapi.Message) error { return nil }

// RoomCreated implements wazoapi.Handler.
func (s streamCheck) RoomCreated(context.Context, wazoapi.Room) error { return nil }
