package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	shownReactionColumns    = `portal_id, target, emoji, event_id, sent_at, says, withdrawn`
	shownReactionsQuery     = `SELECT ` + shownReactionColumns + ` FROM shown_reaction WHERE portal_id = $1 ORDER BY sent_at, rowid`
	insertShownQuery        = `INSERT INTO shown_reaction (` + shownReactionColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`
	shownAsQuery            = `UPDATE shown_reaction SET event_id = $4 WHERE portal_id = $1 AND target = $2 AND emoji = $3 AND event_id = ''`
	shownEventQuery         = `SELECT event_id FROM shown_reaction WHERE portal_id = $1 AND target = $2 AND emoji = $3`
	saysQuery               = `UPDATE shown_reaction SET says = $4 WHERE portal_id = $1 AND target = $2 AND emoji = $3`
	refuseShownQuery        = `UPDATE shown_reaction SET withdrawn = true WHERE portal_id = $1 AND target = $2 AND emoji = $3`
	withdrawShownQuery      = `UPDATE shown_reaction SET withdrawn = true WHERE portal_id = $1 AND event_id = $2`
	deleteShownQuery        = `DELETE FROM shown_reaction WHERE portal_id = $1 AND target = $2 AND emoji = $3`
	deleteShownEventQuery   = `DELETE FROM shown_reaction WHERE portal_id = $1 AND event_id = $2 AND NOT withdrawn`
	forgetShownQuery        = `DELETE FROM shown_reaction WHERE sent_at < $1 AND NOT EXISTS (SELECT 1 FROM message WHERE message.portal_id = shown_reaction.portal_id AND message.event_id = shown_reaction.target)`
	insertShownReplyQuery   = `INSERT INTO shown_reply (portal_id, wazo_uuid) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	unshownRepliesQuery     = `SELECT ` + messageColumns + ` FROM message WHERE portal_id = $1 AND relayed_at >= $2 AND part = 0 AND event_id IS NOT NULL AND author <> '' AND author NOT LIKE '@%' AND NOT EXISTS (SELECT 1 FROM shown_reply WHERE shown_reply.portal_id = message.portal_id AND shown_reply.wazo_uuid = message.wazo_uuid) ORDER BY created_at, wazo_uuid`
	forgetShownRepliesQuery = `DELETE FROM shown_reply WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.portal_id = shown_reply.portal_id AND message.wazo_uuid = shown_reply.wazo_uuid) AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.portal_id = shown_reply.portal_id AND direction = 'to_matrix' AND source_id = shown_reply.wazo_uuid)`

	// The event of a reaction or an edit stands for the message that it is about.
	targetsQuery = `
		SELECT message.portal_id, message.wazo_uuid, message.part, COALESCE(
			(SELECT target FROM reaction WHERE reaction.portal_id = message.portal_id AND reaction.event_id = message.event_id),
			(SELECT event_id FROM last_edit WHERE last_edit.portal_id = message.portal_id AND edit_id = message.event_id),
			message.event_id), message.author, message.created_at, message.relayed_at
		FROM json_each($2) AS wanted JOIN message ON message.portal_id = $1 AND message.wazo_uuid = wanted.value
		WHERE message.part = 0 AND message.event_id IS NOT NULL`
)

// ShownReaction is what the bot shows about an event of a Matrix room, because people have reacted on Wazo: a reaction,
// or the notice that says who has reacted.
type ShownReaction struct {
	PortalID  int64
	Target    id.EventID // the event that it is about
	Emoji     string     // as it is shown; empty: it is the notice
	EventID   id.EventID // the reaction or the notice; empty: it may have been sent, and nobody knows yet
	SentAt    Time       // when it was first sent
	Says      string     // of a notice: its text; empty: not known
	Withdrawn bool       // a person removed it, or the homeserver refused it: it is not sent again
}

// ShownReactions is the table of what the bot shows of the reactions on Wazo.
type ShownReactions struct {
	*dbutil.QueryHelper[*ShownReaction]
}

func newShownReactions(db *dbutil.Database) *ShownReactions {
	return &ShownReactions{dbutil.MakeQueryHelperSimple(db, func() *ShownReaction { return &ShownReaction{} })}
}

// Scan implements dbutil.DataStruct.
func (s *ShownReaction) Scan(row dbutil.Scannable) (*ShownReaction, error) {
	return dbutil.ValueOrErr(s, row.Scan(&s.PortalID, &s.Target, &s.Emoji, &s.EventID, timeColumn(&s.SentAt), &s.Says, &s.Withdrawn))
}

// Of returns what is shown in a portal, in the order in which it was sent.
func (t *ShownReactions) Of(ctx context.Context, portalID int64) ([]*ShownReaction, error) {
	return t.QueryMany(ctx, shownReactionsQuery, portalID)
}

// Insert stores that something is shown, or (if it has no event) may be sent from now on. It does nothing if that is
// stored already.
func (t *ShownReactions) Insert(ctx context.Context, s *ShownReaction) error {
	return t.Exec(ctx, insertShownQuery, s.PortalID, s.Target, s.Emoji, s.EventID, s.SentAt, s.Says, s.Withdrawn)
}

// ShownAs stores which event shows something, unless that is known already. It returns the event that does, "" if
// nothing is to be shown any more.
func (t *ShownReactions) ShownAs(ctx context.Context, s *ShownReaction, eventID id.EventID) (shown id.EventID, err error) {
	if err = t.Exec(ctx, shownAsQuery, s.PortalID, s.Target, s.Emoji, eventID); err != nil {
		return "", err
	}
	err = t.GetDB().QueryRow(ctx, shownEventQuery, s.PortalID, s.Target, s.Emoji).Scan(&shown)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return shown, err
}

// SetSays stores what a notice says.
func (t *ShownReactions) SetSays(ctx context.Context, s *ShownReaction, text string) error {
	return t.Exec(ctx, saysQuery, s.PortalID, s.Target, s.Emoji, text)
}

// Refuse stores that the homeserver does not take something.
func (t *ShownReactions) Refuse(ctx context.Context, s *ShownReaction) error {
	return t.Exec(ctx, refuseShownQuery, s.PortalID, s.Target, s.Emoji)
}

// Withdraw stores that a person has removed an event, if it shows anything.
func (t *ShownReactions) Withdraw(ctx context.Context, portalID int64, eventID id.EventID) error {
	return t.Exec(ctx, withdrawShownQuery, portalID, eventID)
}

// Delete stores that something is not shown any more.
func (t *ShownReactions) Delete(ctx context.Context, s *ShownReaction) error {
	return t.Exec(ctx, deleteShownQuery, s.PortalID, s.Target, s.Emoji)
}

// DeleteEvent stores that the bot has removed an event.
func (t *ShownReactions) DeleteEvent(ctx context.Context, portalID int64, eventID id.EventID) error {
	return t.Exec(ctx, deleteShownEventQuery, portalID, eventID)
}

// Forget deletes what was sent before a time about messages whose mappings are gone, see [Messages.Forget]. After an
// older copy of the database was restored, the mapping of a message may come after what is shown about it.
func (t *ShownReactions) Forget(ctx context.Context, before Time) error {
	return t.Exec(ctx, forgetShownQuery, before)
}

// ShownReplies is the table of the messages of Wazo that are shown on Matrix as replies.
type ShownReplies struct {
	*dbutil.QueryHelper[*Message]
}

func newShownReplies(db *dbutil.Database) *ShownReplies {
	return &ShownReplies{dbutil.MakeQueryHelperSimple(db, func() *Message { return &Message{} })}
}

// Insert stores that a message is shown as a reply, or is going to be.
func (t *ShownReplies) Insert(ctx context.Context, portalID int64, wazoUUID string) error {
	return t.Exec(ctx, insertShownReplyQuery, portalID, wazoUUID)
}

// Forget deletes the replies whose mappings are gone, see [Messages.Forget]. It keeps those that are being delivered.
func (t *ShownReplies) Forget(ctx context.Context) error {
	return t.Exec(ctx, forgetShownRepliesQuery)
}

// Unshown returns the messages of people on Wazo that were relayed at a time or later, and are not shown as replies,
// the oldest first.
func (t *ShownReplies) Unshown(ctx context.Context, portalID int64, since Time) ([]*Message, error) {
	return t.QueryMany(ctx, unshownRepliesQuery, portalID, since)
}

// Targets returns, for those of some Wazo messages that an event shows, the mappings of their first parts. If the event
// is a reaction or an edit, the message that this is about takes its place: it is what others can reply or react to.
func (t *Messages) Targets(ctx context.Context, portalID int64, wazoUUIDs ...string) ([]*Message, error) {
	wanted, err := json.Marshal(append([]string{}, wazoUUIDs...)) // never null
	if err != nil {
		return nil, err
	}
	return t.QueryMany(ctx, inDialect(t.GetDB(), targetsQuery), portalID, string(wanted))
}
