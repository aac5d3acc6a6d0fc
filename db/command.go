package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Command is a command that somebody typed on Matrix.
type Command struct {
	EventID  id.EventID
	Sender   id.UserID
	Replaces id.EventID // the event that the command is an edit of; empty: it is not an edit
	TypedAt  Time       // according to the sender's homeserver
}

const (
	insertCommandQuery      = `INSERT INTO command (event_id, sender, replaces, typed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (event_id) DO NOTHING`
	commandQuery            = `SELECT event_id, sender, replaces, typed_at FROM command WHERE event_id = $1`
	isCommandReplacedQuery  = `SELECT EXISTS (SELECT 1 FROM command WHERE replaces = $1 AND sender = $2 AND typed_at > $3)`
	cancelCommandInboxQuery = `DELETE FROM inbox WHERE kind = 'command' AND event_id IN (SELECT event_id FROM command WHERE sender = $2 AND (event_id = $1 OR replaces = $1))`
	forgetCommandsQuery     = `DELETE FROM command WHERE typed_at < $1`
)

// Commands is the table of the commands that were typed on Matrix. It says of an edit whether it edits a command, and
// of an event whether a command took its place.
type Commands struct {
	*dbutil.QueryHelper[*Command]
}

func newCommands(db *dbutil.Database) *Commands {
	return &Commands{dbutil.MakeQueryHelperSimple(db, func() *Command { return &Command{} })}
}

// Scan implements dbutil.DataStruct.
func (c *Command) Scan(row dbutil.Scannable) (*Command, error) {
	return dbutil.ValueOrErr(c, row.Scan(&c.EventID, &c.Sender, &c.Replaces, timeColumn(&c.TypedAt)))
}

// Insert stores a command. It does nothing if the command is stored already.
func (t *Commands) Insert(ctx context.Context, c *Command) error {
	return t.Exec(ctx, insertCommandQuery, c.EventID, c.Sender, c.Replaces, c.TypedAt)
}

// Get returns the command of an event, nil if the event is not known as one.
func (t *Commands) Get(ctx context.Context, eventID id.EventID) (*Command, error) {
	return t.QueryOne(ctx, commandQuery, eventID)
}

// IsReplaced reports whether the sender of an event has edited it into a command after a time. The zero time stands for
// any time.
func (t *Commands) IsReplaced(ctx context.Context, eventID id.EventID, sender id.UserID, after Time) (replaced bool, err error) {
	err = t.GetDB().QueryRow(ctx, isCommandReplacedQuery, eventID, sender, after).Scan(&replaced)
	return replaced, err
}

// Cancel takes a command of a sender, and its edits, out of the inbox, if it was not answered yet.
func (t *Commands) Cancel(ctx context.Context, eventID id.EventID, sender id.UserID) error {
	return t.Exec(ctx, cancelCommandInboxQuery, eventID, sender)
}

// Forget deletes the commands that were typed before a time.
func (t *Commands) Forget(ctx context.Context, before Time) error {
	return t.Exec(ctx, forgetCommandsQuery, before)
}
