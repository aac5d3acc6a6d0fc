package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Health is how both sides are.
type Health struct{ Matrix, Wazo SideHealth }

// SideHealth is how a side is.
type SideHealth struct {
	OK  bool
	Why []string // in words, the most important reason first; none if all is well
}

func (s *SideHealth) add(why string) { s.OK, s.Why = false, append(s.Why, why) }

// syncOverdue is how old the last answer of /sync may be. A long poll takes half a minute.
const syncOverdue = 50 * time.Second

// Health returns how both sides are. A side is well if what was last tried there succeeded, no portal is paused because of it,
// and no message has waited for it longer than a minute.
func (r *Relay) Health(ctx context.Context) (Health, error) { return r.healthOf(ctx, "") }

// healthOf is Health. With a room, it leaves out what concerns only other rooms, and the pauses.
func (r *Relay) healthOf(ctx context.Context, room id.RoomID) (Health, error) {
	waiting, err := r.waiting(ctx)
	if err != nil {
		return Health{}, err
	}
	report := &healthReport{Relay: r, room: room, now: time.Now(), waiting: waiting}
	report.Matrix, report.Wazo = report.ofSide(matrixParts), report.ofSide(wazoParts)
	report.addSync()
	err = report.addPortals(ctx)
	return report.Health, err
}

// healthReport finds out how both sides are.
type healthReport struct {
	*Relay
	Health

	room    id.RoomID // the only room that it is about; "" for all
	now     time.Time
	waiting map[db.QueueKey]time.Time // see Relay.waiting
}

// addSync adds that the homeserver has not answered /sync.
func (r *healthReport) addSync() {
	switch lastSync := r.LastSync(); {
	case lastSync.IsZero() && r.Matrix.OK:
		r.Matrix.add(r.texts.Why(words.WhyNoSync))
	case r.Matrix.OK && r.now.Sub(lastSync) > syncOverdue:
		r.Matrix.add(r.texts.Failing(r.texts.Why(words.WhyHomeserverFails), r.now.Sub(lastSync)))
	}
}

// ofSide returns how the parts of a side are. It names one that fails, and not what follows from it.
func (r *healthReport) ofSide(parts []part) SideHealth {
	side := SideHealth{OK: true}
	for _, p := range parts {
		c := r.health.of(p)
		if c.since.IsZero() || isDelivery(p) && !waitFor(p, r.waiting) {
			continue
		}
		side.add(r.texts.Failing(r.texts.WhyWithoutMessage(c.why), r.now.Sub(c.since)))
		return side
	}
	if !slices.Contains(parts, partEvents) {
		return side
	} else if since := r.health.readsFailSince(); !since.IsZero() {
		side.add(r.texts.Failing(r.texts.Why(words.WhyChatFails), r.now.Sub(since)))
	} else if !r.Connected() {
		side.add(r.texts.Why(words.WhyEventsFail)) // the first connection is not made yet
	}
	return side
}

func isDelivery(p part) bool { return p == partToWazo || p == partToMatrix }

// waitFor reports whether one of some queues waits for the deliveries that a part stands for: without that, the last delivery says
// nothing about now.
func waitFor(p part, waiting map[db.QueueKey]time.Time) bool {
	for key := range waiting {
		if deliveryPart(key.Direction) == p {
			return true
		}
	}
	return false
}

// waiting returns the queues that have something to deliver and are not paused, with the time since when the oldest row has been
// waiting here.
func (r *Relay) waiting(ctx context.Context) (map[db.QueueKey]time.Time, error) {
	oldest, err := r.db.Queue.Oldest(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to see what is waiting: %w", err)
	}
	paused, err := r.db.Pause.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to read which portals are paused: %w", err)
	}
	waiting := make(map[db.QueueKey]time.Time, len(oldest))
	for _, queue := range oldest {
		if !slices.ContainsFunc(paused, func(p *db.Pause) bool { return p.PortalID == queue.PortalID && p.Stops(queue.Direction) }) {
			waiting[queue.QueueKey] = queue.AcceptedAt.Time
		}
	}
	return waiting, nil
}

// addPortals adds what is wrong with single portals.
func (r *healthReport) addPortals(ctx context.Context) error {
	portals, err := r.db.Portal.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the portals: %w", err)
	}
	for _, portal := range portals {
		if r.room != "" && portal.MatrixRoom != r.room {
			continue
		}
		paused, err := r.db.Pause.Of(ctx, portal.ID)
		if err != nil {
			return fmt.Errorf("failed to read why a portal is paused: %w", err)
		}
		for _, pause := range paused {
			if r.room == "" {
				r.side(Pause(pause.Reason).isMatrix()).add(r.texts.PausedRoom(portal.MatrixRoom.String(), r.texts.Why(Pause(pause.Reason).Why())))
			}
		}
		for _, direction := range []db.Direction{db.ToWazo, db.ToMatrix} {
			key := db.QueueKey{PortalID: portal.ID, Direction: direction}
			since, ok := r.waiting[key]
			if !ok || r.now.Sub(since) <= r.cfg.OutageNotice {
				continue
			}
			if direction == db.ToWazo {
				r.Wazo.add(r.texts.WaitsForWazo(portal.MatrixRoom.String(), r.now.Sub(since)))
			} else { // what is shown on Matrix may wait for the history on Wazo
				r.side(r.account.isVerified(portal.ID)).add(r.texts.WaitsForMatrix(portal.MatrixRoom.String(), r.now.Sub(since)))
			}
		}
	}
	return nil
}

func (h *Health) side(matrix bool) *SideHealth {
	if matrix {
		return &h.Matrix
	}
	return &h.Wazo
}
