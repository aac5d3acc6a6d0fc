package relay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// outages remembers since when deliveries to Wazo fail, by portal, and whether people were told.
type outages struct {
	mu    sync.Mutex
	since map[int64]time.Time
	told  map[int64]bool
}

// begin notes a failure. It reports whether people are to be told now: once, when it has lasted.
func (o *outages) begin(portalID int64, now time.Time, after time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since, o.told = make(map[int64]time.Time), make(map[int64]bool)
	}
	since, ok := o.since[portalID]
	if !ok {
		o.since[portalID] = now
		return false
	}
	if o.told[portalID] || now.Sub(since) < after {
		return false
	}
	o.told[portalID] = true
	return true
}

// end notes that Wazo answers. It reports whether people were told of the outage that it ends.
func (o *outages) end(portalID int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := o.told[portalID]
	delete(o.since, portalID)
	delete(o.told, portalID)
	return told
}

// begun returns the portals with an outage that has begun and is not over.
func (o *outages) begun() []int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.since))
}

// isWazo reports whether an error comes from Wazo or from the way to it.
func isWazo(err error) bool {
	var answer *wazoapi.Error
	var transport *wazoapi.TransportError
	return errors.As(err, &answer) || errors.As(err, &transport)
}

// noteOutage notes that Wazo fails for a job, for the portals in which something waits to be posted.
func (r *Relay) noteOutage(ctx context.Context, j job) {
	waiting, err := r.waiting(ctx)
	if err != nil {
		r.log.Err(err).Msg("Failed to see whom an outage concerns")
	}
	for key := range waiting {
		if key.Direction == db.ToWazo && (j.portalID == 0 || j.portalID == key.PortalID) {
			r.tellOutage(ctx, key.PortalID)
		}
	}
}

// tellOutages looks for portals in which something waits to be posted while Wazo fails. A failed delivery may be tried
// again only long after people should have been told, and one that hangs has not even failed yet. It also ends the
// outages that no delivery will end: see endOutagesWithout.
func (r *Relay) tellOutages(ctx context.Context) {
	waiting, err := r.waiting(ctx)
	if err != nil {
		r.log.Err(err).Msg("Failed to see whom an outage concerns")
		return
	}
	for _, s := range []service{serviceToWazo, serviceToMatrix} {
		if !waitFor(s, waiting) {
			r.health.forget(s) // the last delivery says nothing about the next one
		}
	}
	fails := r.health.anyFails(serviceLogin, serviceChat, serviceToWazo)
	if fails {
		r.noteOutage(ctx, job{})
	}
	r.endOutagesWithout(ctx, waiting, fails)
}

// endOutagesWithout ends the outages of portals in which nothing waits to be posted: when Wazo works again, with a word
// to those who were told. A paused portal has been told why nothing is delivered, and will be told when that ends, so
// its outage ends without a word.
func (r *Relay) endOutagesWithout(ctx context.Context, waiting map[db.QueueKey]time.Time, fails bool) {
	for _, portalID := range r.outages.begun() {
		queue := db.QueueKey{PortalID: portalID, Direction: db.ToWazo}
		if _, ok := waiting[queue]; ok {
			continue
		}
		paused, err := r.pauses.of(ctx, queue)
		switch {
		case err != nil:
			r.log.Err(err).Int64("portal_id", portalID).Msg("Failed to see whom an outage concerns")
		case len(paused) > 0:
			r.outages.end(portalID)
		case !fails && r.outages.end(portalID):
			r.sayInPortal(ctx, portalID, r.texts.OutageOver(words.ServiceWazo))
		}
	}
}

// endOutage ends the outage of a portal, because Wazo has answered, and tells those who were told of it.
func (r *Relay) endOutage(ctx context.Context, portal *db.Portal) error {
	if !r.outages.end(portal.ID) {
		return nil
	}
	return r.Say(ctx, portal.MatrixRoom, r.texts.OutageOver(words.ServiceWazo), "")
}

// sayInPortal says something in the Matrix room of a portal, if there still is one.
func (r *Relay) sayInPortal(ctx context.Context, portalID int64, text string) {
	portal, err := r.db.Portal.ByID(ctx, portalID)
	if err == nil && portal != nil {
		err = r.Say(ctx, portal.MatrixRoom, text, "")
	}
	if err != nil {
		r.log.Err(err).Int64("portal_id", portalID).Msg("Failed to tell of an outage")
	}
}

// tellOutage tells a portal's people, once, that Wazo has been away for long.
func (r *Relay) tellOutage(ctx context.Context, portalID int64) {
	if !r.outages.begin(portalID, time.Now(), r.cfg.OutageNotice) {
		return
	}
	r.sayInPortal(ctx, portalID, r.texts.Outage(words.ServiceWazo))
}
