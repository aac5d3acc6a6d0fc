package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/crypto/utils"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
)

// config is the environment. Every secret may also be given as a file, by NAME_FILE. docs and .env.example explain each.
type config struct {
	MatrixUserID        string `env:"MATRIX_USER_ID"`
	MatrixHomeserverURL string `env:"MATRIX_HOMESERVER_URL"`
	MatrixPassword      string `env:"MATRIX_PASSWORD"`
	MatrixAccessToken   string `env:"MATRIX_ACCESS_TOKEN"`
	MatrixRecoveryKey   string `env:"MATRIX_RECOVERY_KEY"`

	WazoURL      string `env:"WAZO_URL"`
	WazoUsername string `env:"WAZO_USERNAME"`
	WazoPassword string `env:"WAZO_PASSWORD"`
	WazoCAFile   string `env:"WAZO_CA_FILE"`

	Admins       []string `env:"ADMINS"`
	AllowedUsers []string `env:"ALLOWED_USERS"`
	IgnoredUsers []string `env:"IGNORED_USERS"`

	DatabaseURL string `env:"DATABASE_URL" envDefault:"relay.db"`
	SecretKey   string `env:"SECRET_KEY"`

	CommandPrefix string `env:"COMMAND_PREFIX" envDefault:"!wazo"`
	AliasFormat   string `env:"ALIAS_FORMAT"`
	ContentFormat string `env:"CONTENT_FORMAT"`

	AdminListen string `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081"`
	LogLevel    string `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat   string `env:"LOG_FORMAT" envDefault:"json"`

	// What the texts above mean, filled in by check.
	databasePath string
	rights       relay.Rights
	alias        *convert.AliasFormat
	content      *convert.ContentFormat
	level        zerolog.Level
}

// secretNames are the variables that may be given as NAME_FILE.
var secretNames = []string{"MATRIX_PASSWORD", "MATRIX_ACCESS_TOKEN", "MATRIX_RECOVERY_KEY", "WAZO_PASSWORD", "SECRET_KEY"}

// loadConfig reads the environment. The error holds all mistakes, each a *hintError.
func loadConfig(environ []string) (*config, error) {
	vars := env.ToMap(environ)
	mistakes := readSecretFiles(vars)
	cfg := &config{}
	if err := env.ParseWithOptions(cfg, env.Options{Environment: vars}); err != nil {
		mistakes = append(mistakes, hint(err, "see .env.example"))
	}
	mistakes = append(mistakes, cfg.check()...)
	return cfg, errors.Join(mistakes...)
}

// readSecretFiles puts the contents of NAME_FILE into NAME.
func readSecretFiles(vars map[string]string) (mistakes []error) {
	for _, name := range secretNames {
		path := vars[name+"_FILE"]
		switch {
		case path == "":
			continue
		case vars[name] != "":
			mistakes = append(mistakes, hint(fmt.Errorf("%s and %s_FILE are both set", name, name), "set one of them"))
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			mistakes = append(mistakes, hint(fmt.Errorf("%s_FILE: %w", name, err), "name a file that the relay may read"))
			continue
		}
		vars[name] = strings.TrimRight(string(data), "\r\n")
	}
	return mistakes
}

// check turns texts into what they mean. It returns every mistake.
func (c *config) check() (mistakes []error) {
	wrong := func(name string, err error, what string) {
		if err != nil {
			mistakes = append(mistakes, hint(fmt.Errorf("%s: %w", name, err), what))
		}
	}
	wrong("MATRIX_USER_ID", checkUserID(c.MatrixUserID), "set it to the bot's full user id, like @relay:example.org")
	if c.MatrixHomeserverURL != "" {
		wrong("MATRIX_HOMESERVER_URL", checkURL(c.MatrixHomeserverURL), "like https://matrix.example.org; leave it out to find it by .well-known")
	}
	if (c.MatrixPassword == "") == (c.MatrixAccessToken == "") {
		wrong("MATRIX_PASSWORD", errors.New("exactly one of MATRIX_PASSWORD and MATRIX_ACCESS_TOKEN is needed"), "prefer the password: with it the relay can log in again by itself")
	}
	if c.MatrixRecoveryKey != "" && utils.DecodeBase58RecoveryKey(c.MatrixRecoveryKey) == nil {
		wrong("MATRIX_RECOVERY_KEY", errors.New("is no recovery key"), "a recovery key is a line of letters and digits in groups of four and begins with Es")
	}
	wrong("WAZO_URL", checkURL(c.WazoURL), "set it to the address of Wazo, like https://wazo.example.org")
	wrong("WAZO_USERNAME", checkSet(c.WazoUsername), "set it to the log-in name of the relay's account on Wazo")
	wrong("WAZO_PASSWORD", checkSet(c.WazoPassword), "set it to the password of the relay's account on Wazo")
	c.Admins, c.AllowedUsers, c.IgnoredUsers = trim(c.Admins), trim(c.AllowedUsers), trim(c.IgnoredUsers)
	if len(c.Admins) == 0 {
		wrong("ADMINS", errNotSet, "set it to the user ids of those who may link rooms, separated by commas")
	}
	var err error
	c.rights, err = relay.NewRights(c.Admins, c.AllowedUsers, c.IgnoredUsers)
	wrong("ADMINS, ALLOWED_USERS or IGNORED_USERS", err, "user ids or patterns like @*:example.org, separated by commas")
	c.databasePath, err = db.FilePath(c.DatabaseURL)
	wrong("DATABASE_URL", err, "a file name like relay.db")
	c.alias, err = convert.ParseAliasFormat(c.AliasFormat)
	wrong("ALIAS_FORMAT", err, "a Go template like "+convert.DefaultAliasFormat)
	c.content, err = convert.ParseContentFormat(c.ContentFormat)
	wrong("CONTENT_FORMAT", err, "a Go template like "+convert.DefaultContentFormat)
	if len(strings.Fields(c.CommandPrefix)) != 1 || strings.TrimSpace(c.CommandPrefix) != c.CommandPrefix {
		wrong("COMMAND_PREFIX", fmt.Errorf("%q is not one word", c.CommandPrefix), "one word that nobody begins a message with, like !wazo")
	}
	_, _, err = net.SplitHostPort(c.AdminListen)
	wrong("ADMIN_LISTEN", err, "host and port, like 127.0.0.1:8081")
	c.level, err = zerolog.ParseLevel(c.LogLevel)
	wrong("LOG_LEVEL", err, "trace, debug, info, warn or error")
	if !slices.Contains([]string{"json", "console"}, c.LogFormat) {
		wrong("LOG_FORMAT", fmt.Errorf("%q is no format", c.LogFormat), "json or console")
	}
	return mistakes
}

var errNotSet = errors.New("is not set")

func checkSet(value string) error {
	if strings.TrimSpace(value) == "" {
		return errNotSet
	}
	return nil
}

func checkUserID(value string) error {
	if value == "" {
		return errNotSet
	}
	_, _, err := id.UserID(value).ParseAndValidateRelaxed()
	return err
}

func checkURL(value string) error {
	if value == "" {
		return errNotSet
	}
	parsed, err := url.Parse(value)
	if err != nil {
		return errors.New("is no URL")
	} else if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return errors.New("does not begin with https:// and a host")
	}
	return nil
}

func trim(list []string) []string {
	var out []string
	for _, item := range list {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// openDatabase opens the database with the configured key, or the one kept beside it.
func (c *config) openDatabase(ctx context.Context, log zerolog.Logger) (*db.Database, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	return db.Open(ctx, c.databasePath, secret, log.With().Str("part", "db").Logger())
}

// secret returns the configured key of the database, or the one kept beside it.
func (c *config) secret() (string, error) {
	if c.SecretKey != "" {
		return c.SecretKey, nil
	}
	return db.LoadOrCreateKey(c.databasePath)
}
