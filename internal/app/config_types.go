package app

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/crypto/utils"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// The types of configured values. UnmarshalText is never called with an empty text: a variable that is set to nothing
// has its default. No error contains a text that may be a secret.
var (
	_ encoding.TextUnmarshaler = (*userID)(nil)
	_ encoding.TextUnmarshaler = (*userPatterns)(nil)
	_ encoding.TextUnmarshaler = (*recoveryKey)(nil)
	_ encoding.TextUnmarshaler = (*nonBlank)(nil)
	_ encoding.TextUnmarshaler = (*minutes)(nil)
	_ encoding.TextUnmarshaler = (*roomID)(nil)
	_ encoding.TextUnmarshaler = (*databaseLocation)(nil)
	_ encoding.TextUnmarshaler = (*commandPrefix)(nil)
	_ encoding.TextUnmarshaler = (*aliasFormat)(nil)
	_ encoding.TextUnmarshaler = (*contentFormat)(nil)
	_ encoding.TextUnmarshaler = (*byteSize)(nil)
	_ encoding.TextUnmarshaler = (*mediaDays)(nil)
	_ encoding.TextUnmarshaler = (*backfillMessages)(nil)
	_ encoding.TextUnmarshaler = (*yesNo)(nil)
	_ encoding.TextUnmarshaler = (*onOff)(nil)
	_ encoding.TextUnmarshaler = (*avatars)(nil)
	_ encoding.TextUnmarshaler = (*wazoEvents)(nil)
	_ encoding.TextUnmarshaler = (*logLevel)(nil)
	_ encoding.TextUnmarshaler = (*logFormat)(nil)
)

// userID is the user ID of a Matrix account, with its server.
type userID id.UserID

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *userID) UnmarshalText(text []byte) error {
	*u = userID(text)
	if _, _, err := id.UserID(text).ParseAndValidateRelaxed(); err != nil {
		return fmt.Errorf("%q is not a valid user ID", text)
	}
	return nil
}

// userPatterns are user IDs and patterns of user IDs, separated by commas.
type userPatterns []string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *userPatterns) UnmarshalText(text []byte) (err error) {
	*p, err = splitList(string(text), func(pattern string) error {
		if _, err := relay.NewRights([]string{pattern}, nil, nil); err != nil {
			return fmt.Errorf("%q is not a valid user ID or pattern", pattern)
		}
		return nil
	})
	return err
}

// recoveryKey is the recovery key of a cryptographic identity.
type recoveryKey string

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *recoveryKey) UnmarshalText(text []byte) error {
	*k = recoveryKey(text)
	if utils.DecodeBase58RecoveryKey(string(text)) == nil {
		return errors.New("the value is not a valid recovery key")
	}
	return nil
}

// nonBlank is a text that does not consist of spaces only.
type nonBlank string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *nonBlank) UnmarshalText(text []byte) error {
	*n = nonBlank(text)
	if strings.TrimSpace(string(text)) == "" {
		return errNotSet
	}
	return nil
}

// databaseLocation is the file of the database, or its URL on PostgreSQL. The text of a file may also be a URL with the
// scheme sqlite or file.
type databaseLocation string

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *databaseLocation) UnmarshalText(text []byte) error {
	location, err := db.Location(string(text))
	*l = databaseLocation(location)
	return err
}

func (l databaseLocation) isPostgres() bool { return db.IsPostgres(string(l)) }

// commandPrefix is the word by which commands begin.
type commandPrefix string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *commandPrefix) UnmarshalText(text []byte) error {
	*p = commandPrefix(text)
	if fields := strings.Fields(string(text)); len(fields) != 1 || fields[0] != string(text) {
		return fmt.Errorf("%q is not one word without spaces", text)
	}
	return nil
}

// aliasFormat is how Matrix people are called on Wazo.
type aliasFormat struct{ *convert.AliasFormat }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *aliasFormat) UnmarshalText(text []byte) (err error) {
	f.AliasFormat, err = convert.ParseAliasFormat(string(text))
	return err
}

// contentFormat is what is posted on Wazo.
type contentFormat struct{ *convert.ContentFormat }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *contentFormat) UnmarshalText(text []byte) (err error) {
	f.ContentFormat, err = convert.ParseContentFormat(string(text))
	return err
}

// byteSize is a number of bytes. Its text is a number with a decimal unit, or with none.
type byteSize int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *byteSize) UnmarshalText(text []byte) error {
	units := map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}
	trimmed := strings.TrimSpace(string(text))
	digits := strings.TrimRightFunc(trimmed, func(r rune) bool { return !unicode.IsDigit(r) })
	unit, known := units[strings.ToUpper(strings.TrimSpace(trimmed[len(digits):]))]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > math.MaxInt32*1000/unit {
		return fmt.Errorf("%q is not a valid size", text)
	}
	*s = byteSize(n * unit)
	return nil
}

// mediaDays is for how many days a link to a file works.
type mediaDays int

const maxMediaDays = 3650

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *mediaDays) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxMediaDays {
		return fmt.Errorf("%q is not a whole number from 1 to %d", text, maxMediaDays)
	}
	*d = mediaDays(n)
	return nil
}

// roomID is the ID of a Matrix room.
type roomID string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *roomID) UnmarshalText(text []byte) error {
	// Since room version 12 an ID has no server name.
	if len(text) < 2 || text[0] != '!' || strings.ContainsFunc(string(text), unicode.IsSpace) {
		return fmt.Errorf("%q is not the ID of a room", text)
	}
	*r = roomID(text)
	return nil
}

// minutes is a time in minutes, which may have a fraction.
type minutes time.Duration

const maxMinutes = 24 * 60

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *minutes) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n >= 0 && n <= maxMinutes) { // not a number is neither
		return fmt.Errorf("%q is not a number from 0 to %d", text, maxMinutes)
	}
	*m = minutes(n * float64(time.Minute))
	return nil
}

// backfillMessages is how many messages are shown when a conversation opens.
type backfillMessages int

const maxBackfillMessages = 200

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *backfillMessages) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > maxBackfillMessages {
		return fmt.Errorf("%q is not a whole number from 0 to %d", text, maxBackfillMessages)
	}
	*b = backfillMessages(n)
	return nil
}

// yesNo is a choice between true and false.
type yesNo bool

// UnmarshalText implements encoding.TextUnmarshaler.
func (y *yesNo) UnmarshalText(text []byte) error {
	choice := string(text)
	*y = choice == "true"
	if choice != "true" && choice != "false" {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	return nil
}

// onOff is a switch.
type onOff bool

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *onOff) UnmarshalText(text []byte) error {
	choice := string(text)
	*o = choice == "on"
	if choice != "on" && choice != "off" {
		return fmt.Errorf("%q is neither on nor off", text)
	}
	return nil
}

// avatars says which pictures of Wazo people the bot shows.
type avatars string

// The values of AVATARS.
const (
	avatarsNone     avatars = "none"
	avatarsInitials avatars = "initials"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *avatars) UnmarshalText(text []byte) error {
	return oneOf(a, text, avatarsNone, avatarsInitials)
}

// wazoEvents is how events of Wazo come.
type wazoEvents string

// The values of WAZO_EVENTS.
const (
	eventsWebsocket wazoEvents = "websocket"
	eventsWebhook   wazoEvents = "webhook"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *wazoEvents) UnmarshalText(text []byte) error {
	return oneOf(e, text, eventsWebsocket, eventsWebhook)
}

// language is the language of what people read.
type language words.Language

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *language) UnmarshalText(text []byte) error {
	return oneOf(l, text, language(words.English), language(words.French))
}

// logFormat is the form of the lines of the log.
type logFormat string

// The values of LOG_FORMAT.
const (
	logJSON    logFormat = "json"
	logConsole logFormat = "console"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *logFormat) UnmarshalText(text []byte) error { return oneOf(f, text, logJSON, logConsole) }

// logLevel is the lowest level that is logged.
type logLevel zerolog.Level

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *logLevel) UnmarshalText(text []byte) error {
	if err := (*zerolog.Level)(l).UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is not a valid log level", text) // zerolog's error speaks of its own default
	}
	return nil
}

// oneOf sets a value to the text if it is one of the given values.
func oneOf[T ~string](value *T, text []byte, values ...T) error {
	if *value = T(text); !slices.Contains(values, *value) {
		return fmt.Errorf("%q is not a valid value", text)
	}
	return nil
}

// splitList splits a text at commas and leaves out what is empty. It returns the whole list, and an error that joins
// those of its items.
func splitList(text string, check func(item string) error) (list []string, err error) {
	var mistakes []error
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
			mistakes = append(mistakes, check(item))
		}
	}
	return list, errors.Join(mistakes...)
}
