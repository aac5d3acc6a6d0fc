package device

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// requestLines are the log lines of mautrix about requests without answer. They carry the whole address, and are
// written as warnings and errors even when a poll or the bot is ended on purpose. Whoever made the request logs what
// matters.
var requestLines = []string{"Request canceled", "Request failed", "Request parsing failed"}

// quietRequests is a hook that leaves requestLines out of a log.
var quietRequests = zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, message string) {
	if slices.Contains(requestLines, message) {
		e.Discard()
	}
})

// quieted is the log of a client: without contents, which mautrix logs at debug level, and without requestLines. At
// trace level nothing is left out.
func quieted(log zerolog.Logger) zerolog.Logger {
	if log.GetLevel() <= zerolog.TraceLevel {
		return log
	}
	return log.Level(max(log.GetLevel(), zerolog.InfoLevel)).Hook(quietRequests)
}

// withoutQuery is a hook for the answers of a client. It takes the query off the address in an error, which is long and
// says nothing about what failed.
func withoutQuery(_ *http.Request, _ *http.Response, err error, _ time.Duration) {
	var failure *url.Error
	if errors.As(err, &failure) {
		failure.URL, _, _ = strings.Cut(failure.URL, "?")
	}
}
