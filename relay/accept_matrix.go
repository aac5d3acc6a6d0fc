package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// InboxItem is something that the bot has to answer: an invite, a command, a change of a room.
type InboxItem struct {
	Kind  db.InboxKind
	Event *event.Event
}

// AcceptSync stores what an answer of /sync brought and the token that covers it, in one transaction.
// When it returns nil nothing of the answer can be lost any more.
func (r *Relay) AcceptSync(ctx context.Context, sync Sync) error {
	return guard(ctx, func() error {
		return r.db.DoTxn(ctx, func(ctx context.Context) error { return r.accept(ctx, sync) })
	})
}

// errTrial rolls a trial back.
var errTrial = errors.New("only a trial")

// TrySync finds out whether AcceptSync would accept an answer. It stores nothing.
func (r *Relay) TrySync(ctx context.Context, sync Sync) error {
	err := guard(ctx, func() error {
		return r.db.DoTxn(ctx, func(ctx context.Context) error {
			if err := r.accept(ctx, sync); err != nil {
				return err
			}
			return errTrial
		})
	})
	if errors.Is(err, errTrial) {
		return nil
	}
	return err
}

// accept stores an answer within a transaction.
func (r *Relay) accept(ctx context.Context, sync Sync) error {
	a := matrixAccept{Relay: r, since: sync.Since, now: time.Now().UnixMilli()}
	for _, item := range sync.Inbox {
		if err := r.toInbox(ctx, item.Kind, item.Event, a.now); err != nil {
			return err
		}
	}
	for _, room := range sync.Rooms {
		if err := a.room(ctx, room); err != nil {
			return fmt.Errorf("failed to accept events of %s: %w", room.Room, err)
		}
	}
	db.AfterCommit(ctx, func() {
		r.synced.store(time.Now())
		if r.look.noteSynced() {
			r.workers.kick(task{job: jobExpire})
			r.workers.do(r.kickAll)
		}
	})
	return r.db.Setting.Set(ctx, db.SettingNextBatch, sync.NextBatch)
}

// kickAll has all portals looked at: the bot's own events are known from now on.
func (r *Relay) kickAll(ctx context.Context) {
	portals, err := r.db.Portal.All(ctx)
	if err != nil {
		r.log.Err(err).Msg("Failed to read the portals")
	}
	for _, portal := range portals {
		r.kickQueues(portal.ID)
	}
}

// matrixAccept is the acceptance of one answer.
type matrixAccept struct {
	*Relay
	since  string
	now    int64
	portal *db.Portal // of the room that is being accepted, nil: none
}

// room accepts what is said in one room.
func (a *matrixAccept) room(ctx context.Context, room RoomSync) (err error) {
	a.portal, err = a.db.Portal.ByMatrixRoom(ctx, room.Room)
	if err != nil {
		return err
	}
	for _, evt := range room.Events {
		if err = a.redactMedia(ctx, room.Room, evt); err != nil {
			return err
		}
	}
	events, limited := room.Events, room.Limited
	if joined := a.lastOwnJoin(events); joined >= 0 {
		// What was said before the bot came in is not for it.
		events, limited = events[joined:], false
	}
	for _, evt := range events {
		if err = a.roomBusiness(ctx, evt); err != nil {
			return err
		}
	}
	portal := a.portal
	if portal == nil {
		return nil
	}
	if room.Access != nil {
		if err = a.toInbox(ctx, db.InboxAccess, room.Access, a.now); err != nil {
			return err
		}
	}
	position, err := a.db.Queue.LastPosition(ctx, portal.ID)
	if err != nil {
		return err
	}
	if limited && a.since != "" && room.PrevBatch != "" {
		if position, err = a.db.Gap.Insert(ctx, portal.ID, room.Room, room.PrevBatch, a.since, position); err != nil {
			return err
		}
	}
	for _, evt := range events {
		position++
		if err = a.timelineEvent(ctx, portal, evt, position); err != nil {
			return err
		}
	}
	db.AfterCommit(ctx, func() { a.workers.kick(portalTask(jobToWazo, portal.ID)) })
	return nil
}

// lastOwnJoin returns the index of the event by which the bot joined, -1 if it was in the room all the time.
func (a *matrixAccept) lastOwnJoin(events []Event) int {
	for i := len(events) - 1; i >= 0; i-- {
		if isOwnJoin(events[i], a.matrix.UserID()) {
			return i
		}
	}
	return -1
}

func isOwnJoin(evt Event, own id.UserID) bool {
	if evt.Broken != nil || evt.Type.Type != event.StateMember.Type || evt.StateKey == nil || *evt.StateKey != own.String() {
		return false
	}
	previous := ""
	if evt.Unsigned.PrevContent != nil {
		previous, _ = evt.Unsigned.PrevContent.Raw["membership"].(string)
	}
	membership, _ := evt.Content.Raw["membership"].(string)
	return membership == string(event.MembershipJoin) && previous != string(event.MembershipJoin)
}

// roomBusiness puts into the inbox what the bot has to answer in any room, linked or not.
func (a *matrixAccept) roomBusiness(ctx context.Context, evt Event) error {
	switch {
	case evt.Broken != nil, a.since == "":
		return nil // the first answer ever holds old history: nobody waits for an answer to that
	case isOwnJoin(evt, a.matrix.UserID()):
		return a.toInbox(ctx, db.InboxJoined, evt.Event, a.now)
	case evt.StateKey != nil:
		if ChangesAccess(evt.Event) {
			return a.toInbox(ctx, db.InboxAccess, evt.Event, a.now)
		} else if evt.Type.Type == event.StateTombstone.Type && a.portal != nil {
			return a.toInbox(ctx, db.InboxUpgrade, evt.Event, a.now)
		}
	case evt.Sender == a.matrix.UserID() || evt.Tag != nil || a.cfg.Rights.IsIgnored(evt.Sender):
		return nil
	case a.IsCommand(evt.Event):
		return a.toInbox(ctx, db.InboxCommand, evt.Event, a.now)
	case a.portal == nil && evt.Type.Type == event.EventEncrypted.Type:
		return a.toInbox(ctx, db.InboxUnread, evt.Event, a.now)
	}
	return nil
}

// ChangesAccess reports whether a state event changes who may enter or read a room.
func ChangesAccess(evt *event.Event) bool {
	return evt.Type.Type == event.StateJoinRules.Type || evt.Type.Type == event.StateHistoryVisibility.Type
}

// toInbox stores something that the bot has to answer.
func (r *Relay) toInbox(ctx context.Context, kind db.InboxKind, evt *event.Event, acceptedAt int64) error {
	payload, err := json.Marshal(evt)
	if err != nil {
		return fmt.Errorf("failed to store event %s: %w", evt.ID, err)
	}
	db.AfterCommit(ctx, r.matrix.InboxFilled)
	return r.db.Inbox.Insert(ctx, &db.InboxRow{Kind: kind, Room: evt.RoomID, EventID: evt.ID, Payload: string(payload), AcceptedAt: acceptedAt})
}

// timelineEvent accepts one event of a portal's room at a queue position.
func (r *Relay) timelineEvent(ctx context.Context, portal *db.Portal, evt Event, position int64) error {
	switch {
	case evt.Broken != nil:
		r.log.Warn().Err(evt.Broken).Stringer("room_id", portal.MatrixRoom).Msg("Parked an event that cannot be parsed")
		row := matrixRow(portal, brokenID(evt), "", string(evt.Raw), position)
		row.State, row.Error = db.StateParked, evt.Broken.Error()
		if isNew, err := r.db.Queue.Insert(ctx, row); err != nil || !isNew {
			return err
		}
		return r.Say(ctx, portal.MatrixRoom, words.NotDelivered(words.WhyUnreadable), evt.ID)
	case evt.Sender == r.matrix.UserID():
		return r.ownEvent(ctx, portal, evt, position)
	case evt.Type.Type == event.EventRedaction.Type:
		return r.redactWaiting(ctx, portal, evt.Event)
	case evt.Tag != nil || evt.StateKey != nil || r.cfg.Rights.IsIgnored(evt.Sender) || !isRelayed(evt.Event) || r.IsCommand(evt.Event):
		return nil
	}
	if known, err := r.db.Message.KnowsEvent(ctx, portal.ID, evt.ID); err != nil || known {
		return err
	}
	if edited, err := r.editWaiting(ctx, portal, evt.Event); err != nil || edited {
		return err
	}
	payload, err := json.Marshal(evt.Event)
	if err != nil {
		return fmt.Errorf("failed to store event %s: %w", evt.ID, err)
	}
	row := matrixRow(portal, evt.ID.String(), evt.Sender.String(), string(payload), position)
	if evt.Type.Type == event.EventEncrypted.Type {
		row.Session, _ = evt.Content.Raw["session_id"].(string)
	}
	_, err = r.db.Queue.Insert(ctx, row)
	return err
}

func matrixRow(portal *db.Portal, source, author, payload string, position int64) *db.Row {
	return &db.Row{
		PortalID: portal.ID, Direction: db.ToWazo, Kind: db.KindMessage, Source: source, Author: author,
		Position: position, Payload: payload, State: db.StateNew, AcceptedAt: time.Now().UnixMilli(),
	}
}

// brokenID names an event without a usable id by what it says.
func brokenID(evt Event) string {
	if evt.Event != nil && evt.ID != "" {
		return evt.ID.String()
	}
	sum := sha256.Sum256(evt.Raw)
	return "broken:" + hex.EncodeToString(sum[:16])
}

// ownEvent accepts the echo of what the bot sent: the boundary of a link, or the answer to an unknown outcome.
func (r *Relay) ownEvent(ctx context.Context, portal *db.Portal, evt Event, position int64) error {
	if evt.Tag == nil {
		return nil
	}
	switch evt.Tag.Kind {
	case TagLinked:
		if evt.Tag.Portal != portal.ID || portal.Announced {
			return nil
		}
		portal.Announced = true
		if err := r.db.Queue.DeleteUpTo(ctx, portal.ID, db.ToWazo, position); err != nil {
			return err
		} else if err = r.db.Gap.DeleteUpTo(ctx, portal.ID, position); err != nil {
			return err
		} else if err = r.db.Portal.SetAnnounced(ctx, portal.ID); err != nil {
			return err
		}
		return r.echoed(ctx, portal, linkedSource, 0, evt.ID)
	case TagMessage:
		return r.echoed(ctx, portal, string(evt.Tag.UUID), evt.Tag.Part, evt.ID)
	}
	return nil
}

// echoed records a delivery that is seen before, or without, the answer to its request: or without any trace of it here, if
// the database is an older one that was brought back.
func (r *Relay) echoed(ctx context.Context, portal *db.Portal, source string, part int, eventID id.EventID) error {
	row, err := r.db.Queue.BySource(ctx, portal.ID, db.ToMatrix, source)
	if err != nil {
		return err
	} else if row != nil {
		return r.recordToMatrix(ctx, row, part, eventID)
	} else if source == linkedSource {
		return nil
	}
	return r.db.Message.Insert(ctx, &db.Message{
		PortalID: portal.ID, WazoUUID: source, Part: part, EventID: eventID, Author: r.matrix.UserID().String(), RelayedAt: time.Now().UnixMilli(),
	})
}

// isRelayed reports whether an event of this type says something to people.
func isRelayed(evt *event.Event) bool {
	switch evt.Type.Type {
	case event.EventMessage.Type, event.EventSticker.Type, event.EventEncrypted.Type:
		return evt.Redacts == "" && evt.Unsigned.RedactedBecause == nil && len(evt.Content.Raw) > 0
	default:
		// Types of the future carry a text for those who don't know them.
		body, _ := evt.Content.Raw["body"].(string)
		return body != ""
	}
}

// IsCommand reports whether an event is addressed to the bot.
func (r *Relay) IsCommand(evt *event.Event) bool {
	if evt.Type.Type != event.EventMessage.Type {
		return false
	}
	msgType, _ := evt.Content.Raw["msgtype"].(string)
	body, _ := evt.Content.Raw["body"].(string)
	if msgType != string(event.MsgText) {
		return false
	} else if relation, _ := evt.Content.Raw["m.relates_to"].(map[string]any); relation["rel_type"] == string(event.RelReplace) {
		return false
	}
	return r.hasPrefix(body)
}

// hasPrefix reports whether a text begins with the command prefix as a word of its own.
func (r *Relay) hasPrefix(text string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	fields := strings.Fields(first)
	return len(fields) > 0 && strings.EqualFold(fields[0], r.cfg.CommandPrefix)
}
