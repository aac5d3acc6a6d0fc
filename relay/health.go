package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// service is a piece of a side that can fail while the others work.
type service string

// The services, each with what shows how it is.
const (
	serviceSync        service = "sync"         // the answers of /sync
	serviceToMatrix    service = "to_matrix"    // deliveries to Matrix
	serviceLogin       service = "login"        // wazo-auth: checks of the token
	serviceChat        service = "chat"         // wazo-chatd: the list of rooms
	serviceToWazo      service = "to_wazo"      // deliveries to Wazo
	serviceEvents      service = "events"       // the connection for Wazo's events
	serviceDirectory   service = "directory"    // wazo-dird and what it rests on: names
	serviceMatrixProbe service = "matrix_probe" // messages of the relay to itself on Matrix
	serviceWazoProbe   service = "wazo_probe"   // events that the relay causes on Wazo
	serviceDatabase    service = "database"     // the relay's own database
)

// The services of each side, causes before what they cause.
var (
	matrixServices = []service{serviceSync, serviceToMatrix, serviceMatrixProbe}
	wazoServices   = []service{serviceLogin, serviceChat, serviceToWazo, serviceEvents, serviceWazoProbe, serviceDirectory}
	ownServices    = []service{serviceDatabase}
)

// deliveryService is the service that deliveries in a direction show.
func deliveryService(direction db.Direction) service {
	if direction == db.ToWazo {
		return serviceToWazo
	}
	return serviceToMatrix
}

// why is what people are told of a service that fails, unless more is known.
func (s service) why() words.Why {
	switch s {
	case serviceSync, serviceToMatrix:
		return words.WhyHomeserverFails
	case serviceLogin:
		return words.WhyLoginFails
	case serviceEvents:
		return words.WhyEventsFail
	case serviceDirectory:
		return words.WhyDirectoryFails
	case serviceMatrixProbe:
		return words.WhyMatrixSilent
	case serviceWazoProbe:
		return words.WhyWazoSilent
	case serviceDatabase:
		return words.WhyDatabaseFails
	default:
		return words.WhyChatFails
	}
}

// condition is how a service is: what came of the last thing that was tried there.
type condition struct {
	works bool
	at    time.Time // of the last success
	why   words.Why // of the last failure
	since time.Time // of the first failure in a row
}

// health knows how both sides are. It follows what becomes of messages and of questions, and not open connections: a
// connection may be open while nothing passes.
type health struct {
	mu       sync.Mutex
	services map[service]condition
	reads    map[job]time.Time // jobs that read on Wazo and fail, with the time since when
}

func newHealth() *health {
	return &health{services: make(map[service]condition), reads: make(map[job]time.Time)}
}

// readFailed notes that a job could not read what it needs on Wazo. A single room may be at fault, so that this says
// nothing about wazo-chatd as a whole.
func (h *health) readFailed(j job, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.reads[j]; !known {
		h.reads[j] = now
	}
}

// jobDone notes that a job has done what it had to, or that there is nothing to do any more.
func (h *health) jobDone(j job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.reads, j)
}

// readsFailSince returns since when a job cannot read on Wazo, the zero time if all can.
func (h *health) readsFailSince() (oldest time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, since := range h.reads {
		if oldest.IsZero() || since.Before(oldest) {
			oldest = since
		}
	}
	return oldest
}

// succeeded notes that a service works. It returns since when it had failed, the zero time if it had not.
func (h *health) succeeded(s service, now time.Time) (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since = h.services[s].since
	h.services[s] = condition{works: true, at: now}
	return since
}

// failed notes that a service fails. It reports whether it has not failed before in a row.
func (h *health) failed(s service, why words.Why, now time.Time) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.services[s]
	first = c.since.IsZero()
	if first {
		c.since = now
	}
	c.works, c.why = false, why
	h.services[s] = c
	return first
}

// forget forgets how a service was.
func (h *health) forget(s service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.services, s)
}

func (h *health) of(s service) condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.services[s]
}

// states returns whether each service works of which something is known, by name.
func (h *health) states() map[string]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	states := make(map[string]bool, len(h.services))
	for s, c := range h.services {
		states[string(s)] = c.since.IsZero()
	}
	return states
}

// anyFails reports whether one of some services fails.
func (h *health) anyFails(services ...service) bool {
	return slices.ContainsFunc(services, func(s service) bool { return !h.of(s).since.IsZero() })
}

// noteWorks notes that something succeeded on a service. The log says when that ends an outage, and all that waits for
// it goes on.
func (r *Relay) noteWorks(s service) {
	since := r.health.succeeded(s, time.Now())
	if since.IsZero() {
		return
	}
	r.log.Info().Str("service", string(s)).Dur("after", time.Since(since)).Msg("Works again")
	r.tasks.EndPauses()
	if s == serviceLogin || s == serviceChat {
		r.readers.probeAll()
		r.tasks.Go(r.pauses.retryAll)
	}
}

// noteFails notes that something failed on a service, unless the error says nothing about it. It reports whether it is
// the first failure of an outage.
func (r *Relay) noteFails(s service, err error) (first bool) {
	failure := classify(err)
	var matrix *MatrixError
	switch {
	case errors.Is(err, context.Canceled):
		return false // the relay is being stopped
	case failure.Class == ClassMessage:
		return false // what was asked for was wrong
	case errors.As(err, &matrix) && matrix.Status == 429:
		return false // it works, only slowly
	case wazoapi.IsAuth(err):
		s = serviceLogin
	}
	why := failure.Why
	switch why {
	case words.WhyNoPermission, words.WhyLogin, words.WhyTooManyLogins:
	default:
		why = s.why()
		if s == serviceEvents {
			why = r.events.why(err)
		}
	}
	return r.health.failed(s, why, time.Now())
}

// MatrixFails notes that the homeserver gave no usable answer to /sync. AcceptSync notes that it gives answers again.
func (r *Relay) MatrixFails(err error) { r.noteFails(serviceSync, err) }

// watch looks again and again how Wazo is, since nobody may say anything for hours, and tells people when it is away
// for long.
func (r *Relay) watch(ctx context.Context) {
	notices := newAdminNotices(r)
	ticker := time.NewTicker(r.cfg.HealthInterval)
	defer ticker.Stop()
	for {
		r.watched.store(time.Now())
		r.tasks.Wake(job{kind: jobHealth})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.tellOutages(ctx)
		notices.look(ctx)
		r.pauses.retryOnWazo(ctx)
	}
}

// questionTimeout is how long a service may take for an answer that usually takes a few milliseconds. wazo-dird needs
// ten seconds to find that wazo-confd hangs.
const questionTimeout = 15 * time.Second

// examine asks each service of Wazo something cheap, and tries the database.
func (r *Relay) examine(ctx context.Context) {
	ctx, cancel := r.tasks.UntilStop(ctx)
	defer cancel()
	ctx, cancelQuestions := context.WithTimeout(ctx, questionTimeout)
	defer cancelQuestions()
	var wg sync.WaitGroup
	wg.Go(func() { r.noteAnswer(ctx, serviceDatabase, r.checkDatabase(ctx)) })
	wg.Go(func() { r.examineBy(ctx, serviceLogin, func(acc *account) error { return acc.api.Check(ctx) }) })
	wg.Go(func() {
		if asked, err := r.directory.names.Check(ctx); asked {
			r.noteAnswer(ctx, serviceDirectory, err)
		} else {
			r.health.forget(serviceDirectory)
		}
	})
	wg.Go(func() {
		r.examineBy(ctx, serviceChat, func(acc *account) error {
			_, err := acc.listRooms(ctx)
			if err == nil {
				r.readers.lookForGone(ctx, acc)
			}
			return err
		})
	})
	wg.Wait()
}

// examineBy asks a service something cheap through the relay account. If there is none, it asks through the account of
// somebody who has logged in, and through another one if only that account is at fault. Without any account it is not
// known how the service is.
func (r *Relay) examineBy(ctx context.Context, s service, ask func(*account) error) {
	for _, acc := range r.accounts.inUse() {
		err := ask(acc)
		if acc == r.account || err == nil || r.readers.failedAlone(ctx, acc, err) != nil {
			r.noteAnswer(ctx, s, err)
			return
		}
	}
	r.health.forget(s)
}

// noteAnswer notes how a service answered a question. A failure is logged once; watch asks again.
func (r *Relay) noteAnswer(ctx context.Context, s service, err error) {
	if err == nil {
		r.noteWorks(s)
	} else if r.noteFails(s, err) {
		zerolog.Ctx(ctx).Err(err).Str("service", string(s)).Msg("Fails")
	}
}

// noteJobFailed notes what the failure of a job says about the side that it comes from.
func (r *Relay) noteJobFailed(j job, err error) {
	var matrix *MatrixError
	switch {
	case isOwnAccount(err):
	case isWazo(err) && j.kind == jobToWazo:
		r.noteFails(serviceToWazo, err)
	case wazoapi.IsAuth(err):
		r.noteFails(serviceLogin, err)
	case isWazo(err) && (j.kind == jobCatchUp || j.kind == jobProbe):
		r.health.readFailed(j, time.Now())
	case errors.As(err, &matrix) && j.kind == jobToMatrix:
		r.noteFails(serviceToMatrix, err)
	}
}
