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

// part is a piece of a side that can fail while the others work.
type part string

// The parts, each with what shows how it is.
const (
	partSync      part = "sync"      // the answers of /sync
	partToMatrix  part = "to_matrix" // deliveries to Matrix
	partLogin     part = "login"     // wazo-auth: checks of the token
	partChat      part = "chat"      // wazo-chatd: the list of rooms
	partToWazo    part = "to_wazo"   // deliveries to Wazo
	partEvents    part = "events"    // the connection for Wazo's events
	partDirectory part = "directory" // wazo-dird and what it rests on: names
)

// The parts of each side, causes before what they cause.
var (
	matrixParts = []part{partSync, partToMatrix}
	wazoParts   = []part{partLogin, partChat, partToWazo, partEvents, partDirectory}
)

// deliveryPart is the part that deliveries in a direction show.
func deliveryPart(direction db.Direction) part {
	if direction == db.ToWazo {
		return partToWazo
	}
	return partToMatrix
}

// why is what people are told of a part that fails, unless more is known.
func (p part) why() words.Why {
	switch p {
	case partSync, partToMatrix:
		return words.WhyHomeserverFails
	case partLogin:
		return words.WhyLoginFails
	case partEvents:
		return words.WhyEventsFail
	case partDirectory:
		return words.WhyDirectoryFails
	default:
		return words.WhyChatFails
	}
}

// condition is how a part is: what came of the last thing that was tried there.
type condition struct {
	works bool
	at    time.Time // of the last success
	why   words.Why // of the last failure
	since time.Time // of the first failure in a row
}

// health knows how both sides are. It follows what becomes of messages and of questions, and not open connections: a
// connection may be open while nothing passes.
type health struct {
	mu    sync.Mutex
	parts map[part]condition
	reads map[job]time.Time // jobs that read on Wazo and fail, with the time since when
}

func newHealth() *health {
	return &health{parts: make(map[part]condition), reads: make(map[job]time.Time)}
}

// readFailed notes that a job could not read what it needs on Wazo. A single room may be at fault, so that this says nothing about
// wazo-chatd as a whole.
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

// succeeded notes that a part works. It returns since when it had failed, the zero time if it had not.
func (h *health) succeeded(p part, now time.Time) (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since = h.parts[p].since
	h.parts[p] = condition{works: true, at: now}
	return since
}

// failed notes that a part fails. It reports whether it has not failed before in a row.
func (h *health) failed(p part, why words.Why, now time.Time) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.parts[p]
	first = c.since.IsZero()
	if first {
		c.since = now
	}
	c.works, c.why = false, why
	h.parts[p] = c
	return first
}

// forget forgets how a part was.
func (h *health) forget(p part) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.parts, p)
}

func (h *health) of(p part) condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.parts[p]
}

// fails reports whether one of some parts fails.
func (h *health) fails(parts ...part) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return !h.of(p).since.IsZero() })
}

// works notes that something succeeded on a part. The log says when that ends an outage, and all that waits for it goes on.
func (r *Relay) works(p part) {
	since := r.health.succeeded(p, time.Now())
	if since.IsZero() {
		return
	}
	r.log.Info().Str("service", string(p)).Dur("after", time.Since(since)).Msg("Works again")
	r.tasks.EndPauses()
	if p == partLogin || p == partChat {
		r.tasks.Wake(job{kind: jobProbe})
		r.tasks.Go(r.pauses.retryAll)
	}
}

// fails notes that something failed on a part, unless the error says nothing about it. It reports whether it is the first
// failure of an outage.
func (r *Relay) fails(p part, err error) (first bool) {
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
		p = partLogin
	}
	why := failure.Why
	switch why {
	case words.WhyNoPermission, words.WhyLogin, words.WhyTooManyLogins:
	default:
		why = p.why()
	}
	return r.health.failed(p, why, time.Now())
}

// MatrixFails notes that the homeserver gave no usable answer to /sync. AcceptSync notes that it gives answers again.
func (r *Relay) MatrixFails(err error) { r.fails(partSync, err) }

// watch looks again and again how Wazo is, since nobody may say anything for hours, and tells people when it is away for long.
func (r *Relay) watch(ctx context.Context) {
	ticker := time.NewTicker(r.cfg.HealthInterval)
	defer ticker.Stop()
	for {
		r.tasks.Wake(job{kind: jobHealth})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.tellOutages(ctx)
		r.pauses.retryOnWazo(ctx)
	}
}

// questionTimeout is how long a service may take for an answer that usually takes a few milliseconds. wazo-dird needs ten seconds
// to find that wazo-confd hangs.
const questionTimeout = 15 * time.Second

// examine asks each service of Wazo something cheap.
func (r *Relay) examine(ctx context.Context) {
	ctx, cancel := r.tasks.UntilStop(ctx)
	defer cancel()
	ctx, cancelQuestions := context.WithTimeout(ctx, questionTimeout)
	defer cancelQuestions()
	var wg sync.WaitGroup
	wg.Go(func() { r.noteAnswer(ctx, partLogin, r.account.api.Check(ctx)) })
	wg.Go(func() { r.noteAnswer(ctx, partDirectory, r.directory.names.Check(ctx)) })
	wg.Go(func() {
		_, err := r.account.listRooms(ctx)
		r.noteAnswer(ctx, partChat, err)
	})
	wg.Wait()
}

// noteAnswer notes how a service answered a question. A failure is logged once; watch asks again.
func (r *Relay) noteAnswer(ctx context.Context, p part, err error) {
	if err == nil {
		r.works(p)
	} else if r.fails(p, err) {
		zerolog.Ctx(ctx).Err(err).Str("service", string(p)).Msg("Fails")
	}
}

// noteFailure notes what the failure of a job says about the side that it comes from.
func (r *Relay) noteFailure(j job, err error) {
	var matrix *MatrixError
	switch {
	case isWazo(err) && j.kind == jobToWazo:
		r.fails(partToWazo, err)
	case wazoapi.IsAuth(err):
		r.fails(partLogin, err)
	case isWazo(err) && (j.kind == jobCatchUp || j.kind == jobProbe):
		r.health.readFailed(j, time.Now())
	case errors.As(err, &matrix) && j.kind == jobToMatrix:
		r.fails(partToMatrix, err)
	}
}
