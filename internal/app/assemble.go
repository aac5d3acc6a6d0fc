package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/fence"
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
	texts    words.Texts // for those who ask for the health
}

// build opens the database and puts the parts together. It does not talk to any server yet. If another relay uses a
// database on PostgreSQL, it calls waiting once and waits until that one has ended.
func build(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer, waiting func() error) (*parts, error) {
	database, err := cfg.openDatabaseAsStandby(ctx, log, waiting)
	if _, isHinted := errors.AsType[*hintError](err); isHinted {
		return nil, err // of waiting
	} else if err != nil {
		return nil, databaseHint(err)
	}
	row, err := relayRowOrClose(ctx, cfg, database)
	if err != nil {
		return nil, err
	}
	p, err := assemble(cfg, database, row, log, stdout)
	if err != nil {
		_ = database.Close() // the first error says more
	}
	return p, err
}

// openStore opens the database and returns the row of the relay's account on Wazo in it. Without such an account it is
// the row of an earlier one, or nil.
func openStore(ctx context.Context, cfg *config, log zerolog.Logger) (*db.Database, *db.Account, error) {
	database, err := cfg.openDatabase(ctx, log)
	if err != nil {
		return nil, nil, databaseHint(err)
	}
	row, err := relayRowOrClose(ctx, cfg, database)
	return database, row, err
}

// relayRowOrClose is relayRow. If that fails, it closes the database.
func relayRowOrClose(ctx context.Context, cfg *config, database *db.Database) (*db.Account, error) {
	row, err := relayRow(ctx, cfg, database)
	if err != nil {
		_ = database.Close() // the first error says more
	}
	return row, databaseHint(err)
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
	counted := metrics.New(buildInfo())
	counted.WatchActive(database.IsActive)
	database.OnCommit(counted.Committed)
	fenced := fenceOf(database)
	clocks := &relay.Clocks{}
	client, err := wazoapi.New(wazoapi.Config{
		URL: string(cfg.WazoURL), CAFile: string(cfg.WazoCAFile), UserAgent: userAgent(),
		Transport: watched(fenced, counted, metrics.Wazo, clocks, relay.WazoServer), Connection: fenced.Connection,
		Stream: relay.StreamConfig(),
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
		Transport: watched(fenced, counted, metrics.Matrix, clocks, relay.Homeserver), Connection: fenced.Connection,
		OnRateLimit:     counted.RateLimited,
		ShowRecoveryKey: func(recoveryKey string) { showRecoveryKey(stdout, id.UserID(cfg.MatrixUserID), recoveryKey) },
	}, database, core, log.With().Str("part", "matrix").Logger())
	counted.Watch(core.Snapshot, log)
	return &parts{database: database, wazo: client, core: core, matrix: matrix, metrics: counted, texts: core.Texts()}, nil
}

// watched returns what is put around the requests to a server.
func watched(fenced *fence.Fence, counted *metrics.Metrics, side string, clocks *relay.Clocks, server relay.Server) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return fenced.Transport(counted.Transport(side)(clocks.Transport(server, next)))
	}
}

// fenceOf returns what keeps a relay from acting that another one has taken the database from. That cannot happen with
// SQLite.
func fenceOf(database *db.Database) *fence.Fence {
	if database.Lost() == nil {
		return nil
	}
	return fence.New(database)
}

func (p *parts) close(log zerolog.Logger) {
	p.matrix.Close()
	if err := p.database.Close(); err != nil {
		log.Err(err).Msg("Failed to close the database")
	}
}
