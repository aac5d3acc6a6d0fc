package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/rs/zerolog"

	"wazo-matrix-relay/bot/oauth"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// config is the environment. The file .env.example explains each variable.
//
// The type of a field decides which values are valid, see config_types.go. The tag hint is what an administrator is
// told when a value is missing or not valid. A field with the tag secret may also be given as a file, by NAME_FILE.
type config struct {
	MatrixUserID        userID      `env:"MATRIX_USER_ID,notEmpty" hint:"set it to the bot's full user ID, like @relay:example.org"`
	MatrixHomeserverURL httpURL     `env:"MATRIX_HOMESERVER_URL" hint:"set it to an address like https://matrix.example.org, or leave it out: then the relay finds the homeserver by .well-known"`
	MatrixPassword      string      `env:"MATRIX_PASSWORD" secret:"true" hint:"set only one of them, and prefer the password: with it the relay can log in again without help"`
	MatrixAccessToken   string      `env:"MATRIX_ACCESS_TOKEN" secret:"true"`
	MatrixRecoveryKey   recoveryKey `env:"MATRIX_RECOVERY_KEY" secret:"true" hint:"a recovery key is a line of letters and digits in groups of four, and it begins with Es"`

	OAuthClientURI clientURI `env:"OAUTH_CLIENT_URI" hint:"set it to the address of a page about the relay, like https://www.example.org/relay, or leave it out"`

	WazoURL      wazoURL  `env:"WAZO_URL,notEmpty" hint:"set WAZO_URL to the address of Wazo, like https://wazo.example.org"`
	WazoUsername nonBlank `env:"WAZO_USERNAME" hint:"set it to the user name of the relay's account on Wazo, or leave out both WAZO_USERNAME and WAZO_PASSWORD: then only people who have logged in with their own accounts are relayed"`
	WazoPassword nonBlank `env:"WAZO_PASSWORD" secret:"true" hint:"set it to the password of the relay's account on Wazo, or leave out both WAZO_USERNAME and WAZO_PASSWORD: then only people who have logged in with their own accounts are relayed"`
	WazoCAFile   caFile   `env:"WAZO_CA_FILE" hint:"set WAZO_CA_FILE to the name of a PEM file that the relay may read, or leave it out"`

	WazoEvents wazoEvents `env:"WAZO_EVENTS" envDefault:"websocket" hint:"set it to websocket or webhook"`

	Admins       userPatterns `env:"ADMINS" hint:"set it to the user IDs of the people who may link rooms, or to patterns like @*:example.org, separated by commas"`
	AllowedUsers userPatterns `env:"ALLOWED_USERS" hint:"set it to user IDs, or to patterns like @*:example.org, separated by commas"`
	IgnoredUsers userPatterns `env:"IGNORED_USERS" hint:"set it to user IDs, or to patterns like @*:example.org, separated by commas"`

	Database  databaseLocation `env:"DATABASE_URL" envDefault:"relay.db" secret:"true" hint:"set it to the name of a file, like relay.db, or to the URL of a database on PostgreSQL, like postgres://relay:password@db.example.org/relay"`
	SecretKey string           `env:"SECRET_KEY" secret:"true" hint:"set it to a long random text, and keep that text: with PostgreSQL the relay has no directory in which it could keep a key of its own"`

	Language      language      `env:"LANGUAGE" envDefault:"en" hint:"set it to en (English) or fr (French); many systems set LANGUAGE, too, and the environment overrides the file of --env-file"`
	CommandPrefix commandPrefix `env:"COMMAND_PREFIX" envDefault:"!wazo" hint:"set it to one word that nobody begins an ordinary message with, like !wazo"`
	AliasFormat   aliasFormat   `env:"ALIAS_FORMAT" envDefault:"{{.Name}} (Matrix)" hint:"set it to a Go template, like {{.Name}} (Matrix)"`
	ContentFormat contentFormat `env:"CONTENT_FORMAT" envDefault:"{{.Content}}" hint:"set it to a Go template, like {{.Content}}"`

	WazoMarkdown    onOff `env:"WAZO_MARKDOWN" envDefault:"on" hint:"set it to on or off"`
	RelayEdits      onOff `env:"RELAY_EDITS" envDefault:"on" hint:"set it to on or off"`
	SMSCorrections  onOff `env:"RELAY_SMS_CORRECTIONS" envDefault:"off" hint:"set it to on or off"`
	RelayRedactions onOff `env:"RELAY_REDACTIONS" envDefault:"on" hint:"set it to on or off"`
	RelayReactions  onOff `env:"RELAY_REACTIONS" envDefault:"on" hint:"set it to on or off"`

	PublicURL    publicURL     `env:"PUBLIC_URL" hint:"set it to the address at which people on Wazo reach the relay, like https://relay.example.org, or leave it out: then the relay serves no files"`
	Listen       listenAddress `env:"LISTEN" envDefault:"0.0.0.0:8080" hint:"set it to a host and a port, like 0.0.0.0:8080"`
	MediaMaxSize byteSize      `env:"MEDIA_MAX_SIZE" envDefault:"50MB" hint:"set it to a number with a unit (B, kB, MB or GB), like 50MB"`
	MediaDays    mediaDays     `env:"MEDIA_DAYS" envDefault:"30" hint:"set it to a number of days, like 30"`

	MediaFetchHosts hosts   `env:"MEDIA_FETCH_HOSTS" hint:"set it to names of hosts, each with or without a port, separated by commas, like wiki.example.org,10.0.0.5:8080"`
	Avatars         avatars `env:"AVATARS" envDefault:"none" hint:"set it to none or initials"`

	EncryptRooms     yesNo            `env:"ENCRYPT_ROOMS" envDefault:"true" hint:"set it to true or false"`
	BackfillMessages backfillMessages `env:"BACKFILL_MESSAGES" envDefault:"20" hint:"set it to a number of messages from 0 to 200, like 20"`

	AdminListen  listenAddress `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081" hint:"set it to a host and a port, like 127.0.0.1:8081"`
	AdminRoom    roomID        `env:"ADMIN_ROOM" hint:"set it to the ID of a Matrix room, like !abc:example.org, or leave it out: then the administrators are told in their direct chats"`
	ProbeMinutes minutes       `env:"PROBE_MINUTES" envDefault:"5" hint:"set it to a number of minutes, like 5, or to 0: then the relay sends itself no messages"`
	LogLevel     logLevel      `env:"LOG_LEVEL" envDefault:"info" hint:"set it to trace, debug, info, warn or error"`
	LogFormat    logFormat     `env:"LOG_FORMAT" envDefault:"json" hint:"set it to json or console"`
}

var errNotSet = errors.New("is not set")

// configError holds all mistakes in the configuration, each with a hint.
type configError []error

// Error implements error.
func (e configError) Error() string { return errors.Join(e...).Error() }

// Unwrap returns the mistakes.
func (e configError) Unwrap() []error { return e }

// loadConfig reads the environment. The error is a configError with all mistakes.
func loadConfig(environ []string) (*config, error) {
	vars := env.ToMap(environ)
	cfg := &config{}
	mistakes := readSecretFiles(vars)
	mistakes = append(mistakes, parse(cfg, vars)...)
	mistakes = append(mistakes, cfg.checkTogether()...)
	if len(mistakes) > 0 {
		return cfg, configError(mistakes)
	}
	return cfg, nil
}

// readSecretFiles puts the contents of NAME_FILE into NAME for each secret. The option "file" of the env package does
// not fit here: with it, NAME would always be the name of a file.
func readSecretFiles(vars map[string]string) (mistakes []error) {
	for field := range reflect.TypeFor[config]().Fields() {
		if field.Tag.Get("secret") == "" {
			continue
		}
		name := variable(field)
		file := vars[name+"_FILE"]
		if file == "" {
			continue
		} else if vars[name] != "" {
			mistakes = append(mistakes, hint(fmt.Errorf("%s and %s_FILE are both set", name, name), "set only one of them"))
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			mistakes = append(mistakes, hint(fmt.Errorf("%s_FILE: %w", name, err), "set it to the name of a file that the relay may read"))
			continue
		}
		vars[name] = strings.TrimRight(string(data), "\r\n")
	}
	return mistakes
}

// parse fills the fields of the struct that cfg points to. It returns every mistake, with the hint of its field.
func parse(cfg any, vars map[string]string) (mistakes []error) {
	err := env.ParseWithOptions(cfg, env.Options{Environment: vars})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return mistakes
	}
	fields := reflect.TypeOf(cfg).Elem()
	for _, err := range all.Errors {
		var invalid env.ParseError
		var empty env.EmptyVarError
		switch {
		case errors.As(err, &invalid):
			field, _ := fields.FieldByName(invalid.Name)
			mistakes = append(mistakes, mistake(field, invalid.Err)...)
		case errors.As(err, &empty):
			mistakes = append(mistakes, mistake(fieldOf(fields, empty.Key), errNotSet)...)
		default:
			mistakes = append(mistakes, err)
		}
	}
	return mistakes
}

// checkTogether checks what the type of one field cannot know. It returns every mistake.
func (c *config) checkTogether() (mistakes []error) {
	fields := reflect.TypeOf(*c)
	if c.MatrixPassword != "" && c.MatrixAccessToken != "" {
		mistakes = append(mistakes, mistake(fieldOf(fields, "MATRIX_PASSWORD"), errors.New("MATRIX_PASSWORD and MATRIX_ACCESS_TOKEN are both set"))...)
	}
	switch {
	case c.WazoUsername == "" && c.WazoPassword != "":
		mistakes = append(mistakes, mistake(fieldOf(fields, "WAZO_USERNAME"), errNotSet)...)
	case c.WazoUsername != "" && c.WazoPassword == "":
		mistakes = append(mistakes, mistake(fieldOf(fields, "WAZO_PASSWORD"), errNotSet)...)
	}
	if c.Database.isPostgres() && c.SecretKey == "" {
		mistakes = append(mistakes, mistake(fieldOf(fields, "SECRET_KEY"), errNotSet)...)
	}
	if c.WazoEvents == eventsWebhook {
		mistakes = append(mistakes, c.checkWebhook()...)
	}
	// A list of nothing but commas is as good as none.
	if len(c.Admins) == 0 {
		mistakes = append(mistakes, mistake(fieldOf(fields, "ADMINS"), errNotSet)...)
	}
	return mistakes
}

// checkWebhook checks that Wazo can have an address to which it sends events. It skips one on its own machine without a
// word (docs/wazo.md, "Deliveries of a webhook").
func (c *config) checkWebhook() []error {
	const advice = "set it to the address at which the Wazo server reaches the relay, like https://relay.example.org, or set WAZO_EVENTS to websocket"
	switch {
	case !c.PublicURL.isSet():
		return []error{hint(errors.New("WAZO_EVENTS is webhook, and PUBLIC_URL is not set"), advice)}
	case c.PublicURL.isLocal():
		return []error{hint(errors.New("WAZO_EVENTS is webhook, and PUBLIC_URL is an address of the machine itself, to which Wazo sends nothing"), advice)}
	}
	return nil
}

// mistake names the variable of a field in an error and adds the hint of the field. Joined errors stay separate
// mistakes.
func mistake(field reflect.StructField, err error) (mistakes []error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			mistakes = append(mistakes, mistake(field, one)...)
		}
		return mistakes
	}
	named := fmt.Errorf("%s: %w", variable(field), err)
	if errors.Is(err, errNotSet) {
		named = fmt.Errorf("%s %w", variable(field), err)
	}
	return []error{hint(named, field.Tag.Get("hint"))}
}

// variable returns the name of a field's environment variable.
func variable(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return name
}

// fieldOf returns the field of an environment variable.
func fieldOf(fields reflect.Type, name string) (field reflect.StructField) {
	for field = range fields.Fields() {
		if variable(field) == name {
			break
		}
	}
	return field
}

// hasRelayAccount reports whether the relay has an account of its own on Wazo.
func (c *config) hasRelayAccount() bool { return c.WazoUsername != "" }

// rights says who may do what on Matrix.
func (c *config) rights() (relay.Rights, error) {
	return relay.NewRights(c.Admins, c.AllowedUsers, c.IgnoredUsers)
}

// Where things are served below PUBLIC_URL: files, and the page on which people log in to Wazo.
const (
	mediaPath = "/media"
	loginPath = "/login"
	hookPath  = "/wazo"
)

// relations says what of edits, redactions and reactions is shown on Wazo.
func (c *config) relations() relay.RelationsConfig {
	return relay.RelationsConfig{WithoutEdits: !bool(c.RelayEdits), WithoutRedactions: !bool(c.RelayRedactions), WithoutReactions: !bool(c.RelayReactions)}
}

// media says how files reach people on Wazo.
func (c *config) media() relay.MediaConfig {
	media := relay.MediaConfig{Life: time.Duration(c.MediaDays) * 24 * time.Hour, MaxSize: int64(c.MediaMaxSize)}
	if c.PublicURL.isSet() {
		media.URL = c.PublicURL.base + mediaPath
	}
	return media
}

// webhook says where Wazo sends events, if they come by a webhook.
func (c *config) webhook() relay.WebhookConfig {
	if c.WazoEvents != eventsWebhook {
		return relay.WebhookConfig{}
	}
	return relay.WebhookConfig{URL: c.PublicURL.base + hookPath}
}

// loginPage returns the address of the page on which people log in to Wazo, nil if there is none.
func (c *config) loginPage() *url.URL {
	if !c.PublicURL.isSet() {
		return nil
	}
	address, err := url.Parse(c.PublicURL.base + loginPath)
	if err != nil {
		return nil // base was parsed before
	}
	return address
}

// clientURI returns the page that an OAuth 2.0 provider shows to whoever approves a log-in of the bot.
func (c *config) clientURI() string {
	if address := c.PublicURL.base + "/"; c.OAuthClientURI == "" && oauth.CheckClientURI(address) == nil {
		return address
	}
	return cmp.Or(string(c.OAuthClientURI), oauth.DefaultClientURI)
}

// openDatabase opens the database with the configured key, or with the one that is kept beside it.
func (c *config) openDatabase(ctx context.Context, log zerolog.Logger) (*db.Database, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	return db.Open(ctx, string(c.Database), secret, log.With().Str("part", "db").Logger())
}

// openDatabaseAsStandby is openDatabase, but if another relay uses a database on PostgreSQL, it calls waiting once and
// waits until that one has ended.
func (c *config) openDatabaseAsStandby(ctx context.Context, log zerolog.Logger, waiting func() error) (*db.Database, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	return db.OpenAsStandby(ctx, string(c.Database), secret, log.With().Str("part", "db").Logger(), waiting)
}

// openDatabaseToRead is openDatabase beside a running relay: nothing can be stored.
func (c *config) openDatabaseToRead(ctx context.Context) (*db.Database, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	return db.OpenToRead(ctx, string(c.Database), secret, zerolog.Nop())
}

// secret returns the configured key of the database, or the one that is kept beside it.
func (c *config) secret() (string, error) {
	if c.SecretKey != "" {
		return c.SecretKey, nil
	}
	return db.LoadOrCreateKey(string(c.Database))
}
