package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// InboxKind is what the bot has to answer.
type InboxKind string

// What stands in the inbox.
const (
	InboxInvite  InboxKind = "invite"
	InboxCommand InboxKind = "command"
	InboxUpgrade InboxKind = "upgrade" // a room with portal was replaced by another one
	InboxUnread  InboxKind = "unread"  // encrypted, in a room without portal: perhaps a command
	InboxJoined  InboxKind = "joined"  // the bot has joined a room
	InboxRemoved InboxKind = "removed" // the bot was removed from a room
	InboxAccess  InboxKind = "access"  // who may enter or read the room was changed
)

// InboxRow is one thing that the bot has to answer.
type InboxRow struct {
	ID         int64
	Kind       InboxKind
	Room       id.RoomID
	EventID    id.EventID
	Payload    string
	AcceptedAt int64 // ms, our clock
}

const (
	inboxColumns     = `id, kind, room, event_id, payload, accepted_at`
	insertInboxQuery = `INSERT INTO inbox (kind, room, event_id, payload, accepted_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (event_id) DO NOTHING`
	allInboxQuery    = `SELECT ` + inboxColumns + ` FROM inbox ORDER BY id`
	deleteInboxQuery = `DELETE FROM inbox WHERE id = $1`
)

// Inbox is the table of what the bot has to answer.
type Inbox struct {
	*dbutil.QueryHelper[*InboxRow]
}

func newInbox(db *dbutil.Database) *Inbox {
	return &Inbox{dbutil.MakeQueryHelperSimple(db, func() *InboxRow { return &InboxRow{} })}
}

// Scan implements dbutil.DataStruct.
func (r *InboxRow) Scan(row dbutil.Scannable) (*InboxRow, error) {
	return dbutil.ValueOrErr(r, row.Scan(&r.ID, &r.Kind, &r.Room, &r.EventID, &r.Payload, &r.AcceptedAt))
}

// Insert stores a row; the same event is stored once.
func (t *Inbox) Insert(ctx context.Context, r *InboxRow) error {
	return t.Exec(ctx, insertInboxQuery, r.Kind, r.Room, r.EventID, r.Payload, r.AcceptedAt)
}

// All returns every row, in the order they were accepted.
func (t *Inbox) All(ctx context.Context) ([]*InboxRow, error) {
	return t.QueryMany(ctx, allInboxQuery)
}

// Delete removes an answered row.
func (t *Inbox) Delete(ctx context.Context, rowID int64) error {
	return t.Exec(ctx, deleteInboxQuery, rowID)
}
