package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

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

	PublicURL    string `env:"PUBLIC_URL"`
	Listen       string `env:"LISTEN" envDefault:"0.0.0.0:8080"`
	MediaMaxSize string `env:"MEDIA_MAX_SIZE" envDefault:"50MB"`
	MediaDays    int    `env:"MEDIA_DAYS" envDefault:"30"`

	MediaFetchHosts []string `env:"MEDIA_FETCH_HOSTS"`
	Avatars         string   `env:"AVATARS" envDefault:"none"`

	AdminListen string `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081"`
	LogLevel    string `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat   string `env:"LOG_FORMAT" envDefault:"json"`

	// What the texts above mean, filled in by check.
	databasePath string
	rights       relay.Rights
	alias        *convert.AliasFormat
	content      *convert.ContentFormat
	publicPath   string // of PublicURL, without / at the end
	mediaMaxSize int64  // bytes
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
	if c.PublicURL != "" {
		c.publicPath, err = publicPath(c.PublicURL)
		wrong("PUBLIC_URL", err, "the address under which people on Wazo reach the relay, like https://relay.example.org; leave it out to serve no files")
	}
	_, _, err = net.SplitHostPort(c.Listen)
	wrong("LISTEN", err, "host and port, like 0.0.0.0:8080")
	c.mediaMaxSize, err = parseSize(c.MediaMaxSize)
	wrong("MEDIA_MAX_SIZE", err, "a number with a unit, like 50MB")
	if c.MediaDays < 1 || c.MediaDays > maxMediaDays {
		wrong("MEDIA_DAYS", fmt.Errorf("%d is not from 1 to %d", c.MediaDays, maxMediaDays), "a number of days, like 30")
	}
	if !slices.Contains([]string{avatarsNone, avatarsInitials}, c.Avatars) {
		wrong("AVATARS", fmt.Errorf("%q is no kind of avatars", c.Avatars), "none or initials")
	}
	c.MediaFetchHosts = trim(c.MediaFetchHosts)
	for _, host := range c.MediaFetchHosts {
		if parsed, err := url.Parse("https://" + host); err != nil || parsed.Host != host || parsed.Hostname() == "" {
			wrong("MEDIA_FETCH_HOSTS", fmt.Errorf("%q is no host", host), "names of hosts, or name:port, separated by commas")
		}
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

// The values of AVATARS.
const (
	avatarsNone     = "none"
	avatarsInitials = "initials"
)

// maxMediaDays is how long links to files may work at most.
const maxMediaDays = 3650

// media is how files reach people on Wazo.
func (c *config) media() relay.MediaConfig {
	media := relay.MediaConfig{Life: time.Duration(c.MediaDays) * 24 * time.Hour, MaxSize: c.mediaMaxSize}
	if c.PublicURL != "" {
		media.URL = strings.TrimRight(c.PublicURL, "/") + mediaPath
	}
	return media
}

// publicPath returns the path below which the relay is asked from outside, without / at the end.
func publicPath(publicURL string) (string, error) {
	if err := checkURL(publicURL); err != nil {
		return "", err
	}
	parsed, err := url.Parse(publicURL)
	switch {
	case err != nil:
		return "", errors.New("is no URL")
	case parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil:
		return "", errors.New("has more than a scheme, a host and a path")
	}
	trimmed := strings.TrimRight(parsed.Path, "/")
	if trimmed != "" && (path.Clean(trimmed) != trimmed || strings.ContainsAny(trimmed, "{} %")) {
		return "", errors.New("has a path that browsers would change, or with braces")
	}
	return trimmed, nil
}

// parseSize reads a number of bytes, with a decimal unit or none.
func parseSize(text string) (int64, error) {
	units := map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}
	digits := strings.TrimRightFunc(strings.TrimSpace(text), func(r rune) bool { return !unicode.IsDigit(r) })
	unit, known := units[strings.ToUpper(strings.TrimSpace(strings.TrimSpace(text)[len(digits):]))]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > math.MaxInt32*1000/unit {
		return 0, fmt.Errorf("%q is no size", text)
	}
	return n * unit, nil
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
