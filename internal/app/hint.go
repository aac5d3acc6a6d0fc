package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot"
	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/bot/oauth"
	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// hintError is a start-up failure together with what the administrator can do about it.
type hintError struct {
	err  error
	hint string
}

// Error implements error.
func (e *hintError) Error() string { return e.err.Error() }

// Unwrap returns the failure.
func (e *hintError) Unwrap() error { return e.err }

// hint adds to a failure what the administrator can do about it.
func hint(err error, what string) error { return &hintError{err, what} }

// printErrors prints each failure as `error: …` and `hint: …`, and a blank line between two of them.
func printErrors(w io.Writer, err error) {
	for i, one := range separate(err) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "error: %v\n", one)
		if hinted, ok := errors.AsType[*hintError](one); ok {
			fmt.Fprintf(w, "hint: %s\n", hinted.hint)
		}
	}
	if _, ok := errors.AsType[configError](err); ok {
		fmt.Fprint(w, "\n.env.example explains all variables.\n")
	}
}

// separate returns the errors that are joined in an error.
func separate(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		all = append(all, separate(one)...)
	}
	return all
}

// matrixHint adds what the administrator can do about a failure on the Matrix side.
func matrixHint(err error) error {
	var httpErr mautrix.HTTPError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, device.ErrOtherUser):
		return hint(err, "use one DATABASE_URL for each MATRIX_USER_ID")
	case errors.Is(err, device.ErrBadPassword):
		return hint(err, "check MATRIX_USER_ID and MATRIX_PASSWORD")
	case errors.Is(err, device.ErrNoPasswordLogin):
		return hint(err, "remove MATRIX_PASSWORD and run wazo-matrix-relay login, which lets you log in with a browser; or set MATRIX_ACCESS_TOKEN instead; or allow the homeserver to accept passwords")
	case errors.Is(err, device.ErrNotLoggedIn):
		return hint(err, "set MATRIX_PASSWORD; if the homeserver accepts no passwords, run wazo-matrix-relay login, which lets you log in with a browser, or set MATRIX_ACCESS_TOKEN")
	case errors.Is(err, mautrix.MLimitExceeded):
		return hint(err, "the homeserver limits how often the account may log in; try again"+after(bot.RetryAfter(err)))
	case errors.Is(err, http.ErrSchemeMismatch):
		return hint(err, "the server at this address speaks http and not https; check the port in MATRIX_HOMESERVER_URL")
	case errors.As(err, &httpErr) && httpErr.Response != nil && httpErr.Response.StatusCode == http.StatusBadRequest && httpErr.RespError == nil:
		return hint(err, "what answers is not the homeserver; if it expects https, let MATRIX_HOMESERVER_URL begin with https://")
	case errors.Is(err, device.ErrBadToken), errors.Is(err, device.ErrTokenMismatch):
		return hint(err, "check MATRIX_ACCESS_TOKEN, or use MATRIX_PASSWORD")
	case errors.Is(err, session.ErrEnded):
		return hint(err, "run wazo-matrix-relay login again and restart the relay; or, if the homeserver accepts passwords, set MATRIX_PASSWORD and restart the relay")
	case errors.Is(err, device.ErrLoggedOut):
		return hint(err, "set MATRIX_PASSWORD, or a new MATRIX_ACCESS_TOKEN, or run wazo-matrix-relay login, and restart the relay")
	case errors.Is(err, device.ErrDeviceLost), errors.Is(err, device.ErrRestored):
		return hint(err, "with MATRIX_PASSWORD the relay makes a new device by itself at the next start; if you logged in with wazo-matrix-relay login, run that again; with MATRIX_ACCESS_TOKEN, log in again and set it to the token of a new log-in")
	case errors.Is(err, device.ErrRecoveryKeyNeeded):
		return hint(err, "set MATRIX_RECOVERY_KEY to the account's recovery key; if the account has no recovery key yet, set up recovery in the client that the account was used with; if the key is lost, reset the account's cryptographic identity in another client and use the new recovery key"+approval(err))
	case errors.Is(err, device.ErrRecoveryKeyWrong):
		return hint(err, "check MATRIX_RECOVERY_KEY; the right recovery key was shown when the account's cryptographic identity was last reset"+approval(err))
	case errors.Is(err, device.ErrOtherIdentity):
		return hint(err, "reset the account's cryptographic identity in another client, and set MATRIX_RECOVERY_KEY to the new recovery key"+approval(err))
	case errors.Is(err, oauth.ErrNoProvider):
		return hint(err, "set MATRIX_PASSWORD or MATRIX_ACCESS_TOKEN instead; there is nothing to approve in a browser here")
	case errors.Is(err, oauth.ErrNoRegistration):
		return hint(err, "if the provider does not accept the client_uri, set OAUTH_CLIENT_URI to the https address of a page about the relay; otherwise ask the homeserver's administrator to allow it; until then, set MATRIX_ACCESS_TOKEN to the token of a log-in that the administrator makes for the bot")
	case errors.Is(err, oauth.ErrNoDeviceGrant), errors.Is(err, oauth.ErrNoRefreshToken):
		return hint(err, "ask the homeserver's administrator to allow it; until then, set MATRIX_ACCESS_TOKEN to the token of a log-in that the administrator makes for the bot")
	case errors.Is(err, oauth.ErrBadAddress):
		return hint(err, "ask the homeserver's administrator to correct the answer of /_matrix/client/v1/auth_metadata")
	case errors.Is(err, oauth.ErrDenied), errors.Is(err, oauth.ErrExpired):
		return hint(err, "run wazo-matrix-relay login again; nothing has changed")
	case hasOtherName(err):
		return hint(err, "the homeserver's certificate names other hosts than MATRIX_HOMESERVER_URL; set it to an address with one of these names, or install a certificate that names the host")
	case isOutdated(err):
		return hint(err, "the homeserver's certificate has expired or is not valid yet; renew it, and check the clock of this machine")
	case isCertificate(err):
		return hint(err, "this machine does not trust the homeserver's certificate; check MATRIX_HOMESERVER_URL")
	case errors.Is(err, device.ErrNoHomeserver), errors.As(err, &httpErr) && (httpErr.Response == nil || httpErr.Response.StatusCode == http.StatusNotFound):
		return hint(err, "check MATRIX_HOMESERVER_URL, and check that this machine can reach the homeserver")
	default:
		return hint(err, "see the homeserver's log")
	}
}

// approval says where a new cryptographic identity is approved, if an error knows that.
func approval(err error) string {
	if reset, ok := errors.AsType[*device.ResetError](err); ok {
		return "; " + words.Texts{}.ResetApproval(reset.Address)
	}
	return ""
}

// wazoHint adds what the administrator can do about a failure on the Wazo side.
func wazoHint(err error) error {
	var refused *wazoapi.Error
	var closed *wazoapi.CloseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &closed) && closed.Code == wazoapi.CloseBusLost:
		return hint(err, "wazo-websocketd has no connection to RabbitMQ; start RabbitMQ on the Wazo server, and wait: wazo-websocketd needs up to half a minute to notice it")
	case errors.Is(err, http.ErrSchemeMismatch):
		return hint(err, "the server at this address speaks http and not https; check the port in WAZO_URL")
	case hasOtherName(err):
		return hint(err, "Wazo's certificate names other hosts than WAZO_URL; set WAZO_URL to an address with one of these names, or copy the certificate itself (on a newly installed Wazo: /usr/share/wazo-certs/server.crt) to this machine and set WAZO_CA_FILE to the name of the copy: the relay accepts exactly that certificate whatever its name")
	case isOutdated(err):
		return hint(err, "Wazo's certificate has expired or is not valid yet; renew it on Wazo, replace the copy that WAZO_CA_FILE names, restart the relay, and check the clock of this machine")
	case isCertificate(err):
		return hint(err, "Wazo's certificate is not trusted; copy the certificate that signed it (on a newly installed Wazo: /usr/share/wazo-certs/server.crt) to this machine, and set WAZO_CA_FILE to the name of the copy")
	case errors.As(err, &refused) && refused.LoginFailed():
		return hint(err, "check WAZO_USERNAME and WAZO_PASSWORD")
	case errors.As(err, &refused) && refused.MissingPermission():
		return hint(err, "the account lacks a permission; --check names those that are missing")
	case errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests:
		return hint(err, "the account already has as many sessions as Wazo allows (100); delete some, or try again"+after(refused.RetryAfter))
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return hint(err, "no Wazo answers at this address; check WAZO_URL")
	case errors.As(err, &refused) && (refused.Status == http.StatusBadGateway || refused.Status == http.StatusServiceUnavailable):
		return hint(err, "nginx on the Wazo server answers, but the service behind it does not; check that wazo-auth, wazo-chatd, wazo-dird, wazo-confd and wazo-websocketd run there, and wazo-webhookd with WAZO_EVENTS=webhook")
	case errors.As(err, &refused):
		return hint(err, "Wazo answers with an error, for example because RabbitMQ or the database is down; see the logs of wazo-auth, wazo-chatd and nginx on the Wazo server")
	default:
		return hint(err, "check WAZO_URL, and check that this machine can reach Wazo")
	}
}

// databaseHint adds what the administrator can do about a failure of the database.
func databaseHint(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, db.ErrInUse):
		return hint(err, "only one relay can use a database; stop the other one, or set another DATABASE_URL for this one")
	case errors.Is(err, db.ErrWrongKey):
		return hint(err, "set SECRET_KEY to the key with which the database was created, or restore the key file beside the database")
	case errors.Is(err, db.ErrKeyFileLost):
		return hint(err, "restore the key file from a backup, or set SECRET_KEY to the key that it contained; without the key, the relay cannot use the database")
	case errors.Is(err, db.ErrNotCopied):
		return hint(err, "the database was not changed; make room for a copy beside the database, which is about as large as the database, and start the relay again")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return hint(err, "allow the relay to write to the directory of DATABASE_URL")
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, dbutil.ErrForeignTables), errors.Is(err, dbutil.ErrNotOwned):
		return hint(err, "set DATABASE_URL to a database that only the relay uses")
	case isPostgresError(err, "42501"): // insufficient_privilege
		return hint(err, "let the user in DATABASE_URL own the database: ALTER DATABASE relay OWNER TO relay")
	case isPostgresError(err, "28P01"), isPostgresError(err, "28000"): // invalid_password, invalid_authorization_specification
		return hint(err, "check the user and the password in DATABASE_URL, and that the server's pg_hba.conf lets the user in from this machine")
	case isPostgresError(err, "3D000"): // invalid_catalog_name
		return hint(err, "make the database: CREATE DATABASE relay OWNER relay")
	case db.IsServerError(err):
		return hint(err, "check DATABASE_URL, and check that PostgreSQL runs and that this machine can reach it")
	default:
		return hint(err, "check DATABASE_URL, and check that its directory exists and that the relay may write to it")
	}
}

// isPostgresError reports whether PostgreSQL answered with a code (PostgreSQL, "PostgreSQL Error Codes").
func isPostgresError(err error, code string) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == code
}

// after says when something may be tried again: after a while (0: it is not known).
func after(wait time.Duration) string {
	if wait <= 0 {
		return " later"
	}
	return " in " + wait.Round(time.Second).String()
}

// hasOtherName reports whether a server presented a certificate that does not name the host. Nothing is known about its
// signature then: the name is checked first.
func hasOtherName(err error) bool {
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// isOutdated reports whether a server presented a certificate that has expired or is not valid yet.
func isOutdated(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// isCertificate reports whether the certificate of a server was refused.
func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}
