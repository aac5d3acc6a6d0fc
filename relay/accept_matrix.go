package relay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
)

// InboxItem is something that the bot has to answer: an invite, a command, a change of a room.
type InboxItem struct {
	Kind  db.InboxKind
	Event *event.Event
}

// AcceptSync stores what an answer of /sync brought and the token that covers it, in one transaction.
// When it returns nil nothing of the answer can be lost any more: after a power cut an older token brings it again. If
// there is nothing to store, the token is stored with a later answer.
func (r *Relay) AcceptSync(ctx context.Context, sync Sync) error {
	return task.Guard(ctx, func() error {
		if known, err := r.knownEchoes.areAll(ctx, sync); err != nil {
			return err
		} else if known {
			r.synced()
			return nil
		}
		// After a power cut the older token brings the answer again.
		return r.db.DoTxnWithoutSync(ctx, func(ctx context.Context) error { return r.acceptSync(ctx, sync) })
	})
}

// TrySync finds out whether AcceptSync would accept an answer. It stores nothing.
func (r *Relay) TrySync(ctx context.Context, sync Sync) error {
	return task.Guard(ctx, func() error {
		return r.db.DryRun(ctx, func(ctx context.Context) error { return r.acceptSync(ctx, sync) })
	})
}

// acceptSync stores an answer within a transaction.
func (r *Relay) acceptSync(ctx context.Context, sync Sync) error {
	a := matrixAccept{Relay: r, now: jsontime.UM(time.Now()), since: sync.Since, firstEver: sync.Since == ""}
	for _, item := range sync.Inbox {
		if err := a.toInbox(ctx, item.Kind, item.Event); err != nil {
			return err
		}
	}
	for _, room := range sync.Rooms {
		if useful, err := a.madeRoom(ctx, &room); err != nil {
			return fmt.Errorf("failed to accept the room %s: %w", room.Room, err)
		} else if !useful {
			continue
		}
		if err := a.room(ctx, room); err != nil {
			return fmt.Errorf("failed to accept events of %s: %w", room.Room, err)
		}
	}
	db.AfterCommit(ctx, func() {
		r.synced()
		r.knownEchoes.tokenStored()
		if r.startup.noteSynced() {
			r.tasks.Wake(job{kind: jobExpire})
			r.tasks.Wake(job{kind: jobWhole})
			r.wakeAll()
		}
	})
	return r.db.Setting.Set(ctx, db.SettingNextBatch, sync.NextBatch)
}

// synced notes that an answer of /sync was accepted.
func (r *Relay) synced() {
	r.lastSync.store(time.Now())
	r.noteWorks(serviceSync)
}

// wakeAll has all portals looked at in which something is unfinished: the bot's own events are known from now on. The
// others have nothing to deliver, and nothing with which it could be compared. The job is tried again
// if the database fails, because nothing else wakes them for minutes.
func (r *Relay) wakeAll() { r.tasks.Wake(job{kind: jobUnfinished}) }

func (r *Relay) wakeUnfinished(ctx context.Context) error {
	portals, err := r.db.Portal.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("failed to look for portals in which something is unfinished: %w", err)
	}
	for _, portalID := range portals {
		r.wakeQueues(portalID)
	}
	r.wazoRelations.wakeAll(ctx)
	return nil
}

// matrixAccept is the acceptance of events of Matrix rooms: of an answer of /sync, or of a page of a gap.
type matrixAccept struct {
	*Relay
	now       db.Time
	since     string     // the sync token that the answer continues
	firstEver bool       // it is the first answer that the account ever got
	portal    *db.Portal // of the room that is being accepted, nil if it has none
}

// room accepts what is said in one room.
func (a *matrixAccept) room(ctx context.Context, room RoomSync) (err error) {
	if a.portal, err = a.db.Portal.ByMatrixRoom(ctx, room.Room); err != nil {
		return err
	}
	for _, evt := range room.Events {
		a.noteProbe(ctx, evt)
		if err = a.redactMedia(ctx, room.Room, evt); err != nil {
			return err
		}
	}
	events, limited := room.Events, room.Limited
	joined := lastOwnJoin(events, a.matrix.UserID())
	if joined >= 0 {
		// What was said before the bot came in is not for it.
		events, limited = events[joined:], false
	}
	if n := len(room.Access); n > 0 && (a.portal != nil || !a.firstEver) { // a room without portal may be named by one with portal
		if err = a.toInbox(ctx, db.InboxAccess, room.Access[n-1]); err != nil { // one look at the room sees all of them
			return err
		}
	}
	if a.portal == nil {
		for _, evt := range events {
			if err = a.event(ctx, evt, 0); err != nil {
				return err
			}
		}
		return nil
	}
	if why := a.whyOpened(room.Access, events); why != "" && !a.firstEver {
		if err = a.AccessChanged(ctx, room.Room, why); err != nil {
			return err
		}
	}
	if room.Power {
		a.powerChanged(ctx)
	}
	if err = a.portalRoom(ctx, room, events, limited); err != nil {
		return err
	}
	if a.portal.IsOpened() {
		return a.conversations.membersChanged(ctx, a.portal, room)
	} else if joined < 0 {
		return nil
	}
	_, err = a.queueLinkedAgain(ctx, a.portal)
	return err
}

// noteProbe notes that a message that the relay has sent to itself has come back.
func (a *matrixAccept) noteProbe(ctx context.Context, evt Event) {
	if evt.Tag != nil && evt.Tag.Kind == TagProbe && evt.Event != nil && evt.Sender == a.matrix.UserID() {
		db.AfterCommit(ctx, func() { a.selfProbe.cameBack(Homeserver, evt.Tag.Nonce) })
	}
}

// whyOpened says in words why strangers can read a room by what an answer of /sync says, "" if it does not say so. The
// portal stops at once then. What the bot reads from the homeserver a little later, because of the same events,
// confirms that or ends the pause.
func (a *matrixAccept) whyOpened(access []*event.Event, events []Event) string {
	var join, history string // why strangers can read the room by its last join rule, and by who may read its history
	look := func(evt *event.Event) {
		switch evt.Type.Type {
		case event.StateJoinRules.Type:
			join = ""
			if evt.Content.Raw["join_rule"] == string(event.JoinRulePublic) {
				join = a.texts.OpenJoin()
			}
		case event.StateHistoryVisibility.Type:
			history = ""
			if evt.Content.Raw["history_visibility"] == string(event.HistoryVisibilityWorldReadable) {
				history = a.texts.OpenHistory()
			}
		}
	}
	for _, evt := range access {
		look(evt)
	}
	for _, evt := range events {
		if evt.ParseError == nil && evt.StateKey != nil {
			look(evt.Event)
		}
	}
	return cmp.Or(join, history)
}

// portalRoom gives the events of a portal's room their positions in the queue and accepts them.
func (a *matrixAccept) portalRoom(ctx context.Context, room RoomSync, events []Event, limited bool) error {
	position, err := a.db.Queue.LastPosition(ctx, a.portal.ID)
	if err != nil {
		return err
	}
	if limited && !a.firstEver && room.PrevBatch != "" {
		if position, err = a.db.Gap.Insert(ctx, a.portal.ID, room.Room, room.PrevBatch, a.since, position); err != nil {
			return err
		}
	}
	for _, evt := range events {
		position++
		if err = a.event(ctx, evt, position); err != nil {
			return err
		}
	}
	portalID, isOld := a.portal.ID, limited || slices.ContainsFunc(events, a.startup.isOlder)
	db.AfterCommit(ctx, func() {
		if isOld {
			a.startup.noteOld()
		}
		a.tasks.Wake(portalJob(jobToWazo, portalID))
	})
	return nil
}

// lastOwnJoin returns the index of the event by which the bot joined, -1 if it was in the room all the time.
func lastOwnJoin(events []Event, own id.UserID) int {
	for i, evt := range slices.Backward(events) {
		if evt.ParseError == nil && isJoinOf(evt, own) {
			return i
		}
	}
	return -1
}

// isJoinOf reports whether somebody comes into a room by an event that can be parsed.
func isJoinOf(evt Event, user id.UserID) bool {
	if evt.Type.Type != event.StateMember.Type || evt.StateKey == nil || *evt.StateKey != user.String() {
		return false
	}
	previous := ""
	if evt.Unsigned.PrevContent != nil {
		previous, _ = evt.Unsigned.PrevContent.Raw["membership"].(string)
	}
	membership, _ := evt.Content.Raw["membership"].(string)
	return membership == string(event.MembershipJoin) && previous != string(event.MembershipJoin)
}

// event accepts one event. In a room with portal, position is its place in the queue.
func (a *matrixAccept) event(ctx context.Context, evt Event, position int64) error {
	switch disposition := a.Disposition(evt); disposition {
	case OwnJoin:
		return a.toInboxUnlessFirst(ctx, db.InboxJoined, evt)
	case AccessChange:
		return a.toInboxUnlessFirst(ctx, db.InboxAccess, evt)
	case Command:
		return a.command(ctx, evt.Event)
	case RoomUpgrade:
		if a.portal != nil {
			return a.toInboxUnlessFirst(ctx, db.InboxUpgrade, evt)
		}
	case Encrypted:
		if a.portal == nil {
			return a.toInboxUnlessFirst(ctx, db.InboxUnread, evt) // perhaps it is a command
		}
		return a.enqueue(ctx, evt, position)
	default:
		if a.portal != nil {
			return a.portalEvent(ctx, disposition, evt, position)
		}
	}
	return nil
}

// command accepts a command.
func (a *matrixAccept) command(ctx context.Context, evt *event.Event) error {
	if a.firstEver { // see toInboxUnlessFirst
		_, _, err := a.rememberCommand(ctx, evt)
		return err
	}
	portalID := int64(0)
	if a.portal != nil {
		portalID = a.portal.ID
	}
	return a.acceptCommand(ctx, portalID, evt, a.now)
}

// portalEvent accepts an event that only concerns a room with portal.
func (a *matrixAccept) portalEvent(ctx context.Context, disposition Disposition, evt Event, position int64) error {
	switch disposition {
	case ParseError:
		return a.parkUnparsable(ctx, evt, position)
	case OwnEcho:
		return a.ownEvent(ctx, evt, position)
	case PowerChange:
		a.powerChanged(ctx)
		return nil
	case Redaction:
		return a.redact(ctx, evt, position)
	case Reacted:
		return a.react(ctx, evt, position)
	case Relayed:
		return a.enqueue(ctx, evt, position)
	default:
		return nil
	}
}

// powerChanged wakes what waits to be sent to a portal's Matrix room: the bot may speak there again, perhaps.
func (a *matrixAccept) powerChanged(ctx context.Context) {
	portalID := a.portal.ID
	db.AfterCommit(ctx, func() {
		a.pauses.retryOnMatrix(portalID)
		a.tasks.Wake(portalJob(jobRelations, portalID))
	})
}

// toInboxUnlessFirst puts an event into the inbox, for the bot to answer it.
func (a *matrixAccept) toInboxUnlessFirst(ctx context.Context, kind db.InboxKind, evt Event) error {
	if a.firstEver {
		return nil // the first answer ever holds old history: nobody waits for an answer to that
	}
	return a.toInbox(ctx, kind, evt.Event)
}

func (a *matrixAccept) toInbox(ctx context.Context, kind db.InboxKind, evt *event.Event) error {
	return a.storeInbox(ctx, kind, evt, a.now)
}

// storeInbox stores something that the bot has to answer.
func (r *Relay) storeInbox(ctx context.Context, kind db.InboxKind, evt *event.Event, acceptedAt db.Time) error {
	payload, err := json.Marshal(evt)
	if err != nil {
		return fmt.Errorf("failed to store event %s: %w", evt.ID, err)
	}
	db.AfterCommit(ctx, func() { r.matrix.InboxFilled(evt.RoomID) })
	return r.db.Inbox.Insert(ctx, &db.InboxRow{Kind: kind, Room: evt.RoomID, EventID: evt.ID, Payload: string(payload), AcceptedAt: acceptedAt})
}

// enqueue stores an event that is to be relayed, unless it was relayed before, was edited into a command, or edits an
// event that still waits.
func (a *matrixAccept) enqueue(ctx context.Context, evt Event, position int64) error {
	if known, err := a.db.Message.KnowsEvent(ctx, a.portal.ID, evt.ID); err != nil || known {
		return err // it was relayed: what it edits must not be changed
	}
	if replaced, err := a.db.Command.IsReplaced(ctx, evt.ID, evt.Sender, db.Time{}); err != nil || replaced {
		return err
	}
	edited, waits, err := a.editPending(ctx, evt.Event, position)
	if err != nil || edited {
		return err
	} else if target := editedBy(evt.Event); target != "" && !waits {
		if off, err := a.isOff(ctx, a.portal, a.cfg.Relations.WithoutEdits); err != nil {
			return err
		} else if !off {
			return a.insert(ctx, evt, position)
		}
		if parked, err := a.parkedMessage(ctx, a.portal.ID, target, evt.Sender); err != nil || parked == nil {
			return err
		}
	}
	return a.insert(ctx, evt, position)
}

// insert stores an event that is to be relayed, unless it was relayed before.
func (a *matrixAccept) insert(ctx context.Context, evt Event, position int64) error {
	if known, err := a.db.Message.KnowsEvent(ctx, a.portal.ID, evt.ID); err != nil || known {
		return err
	} else if withdrawn, err := a.isWithdrawn(ctx, evt.Event); err != nil || withdrawn {
		return err
	}
	payload, err := storedEvent(evt.Event, evt.SenderName)
	if err != nil {
		return err
	}
	row := a.row(evt.ID.String(), evt.Sender.String(), payload, position)
	if evt.Type.Type == event.EventEncrypted.Type {
		row.Session, _ = evt.Content.Raw["session_id"].(string)
	}
	added, err := a.db.Queue.Insert(ctx, row)
	if added {
		a.counts.accepted(ctx, row)
	}
	return err
}

func (a *matrixAccept) row(sourceID, author, payload string, position int64) *db.Row {
	return &db.Row{
		PortalID: a.portal.ID, Direction: db.ToWazo, Kind: db.KindMessage, SourceID: sourceID, Author: author,
		Position: position, Payload: payload, State: db.StateNew, AcceptedAt: a.now,
	}
}

// parkUnparsable stores an event that cannot be parsed, and says so.
func (a *matrixAccept) parkUnparsable(ctx context.Context, evt Event, position int64) error {
	a.log.Warn().Err(evt.ParseError).Stringer("room_id", a.portal.MatrixRoom).Msg("Parked an event that cannot be parsed")
	row := a.row(unparsableID(evt), "", string(evt.Raw), position)
	row.State, row.Error = db.StateParked, evt.ParseError.Error()
	if isNew, err := a.db.Queue.Insert(ctx, row); err != nil || !isNew {
		return err
	}
	a.counts.accepted(ctx, row)
	a.counts.finished(ctx, row, OutcomeParked)
	return a.Say(ctx, a.portal.MatrixRoom, a.texts.NotDelivered(a.texts.Why(words.WhyUnreadable)), evt.ID)
}

// unparsableID names an event without a usable id by what it says.
func unparsableID(evt Event) string {
	if evt.Event != nil && evt.ID != "" {
		return evt.ID.String()
	}
	sum := sha256.Sum256(evt.Raw)
	return "broken:" + hex.EncodeToString(sum[:16])
}
