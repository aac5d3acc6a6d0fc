package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// checkTimeout is how long one check may take.
const checkTimeout = 30 * time.Second

// check tries everything that the relay uses, without relaying, and prints one line for each thing. It leaves out what
// depends on something that failed. A relay that runs on the same database goes on undisturbed; then check stores
// nothing. It returns errReported if anything failed.
func check(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) error {
	c := checker{w: stdout}
	defer c.summarize()
	fmt.Fprintf(stdout, "ok: configuration\n")
	log = log.Level(zerolog.Disabled)
	database, row, running, err := openStoreToCheck(ctx, cfg, log)
	detail := db.Redacted(string(cfg.Database))
	if running {
		detail += ", which a running relay uses"
	}
	if !c.result("database", detail, err) {
		return errReported
	}
	p, err := assemble(cfg, database, row, log, stdout)
	if err != nil {
		c.result("Wazo configuration", string(cfg.WazoURL), err)
		return errors.Join(errReported, database.Close())
	}
	defer p.close(log)
	c.checkMatrix(ctx, cfg, p.matrix, running)
	if cfg.hasRelayAccount() {
		c.checkWazo(ctx, cfg, p.wazo)
	} else {
		c.checkWazoWithoutAccount(ctx, cfg, p)
	}
	c.checkListeners(ctx, cfg, p, running, log)
	if c.failed > 0 {
		return errReported
	}
	return nil
}

// openStoreToCheck is openStore, or, if a running relay uses the database, opens it for reading only.
func openStoreToCheck(ctx context.Context, cfg *config, log zerolog.Logger) (database *db.Database, row *db.Account, running bool, err error) {
	database, row, err = openStore(ctx, cfg, log)
	if !errors.Is(err, db.ErrInUse) {
		return database, row, false, err
	}
	if database, err = cfg.openDatabaseToRead(ctx); err != nil {
		return nil, nil, true, databaseHint(err)
	}
	if !cfg.hasRelayAccount() {
		return database, nil, true, nil
	}
	return database, &db.Account{Username: string(cfg.WazoUsername)}, true, nil
}

// checkMatrix tries the log-in, and looks how others see the device.
func (c *checker) checkMatrix(ctx context.Context, cfg *config, matrix *bot.Bot, running bool) {
	if running && cfg.MatrixPassword == "" && cfg.MatrixAccessToken == "" {
		fmt.Fprintf(c.w, "skipped: homeserver, log-in and encryption (the running relay uses the log-in; %s status shows how others see its device)\n", cfg.CommandPrefix)
		return
	}
	loggedIn := c.try(ctx, "homeserver and log-in", string(cfg.MatrixUserID), func(ctx context.Context) error {
		if !running {
			if err := matrix.Login(ctx); err != nil {
				return matrixHint(err)
			}
		}
		return matrixHint(matrix.TryLogin(ctx)) // Login may have used a token that it had kept
	})
	switch {
	case loggedIn && running:
		fmt.Fprintf(c.w, "skipped: encryption (the running relay uses the device; %s status shows how others see it)\n", cfg.CommandPrefix)
		if cfg.AdminRoom != "" {
			fmt.Fprintf(c.w, "skipped: ADMIN_ROOM (the running relay uses the device; %s status all, typed there, shows whether the bot can speak)\n", cfg.CommandPrefix)
		}
	case loggedIn:
		c.checkEncryption(ctx, matrix)
		c.checkAdminRoom(ctx, cfg, matrix)
	}
}

// checkWazo tries everything that the relay asks of Wazo. It logs in with the configured password, and out again: a
// token that is kept would hide that the password is wrong.
func (c *checker) checkWazo(ctx context.Context, cfg *config, wazo *wazoapi.Client) {
	account := wazo.Account(cfg.wazoCredentials(), nil)
	if !c.try(ctx, "Wazo log-in", string(cfg.WazoUsername), func(ctx context.Context) error {
		_, err := account.Token(ctx)
		return wazoHint(err)
	}) {
		return
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		_ = account.Logout(ctx) // otherwise the session ends by itself
	}()
	c.try(ctx, "Wazo permissions", "", func(ctx context.Context) error { return checkScopes(ctx, cfg, account) })
	c.try(ctx, "Wazo chats", "", func(ctx context.Context) error { return checkChats(ctx, account) })
	c.try(ctx, "Wazo directory", "", func(ctx context.Context) error {
		return wazoHint(wazoapi.NewDirectory(account, time.Hour).Check(ctx))
	})
	if cfg.WazoEvents == eventsWebhook {
		c.try(ctx, "Wazo webhook", "", func(ctx context.Context) error { return wazoHint(account.CheckHooks(ctx)) })
	} else {
		c.try(ctx, "Wazo websocket", "", func(ctx context.Context) error { return checkStream(ctx, account) })
	}
	c.checkSelfProbe(ctx, cfg, account)
}

// checkWazoWithoutAccount tries whether Wazo answers. What people's own accounts may do is checked when they log in.
func (c *checker) checkWazoWithoutAccount(ctx context.Context, cfg *config, p *parts) {
	if !c.try(ctx, "Wazo", string(cfg.WazoURL), func(ctx context.Context) error { return wazoHint(p.wazo.Ping(ctx)) }) {
		return
	}
	logins, err := p.database.Account.Logins(ctx)
	if err != nil {
		c.result("people who are logged in to Wazo", "", databaseHint(err))
		return
	}
	fmt.Fprintf(c.w, "skipped: Wazo log-in, permissions, chats, directory and websocket (WAZO_USERNAME is not set, so the relay has no account of its own; people who are logged in with theirs: %d)\n", len(logins))
}

// checkChats lists the chats of the account and reads the newest message of one of them.
func checkChats(ctx context.Context, account *wazoapi.Account) error {
	rooms, err := account.Rooms(ctx)
	if err != nil {
		return wazoHint(fmt.Errorf("failed to list the chats: %w", err))
	} else if len(rooms) == 0 {
		return nil
	}
	if _, err = account.Messages(ctx, rooms[0].UUID, wazoapi.MessageQuery{Limit: 1}); err != nil {
		return wazoHint(fmt.Errorf("failed to read the messages of a chat: %w", err))
	}
	return nil
}

// checkListeners tries to open the listeners, and whether people on Wazo can reach the public one. The listeners of a
// running relay must answer instead.
func (c *checker) checkListeners(ctx context.Context, cfg *config, p *parts, running bool, log zerolog.Logger) {
	c.try(ctx, "health check listener", string(cfg.AdminListen), func(ctx context.Context) error {
		if running {
			return checkRunning(ctx, cfg)
		}
		server, err := listenAdmin(cfg, adminHandler(p))
		if err == nil {
			server.close(log)
		}
		return err
	})
	if !cfg.PublicURL.isSet() {
		return
	}
	if !running {
		closePublic, err := listenPublic(cfg, p, log)
		if !c.result("public listener", string(cfg.Listen), err) {
			return
		}
		defer closePublic()
	}
	c.try(ctx, "public address", cfg.PublicURL.base, func(ctx context.Context) error { return checkPublicURL(ctx, cfg) })
}

// checkRunning asks the running relay for its health, whatever that is.
func checkRunning(ctx context.Context, cfg *config) error {
	_, body, err := askHealth(ctx, cfg.AdminListen)
	if err == nil {
		err = json.Unmarshal(body, &health{})
	}
	if err != nil {
		return hint(fmt.Errorf("the running relay does not answer: %w", err), "if the relay has just been started, try again; otherwise set ADMIN_LISTEN to the address with which it was started")
	}
	return nil
}

// checkPublicURL asks at the public address for a file and for a log-in page that do not exist. Only a relay answers as
// a relay does.
func checkPublicURL(ctx context.Context, cfg *config) error {
	const advice = "have the reverse proxy pass requests for PUBLIC_URL on to LISTEN, with the whole path; people on Wazo cannot open files otherwise. If only this machine cannot reach the address, nothing is wrong"
	status, body, err := get(ctx, cfg.PublicURL.base+mediaPath+"/check")
	if err != nil {
		return hint(err, advice)
	} else if status != http.StatusNotFound || !words.FileGone.IsSaidBy(strings.TrimSpace(string(body))) {
		return hint(fmt.Errorf("something else than the relay answers (HTTP %d)", status), advice)
	}
	if err = checkLoginPage(ctx, cfg); err != nil || cfg.WazoEvents != eventsWebhook {
		return err
	}
	return checkWebhookAddress(ctx, cfg)
}

func checkLoginPage(ctx context.Context, cfg *config) error {
	status, body, err := get(ctx, cfg.PublicURL.base+loginPath+"/check")
	if err != nil {
		return err
	} else if status == http.StatusMisdirectedRequest {
		return hint(errors.New("the log-in page is asked for at another host"), "have the reverse proxy pass the header Host on; in nginx: proxy_set_header Host $host; see Files in docs/administration.md")
	} else if status != http.StatusNotFound || !words.LoginPageInvalid.IsPartOf(string(body)) {
		return hint(fmt.Errorf("something else than the relay answers at the log-in page (HTTP %d)", status),
			"have the reverse proxy pass requests for /login/ below PUBLIC_URL on to LISTEN, too; people cannot log in to Wazo otherwise")
	}
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
	detail := "device " + shown.ID + ", " + string(shown.State)
	switch {
	case err != nil:
		err = matrixHint(err)
	case seen.Trust == device.TrustNoIdentity, seen.Trust == device.TrustUnsigned, seen.Trust == device.TrustIdentityChanged:
		detail += "; the relay will sign it when it starts"
	case seen.OneTimeKeys == 0:
		err = hint(errors.New(string(words.NoOneTimeKeys)), string(shown.Advice))
	case seen.Trust != device.Trusted:
		err = hint(fmt.Errorf("the device is %s", shown.State), string(shown.Advice))
	}
	if !c.result("encryption", detail, err) {
		return
	}
	keys := seen.Backup.Words()
	if keys.Advice != "" {
		err = hint(fmt.Errorf("room keys cannot be backed up: %w", seen.BackupError), string(keys.Advice))
	}
	c.result("key backup", string(keys.State), err)
}

// checkScopes checks that the account has all permissions that the relay needs.
func checkScopes(ctx context.Context, cfg *config, account *wazoapi.Account) error {
	scopes := wazoapi.RelayScopes()
	if cfg.WazoEvents == eventsWebhook {
		scopes = wazoapi.ByWebhook(scopes)
	}
	granted, err := account.CheckScopes(ctx, scopes...)
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
