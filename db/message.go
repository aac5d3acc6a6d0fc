package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Message maps a Wazo message, or one part of it, to the Matrix event with the same content. It is stored for both
// directions. Several messages may be mapped to one event that shows them all.
type Message struct {
	PortalID  int64
	WazoUUID  string
	Part      int        // a Wazo message may become several events; the first part is 0
	EventID   id.EventID // empty: no event shows the message
	Author    string     // the Matrix user id or the Wazo user UUID
	CreatedAt WazoTime   // when chatd stored the Wazo message; zero: not known
	RelayedAt Time       // when the relay stored this mapping
}

const (
	messageColumns      = `portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at`
	insertMessageQuery  = `INSERT INTO message (` + messageColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`
	knownUUIDQuery      = `SELECT EXISTS (SELECT 1 FROM message WHERE portal_id = $1 AND wazo_uuid = $2)`
	knownEventQuery     = `SELECT EXISTS (SELECT 1 FROM message WHERE portal_id = $1 AND event_id = $2)`
	shownByQuery        = `SELECT event_id FROM message WHERE portal_id = $1 AND wazo_uuid = $2 AND part = $3`
	lastOfEventQuery    = `SELECT ` + messageColumns + ` FROM message WHERE portal_id = $1 AND event_id = $2 ORDER BY created_at DESC, rowid DESC LIMIT 1`
	copyMessageQuery    = `INSERT INTO message (` + messageColumns + `) SELECT portal_id, wazo_uuid, (SELECT MAX(part) + 1 FROM message AS parts WHERE parts.portal_id = message.portal_id AND parts.wazo_uuid = message.wazo_uuid), $3, author, created_at, relayed_at FROM message WHERE portal_id = $1 AND event_id = $2 LIMIT 1`
	newestToWazoQuery   = `SELECT COALESCE(MAX(created_at), 0) FROM message WHERE portal_id = $1 AND author LIKE '@%'`
	forgetMessagesQuery = `DELETE FROM message WHERE relayed_at < $1 AND created_at < (SELECT read_until FROM portal WHERE id = portal_id) - $2`
)

// Messages is the table of messages that were delivered.
type Messages struct {
	*dbutil.QueryHelper[*Message]
}

func newMessages(db *dbutil.Database) *Messages {
	return &Messages{dbutil.MakeQueryHelperSimple(db, func() *Message { return &Message{} })}
}

// Scan implements dbutil.DataStruct.
func (m *Message) Scan(row dbutil.Scannable) (*Message, error) {
	var eventID sql.NullString
	err := row.Scan(&m.PortalID, &m.WazoUUID, &m.Part, &eventID, &m.Author, wazoTimeColumn(&m.CreatedAt), timeColumn(&m.RelayedAt))
	m.EventID = id.EventID(eventID.String)
	return dbutil.ValueOrErr(m, err)
}

// IsFromMatrix reports whether the message was written on Matrix.
func (m *Message) IsFromMatrix() bool { return strings.HasPrefix(m.Author, "@") }

// Insert stores a mapping. If the part of the message has a mapping already, that one stays.
func (t *Messages) Insert(ctx context.Context, m *Message) error {
	return t.Exec(ctx, insertMessageQuery, m.PortalID, m.WazoUUID, m.Part, dbutil.StrPtr(m.EventID), m.Author, m.CreatedAt, m.RelayedAt)
}

// Copy maps another Matrix event to the Wazo message to which an event is mapped. It does nothing if that event has no
// mapping.
func (t *Messages) Copy(ctx context.Context, portalID int64, from, to id.EventID) error {
	return t.Exec(ctx, copyMessageQuery, portalID, from, to)
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

// EventOf returns the event that shows a part of a Wazo message. It returns "" if there is none, or if the part is not
// mapped.
func (t *Messages) EventOf(ctx context.Context, portalID int64, wazoUUID string, part int) (id.EventID, error) {
	var eventID sql.NullString
	err := t.GetDB().QueryRow(ctx, shownByQuery, portalID, wazoUUID, part).Scan(&eventID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id.EventID(eventID.String), err
}

// ByEvent returns the mapping of a Matrix event, nil if there is none. If the event shows several messages, it is that
// of the last of them, which is the one to which a reply to the event is.
func (t *Messages) ByEvent(ctx context.Context, portalID int64, eventID id.EventID) (*Message, error) {
	return t.QueryOne(ctx, lastOfEventQuery, portalID, eventID)
}

// NewestToWazo returns when chatd stored the newest message that the relay posted for a Matrix user. It returns the
// zero time if there is none.
func (t *Messages) NewestToWazo(ctx context.Context, portalID int64) (createdAt WazoTime, err error) {
	err = t.GetDB().QueryRow(ctx, newestToWazoQuery, portalID).Scan(wazoTimeColumn(&createdAt))
	return createdAt, err
}

// Forget deletes the mappings of messages that were relayed before a time. It keeps those that the next read of the
// Wazo history may return again. That read begins at the verified cursor minus overlap.
func (t *Messages) Forget(ctx context.Context, before Time, overlap time.Duration) error {
	return t.Exec(ctx, forgetMessagesQuery, before, overlap.Microseconds())
}
