package bot

import (
	"errors"
	"net"
	"net/http"

	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot/device"
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
	case !errors.As(err, &httpErr):
	case httpErr.Response == nil:
		failure.NotSent = errors.As(err, &dial) && dial.Op == "dial"
	default:
		failure.Status = httpErr.Response.StatusCode
		if httpErr.RespError != nil {
			failure.Code = httpErr.RespError.ErrCode
		}
		if failure.Status == http.StatusTooManyRequests {
			failure.RetryAfter = device.RetryAfter(httpErr)
		}
	}
	return failure
}

// mayPass reports whether an error may pass by itself.
func mayPass(err error) bool {
	var answer mautrix.HTTPError
	if errors.As(err, &answer) {
		err = toMatrixError(err)
	}
	return relay.MayPass(err)
}
