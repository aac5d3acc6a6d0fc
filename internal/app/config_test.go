package app

import (
	"bytes"
	"encoding"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// goodEnv is a complete environment; nothing in it is asked.
func goodEnv() map[string]string {
	return map[string]string{
		"MATRIX_USER_ID": botUser, "MATRIX_PASSWORD": matrixPassword,
		"WAZO_URL": "https://wazo.a.example", "WAZO_USERNAME": "relay", "WAZO_PASSWORD": wazoPassword, "ADMINS": "@robin:a.example",
	}
}

// with returns a complete environment with changes; "" takes a variable away.
func with(changes map[string]string) []string {
	vars := goodEnv()
	maps.Copy(vars, changes)
	maps.DeleteFunc(vars, func(_, value string) bool { return value == "" })
	return environ(vars)
}

// mistakes loads a configuration and returns what is said about it.
func mistakes(t *testing.T, environ []string) []printedError {
	t.Helper()
	_, err := loadConfig(environ)
	if err == nil {
		return nil
	}
	var printed bytes.Buffer
	printErrors(&printed, err)
	for _, secret := range secrets {
		require.NotContains(t, printed.String(), secret)
	}
	return printedErrors(t, printed.String())
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(environ(goodEnv()))
	require.NoError(t, err)
	require.EqualValues(t, "relay.db", cfg.Database)
	require.EqualValues(t, "!wazo", cfg.CommandPrefix)
	require.EqualValues(t, "127.0.0.1:8081", cfg.AdminListen)
	require.EqualValues(t, zerolog.InfoLevel, cfg.LogLevel)
	require.EqualValues(t, "json", cfg.LogFormat)
	require.Equal(t, "Ada (Matrix)", cfg.AliasFormat.Alias(convert.Sender{Name: "Ada", UserID: "@ada:a.example"}))

	t.Run("a variable that is set to nothing has its default", func(t *testing.T) {
		vars := goodEnv()
		for _, name := range []string{
			"MATRIX_HOMESERVER_URL", "MATRIX_ACCESS_TOKEN", "MATRIX_PASSWORD_FILE", "WAZO_CA_FILE", "ALLOWED_USERS", "IGNORED_USERS", "DATABASE_URL",
			"SECRET_KEY", "COMMAND_PREFIX", "ALIAS_FORMAT", "CONTENT_FORMAT", "ADMIN_LISTEN", "LOG_LEVEL", "LOG_FORMAT",
			"PUBLIC_URL", "LISTEN", "MEDIA_MAX_SIZE", "MEDIA_DAYS", "MEDIA_FETCH_HOSTS", "AVATARS",
			"OAUTH_CLIENT_URI", "PROBE_MINUTES", "ADMIN_ROOM", "ENCRYPT_ROOMS", "BACKFILL_MESSAGES", "WAZO_EVENTS", "LANGUAGE", "WAZO_MARKDOWN", "RELAY_EDITS", "RELAY_REDACTIONS", "RELAY_REACTIONS",
		} {
			vars[name] = ""
		}
		empty, err := loadConfig(environ(vars))
		require.NoError(t, err)
		require.Equal(t, cfg, empty)
	})
}

func TestConfigOfFiles(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(environ(goodEnv()))
	require.NoError(t, err)
	require.Equal(t, relay.MediaConfig{Life: 30 * 24 * time.Hour, MaxSize: 50_000_000}, cfg.media(), "off by default")
	require.EqualValues(t, "0.0.0.0:8080", cfg.Listen)
	require.EqualValues(t, "none", cfg.Avatars)

	for publicURL, want := range map[string][2]string{ // address of files, path of requests
		"https://relay.a.example":         {"https://relay.a.example/media", ""},
		"https://relay.a.example/":        {"https://relay.a.example/media", ""},
		"https://a.example:8443/to/relay": {"https://a.example:8443/to/relay/media", "/to/relay"},
		"http://a.example/relay/":         {"http://a.example/relay/media", "/relay"},
	} {
		cfg, err = loadConfig(with(map[string]string{"PUBLIC_URL": publicURL}))
		require.NoError(t, err)
		require.Equal(t, want, [2]string{cfg.media().URL, cfg.PublicURL.path}, publicURL)
	}

	cfg, err = loadConfig(with(map[string]string{"MEDIA_FETCH_HOSTS": " wiki.a.example , 10.0.0.5:8080,[fd00::1]:443,"}))
	require.NoError(t, err)
	require.EqualValues(t, []string{"wiki.a.example", "10.0.0.5:8080", "[fd00::1]:443"}, cfg.MediaFetchHosts)

	for text, want := range map[string]int64{"1": 1, "5MB": 5_000_000, "5 mb": 5_000_000, "10kB": 10_000, " 2GB ": 2_000_000_000, "7B": 7} {
		cfg, err = loadConfig(with(map[string]string{"MEDIA_MAX_SIZE": text}))
		require.NoError(t, err)
		require.EqualValues(t, want, cfg.MediaMaxSize, text)
	}
}

func TestConfigOfTheClientURI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ clientURI, publicURL, want string }{
		{"", "", "https://wazo-platform.org/"},
		{"", "https://relay.a.example", "https://relay.a.example/"},
		{"", "https://relay.a.example/relay/", "https://relay.a.example/relay/"},
		{"", "https://relay.a.example:8443", "https://wazo-platform.org/"}, // providers refuse other ports
		{"", "http://10.0.0.5:8080/", "https://wazo-platform.org/"},
		{"https://www.a.example/relay", "https://relay.a.example", "https://www.a.example/relay"},
	} {
		cfg, err := loadConfig(with(map[string]string{"OAUTH_CLIENT_URI": test.clientURI, "PUBLIC_URL": test.publicURL}))
		require.NoError(t, err)
		require.Equal(t, test.want, cfg.clientURI(), "%+v", test)
	}
}

func TestConfigOfTheLanguage(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(environ(goodEnv()))
	require.NoError(t, err)
	require.EqualValues(t, words.English, cfg.Language)
	cfg, err = loadConfig(with(map[string]string{"LANGUAGE": "fr"}))
	require.NoError(t, err)
	require.EqualValues(t, words.French, cfg.Language)
	for _, language := range words.Languages() { // the program and the catalogue know the same
		_, err = loadConfig(with(map[string]string{"LANGUAGE": string(language)}))
		require.NoError(t, err)
	}
	found := mistakes(t, with(map[string]string{"LANGUAGE": "fr_FR"}))
	require.Len(t, found, 1)
	require.Contains(t, found[0].hint, "en (English) or fr (French)")
}

func TestRelayAccountIsOptional(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(with(map[string]string{"WAZO_USERNAME": "", "WAZO_PASSWORD": ""}))
	require.NoError(t, err)
	require.False(t, cfg.hasRelayAccount())
	for missing, other := range map[string]string{"WAZO_USERNAME": "WAZO_PASSWORD", "WAZO_PASSWORD": "WAZO_USERNAME"} {
		found := mistakes(t, with(map[string]string{missing: ""}))
		require.Len(t, found, 1)
		require.Equal(t, missing+" is not set", found[0].failure)
		require.Contains(t, found[0].hint, "leave out both")
		require.Contains(t, found[0].hint, other)
	}
}

func TestConfigOfConversations(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(environ(goodEnv()))
	require.NoError(t, err)
	require.True(t, bool(cfg.EncryptRooms))
	require.EqualValues(t, 20, cfg.BackfillMessages)
	cfg, err = loadConfig(with(map[string]string{"ENCRYPT_ROOMS": "false", "BACKFILL_MESSAGES": "0"}))
	require.NoError(t, err)
	require.False(t, bool(cfg.EncryptRooms))
	require.Zero(t, cfg.BackfillMessages)
	for name, values := range map[string][]string{"ENCRYPT_ROOMS": {"yes", "maybe"}, "BACKFILL_MESSAGES": {"-1", "201", "many"}, "ADMIN_ROOM": {"abc", "!", "#alias:a.example", "!a b"}, "PROBE_MINUTES": {"-1", "1441", "NaN", "often"}} {
		for _, value := range values {
			found := mistakes(t, with(map[string]string{name: value}))
			require.Len(t, found, 1, value)
			require.Contains(t, found[0].failure, name+": ")
		}
	}
}

func TestConfigOfWhatIsRelayed(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(environ(goodEnv()))
	require.NoError(t, err)
	require.Equal(t, relay.RelationsConfig{}, cfg.relations())
	require.True(t, bool(cfg.WazoMarkdown))
	for name, want := range map[string]relay.RelationsConfig{
		"RELAY_EDITS": {WithoutEdits: true}, "RELAY_REDACTIONS": {WithoutRedactions: true}, "RELAY_REACTIONS": {WithoutReactions: true}, "WAZO_MARKDOWN": {},
	} {
		cfg, err = loadConfig(with(map[string]string{name: "off"}))
		require.NoError(t, err)
		require.Equal(t, want, cfg.relations())
		require.Equal(t, name != "WAZO_MARKDOWN", bool(cfg.WazoMarkdown))
		found := mistakes(t, with(map[string]string{name: "false"}))
		require.Len(t, found, 1)
		require.Contains(t, found[0].failure, name+": ")
	}
}

func TestConfigReportsAllMistakesTogether(t *testing.T) {
	t.Parallel()
	t.Run("of an empty environment", func(t *testing.T) {
		found := mistakes(t, nil)
		var names []string
		for _, mistake := range found {
			name, _, _ := strings.Cut(mistake.failure, " ")
			names = append(names, strings.TrimSuffix(name, ":"))
		}
		require.ElementsMatch(t, []string{"MATRIX_USER_ID", "WAZO_URL", "ADMINS"}, names)
	})

	t.Run("of every kind", func(t *testing.T) {
		found := mistakes(t, with(map[string]string{
			"MATRIX_USER_ID": "bot", "WAZO_PASSWORD_FILE": "/none", "DATABASE_URL": "postgres://x", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml",
		}))
		require.Len(t, found, 5)
	})

	t.Run("of Wazo's address and of the file with its certificate, too", func(t *testing.T) {
		found := mistakes(t, with(map[string]string{"WAZO_URL": "http://wazo.a.example/api", "WAZO_CA_FILE": "/nope", "LISTEN": "8080"}))
		require.Len(t, found, 3)
		for i, name := range []string{"WAZO_URL", "WAZO_CA_FILE"} {
			require.Contains(t, found[i].failure, name+": ")
			require.Contains(t, found[i].hint, name)
		}
	})

	t.Run("and says where all variables are explained", func(t *testing.T) {
		_, err := loadConfig(nil)
		var printed bytes.Buffer
		printErrors(&printed, err)
		require.True(t, strings.HasPrefix(printed.String(), "error: "))
		require.Equal(t, 3, strings.Count(printed.String(), "\n\n"), "a blank line between two mistakes: %s", &printed)
		require.True(t, strings.HasSuffix(printed.String(), "\n\n.env.example explains all variables.\n"))
	})

	t.Run("of each item of a list", func(t *testing.T) {
		found := mistakes(t, with(map[string]string{"ADMINS": "robin,@sam:a.example,kim", "MEDIA_FETCH_HOSTS": "a.example/x,b.example,me@c.example"}))
		require.Len(t, found, 4)
	})

	t.Run("and each says what to do", func(t *testing.T) {
		for field := range reflect.TypeFor[config]().Fields() {
			if reflect.PointerTo(field.Type).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
				require.NotEmpty(t, field.Tag.Get("hint"), field.Name)
			}
		}
	})
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		changes map[string]string
		want    string
	}{
		{"a user id without server", map[string]string{"MATRIX_USER_ID": "@bot"}, "MATRIX_USER_ID"},
		{"a user id without sign", map[string]string{"MATRIX_USER_ID": "bot:a.example"}, "MATRIX_USER_ID"},
		{"an address without scheme", map[string]string{"MATRIX_HOMESERVER_URL": "matrix.a.example"}, "MATRIX_HOMESERVER_URL"},
		{"an address of another scheme", map[string]string{"MATRIX_HOMESERVER_URL": "ftp://a.example"}, "MATRIX_HOMESERVER_URL"},
		{"an address without host", map[string]string{"WAZO_URL": "https://"}, "WAZO_URL"},
		{"an address that cannot be parsed", map[string]string{"WAZO_URL": "https://%zz"}, "WAZO_URL"},
		{"password and token", map[string]string{"MATRIX_ACCESS_TOKEN": matrixToken}, "MATRIX_PASSWORD and MATRIX_ACCESS_TOKEN are both set"},
		{"a recovery key that is not one", map[string]string{"MATRIX_RECOVERY_KEY": secretKey}, "MATRIX_RECOVERY_KEY"},
		{"a username of spaces", map[string]string{"WAZO_USERNAME": "  "}, "WAZO_USERNAME is not set"},
		{"admins of nothing but commas", map[string]string{"ADMINS": " , ,"}, "ADMINS is not set"},
		{"an admin that is no user id", map[string]string{"ADMINS": "robin"}, `"robin" is not a valid user ID or pattern`},
		{"an allowed user that is no user id", map[string]string{"ALLOWED_USERS": "@robin"}, `"@robin" is not a valid user ID or pattern`},
		{"an ignored user that is no user id", map[string]string{"IGNORED_USERS": "a.example"}, `"a.example" is not a valid user ID or pattern`},
		{"another database", map[string]string{"DATABASE_URL": "mysql://user:" + secretKey + "@host/db"}, "DATABASE_URL"},
		{"a database on PostgreSQL whose URL is wrong", map[string]string{"DATABASE_URL": "postgres://user:" + secretKey + "@host:db/db", "SECRET_KEY": "x"}, "DATABASE_URL"},
		{"a database on PostgreSQL without a key", map[string]string{"DATABASE_URL": "postgres://user:" + secretKey + "@host/db", "SECRET_KEY": ""}, "SECRET_KEY is not set"},
		{"an alias that is no template", map[string]string{"ALIAS_FORMAT": "{{.Name"}, "ALIAS_FORMAT"},
		{"an alias of an unknown field", map[string]string{"ALIAS_FORMAT": "{{.Nick}}"}, "ALIAS_FORMAT"},
		{"a content that is no template", map[string]string{"CONTENT_FORMAT": "{{end}}"}, "CONTENT_FORMAT"},
		{"a prefix of two words", map[string]string{"COMMAND_PREFIX": "hey wazo"}, "COMMAND_PREFIX"},
		{"a prefix of spaces", map[string]string{"COMMAND_PREFIX": " "}, "COMMAND_PREFIX"},
		{"a prefix with a space behind", map[string]string{"COMMAND_PREFIX": "!wazo "}, "COMMAND_PREFIX"},
		{"an address of the client without https", map[string]string{"OAUTH_CLIENT_URI": "http://a.example/"}, "OAUTH_CLIENT_URI"},
		{"a public address without scheme", map[string]string{"PUBLIC_URL": "relay.a.example"}, "PUBLIC_URL"},
		{"a public address with a query", map[string]string{"PUBLIC_URL": "https://relay.a.example/?a=b"}, "PUBLIC_URL"},
		{"a public address with a password", map[string]string{"PUBLIC_URL": "https://me:" + matrixPassword + "@relay.a.example"}, "PUBLIC_URL"},
		{"a public address with an empty part", map[string]string{"PUBLIC_URL": "https://relay.a.example//x"}, "PUBLIC_URL"},
		{"a public address that leads up", map[string]string{"PUBLIC_URL": "https://relay.a.example/x/../y"}, "PUBLIC_URL"},
		{"a public address with a blank", map[string]string{"PUBLIC_URL": "https://relay.a.example/a%20b"}, "PUBLIC_URL"},
		{"a public address with braces", map[string]string{"PUBLIC_URL": "https://relay.a.example/{x}"}, "PUBLIC_URL"},
		{"events that come in another way", map[string]string{"WAZO_EVENTS": "pigeon"}, "WAZO_EVENTS"},
		{"a webhook without address", map[string]string{"WAZO_EVENTS": "webhook"}, "WAZO_EVENTS is webhook, and PUBLIC_URL is not set"},
		{"a webhook on the machine itself", map[string]string{"WAZO_EVENTS": "webhook", "PUBLIC_URL": "http://127.0.0.1:8080"}, "an address of the machine itself, to which Wazo sends nothing"},
		{"a webhook on the machine itself, by name", map[string]string{"WAZO_EVENTS": "webhook", "PUBLIC_URL": "https://Localhost/relay"}, "an address of the machine itself, to which Wazo sends nothing"},
		{"a listener without port", map[string]string{"LISTEN": "0.0.0.0"}, "LISTEN"},
		{"a size without number", map[string]string{"MEDIA_MAX_SIZE": "MB"}, "MEDIA_MAX_SIZE"},
		{"a size of another unit", map[string]string{"MEDIA_MAX_SIZE": "5 parsecs"}, `MEDIA_MAX_SIZE: "5 parsecs" is not a valid size`},
		{"a size of nothing", map[string]string{"MEDIA_MAX_SIZE": "0"}, "MEDIA_MAX_SIZE"},
		{"a size beyond all limits", map[string]string{"MEDIA_MAX_SIZE": "9223372036854775807GB"}, "MEDIA_MAX_SIZE"},
		{"a size of two numbers", map[string]string{"MEDIA_MAX_SIZE": "1 2MB"}, "MEDIA_MAX_SIZE"},
		{"days that are not a number", map[string]string{"MEDIA_DAYS": "a week"}, `"a week" is not a whole number`},
		{"no days", map[string]string{"MEDIA_DAYS": "0"}, "MEDIA_DAYS"},
		{"more days than anybody waits", map[string]string{"MEDIA_DAYS": "4000"}, "MEDIA_DAYS"},
		{"a host to fetch from with a scheme", map[string]string{"MEDIA_FETCH_HOSTS": "https://a.example"}, "MEDIA_FETCH_HOSTS"},
		{"a host to fetch from with a path", map[string]string{"MEDIA_FETCH_HOSTS": "a.example/x"}, "MEDIA_FETCH_HOSTS"},
		{"a host to fetch from with a password", map[string]string{"MEDIA_FETCH_HOSTS": "me@a.example"}, "MEDIA_FETCH_HOSTS"},
		{"avatars of another kind", map[string]string{"AVATARS": "photos"}, "AVATARS"},
		{"a port without address", map[string]string{"ADMIN_LISTEN": "8081"}, "ADMIN_LISTEN"},
		{"a language that the relay does not speak", map[string]string{"LANGUAGE": "de"}, `LANGUAGE: "de" is not a valid value`},
		{"the languages that a system has set", map[string]string{"LANGUAGE": "en_US:en"}, `LANGUAGE: "en_US:en" is not a valid value`},
		{"an unknown log level", map[string]string{"LOG_LEVEL": "loud"}, "LOG_LEVEL"},
		{"an unknown log format", map[string]string{"LOG_FORMAT": "xml"}, "LOG_FORMAT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := mistakes(t, with(test.changes))
			require.Len(t, found, 1)
			require.Contains(t, found[0].failure, test.want)
		})
	}
}

func TestConfigRights(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(with(map[string]string{
		"ADMINS": " @robin:a.example ,, @*:admins.example ", "ALLOWED_USERS": "@*:a.example", "IGNORED_USERS": "@bridge_*:a.example",
	}))
	require.NoError(t, err)
	rights, err := cfg.rights()
	require.NoError(t, err)
	for user, want := range map[id.UserID][3]bool{ // admin, allowed, ignored
		"@robin:a.example":     {true, true, false},
		"@any:admins.example":  {true, true, false},
		"@sam:a.example":       {false, true, false},
		"@bridge_1:a.example":  {false, true, true},
		"@robin:b.example":     {false, false, false},
		"@robin:a.example.org": {false, false, false},
		"@x:admins.example:1":  {false, false, false},
	} {
		require.Equal(t, want, [3]bool{rights.IsAdmin(user), rights.IsAllowed(user), rights.IsIgnored(user)}, user)
	}

	t.Run("without allowed users only admins are allowed", func(t *testing.T) {
		cfg, err := loadConfig(environ(goodEnv()))
		require.NoError(t, err)
		rights, err := cfg.rights()
		require.NoError(t, err)
		require.True(t, rights.IsAllowed("@robin:a.example"))
		require.False(t, rights.IsAllowed("@sam:a.example"))
	})
}

func TestConfigSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(content string) string {
		t.Helper()
		f, err := os.CreateTemp(dir, "secret")
		require.NoError(t, err)
		_, err = f.WriteString(content)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return f.Name()
	}

	t.Run("each secret may be in a file, which may end with a new line", func(t *testing.T) {
		cfg, err := loadConfig(with(map[string]string{
			"MATRIX_PASSWORD": "", "MATRIX_PASSWORD_FILE": file(" pass word \n"),
			"WAZO_PASSWORD": "", "WAZO_PASSWORD_FILE": file(wazoPassword + "\r\n"),
			"SECRET_KEY_FILE": file(secretKey),
		}))
		require.NoError(t, err)
		require.Equal(t, " pass word ", cfg.MatrixPassword, "only the end of the line is taken off")
		require.EqualValues(t, wazoPassword, cfg.WazoPassword)
		require.Equal(t, secretKey, cfg.SecretKey)
		cfg, err = loadConfig(with(map[string]string{"MATRIX_PASSWORD": "", "MATRIX_ACCESS_TOKEN_FILE": file(matrixToken + "\n")}))
		require.NoError(t, err)
		require.Equal(t, matrixToken, cfg.MatrixAccessToken)
	})

	t.Run("a secret that is set twice is refused", func(t *testing.T) {
		for _, name := range []string{"MATRIX_PASSWORD", "WAZO_PASSWORD"} {
			found := mistakes(t, with(map[string]string{name + "_FILE": file("x")}))
			require.Len(t, found, 1)
			require.Contains(t, found[0].failure, name+" and "+name+"_FILE are both set")
		}
	})

	t.Run("a file that cannot be read is named", func(t *testing.T) {
		missing := filepath.Join(dir, "missing")
		found := mistakes(t, with(map[string]string{"SECRET_KEY_FILE": missing}))
		require.Len(t, found, 1)
		require.Contains(t, found[0].failure, "SECRET_KEY_FILE")
		require.Contains(t, found[0].failure, missing)
	})

	t.Run("an empty file is as good as no secret", func(t *testing.T) {
		found := mistakes(t, with(map[string]string{"WAZO_PASSWORD": "", "WAZO_PASSWORD_FILE": file("\n")}))
		require.Len(t, found, 1)
		require.Contains(t, found[0].failure, "WAZO_PASSWORD")
	})
}
