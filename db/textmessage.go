package db

import (
	"context"
	"database/sql"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// TextMessage is a text message that was sent to somebody outside Wazo, or of which only the status is known.
type TextMessage struct {
	WazoUUID  string
	PortalID  int64      // 0: only the status is known yet
	EventID   id.EventID // that was sent
	Status    string     // as chatd calls it
	Told      string     // the last status of which the sender was told in words
	CreatedAt WazoTime
	NotedAt   Time
}

const (
	textMessageColumns = `wazo_uuid, portal_id, event_id, status, told, created_at, noted_at`
	textMessageQuery   = `SELECT ` + textMessageColumns + ` FROM text_message WHERE wazo_uuid = $1`
	putTextMessage     = `
		INSERT INTO text_message (` + textMessageColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (wazo_uuid) DO UPDATE SET portal_id = excluded.portal_id, event_id = excluded.event_id, status = excluded.status,
			told = excluded.told, created_at = excluded.created_at, noted_at = excluded.noted_at`
	openTextMessagesQuery  = `SELECT ` + textMessageColumns + ` FROM text_message WHERE portal_id = $1 AND created_at > $2 AND status NOT IN ('delivered', 'dead_letter') ORDER BY created_at`
	forgetTextMessageQuery = `DELETE FROM text_message WHERE noted_at < $1 OR portal_id IS NULL AND noted_at < $2`
)

// TextMessages is the table of text messages, until it is certain what became of them.
type TextMessages struct {
	*dbutil.QueryHelper[*TextMessage]
}

func newTextMessages(db *dbutil.Database) *TextMessages {
	return &TextMessages{dbutil.MakeQueryHelperSimple(db, func() *TextMessage { return &TextMessage{} })}
}

// Scan implements dbutil.DataStruct.
func (m *TextMessage) Scan(row dbutil.Scannable) (*TextMessage, error) {
	var portalID sql.NullInt64
	err := row.Scan(&m.WazoUUID, &portalID, &m.EventID, &m.Status, &m.Told, wazoTimeColumn(&m.CreatedAt), timeColumn(&m.NotedAt))
	m.PortalID = portalID.Int64
	return dbutil.ValueOrErr(m, err)
}

// Get returns a text message, nil if nothing is known of it.
func (t *TextMessages) Get(ctx context.Context, uuid string) (*TextMessage, error) {
	return t.QueryOne(ctx, textMessageQuery, uuid)
}

// Put stores what is known of a text message.
func (t *TextMessages) Put(ctx context.Context, m *TextMessage) error {
	return t.Exec(ctx, putTextMessage, m.WazoUUID, sql.NullInt64{Int64: m.PortalID, Valid: m.PortalID != 0}, m.EventID, m.Status, m.Told, m.CreatedAt, m.NotedAt)
}

// Open returns the text messages of a portal that were posted after a time and whose status may still change, the
// oldest first.
func (t *TextMessages) Open(ctx context.Context, portalID int64, after WazoTime) ([]*TextMessage, error) {
	return t.QueryMany(ctx, openTextMessagesQuery, portalID, after)
}

// Forget removes what was noted before a time. Of messages that never came, it removes what was noted before another
// one.
func (t *TextMessages) Forget(ctx context.Context, before, unknownBefore Time) error {
	return t.Exec(ctx, forgetTextMessageQuery, before, unknownBefore)
}
