package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// InboxKind says what the bot has to react to.
type InboxKind string

// The kinds of inbox rows.
const (
	InboxInvite    InboxKind = "invite"
	InboxCommand   InboxKind = "command"
	InboxUpgrade   InboxKind = "upgrade"   // a room with a portal was upgraded, so another room replaces it
	InboxUnread    InboxKind = "unread"    // an event without a key in a room without a portal; it may be a command
	InboxJoined    InboxKind = "joined"    // the bot has joined a room
	InboxRemoved   InboxKind = "removed"   // the bot was removed from a room
	InboxAccess    InboxKind = "access"    // the rules who may join or read the room were changed
	InboxDuplicate InboxKind = "duplicate" // an event of the bot that shows again what another one shows
	InboxRedact    InboxKind = "remove"    // a message that may contain a password is to be removed; the payload says only which
	InboxLook      InboxKind = "look"      // who may join the room may have changed otherwise: by another room, or while the bot was away
	InboxLeave     InboxKind = "leave"     // the bot is to leave a room that it has made: a conversation that opened by itself is over
)

// InboxRow is one event that the bot has to react to.
type InboxRow struct {
	ID         int64
	Kind       InboxKind
	Room       id.RoomID
	EventID    id.EventID
	Payload    string // the event, JSON
	AcceptedAt Time
}

const (
	inboxColumns     = `id, kind, room, event_id, payload, accepted_at`
	insertInboxQuery = `INSERT INTO inbox (kind, room, event_id, payload, accepted_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (event_id) DO NOTHING`
	allInboxQuery    = `SELECT ` + inboxColumns + ` FROM inbox ORDER BY id`
	nextInboxQuery   = `SELECT ` + inboxColumns + ` FROM inbox WHERE room = $1 ORDER BY id LIMIT 1`
	hasInboxQuery    = `SELECT EXISTS (SELECT 1 FROM inbox WHERE room = $1 AND kind = $2)`
	deleteInboxQuery = `DELETE FROM inbox WHERE id = $1`
)

// Inbox is the table of events that the bot has to react to. They are stored together with the sync token that covers
// them.
type Inbox struct {
	*dbutil.QueryHelper[*InboxRow]
}

func newInbox(db *dbutil.Database) *Inbox {
	return &Inbox{dbutil.MakeQueryHelperSimple(db, func() *InboxRow { return &InboxRow{} })}
}

// Scan implements dbutil.DataStruct.
func (r *InboxRow) Scan(row dbutil.Scannable) (*InboxRow, error) {
	return dbutil.ValueOrErr(r, row.Scan(&r.ID, &r.Kind, &r.Room, &r.EventID, &r.Payload, timeColumn(&r.AcceptedAt)))
}

// Insert stores a row. It does nothing if the event is stored already.
func (t *Inbox) Insert(ctx context.Context, r *InboxRow) error {
	return t.Exec(ctx, insertInboxQuery, r.Kind, r.Room, r.EventID, r.Payload, r.AcceptedAt)
}

// Next returns the row of a room that was accepted first, nil if there is none.
func (t *Inbox) Next(ctx context.Context, room id.RoomID) (*InboxRow, error) {
	return t.QueryOne(ctx, nextInboxQuery, room)
}

// Has reports whether a room has a row of a kind.
func (t *Inbox) Has(ctx context.Context, room id.RoomID, kind InboxKind) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, hasInboxQuery, room, kind).Scan(&has)
	return has, err
}

// All returns all rows in the order in which they were accepted.
func (t *Inbox) All(ctx context.Context) ([]*InboxRow, error) {
	return t.QueryMany(ctx, allInboxQuery)
}

// Delete removes a row after the bot has reacted to it.
func (t *Inbox) Delete(ctx context.Context, rowID int64) error {
	return t.Exec(ctx, deleteInboxQuery, rowID)
}
