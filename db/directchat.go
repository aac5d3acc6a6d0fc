package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	getDirectChatQuery = `SELECT room FROM direct_chat WHERE matrix_user = $1`
	hasDirectChatQuery = `SELECT EXISTS (SELECT 1 FROM direct_chat WHERE room = $1)`
	putDirectChatQuery = `INSERT INTO direct_chat (matrix_user, room) VALUES ($1, $2) ON CONFLICT (matrix_user) DO UPDATE SET room = excluded.room`
)

// DirectChats is the table of the bot's direct chats with people.
type DirectChats struct {
	db *dbutil.Database
}

// Get returns the room of the direct chat with a person, or "" if there is none.
func (t *DirectChats) Get(ctx context.Context, user id.UserID) (room id.RoomID, err error) {
	err = t.db.QueryRow(ctx, getDirectChatQuery, user).Scan(&room)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return room, err
}

// Has reports whether a room is one of the bot's direct chats.
func (t *DirectChats) Has(ctx context.Context, room id.RoomID) (has bool, err error) {
	err = t.db.QueryRow(ctx, hasDirectChatQuery, room).Scan(&has)
	return has, err
}

// Put stores the room of the direct chat with a person, instead of the room stored before.
func (t *DirectChats) Put(ctx context.Context, user id.UserID, room id.RoomID) error {
	_, err := t.db.Exec(ctx, putDirectChatQuery, user, room)
	return err
}
