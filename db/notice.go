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
	// SaidUntil is the id of the last notice in the event in which this one was sent. It is 0 if the notice was not
	// sent.
	SaidUntil int64
}

const (
	noticeColumns     = `id, room, matrix_user, markdown, reply_to, created_at, said_until`
	insertNoticeQuery = `INSERT INTO notice (room, matrix_user, markdown, reply_to, created_at) VALUES ($1, $2, $3, $4, $5)`
	allNoticesQuery   = `SELECT ` + noticeColumns + ` FROM notice ORDER BY id`
	nextNoticesQuery  = `SELECT ` + noticeColumns + ` FROM notice WHERE room = $1 AND matrix_user = $2 ORDER BY id LIMIT $3`
	saidNoticesQuery  = `SELECT ` + noticeColumns + ` FROM notice WHERE room = $1 AND matrix_user = $2 AND id <= $3 ORDER BY id`
	sayNoticesQuery   = `UPDATE notice SET said_until = $4 WHERE room = $1 AND matrix_user = $2 AND id BETWEEN $3 AND $4`
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
	return dbutil.ValueOrErr(n, row.Scan(&n.ID, &n.Room, &n.User, &n.Markdown, &n.ReplyTo, timeColumn(&n.CreatedAt), &n.SaidUntil))
}

// Insert stores a notice.
func (t *Notices) Insert(ctx context.Context, n *Notice) error {
	return t.Exec(ctx, insertNoticeQuery, n.Room, n.User, n.Markdown, n.ReplyTo, n.CreatedAt)
}

// Next returns the notices that the next event for a room (user is empty) or for a person (room is empty) should say,
// the oldest first. These are the ones that were sent together before, or else the oldest ones, at most limit.
func (t *Notices) Next(ctx context.Context, room id.RoomID, user id.UserID, limit int) ([]*Notice, error) {
	notices, err := t.QueryMany(ctx, nextNoticesQuery, room, user, limit)
	if err != nil || len(notices) == 0 || notices[0].SaidUntil == 0 {
		return notices, err
	}
	return t.QueryMany(ctx, saidNoticesQuery, room, user, notices[0].SaidUntil)
}

// MarkSaid stores, before notices for one room or person are sent in one event, that they are. There must be no other
// between them.
func (t *Notices) MarkSaid(ctx context.Context, notices []*Notice) error {
	first, last := notices[0], notices[len(notices)-1]
	return t.Exec(ctx, sayNoticesQuery, first.Room, first.User, first.ID, last.ID)
}

// All returns all notices, the oldest first.
func (t *Notices) All(ctx context.Context) ([]*Notice, error) {
	return t.QueryMany(ctx, allNoticesQuery)
}

// Delete removes a notice after it was sent.
func (t *Notices) Delete(ctx context.Context, noticeID int64) error {
	return t.Exec(ctx, deleteNoticeQuery, noticeID)
}
