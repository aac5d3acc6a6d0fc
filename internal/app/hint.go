package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"syscall"

	"maunium.net/go/mautrix"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// hintError is a start-up failure with what to do about it.
type hintError struct {
	err  error
	hint string
}

// Error implements error.
func (e *hintError) Error() string { return e.err.Error() }

// Unwrap returns the failure.
func (e *hintError) Unwrap() error { return e.err }

func hint(err error, what string) error { return &hintError{err, what} }

// printErrors prints each failure as `error: …` and `hint: …`.
func printErrors(w io.Writer, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			printErrors(w, one)
		}
		return
	}
	fmt.Fprintf(w, "error: %v\n", err)
	var hinted *hintError
	if errors.As(err, &hinted) {
		fmt.Fprintf(w, "hint: %s\n", hinted.hint)
	}
}

// matrixHint adds what to do about a failure on the Matrix side.
func matrixHint(err error) error {
	var httpErr mautrix.HTTPError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, device.ErrOtherUser):
		return hint(err, "use another DATABASE_URL for another MATRIX_USER_ID")
	case errors.Is(err, device.ErrBadPassword):
		return hint(err, "check MATRIX_USER_ID and MATRIX_PASSWORD")
	case errors.Is(err, device.ErrBadToken), errors.Is(err, device.ErrTokenMismatch):
		return hint(err, "check MATRIX_ACCESS_TOKEN, or use MATRIX_PASSWORD")
	case errors.Is(err, device.ErrLoggedOut):
		return hint(err, "restart with MATRIX_PASSWORD, or with a new MATRIX_ACCESS_TOKEN")
	case errors.Is(err, device.ErrDeviceLost), errors.Is(err, device.ErrRestored):
		return hint(err, "with MATRIX_PASSWORD the start makes a new device by itself; with MATRIX_ACCESS_TOKEN give it the token of a new log-in")
	case errors.Is(err, device.ErrRecoveryKeyNeeded):
		return hint(err, "set MATRIX_RECOVERY_KEY to the account's recovery key; if there is none yet, set up recovery with the client that the account was used with; if nobody has it, reset the account's cryptographic identity with another client and take the new one")
	case errors.Is(err, device.ErrRecoveryKeyWrong):
		return hint(err, "check MATRIX_RECOVERY_KEY; whoever reset the account's cryptographic identity last was shown the right one")
	case errors.Is(err, device.ErrOtherIdentity):
		return hint(err, "reset the account's cryptographic identity with another client and set MATRIX_RECOVERY_KEY to the new recovery key")
	case isCertificate(err):
		return hint(err, "the homeserver's certificate is not trusted by this machine; check MATRIX_HOMESERVER_URL")
	case errors.Is(err, device.ErrNoHomeserver), errors.As(err, &httpErr) && (httpErr.Response == nil || httpErr.Response.StatusCode == http.StatusNotFound):
		return hint(err, "check MATRIX_HOMESERVER_URL, and that the homeserver can be reached from here")
	default:
		return hint(err, "see the homeserver's log")
	}
}

// wazoHint adds what to do about a failure on the Wazo side.
func wazoHint(err error) error {
	var refused *wazoapi.Error
	switch {
	case err == nil:
		return nil
	case isCertificate(err):
		return hint(err, "Wazo's certificate is not trusted: put the certificate that signed it (on a new Wazo: /usr/share/wazo-certs/server.crt) into a file and set WAZO_CA_FILE")
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return hint(err, "check WAZO_USERNAME and WAZO_PASSWORD")
	case errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests:
		return hint(err, "the account has 100 sessions on Wazo already; wait until they expire or delete some")
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return hint(err, "there is no Wazo at this address; check WAZO_URL")
	case errors.As(err, &refused):
		return hint(err, "Wazo answers with an error; see its logs (wazo-auth, wazo-chatd, nginx)")
	default:
		return hint(err, "check WAZO_URL, and that Wazo can be reached from here")
	}
}

// databaseHint adds what to do about a failure of the database.
func databaseHint(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, db.ErrInUse):
		return hint(err, "one relay runs on one database: stop the other one, or give this one another DATABASE_URL")
	case errors.Is(err, db.ErrWrongKey):
		return hint(err, "set SECRET_KEY (or the key file beside the database) to what it was when the database was made")
	case errors.Is(err, db.ErrKeyFileLost):
		return hint(err, "bring the key file back from a backup, or set SECRET_KEY to what stood in it; without it the database is of no use")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return hint(err, "the relay must be allowed to write in the directory of DATABASE_URL")
	case errors.Is(err, context.Canceled):
		return err
	default:
		return hint(err, "check DATABASE_URL, and that its directory exists and can be written")
	}
}

func isCertificate(err error) bool {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var hostname x509.HostnameError
	return errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &hostname)
}
