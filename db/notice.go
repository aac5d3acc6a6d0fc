package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Notice is a text that the bot still has to send. It is stored in the transaction of the change that it tells of.
type Notice struct {
	ID        int64
	Room      id.RoomID // empty: the direct chat with User
	User      id.UserID // empty if Room is set
	Markdown  string
	ReplyTo   id.EventID // empty: the notice is not a reply
	CreatedAt Time
}

const (
	noticeColumns     = `id, room, matrix_user, markdown, reply_to, created_at`
	insertNoticeQuery = `INSERT INTO notice (room, matrix_user, markdown, reply_to, created_at) VALUES ($1, $2, $3, $4, $5)`
	allNoticesQuery   = `SELECT ` + noticeColumns + ` FROM notice ORDER BY id`
	nextNoticesQuery  = `SELECT ` + noticeColumns + ` FROM notice WHERE room = $1 AND matrix_user = $2 ORDER BY id LIMIT $3`
	deleteNoticeQuery = `DELETE FROM notice WHERE id = $1`
)

// Notices is the table of notices.
type Notices struct {
	*dbutil.QueryHelper[*Notice]
}

func newNotices(db *dbutil.Database) *Notices {
	return &Notices{dbutil.MakeQueryHelperSimple(db, func() *Notice { return &Notice{} })}
}

// Scan implements dbutil.DataStruct.
func (n *Notice) Scan(row dbutil.Scannable) (*Notice, error) {
	return dbutil.ValueOrErr(n, row.Scan(&n.ID, &n.Room, &n.User, &n.Markdown, &n.ReplyTo, timeColumn(&n.CreatedAt)))
}

// Insert stores a notice.
func (t *Notices) Insert(ctx context.Context, n *Notice) error {
	return t.Exec(ctx, insertNoticeQuery, n.Room, n.User, n.Markdown, n.ReplyTo, n.CreatedAt)
}

// Next returns the oldest notices for a room (user is empty) or for a person (room is empty), at most limit of them.
func (t *Notices) Next(ctx context.Context, room id.RoomID, user id.UserID, limit int) ([]*Notice, error) {
	return t.QueryMany(ctx, nextNoticesQuery, room, user, limit)
}

// All returns all notices, the oldest first.
func (t *Notices) All(ctx context.Context) ([]*Notice, error) {
	return t.QueryMany(ctx, allNoticesQuery)
}

// Delete removes a notice after it was sent.
func (t *Notices) Delete(ctx context.Context, noticeID int64) error {
	return t.Exec(ctx, deleteNoticeQuery, noticeID)
}
