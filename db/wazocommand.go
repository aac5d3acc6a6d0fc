package db

import (
	"context"

	"go.mau.fi/util/dbutil"
)

// WazoCommand is a command that somebody typed on Wazo and that is not answered yet.
type WazoCommand struct {
	WazoUUID string // of the message
	WazoRoom string
	Content  string // as it was typed
}

const (
	insertWazoCommandQuery  = `INSERT INTO wazo_command (wazo_uuid, wazo_room, content) VALUES ($1, $2, $3) ON CONFLICT (wazo_uuid) DO NOTHING`
	pendingWazoCommandQuery = `SELECT wazo_uuid, wazo_room, content FROM wazo_command ORDER BY id`
	claimWazoCommandQuery   = `DELETE FROM wazo_command WHERE wazo_uuid = $1`
)

// WazoCommands is the table of the commands that were typed on Wazo and that are not answered yet.
type WazoCommands struct {
	*dbutil.QueryHelper[*WazoCommand]
}

func newWazoCommands(db *dbutil.Database) *WazoCommands {
	return &WazoCommands{dbutil.MakeQueryHelperSimple(db, func() *WazoCommand { return &WazoCommand{} })}
}

// Scan implements dbutil.DataStruct.
func (c *WazoCommand) Scan(row dbutil.Scannable) (*WazoCommand, error) {
	return dbutil.ValueOrErr(c, row.Scan(&c.WazoUUID, &c.WazoRoom, &c.Content))
}

// Insert stores a command. It does nothing if the command waits already.
func (t *WazoCommands) Insert(ctx context.Context, c *WazoCommand) error {
	return t.Exec(ctx, insertWazoCommandQuery, c.WazoUUID, c.WazoRoom, c.Content)
}

// Pending returns the commands that wait for their answers, in the order in which they were accepted.
func (t *WazoCommands) Pending(ctx context.Context) ([]*WazoCommand, error) {
	return t.QueryMany(ctx, pendingWazoCommandQuery)
}

// Claim removes a command. It must be called before the answer is posted, because an answer that is posted twice is
// worse than one that is lost. Claim returns false if the command was claimed already.
func (t *WazoCommands) Claim(ctx context.Context, wazoUUID string) (bool, error) {
	return changed(t.GetDB().Exec(ctx, claimWazoCommandQuery, wazoUUID))
}
