package bot

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/relay"
)

// translated is toMatrixError for an error that may be nil.
func translated(err error) error {
	if err == nil {
		return nil
	}
	return toMatrixError(err)
}

// toMatrixError tells the core what an error of mautrix means.
func toMatrixError(err error) *relay.MatrixError {
	failure := &relay.MatrixError{Err: err}
	var known *relay.MatrixError
	var httpErr mautrix.HTTPError
	var dial *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrNotRenewed):
		failure.NotSent = true // there was no valid access token
	case !errors.As(err, &httpErr):
	case httpErr.Response == nil:
		failure.NotSent = errors.As(err, &dial) && dial.Op == "dial"
	default:
		failure.Status = httpErr.Response.StatusCode
		if httpErr.RespError != nil {
			failure.Code = httpErr.RespError.ErrCode
		} else {
			failure.Err = errNoErrcode{failure.Status, err} // whose text is the whole page of a proxy
		}
		if failure.Status == http.StatusTooManyRequests {
			failure.RetryAfter = device.RetryAfter(httpErr)
		}
	}
	return failure
}

// errNoErrcode is an answer that is not the homeserver's, but that of a proxy in front of it.
type errNoErrcode struct {
	status int
	cause  error
}

// Error implements error.
func (e errNoErrcode) Error() string {
	return fmt.Sprintf("HTTP %d (%s), without a Matrix error", e.status, http.StatusText(e.status))
}

// Unwrap returns the cause.
func (e errNoErrcode) Unwrap() error { return e.cause }

// RetryAfter returns how long the homeserver asks to wait after an error of Bot.Login, Bot.TryLogin or Bot.Prepare; 0
// if it does not ask.
func RetryAfter(err error) time.Duration { return toMatrixError(err).RetryAfter }

// mayPass reports whether an error may pass by itself.
func mayPass(err error) bool {
	var answer mautrix.HTTPError
	if errors.As(err, &answer) {
		err = toMatrixError(err)
	}
	return relay.MayPass(err)
}
