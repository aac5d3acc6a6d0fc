package relay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Health is how both sides are, and the relay between them.
type Health struct{ Matrix, Wazo, Relay SideHealth }

// OK reports whether all is well.
func (h Health) OK() bool { return h.Matrix.OK && h.Wazo.OK && h.Relay.OK }

// Why says in words why not all is well. The reasons of the relay itself come first: others may follow from them.
func (h Health) Why() []string { return slices.Concat(h.Relay.Why, h.Matrix.Why, h.Wazo.Why) }

// SideHealth is how a side is, or the relay itself.
type SideHealth struct {
	OK   bool
	Why  []string // in words, the most important reason first; none if all is well
	Note string   // in words: what is as it should be, but may surprise; "" if there is nothing
}

func (s *SideHealth) add(why string) { s.OK, s.Why = false, append(s.Why, why) }

// syncOverdue is how old the last answer of /sync may be. A long poll takes half a minute.
const syncOverdue = 50 * time.Second

// Health returns how both sides are. A side is well if what was last tried there succeeded, no portal is paused because
// of it, and no message has waited for it longer than a minute.
//
// It says so in English, as logs do: administrators search for it, and so do their programs.
func (r *Relay) Health(ctx context.Context) (Health, error) {
	return r.healthOf(ctx, "", r.texts.In(words.English))
}

// healthOf is Health for people, in their language. With a room, it leaves out what concerns only other rooms, and the
// pauses.
func (r *Relay) healthOf(ctx context.Context, room id.RoomID, texts words.Texts) (Health, error) {
	waiting, err := r.waiting(ctx)
	if err != nil {
		return Health{}, err
	}
	report := &healthReport{Relay: r, texts: texts, room: room, now: time.Now(), waiting: waiting}
	report.result = Health{Matrix: report.ofSide(matrixServices), Wazo: report.ofSide(wazoServices), Relay: report.ofSide(ownServices)}
	if len(r.accounts.inUse()) == 0 {
		report.result.Wazo.Note = texts.NobodyLoggedIn()
	}
	report.addSync()
	report.addClocks()
	err = report.addPortals(ctx)
	return report.result, err
}

// healthReport finds out how both sides are.
type healthReport struct {
	*Relay

	texts   words.Texts // in which it says what is wrong
	result  Health
	room    id.RoomID // the only room that it is about; "" for all
	now     time.Time
	waiting map[db.QueueKey]time.Time // see Relay.waiting
	brief   bool                      // it does not say how long something has lasted
}

// addSync adds that the homeserver has not answered /sync.
func (r *healthReport) addSync() {
	switch lastSync := r.LastSync(); {
	case lastSync.IsZero() && r.result.Matrix.OK:
		r.result.Matrix.add(r.texts.Why(words.WhyNoSync))
	case r.result.Matrix.OK && r.now.Sub(lastSync) > syncOverdue:
		r.result.Matrix.add(r.failing(r.texts.Why(words.WhyHomeserverFails), lastSync))
	}
}

// ofSide returns how the services of a side are. It names one that fails, and not what follows from it.
func (r *healthReport) ofSide(services []service) SideHealth {
	side := SideHealth{OK: true}
	for _, s := range services {
		c := r.health.of(s)
		if c.since.IsZero() || isDelivery(s) && !waitFor(s, r.waiting) {
			continue
		}
		side.add(r.failing(r.texts.WhyWithoutMessage(c.why), c.since))
		return side
	}
	if !slices.Contains(services, serviceEvents) {
		return side
	} else if since := r.health.readsFailSince(); !since.IsZero() {
		side.add(r.failing(r.texts.Why(words.WhyChatFails), since))
	} else if !r.EventsFlow() {
		side.add(r.texts.Why(r.events.why(nil))) // the first connection is not made yet
	} else if !r.brief && !r.readers.haveLooked() {
		side.add(r.texts.Why(words.WhyCatchingUp)) // nothing is delivered to Matrix before that
	}
	return side
}

// failing says why something fails, and since when.
func (r *healthReport) failing(why string, since time.Time) string {
	if r.brief {
		return why
	}
	return r.texts.Failing(why, r.now.Sub(since))
}

func isDelivery(s service) bool { return s == serviceToWazo || s == serviceToMatrix }

// waitFor reports whether one of some queues waits for the deliveries that a service stands for: without that, the last
// delivery says nothing about now.
func waitFor(s service, waiting map[db.QueueKey]time.Time) bool {
	for key := range waiting {
		if deliveryService(key.Direction) == s {
			return true
		}
	}
	return false
}

// waiting returns the queues that have something to deliver and are not paused, with the time since when the oldest row
// has been waiting here.
func (r *Relay) waiting(ctx context.Context) (map[db.QueueKey]time.Time, error) {
	oldest, err := r.db.Queue.Oldest(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to see what is waiting: %w", err)
	}
	paused, err := r.db.Pause.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to read which portals are paused: %w", err)
	}
	unattended, err := r.db.PortalMember.Unattended(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to read which conversations nobody has joined: %w", err)
	}
	oldest = slices.DeleteFunc(oldest, func(queue db.OldestRow) bool { // they wait for people, and that is no trouble
		return queue.Direction == db.ToMatrix && slices.Contains(unattended, queue.PortalID)
	})
	oldest = slices.DeleteFunc(oldest, func(queue db.OldestRow) bool { // whoever writes to a number can cause that
		return r.waits.of(queue.QueueKey, time.Now()).For == words.WaitTextLimit
	})
	waiting := make(map[db.QueueKey]time.Time, len(oldest))
	for _, queue := range oldest {
		if !slices.ContainsFunc(paused, func(p *db.Pause) bool { return p.PortalID == queue.PortalID && p.Stops(queue.Direction) }) {
			waiting[queue.QueueKey] = queue.AcceptedAt.Time
		}
	}
	return waiting, nil
}

// addPortals adds what is wrong with single portals. It looks only at those that are paused, or in which something
// waits.
func (r *healthReport) addPortals(ctx context.Context) error {
	all, err := r.db.Pause.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read which portals are paused: %w", err)
	}
	paused := make(map[int64][]*db.Pause)
	for _, p := range all {
		paused[p.PortalID] = append(paused[p.PortalID], p)
	}
	troubled := make(map[int64]bool)
	for portalID := range paused {
		troubled[portalID] = true
	}
	for key := range r.waiting {
		troubled[key.PortalID] = true
	}
	for _, portalID := range slices.Sorted(maps.Keys(troubled)) {
		portal, err := r.db.Portal.ByID(ctx, portalID)
		if err != nil {
			return fmt.Errorf("failed to read a portal: %w", err)
		} else if portal == nil || r.room != "" && portal.MatrixRoom != r.room {
			continue
		}
		if r.room == "" {
			r.addPauses(portal, paused[portalID])
		}
		r.addWaiting(portal)
	}
	return nil
}

// addPauses adds why a portal is paused, to the side where that must be repaired.
func (r *healthReport) addPauses(portal *db.Portal, paused []*db.Pause) {
	for _, p := range paused {
		pause, side := Pause(p.Reason), &r.result.Wazo
		if pause == PauseNoReader {
			continue // Wazo is well, and people know what to do
		}
		if pause.isMatrix() {
			side = &r.result.Matrix
		}
		side.add(r.texts.PausedRoom(portal.MatrixRoom.String(), r.texts.Why(pause.Why())))
	}
}

// addWaiting adds that a message of a portal has waited for too long.
func (r *healthReport) addWaiting(portal *db.Portal) {
	for _, direction := range []db.Direction{db.ToWazo, db.ToMatrix} {
		since, ok := r.waiting[db.QueueKey{PortalID: portal.ID, Direction: direction}]
		waited := r.now.Sub(since)
		switch {
		case !ok || waited <= r.cfg.OutageNotice:
		case direction == db.ToWazo:
			r.result.Wazo.add(r.texts.WaitsForWazo(portal.MatrixRoom.String(), waited))
		case r.readers.isVerified(portal):
			r.result.Matrix.add(r.texts.WaitsForMatrix(portal.MatrixRoom.String(), waited))
		default: // it waits for the history on Wazo
			r.result.Wazo.add(r.texts.WaitsForMatrix(portal.MatrixRoom.String(), waited))
		}
	}
}
