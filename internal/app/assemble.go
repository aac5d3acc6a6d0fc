package app

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/metrics"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// parts are what the program is made of: the database, the client for Wazo, the core and the account on Matrix.
type parts struct {
	database *db.Database
	wazo     *wazoapi.Client
	core     *relay.Relay
	matrix   *bot.Bot
	metrics  *metrics.Metrics
}

// build opens the database and puts the parts together. It does not talk to any server yet.
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

// openStore opens the database and returns the row of the relay's account on Wazo in it. Without such an account it is the row of an
// earlier one, or nil.
func openStore(ctx context.Context, cfg *config, log zerolog.Logger) (*db.Database, *db.Account, error) {
	database, err := cfg.openDatabase(ctx, log)
	if err != nil {
		return nil, nil, databaseHint(err)
	}
	row, err := relayRow(ctx, cfg, database)
	if err != nil {
		_ = database.Close() // the first error says more
		return nil, nil, databaseHint(err)
	}
	return database, row, nil
}

func relayRow(ctx context.Context, cfg *config, database *db.Database) (*db.Account, error) {
	if !cfg.hasRelayAccount() {
		return database.Account.EarlierRelay(ctx)
	}
	return database.Account.Relay(ctx, string(cfg.WazoUsername))
}

func (c *config) wazoCredentials() wazoapi.Credentials {
	return wazoapi.Credentials{Username: string(c.WazoUsername), Password: string(c.WazoPassword)}
}

// assemble puts the parts together on an open database.
func assemble(cfg *config, database *db.Database, row *db.Account, log zerolog.Logger, stdout io.Writer) (*parts, error) {
	counted := metrics.New(metrics.Build{Version: version(), Commit: commit(), Go: runtime.Version()})
	database.OnCommit(counted.Committed)
	clocks := &relay.Clocks{}
	client, err := wazoapi.New(wazoapi.Config{
		URL: string(cfg.WazoURL), CAFile: string(cfg.WazoCAFile), UserAgent: userAgent(),
		Transport: watched(counted, metrics.Wazo, clocks, relay.WazoServer), Stream: relay.StreamConfig(),
	}, log.With().Str("part", "wazo").Logger())
	if err != nil {
		return nil, hint(err, "check WAZO_URL and WAZO_CA_FILE")
	}
	rights, err := cfg.rights()
	if err != nil {
		return nil, hint(err, "check ADMINS, ALLOWED_USERS and IGNORED_USERS")
	}
	var account *wazoapi.Account
	if cfg.hasRelayAccount() {
		account = client.Account(cfg.wazoCredentials(), &relay.TokenStore{DB: database, Account: row})
	}
	core := relay.New(relay.Config{
		Rights: rights, CommandPrefix: string(cfg.CommandPrefix), Language: words.Language(cfg.Language),
		Alias: cfg.AliasFormat.AliasFormat, Content: cfg.ContentFormat.ContentFormat, PlainText: !bool(cfg.WazoMarkdown),
		Media: cfg.media(), Relations: cfg.relations(), Webhook: cfg.webhook(),
		SMS:          relay.SMSConfig{Corrections: bool(cfg.SMSCorrections)},
		EncryptRooms: bool(cfg.EncryptRooms), BackfillMessages: int(cfg.BackfillMessages),
		AdminRoom: id.RoomID(cfg.AdminRoom), SelfProbe: time.Duration(cfg.ProbeMinutes),
		Observer: counted, Clocks: clocks,
	}, database, row, client, account, log.With().Str("part", "relay").Logger())
	matrix := bot.New(bot.Config{
		UserID: id.UserID(cfg.MatrixUserID), HomeserverURL: string(cfg.MatrixHomeserverURL),
		Password: cfg.MatrixPassword, AccessToken: cfg.MatrixAccessToken, RecoveryKey: string(cfg.MatrixRecoveryKey),
		CommandPrefix: string(cfg.CommandPrefix), Version: version(), LoginPage: cfg.loginPage(),
		MediaMaxSize: int64(cfg.MediaMaxSize), MediaFetchHosts: cfg.MediaFetchHosts, Avatars: cfg.Avatars == avatarsInitials,
		Transport: watched(counted, metrics.Matrix, clocks, relay.Homeserver), OnRateLimit: counted.RateLimited,
		ShowRecoveryKey: func(recoveryKey string) { showRecoveryKey(stdout, id.UserID(cfg.MatrixUserID), recoveryKey) },
	}, database, core, log.With().Str("part", "matrix").Logger())
	counted.Watch(core.Snapshot, log)
	return &parts{database: database, wazo: client, core: core, matrix: matrix, metrics: counted}, nil
}

// watched returns what is put around the requests to a server.
func watched(counted *metrics.Metrics, side string, clocks *relay.Clocks, server relay.Server) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return counted.Transport(side)(clocks.Transport(server, next))
	}
}

func (p *parts) close(log zerolog.Logger) {
	p.matrix.Close()
	if err := p.database.Close(); err != nil {
		log.Err(err).Msg("Failed to close the database")
	}
}
