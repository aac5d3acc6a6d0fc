package relay

import (
	"errors"
	"net/http"
	"time"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// Class is what an error means for what comes next.
type Class int

// The classes of errors (docs/architecture.md, "When it fails").
const (
	ClassService Class = iota // wait and go on in order
	ClassMessage              // this message only: park it
	ClassPortal               // this portal: pause it until it is repaired
)

// Failure is what an error means.
type Failure struct {
	Class   Class
	Unknown bool          // the request may have been carried out
	Wait    time.Duration // how long the server asks to wait; 0: growing pauses
	Pause   Pause         // of ClassPortal: why
	Why     words.Why     // for people
}

// pauseBecause is the failure of a portal.
func pauseBecause(p Pause) Failure { return Failure{Class: ClassPortal, Pause: p, Why: p.Why()} }

// classify puts every error of either side into one of the three classes. An error that it does not know is one of the
// service, with an unknown outcome, so that no message is lost or duplicated.
func classify(err error) Failure {
	var wazo *wazoapi.Error
	var transport *wazoapi.TransportError
	var matrix *MatrixError
	var message *messageError
	var panicked *task.PanicError
	switch {
	case errors.As(err, &message):
		return Failure{Class: ClassMessage, Why: message.why}
	case errors.Is(err, errNoMember):
		return pauseBecause(PauseNoRoom)
	case errors.As(err, &panicked):
		return Failure{Class: ClassMessage, Why: words.WhyBroken}
	case errors.As(err, &wazo):
		return classifyWazo(wazo)
	case errors.As(err, &transport):
		return Failure{Class: ClassService, Unknown: wazoapi.OutcomeUnknown(err), Why: words.WhyWazoFails}
	case errors.As(err, &matrix):
		return classifyMatrix(matrix)
	default:
		return Failure{Class: ClassService, Unknown: true, Why: words.WhyService}
	}
}

// MayPass reports whether an error may pass by itself: it is the service's.
func MayPass(err error) bool { return classify(err).Class == ClassService }

// WhyFailed says why something that a person asked for failed.
func (r *Relay) WhyFailed(err error) string { return r.texts.WhyWithoutMessage(classify(err).Why) }

// classifyWazo puts an error of Wazo into its class. It follows docs/wazo.md, "Redirects and limits of nginx";
// docs/wazo.md, "Session limit"; docs/wazo.md, "Errors of chatd"; docs/wazo.md, "Unknown outcomes".
func classifyWazo(err *wazoapi.Error) Failure {
	service := Failure{Class: ClassService, Unknown: wazoapi.OutcomeUnknown(err), Wait: err.RetryAfter, Why: words.WhyWazoFails}
	switch {
	case err.LoginFailed():
		return pauseBecause(PauseLogin)
	case err.SessionLimit():
		service.Why = words.WhyTooManyLogins
		return service
	case err.MissingPermission(), err.ID == "unauthorized-tenant":
		return pauseBecause(PausePermission)
	case err.Status == http.StatusNotFound && err.ID != "":
		return pauseBecause(PauseNoRoom)
	case errors.Is(err, wazoapi.ErrUnreachable):
		return Failure{Class: ClassMessage, Why: words.WhyUnreachable}
	case errors.Is(err, wazoapi.ErrInvalidIdentity):
		return Failure{Class: ClassMessage, Why: words.WhyNumberGone}
	case err.Status == http.StatusConflict:
		return pauseBecause(PauseConflict)
	case err.Status == http.StatusRequestEntityTooLarge:
		return Failure{Class: ClassMessage, Why: words.WhyTooLarge}
	case err.Status == http.StatusBadRequest, err.Status == http.StatusUnprocessableEntity:
		return Failure{Class: ClassMessage, Why: words.WhyWazoRefused}
	default:
		// Also a 404 that is not chatd's: something in front of it is being repaired.
		return service
	}
}

// classifyMatrix puts an error of the homeserver into its class. It follows the client-server API. A 413 comes with
// different errcodes, so the status counts (docs/matrix.md, "Errors").
func classifyMatrix(err *MatrixError) Failure {
	switch {
	case err.Status == 0:
		return Failure{Class: ClassService, Unknown: !err.NotSent, Why: words.WhyHomeserverFails}
	case err.Status >= 500:
		return Failure{Class: ClassService, Unknown: true, Wait: err.RetryAfter, Why: words.WhyHomeserverFails}
	case err.Status == http.StatusTooManyRequests:
		return Failure{Class: ClassService, Wait: err.RetryAfter, Why: words.WhyHomeserverFails}
	case err.Status == http.StatusUnauthorized, err.Code == "M_UNRECOGNIZED", err.Code == "" && err.Status != http.StatusRequestEntityTooLarge:
		// The sync loop deals with a lost log-in; without errcode it is not the homeserver's answer but a proxy's.
		return Failure{Class: ClassService, Why: words.WhyHomeserverFails}
	case err.Status == http.StatusForbidden:
		return pauseBecause(PauseForbidden)
	case err.Status == http.StatusNotFound:
		return pauseBecause(PauseRemoved)
	case err.Status == http.StatusRequestEntityTooLarge:
		return Failure{Class: ClassMessage, Why: words.WhyTooLarge}
	case err.Status >= 400:
		return Failure{Class: ClassMessage, Why: words.WhyHomeserverRefused}
	default:
		return Failure{Class: ClassService, Unknown: true, Why: words.WhyHomeserverFails}
	}
}

// messageError is a message that cannot be relayed, for a reason that its sender is told.
type messageError struct {
	why   words.Why
	cause error
}

// Error implements error.
func (e *messageError) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return string(e.why)
}

// Unwrap returns the cause.
func (e *messageError) Unwrap() error { return e.cause }

// errNoMember says that the relay account, which reads a chat, is not a member of it any more. Wazo would let it post
// all the same (docs/wazo.md, "Post messages").
var errNoMember = errors.New("the relay account is not a member of the chat any more")

// A message is poison if its request gets an answer of unknown outcome this often and for this long while others pass.
const (
	poisonAttempts = 10
	poisonPeriod   = 5 * time.Minute
)
