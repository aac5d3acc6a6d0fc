package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	saidOnceQuery   = `INSERT INTO said_once (portal_id, kind, name, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	wasSaidQuery    = `SELECT EXISTS (SELECT 1 FROM said_once WHERE portal_id = $1 AND kind = $2 AND name = $3)`
	forgetSaidQuery = `DELETE FROM said_once WHERE kind <> 'wordless' AND at < $1`

	setLastEditQuery     = `INSERT INTO last_edit (portal_id, event_id, edit_id) VALUES ($1, $2, $3) ON CONFLICT (portal_id, event_id) DO UPDATE SET edit_id = excluded.edit_id`
	lastEditQuery        = `SELECT edit_id FROM last_edit WHERE portal_id = $1 AND event_id = $2`
	forgetLastEditsQuery = `DELETE FROM last_edit WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.portal_id = last_edit.portal_id AND message.event_id = last_edit.event_id) AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.portal_id = last_edit.portal_id AND source_id = last_edit.event_id)`

	insertReactionQuery  = `INSERT INTO reaction (portal_id, event_id, target, emoji, wazo_uuid, account_id, native) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`
	reactionQuery        = `SELECT portal_id, event_id, target, emoji, wazo_uuid, COALESCE(account_id, 0), native FROM reaction WHERE portal_id = $1 AND event_id = $2`
	reactionsToQuery     = `SELECT portal_id, event_id, target, emoji, wazo_uuid, COALESCE(account_id, 0), native FROM reaction WHERE portal_id = $1 AND target = $2 ORDER BY rowid`
	reactionsBehindQuery = `SELECT portal_id, event_id, target, emoji, wazo_uuid, COALESCE(account_id, 0), native FROM reaction WHERE portal_id = $1 AND wazo_uuid = $2 AND account_id = $3 AND native = $4 ORDER BY rowid`
	deleteReactionQuery  = `DELETE FROM reaction WHERE portal_id = $1 AND event_id = $2`
	forgetReactionsQuery = `DELETE FROM reaction WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.portal_id = reaction.portal_id AND message.event_id = reaction.event_id)`
)

// OnceKind says what kind of thing is said only once in a portal.
type OnceKind string

// What is said only once.
const (
	OnceWordless  OnceKind = "wordless"  // that somebody sent something of a type that has no text
	OnceThread    OnceKind = "thread"    // which message a thread replies to
	OnceRemoved   OnceKind = "removed"   // that an event was removed: several people may redact it
	OnceWithdrawn OnceKind = "withdrawn" // nothing: an event was redacted before anybody on Wazo could see it
	OnceStays     OnceKind = "stays"     // to a person: what does not become a text message
	OnceParts     OnceKind = "parts"     // to a person: that a long message makes several text messages
)

// SaidOnce is the table of what is not said again in a portal.
type SaidOnce struct {
	db *dbutil.Database
}

// Add stores that something was said. It returns false if it was said before.
func (t *SaidOnce) Add(ctx context.Context, portalID int64, kind OnceKind, name string) (first bool, err error) {
	return changed(t.db.Exec(ctx, saidOnceQuery, portalID, kind, name, time.Now().UnixMilli()))
}

// Has reports whether something was said before.
func (t *SaidOnce) Has(ctx context.Context, portalID int64, kind OnceKind, name string) (said bool, err error) {
	err = t.db.QueryRow(ctx, wasSaidQuery, portalID, kind, name).Scan(&said)
	return said, err
}

// Forget deletes what was first said before a time. It keeps types of events: there are few of them.
func (t *SaidOnce) Forget(ctx context.Context, before Time) error {
	_, err := t.db.Exec(ctx, forgetSaidQuery, before)
	return err
}

// LastEdits is the table of the last edits that were delivered.
type LastEdits struct {
	db *dbutil.Database
}

// Set stores that an edit of a message was delivered, or was put in the place of the message before that was delivered.
func (t *LastEdits) Set(ctx context.Context, portalID int64, message, edit id.EventID) error {
	_, err := t.db.Exec(ctx, setLastEditQuery, portalID, message, edit)
	return err
}

// Of returns the last edit of a message that was delivered, "" if there was none.
func (t *LastEdits) Of(ctx context.Context, portalID int64, message id.EventID) (edit id.EventID, err error) {
	err = t.db.QueryRow(ctx, lastEditQuery, portalID, message).Scan(&edit)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return edit, err
}

// Forget deletes the edits of messages whose mappings are gone, see [Messages.Forget], and which do not wait.
func (t *LastEdits) Forget(ctx context.Context) error {
	_, err := t.db.Exec(ctx, forgetLastEditsQuery)
	return err
}

// Reaction is a reaction on Matrix that was delivered to Wazo.
type Reaction struct {
	PortalID int64
	EventID  id.EventID
	Target   id.EventID // the event that it is for
	Emoji    string     // as it is shown, see convert.ReactionOf
	WazoUUID string     // the message to which an account reacts on Wazo for it; empty: people there are only told of it
	Account  int64      // the account that reacts; 0: none
	Native   string     // the emoji with which it does, see [NativeReaction]; empty: none
}

// Reactions is the table of reactions that were delivered.
type Reactions struct {
	*dbutil.QueryHelper[*Reaction]
}

func newReactions(db *dbutil.Database) *Reactions {
	return &Reactions{dbutil.MakeQueryHelperSimple(db, func() *Reaction { return &Reaction{} })}
}

// Scan implements dbutil.DataStruct.
func (r *Reaction) Scan(row dbutil.Scannable) (*Reaction, error) {
	return dbutil.ValueOrErr(r, row.Scan(&r.PortalID, &r.EventID, &r.Target, &r.Emoji, &r.WazoUUID, &r.Account, &r.Native))
}

// Insert stores a reaction. It does nothing if the reaction is stored already.
func (t *Reactions) Insert(ctx context.Context, r *Reaction) error {
	return t.Exec(ctx, insertReactionQuery, r.PortalID, r.EventID, r.Target, r.Emoji, r.WazoUUID, dbutil.NumPtr(r.Account), r.Native)
}

// ByEvent returns the reaction that an event made, nil if it was not delivered, or was removed.
func (t *Reactions) ByEvent(ctx context.Context, portalID int64, event id.EventID) (*Reaction, error) {
	return t.QueryOne(ctx, reactionQuery, portalID, event)
}

// To returns the reactions to an event that were delivered and not removed.
func (t *Reactions) To(ctx context.Context, portalID int64, target id.EventID) ([]*Reaction, error) {
	return t.QueryMany(ctx, reactionsToQuery, portalID, target)
}

// Behind returns the reactions for which an account reacts on Wazo.
func (t *Reactions) Behind(ctx context.Context, n *NativeReaction) ([]*Reaction, error) {
	return t.QueryMany(ctx, reactionsBehindQuery, n.PortalID, n.WazoUUID, n.Account, n.Emoji)
}

// Delete removes a reaction.
func (t *Reactions) Delete(ctx context.Context, portalID int64, event id.EventID) error {
	return t.Exec(ctx, deleteReactionQuery, portalID, event)
}

// Forget deletes the reactions whose mappings are gone, see [Messages.Forget].
func (t *Reactions) Forget(ctx context.Context) error {
	return t.Exec(ctx, forgetReactionsQuery)
}
