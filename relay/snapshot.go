package relay

import (
	"context"
	"fmt"
	"time"

	"wazo-matrix-relay/db"
)

// Snapshot is how everything is at a moment, in numbers.
type Snapshot struct {
	MatrixUp, WazoUp bool // as in Health
	RelayUp          bool
	Services         map[string]bool // whether each piece of a side works, by its name in the log; only those of which something is known
	LastSync         time.Time       // when an answer of /sync was last accepted; zero: none was since the start

	ClockSkew map[Server]time.Duration // by how much the clock of a server is ahead of that of this machine

	Probes map[Server]ProbeResult // only those that were made

	Queues  []db.QueueFigures
	Portals map[db.PortalKind]int
	Paused  map[Pause]int // portals that are paused, by reason; a portal may have several
	Logins  map[db.AccountState]int

	Connections, ConnectionsDue int // for events of Wazo: those that are open, and those that should be

	DatabaseSize, WALSize int64 // in bytes
}

// Snapshot returns how everything is now.
func (r *Relay) Snapshot(ctx context.Context) (s Snapshot, err error) {
	health, err := r.Health(ctx)
	if err != nil {
		return s, err
	}
	s.MatrixUp, s.WazoUp, s.RelayUp, s.LastSync = health.Matrix.OK, health.Wazo.OK, health.Relay.OK, r.LastSync()
	s.ClockSkew = map[Server]time.Duration{Homeserver: r.cfg.Clocks.Skew(Homeserver), WazoServer: r.cfg.Clocks.Skew(WazoServer)}
	s.Probes = r.selfProbe.all()
	s.Services = r.health.states()
	s.Connections, s.ConnectionsDue = r.readers.countConnections()
	if s.Queues, err = r.db.Queue.Figures(ctx); err != nil {
		return s, fmt.Errorf("failed to count what is in the queues: %w", err)
	}
	if s.Portals, err = r.db.Portal.Counts(ctx); err != nil {
		return s, fmt.Errorf("failed to count the portals: %w", err)
	}
	paused, err := r.db.Pause.All(ctx)
	if err != nil {
		return s, fmt.Errorf("failed to read which portals are paused: %w", err)
	}
	s.Paused = make(map[Pause]int)
	for _, reason := range allPauses {
		s.Paused[reason] = 0
	}
	for _, p := range pausedOnce(paused) {
		s.Paused[Pause(p.Reason)]++
	}
	logins, err := r.db.Account.Logins(ctx)
	if err != nil {
		return s, fmt.Errorf("failed to read who is logged in: %w", err)
	}
	s.Logins = map[db.AccountState]int{db.AccountActive: 0, db.AccountRefused: 0, db.AccountLeaving: 0}
	for _, login := range logins {
		s.Logins[login.State]++
	}
	s.DatabaseSize, s.WALSize = r.db.Size()
	return s, nil
}

// pausedOnce returns one pause for each portal and reason: a reason may pause a portal in several directions.
func pausedOnce(paused []*db.Pause) (once []*db.Pause) {
	type key struct {
		portal int64
		reason string
	}
	seen := make(map[key]bool)
	for _, p := range paused {
		if k := (key{p.PortalID, p.Reason}); !seen[k] {
			seen[k] = true
			once = append(once, p)
		}
	}
	return once
}
