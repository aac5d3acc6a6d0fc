package db

import (
	"context"
	"database/sql"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Message says which Matrix event shows which (part of a) Wazo message.
type Message struct {
	PortalID  int64
	WazoUUID  string
	Part      int
	EventID   id.EventID // empty: shown nowhere
	Author    string
	CreatedAt int64 // µs, chatd's clock
	RelayedAt int64 // ms, our clock
}

const (
	messageColumns     = `portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at`
	insertMessageQuery = `INSERT INTO message (` + messageColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`
	knownUUIDQuery     = `SELECT EXISTS (SELECT 1 FROM message WHERE portal_id = $1 AND wazo_uuid = $2)`
	knownEventQuery    = `SELECT EXISTS (SELECT 1 FROM message WHERE portal_id = $1 AND event_id = $2)`
	newestToWazoQuery  = `SELECT COALESCE(MAX(created_at), 0) FROM message WHERE portal_id = $1 AND author LIKE '@%'`
	forgetMessagesSQL  = `DELETE FROM message WHERE relayed_at < $1 AND created_at < (SELECT read_until FROM portal WHERE id = portal_id) - $2`
)

// Messages is the table of what was delivered.
type Messages struct {
	*dbutil.QueryHelper[*Message]
}

func newMessages(db *dbutil.Database) *Messages {
	return &Messages{dbutil.MakeQueryHelperSimple(db, func() *Message { return &Message{} })}
}

// Scan implements dbutil.DataStruct.
func (m *Message) Scan(row dbutil.Scannable) (*Message, error) {
	var eventID sql.NullString
	err := row.Scan(&m.PortalID, &m.WazoUUID, &m.Part, &eventID, &m.Author, &m.CreatedAt, &m.RelayedAt)
	m.EventID = id.EventID(eventID.String)
	return dbutil.ValueOrErr(m, err)
}

// Insert stores a mapping; one that is known already stays.
func (t *Messages) Insert(ctx context.Context, m *Message) error {
	return t.Exec(ctx, insertMessageQuery, m.PortalID, m.WazoUUID, m.Part, dbutil.StrPtr(m.EventID), m.Author, m.CreatedAt, m.RelayedAt)
}

// KnowsUUID reports whether a Wazo message was relayed, in either direction.
func (t *Messages) KnowsUUID(ctx context.Context, portalID int64, wazoUUID string) (known bool, err error) {
	err = t.GetDB().QueryRow(ctx, knownUUIDQuery, portalID, wazoUUID).Scan(&known)
	return known, err
}

// KnowsEvent reports whether a Matrix event was relayed, in either direction.
func (t *Messages) KnowsEvent(ctx context.Context, portalID int64, eventID id.EventID) (known bool, err error) {
	err = t.GetDB().QueryRow(ctx, knownEventQuery, portalID, eventID).Scan(&known)
	return known, err
}

// NewestToWazo returns the time (µs, chatd's clock) of the newest message of a Matrix person that was posted, 0 if none was.
func (t *Messages) NewestToWazo(ctx context.Context, portalID int64) (createdAt int64, err error) {
	err = t.GetDB().QueryRow(ctx, newestToWazoQuery, portalID).Scan(&createdAt)
	return createdAt, err
}

// Forget removes mappings that are older than a time of ours (ms), but for those that the next look at the history may meet
// again: it begins overlap (µs) before the verified cursor.
func (t *Messages) Forget(ctx context.Context, before, overlap int64) error {
	return t.Exec(ctx, forgetMessagesSQL, before, overlap)
}
