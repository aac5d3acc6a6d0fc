package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// adminNotices tells the administrators once when a problem has begun that concerns no single portal, and once when it
// is over. It is used by watch only.
type adminNotices struct {
	*Relay
	loaded   bool
	problems map[words.Part]*problem
}

// problem is what is wrong with a part. What is told of it outlives a restart: nobody is told twice that it has begun.
type problem struct {
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
	Told  bool      `json:"told"`
	well  time.Time // since when it may be over; zero: it is not
}

func newAdminNotices(r *Relay) *adminNotices {
	return &adminNotices{Relay: r, problems: make(map[words.Part]*problem)}
}

// look looks how everything is, and tells the administrators what is new. A problem is told, and so is its end, when it
// has lasted for OutageNotice: nobody wants to hear of each second.
func (a *adminNotices) look(ctx context.Context) {
	if !a.loaded {
		if err := a.load(ctx); err != nil {
			a.log.Err(err).Msg("Failed to read which problems the administrators know of")
			return
		}
		a.loaded = true
	}
	troubles, err := a.generalTroubles(ctx)
	if err != nil {
		troubles = map[words.Part]string{words.PartRelay: a.texts.Why(words.WhyDatabaseFails)}
	}
	for _, part := range words.Parts() {
		if err := a.follow(ctx, part, troubles[part], time.Now()); err != nil && ctx.Err() == nil {
			a.log.Err(err).Str("part", string(part)).Msg("Failed to tell the administrators of a problem")
		}
	}
}

// follow follows how a part is. why is what is wrong with it, "" if nothing is.
func (a *adminNotices) follow(ctx context.Context, part words.Part, why string, now time.Time) error {
	p := a.problems[part]
	switch {
	case p == nil && why == "":
		return nil
	case p == nil:
		p = &problem{Since: now}
		a.problems[part] = p
	}
	if why != "" {
		p.Why, p.well = why, time.Time{}
		if p.Told || now.Sub(p.Since) < a.cfg.OutageNotice {
			return nil
		}
		p.Told = true
		err := a.tell(ctx, a.texts.ProblemBegun(part, p.Why))
		if err != nil {
			p.Told = false // it is tried again
		}
		return err
	}
	if p.well.IsZero() {
		p.well = now
	}
	if p.Told && now.Sub(p.well) < a.cfg.OutageNotice {
		return nil
	}
	delete(a.problems, part)
	lasted := p.well.Sub(p.Since)
	if !p.Told && lasted < a.cfg.OutageNotice {
		return nil
	}
	err := a.tell(ctx, a.texts.ProblemOver(part, p.Why, lasted)) // also if its beginning could not be told
	if err != nil {
		a.problems[part] = p
	}
	return err
}

// tell says something to the administrators, and stores what they know.
func (a *adminNotices) tell(ctx context.Context, text string) error {
	return a.db.DoTxn(ctx, func(ctx context.Context) error {
		stored, err := json.Marshal(a.problems)
		if err != nil {
			return err
		} else if err = a.db.Setting.Set(ctx, db.SettingProblems, string(stored)); err != nil {
			return fmt.Errorf("failed to store which problems the administrators know of: %w", err)
		} else if a.cfg.AdminRoom != "" {
			return a.Say(ctx, a.cfg.AdminRoom, text, "")
		}
		return a.SayToAdmins(ctx, text)
	})
}

// SayToAdmins says something to each administrator who is named by the whole user id, in the bot's direct chat with
// them.
func (r *Relay) SayToAdmins(ctx context.Context, text string) error {
	for _, admin := range r.cfg.Rights.Named() {
		if err := r.SayTo(ctx, admin, text); err != nil {
			return err
		}
	}
	return nil
}

func (a *adminNotices) load(ctx context.Context) error {
	stored, err := a.db.Setting.Get(ctx, db.SettingProblems)
	if err != nil || stored == "" {
		return err
	} else if err = json.Unmarshal([]byte(stored), &a.problems); err != nil {
		return err
	}
	for part, p := range a.problems {
		if p == nil || !p.Told {
			delete(a.problems, part) // it begins again if it is still there
		}
	}
	return nil
}

// generalTroubles returns what is wrong with the parts, without what concerns single portals.
func (r *Relay) generalTroubles(ctx context.Context) (map[words.Part]string, error) {
	waiting, err := r.waiting(ctx)
	if err != nil {
		return nil, err
	}
	report := &healthReport{Relay: r, texts: r.texts, now: time.Now(), waiting: waiting, brief: true}
	report.result = Health{Matrix: report.ofSide(matrixServices), Wazo: report.ofSide(wazoServices), Relay: report.ofSide(ownServices)}
	report.addSync()
	report.addClocks()
	troubles := make(map[words.Part]string)
	for part, side := range map[words.Part]SideHealth{words.PartMatrix: report.result.Matrix, words.PartWazo: report.result.Wazo, words.PartRelay: report.result.Relay} {
		if !side.OK {
			troubles[part] = side.Why[0]
		}
	}
	return troubles, nil
}

// worstShown is how many portals WorstPortals returns.
const worstShown = 10

// WorstPortals returns the portals with the greatest troubles, and how many have any: first those that are paused, then
// those whose oldest message has waited the longest, then those with the most messages that could not be delivered.
func (r *Relay) WorstPortals(ctx context.Context) (worst []words.TroubledPortal, all int, err error) {
	figures, err := r.db.Queue.FiguresOfPortals(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("failed to count what is in the queues: %w", err)
	}
	paused, err := r.db.Pause.All(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("failed to read which portals are paused: %w", err)
	}
	reasons := make(map[int64][]words.Why)
	for _, p := range pausedOnce(paused) {
		reasons[p.PortalID] = append(reasons[p.PortalID], Pause(p.Reason).Why())
	}
	troubled := slices.Collect(maps.Keys(reasons))
	for portalID := range figures {
		if _, isPaused := reasons[portalID]; !isPaused {
			troubled = append(troubled, portalID)
		}
	}
	slices.Sort(troubled)
	for _, portalID := range troubled {
		portal, err := r.db.Portal.ByID(ctx, portalID)
		if err != nil {
			return nil, 0, fmt.Errorf("failed to read a portal: %w", err)
		} else if portal == nil {
			continue
		}
		f := figures[portal.ID]
		t := words.TroubledPortal{Title: portal.Title, MatrixRoom: portal.MatrixRoom.String(), Paused: reasons[portal.ID], Waiting: f.Pending, Parked: f.Parked, WithoutKey: f.Waiting}
		if f.Pending > 0 {
			t.Oldest = max(time.Since(f.Oldest.Time), 0)
		}
		if len(t.Paused) > 0 || t.Oldest > r.cfg.OutageNotice || t.Parked > 0 || t.WithoutKey > 0 {
			worst = append(worst, t)
		}
	}
	slices.SortStableFunc(worst, words.TroubledPortal.Compare)
	return worst[:min(worstShown, len(worst))], len(worst), nil
}

// IsAdminRoom reports whether a room is that of the administrators.
func (r *Relay) IsAdminRoom(room id.RoomID) bool { return room != "" && room == r.cfg.AdminRoom }
