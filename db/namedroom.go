package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// NamedRoom says that one room lets in the members of another one, directly or by way of others.
type NamedRoom struct{ Room, Named id.RoomID }

const (
	allNamedRoomsQuery   = `SELECT room, named FROM named_room`
	insertNamedRoomQuery = `INSERT INTO named_room (room, named) VALUES ($1, $2) ON CONFLICT DO NOTHING`
)

// NamedRooms is the table of the rooms that the join rules of others name.
type NamedRooms struct{ db *dbutil.Database }

// All returns everything that Insert has stored.
func (t *NamedRooms) All(ctx context.Context) ([]NamedRoom, error) {
	rows, err := t.db.Query(ctx, allNamedRoomsQuery)
	return dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (n NamedRoom, err error) {
		err = row.Scan(&n.Room, &n.Named)
		return n, err
	}, err).AsList()
}

// Insert stores that a room names another one. It does nothing if that is stored already.
func (t *NamedRooms) Insert(ctx context.Context, n NamedRoom) error {
	_, err := t.db.Exec(ctx, insertNamedRoomQuery, n.Room, n.Named)
	return err
}
