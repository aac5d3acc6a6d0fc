// Package app is the program: its configuration, how its parts are put together, --check, its listeners and its start-up errors.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the container has no time zones of its own

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/wazoapi"
)

// Main is the program. It prints to stdout, logs to stderr, and returns the exit code of the process: 0, or 1 after a
// failure, which it has then printed to stderr. It ends without failure when ctx ends.
func Main(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := run(ctx, args, environ, stdout, stderr)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		printErrors(stderr, err)
	}
	return 1
}

// errReported is a failure that was printed already.
var errReported = errors.New("failed")

// run does what args ask for. It prints to stdout, logs to stderr and returns what keeps it from working.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch {
	case len(args) > 1:
		return hint(fmt.Errorf("too many arguments"), "everything is configured by environment variables")
	case command == "--version":
		printVersion(stdout)
		return nil
	case !slices.Contains([]string{"", "--check", "healthcheck", "recovery-key"}, command):
		return hint(fmt.Errorf("unknown argument %q", command), "--check, --version, healthcheck or recovery-key; everything else is configured by environment variables")
	case command == "healthcheck":
		return healthcheck(ctx, environ)
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	switch command {
	case "--check":
		return check(ctx, cfg, newLogger(cfg, stderr), stdout)
	case "recovery-key":
		return printRecoveryKey(ctx, cfg, stdout)
	default:
		return serve(ctx, cfg, newLogger(cfg, stderr), stdout)
	}
}

func newLogger(cfg *config, w io.Writer) zerolog.Logger {
	if cfg.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}
	}
	zerolog.TimeFieldFormat = zerolog.TimeFormatUnixMs
	return zerolog.New(w).Level(cfg.level).With().Timestamp().Logger()
}

// parts are what the program is made of.
type parts struct {
	database *db.Database
	account  *wazoapi.Account
	core     *relay.Relay
	matrix   *bot.Bot
}

// build opens the database and puts the parts together; nothing is asked of a server yet.
func build(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) (*parts, error) {
	database, row, err := openStore(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	p, err := assemble(cfg, database, row, log, stdout)
	if err != nil {
		_ = database.Close() // the first error says more
	}
	return p, err
}

// openStore opens the database and finds the relay account in it.
func openStore(ctx context.Context, cfg *config, log zerolog.Logger) (*db.Database, *db.Account, error) {
	database, err := cfg.openDatabase(ctx, log)
	if err != nil {
		return nil, nil, databaseHint(err)
	}
	row, err := database.Account.Relay(ctx, cfg.WazoUsername)
	if err != nil {
		_ = database.Close() // the first error says more
		return nil, nil, databaseHint(err)
	}
	return database, row, nil
}

// assemble puts the parts together.
func assemble(cfg *config, database *db.Database, row *db.Account, log zerolog.Logger, stdout io.Writer) (*parts, error) {
	api, err := wazoapi.New(wazoapi.Config{URL: cfg.WazoURL, CAFile: cfg.WazoCAFile, UserAgent: "wazo-matrix-relay/" + version()}, log.With().Str("part", "wazo").Logger())
	if err != nil {
		return nil, hint(err, "check WAZO_URL and WAZO_CA_FILE")
	}
	account := api.Account(wazoapi.Credentials{Username: cfg.WazoUsername, Password: cfg.WazoPassword}, &relay.TokenStore{DB: database, Account: row})
	core := relay.New(relay.Config{
		Rights: cfg.rights, CommandPrefix: cfg.CommandPrefix, Alias: cfg.alias, Content: cfg.content, Media: cfg.media(),
	}, database, row, account, log.With().Str("part", "relay").Logger())
	matrix := bot.New(bot.Config{
		UserID: id.UserID(cfg.MatrixUserID), HomeserverURL: cfg.MatrixHomeserverURL,
		Password: cfg.MatrixPassword, AccessToken: cfg.MatrixAccessToken, RecoveryKey: cfg.MatrixRecoveryKey,
		CommandPrefix: cfg.CommandPrefix, Version: version(),
		MediaMaxSize: cfg.mediaMaxSize, MediaFetchHosts: cfg.MediaFetchHosts, Avatars: cfg.Avatars == avatarsInitials,
		ShowRecoveryKey: func(recoveryKey string) { showRecoveryKey(stdout, cfg.MatrixUserID, recoveryKey) },
	}, database, core, log.With().Str("part", "matrix").Logger())
	return &parts{database: database, account: account, core: core, matrix: matrix}, nil
}

func (p *parts) close(log zerolog.Logger) {
	if err := p.database.Close(); err != nil {
		log.Err(err).Msg("Failed to close the database")
	}
}

// serve relays until ctx ends.
func serve(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) error {
	p, err := build(ctx, cfg, log, stdout)
	if err != nil {
		return err
	}
	defer p.close(log) // last of all
	if err = p.matrix.Prepare(ctx); err != nil {
		return matrixHint(err)
	}
	if err = p.core.Identify(ctx); err != nil {
		return wazoHint(err)
	}
	admin, err := listenAdmin(cfg, p)
	if err != nil {
		return err
	}
	defer admin.close(log)
	closePublic, err := listenPublic(cfg, p, log)
	if err != nil {
		return err
	}
	defer closePublic()
	log.Info().Str("version", version()).Str("matrix_user", cfg.MatrixUserID).Str("wazo", cfg.WazoURL).Msg("Relay started")
	defer log.Info().Msg("Relay stopped")
	return p.runBoth(ctx)
}

// runBoth runs both sides until ctx ends or one of them cannot go on. Matrix stops first, so that nothing new is accepted
// while the core finishes what is in hand.
func (p *parts) runBoth(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var coreErr error
	wg.Go(func() {
		defer cancel()
		coreErr = p.core.Run(ctx)
	})
	matrixErr := p.matrix.Run(ctx)
	cancel()
	wg.Wait()
	if coreErr != nil {
		return databaseHint(coreErr)
	}
	return matrixHint(matrixErr)
}
