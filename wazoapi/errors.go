package wazoapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrTooLarge is the cause of the TransportError of an answer that is too
// large to be read; asking for fewer items helps.
var ErrTooLarge = errors.New("the answer is too large")

// What the error of a log-in means, for errors.Is. Errors of [Client.LogInOffline],
// and of every call of an [Account], match them: *Error, *TransportError and what
// wraps one.
var (
	// ErrLogInRefused means that the log-in name or the password is wrong, or the
	// account disabled, or the LDAP domain unknown: wazo-auth does not tell which
	// (docs/wazo.md, "Log in"). See [Account.UserStateByLogin].
	ErrLogInRefused = errors.New("the Wazo log-in was refused")
	// ErrLogInEnded means that wazo-auth no longer accepts a refresh token: it was
	// revoked, or its account was disabled, renamed or deleted
	// (docs/wazo.md, "Refresh tokens"). Only its owner can log in again. It also means
	// that [Account.End] was called.
	ErrLogInEnded = errors.New("the Wazo log-in is no longer accepted")
	// ErrTooManySessions means that the account has to wait until one of its 100
	// sessions ends (docs/wazo.md, "Session limit").
	ErrTooManySessions = errors.New("the Wazo account has too many sessions")
	// ErrUnknownTenant means that there is no tenant of the name that was given
	// (docs/wazo.md, "LDAP"). An unknown domain is refused instead.
	ErrUnknownTenant = errors.New("unknown Wazo tenant")
	// ErrAuthDown means that wazo-auth, or the way to it, fails. A log-in may have
	// made a session nevertheless (docs/wazo.md, "Session limit").
	ErrAuthDown = errors.New("wazo-auth is not available")
)

// Error is an answer of a Wazo service, or of the nginx before it, whose status
// is not 2xx (docs/wazo.md, "Errors of chatd"). It never contains a token.
type Error struct {
	Status     int            // HTTP status
	ID         string         // error_id, "" if the service gave none
	Reason     string         // details.reason of a 401 (docs/wazo.md, "Errors of chatd")
	Message    string         // for humans; readable also for HTML and empty bodies
	Method     string         // of the request
	Path       string         // of the request, without query and without tokens
	RetryAfter time.Duration  // how long the server asked to wait; 0 if it did not ask
	Details    map[string]any // details of the body, cleaned of tokens; may be nil
	Refresh    bool           // the request was a log-in with a refresh token

	plugin   bool // the request was for a route of the plugin
	noPlugin bool // and the plugin is not there, see ErrNoPlugin
}

// Values of [Error.Reason] in a 401 of chatd: the token is unknown or expired, or
// the account lacks a right (docs/wazo.md, "Errors of chatd").
const (
	ReasonTokenInvalid      = "not_found_or_expired"
	ReasonMissingPermission = "missing_permission_or_invalid_tenant"
)

// Error describes the answer in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d", e.Method, e.Path, e.Status)
	for _, part := range []string{e.ID, e.Reason, e.Message} {
		if part != "" {
			b.WriteString(": ")
			b.WriteString(part)
		}
	}
	return b.String()
}

// Is tells what the answer to a log-in means, see [ErrLogInRefused] and those that
// follow it, what the plugin means, see [ErrNoPlugin] and those that follow it, and
// whether it names an [ErrUnknownUser], or somebody outside Wazo, see
// [ErrInvalidIdentity] and those that follow it.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrLogInRefused:
		return e.LoginFailed() && !e.Refresh
	case ErrLogInEnded:
		return e.LoginFailed() && e.Refresh
	case ErrTooManySessions:
		return e.SessionLimit()
	case ErrUnknownTenant:
		return e.isLogin() && e.ID == "unknown-tenant"
	case ErrAuthDown:
		return IsAuth(e) && e.Status >= http.StatusInternalServerError
	case ErrUnknownUser:
		return e.Status == http.StatusNotFound && e.ID == "unknown-user"
	case ErrInvalidIdentity:
		return e.Status == http.StatusBadRequest && e.ID == "invalid-identity"
	case ErrIdentityRequired:
		return e.Status == http.StatusConflict && e.ID == "message-identity-required"
	case ErrUnreachable:
		return e.Status == http.StatusConflict && (e.ID == "unreachable-participant" || e.ID == "no-common-connector")
	case ErrNoPlugin:
		return e.noPlugin
	case ErrNotMember:
		return e.isPluginError("room-not-found")
	case ErrUnknownMessage:
		return e.isPluginError("message-not-found")
	default:
		return false
	}
}

// LoginFailed reports whether wazo-auth refused the log-in name and password, or
// the refresh token, which only a human can repair (docs/wazo.md, "Log in"). See
// [ErrLogInRefused] and [ErrLogInEnded].
func (e *Error) LoginFailed() bool {
	return e.Status == http.StatusUnauthorized && e.isLogin()
}

// SessionLimit reports whether the account has too many sessions to log in
// (docs/wazo.md, "Session limit"); they end by themselves.
func (e *Error) SessionLimit() bool {
	return e.Status == http.StatusTooManyRequests && e.isLogin()
}

func (e *Error) isLogin() bool {
	return e.Method == http.MethodPost && e.Path == string(serviceAuth)+"/token"
}

// MissingPermission reports whether the account may not do what was asked: an
// administrator has taken an access out of its policy. chatd says so by a 401
// with a reason, wazo-auth by 403. A 401 of an old server, without a reason,
// is only returned for a token that wazo-auth knows: it means the same.
func (e *Error) MissingPermission() bool {
	switch e.Status {
	case http.StatusForbidden:
		return true
	case http.StatusUnauthorized:
		return e.Reason == ReasonMissingPermission || e.Reason == "" && !e.isLogin()
	default:
		return false
	}
}

// TransportError means that a request got no usable answer.
type TransportError struct {
	Op   string // method and path, without query and without tokens
	Sent bool   // false only if it is certain that no byte of the request reached the server
	Err  error
}

// Error describes the failure in one line.
func (e *TransportError) Error() string {
	if e.Sent {
		return fmt.Sprintf("%s: no usable answer: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

// Is tells whether it was wazo-auth that could not be asked; see [ErrAuthDown]. A
// request that the caller gave up tells nothing.
func (e *TransportError) Is(target error) bool {
	return target == ErrAuthDown && IsAuth(e) && !errors.Is(e.Err, context.Canceled)
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// OutcomeUnknown reports whether a request that failed with err may have been
// carried out nevertheless: chatd may store what it answers with 5xx or not at
// all (docs/wazo.md, "Unknown outcomes"). It is false for errors of the log-in
// and of the token check, which come before the request.
func OutcomeUnknown(err error) bool {
	if IsAuth(err) {
		return false
	}
	if failure, ok := errors.AsType[*TransportError](err); ok {
		return failure.Sent
	}
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Status >= http.StatusInternalServerError && !answer.noPlugin
}

// IsAuth reports whether it was wazo-auth that failed with err: a log-in or a
// check of the token, by this client or by another service.
func IsAuth(err error) bool {
	if failure, ok := errors.AsType[*TransportError](err); ok {
		return strings.Contains(failure.Op, " "+string(serviceAuth)+"/")
	}
	answer, ok := errors.AsType[*Error](err)
	return ok && (strings.HasPrefix(answer.Path, string(serviceAuth)+"/") || answer.ID == "authentication-server-unreachable")
}
