package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Notice is something that the bot has yet to say to people.
type Notice struct {
	ID        int64
	Room      id.RoomID // empty: the direct chat with User
	User      id.UserID
	Markdown  string
	ReplyTo   id.EventID
	CreatedAt int64 // ms, our clock
}

const (
	noticeColumns     = `id, room, matrix_user, markdown, reply_to, created_at`
	insertNoticeQuery = `INSERT INTO notice (room, matrix_user, markdown, reply_to, created_at) VALUES ($1, $2, $3, $4, $5)`
	allNoticesQuery   = `SELECT ` + noticeColumns + ` FROM notice ORDER BY id`
	deleteNoticeQuery = `DELETE FROM notice WHERE id = $1`
)

// Notices is the table of what the bot has yet to say.
type Notices struct {
	*dbutil.QueryHelper[*Notice]
}

func newNotices(db *dbutil.Database) *Notices {
	return &Notices{dbutil.MakeQueryHelperSimple(db, func() *Notice { return &Notice{} })}
}

// Scan implements dbutil.DataStruct.
func (n *Notice) Scan(row dbutil.Scannable) (*Notice, error) {
	return dbutil.ValueOrErr(n, row.Scan(&n.ID, &n.Room, &n.User, &n.Markdown, &n.ReplyTo, &n.CreatedAt))
}

// Insert stores a notice.
func (t *Notices) Insert(ctx context.Context, n *Notice) error {
	return t.Exec(ctx, insertNoticeQuery, n.Room, n.User, n.Markdown, n.ReplyTo, n.CreatedAt)
}

// All returns every notice, oldest first.
func (t *Notices) All(ctx context.Context) ([]*Notice, error) {
	return t.QueryMany(ctx, allNoticesQuery)
}

// Delete removes a notice that was said.
func (t *Notices) Delete(ctx context.Context, noticeID int64) error {
	return t.Exec(ctx, deleteNoticeQuery, noticeID)
}
