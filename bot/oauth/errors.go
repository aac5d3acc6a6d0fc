package oauth

import (
	"errors"
	"net/http"

	"maunium.net/go/mautrix"
)

// Errors that an administrator, or the owner of the account, can do something about.
var (
	// ErrNoProvider says that the homeserver logs people in by itself.
	ErrNoProvider = errors.New("the homeserver has no OAuth 2.0 provider")
	// ErrNoDeviceGrant says that the provider cannot log in a program without a browser.
	ErrNoDeviceGrant = errors.New("the homeserver's OAuth 2.0 provider does not offer the device authorization grant")
	// ErrNoRegistration says that the provider does not accept the relay as a client that registers itself.
	ErrNoRegistration = errors.New("the homeserver's OAuth 2.0 provider does not let the relay register itself")
	// ErrBadAddress says that the provider wants secrets to be sent to an address that is not protected.
	ErrBadAddress = errors.New("the homeserver's OAuth 2.0 provider has an address that does not begin with https://")
	// ErrDenied says that the owner of the account has refused the log-in.
	ErrDenied = errors.New("the log-in was refused in the browser")
	// ErrExpired says that nobody has approved the log-in in time.
	ErrExpired = errors.New("nobody approved the log-in in time, and the code is not valid any more")
	// ErrNoRefreshToken says that the provider has approved a log-in that could not be renewed.
	ErrNoRefreshToken = errors.New("the homeserver's OAuth 2.0 provider gives no refresh token, so that the log-in would not last")
	// ErrUnknownClient says that the provider does not know the relay by its id any more.
	ErrUnknownClient = errors.New("the homeserver's OAuth 2.0 provider does not know the relay any more")
)

// codeOf returns the error code of an answer (RFC 6749, section 5.2; RFC 8628, section 3.5), "" if there is none.
func codeOf(err error) string {
	if answer, ok := errors.AsType[mautrix.RespError](err); ok && answer.OAuth {
		return answer.ErrCode
	}
	return ""
}

// isFinal reports whether an answer would be the same if the request were made again.
func isFinal(err error) bool {
	answer, ok := errors.AsType[mautrix.HTTPError](err)
	if !ok || answer.Response == nil {
		return false
	}
	status := answer.Response.StatusCode
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}
