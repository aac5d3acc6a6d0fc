package db

import (
	"context"

	"go.mau.fi/util/dbutil"
)

const (
	nativeColumns = `portal_id, wazo_uuid, account_id, user_uuid, emoji, spelling, state, since`

	wantNativeQuery   = `INSERT INTO native_reaction (` + nativeColumns + `) VALUES ($1, $2, $3, $4, $5, $6, 'adding', $7) ON CONFLICT (portal_id, wazo_uuid, account_id, user_uuid, emoji) DO UPDATE SET state = 'adding', since = excluded.since WHERE native_reaction.state = 'removing'`
	unwantNativeQuery = `UPDATE native_reaction SET state = 'removing', since = $5 WHERE portal_id = $1 AND wazo_uuid = $2 AND account_id = $3 AND emoji = $4 AND state <> 'removing' AND NOT EXISTS (SELECT 1 FROM reaction WHERE portal_id = $1 AND wazo_uuid = $2 AND account_id = $3 AND native = $4)`
	owedNativeQuery   = `SELECT ` + nativeColumns + ` FROM native_reaction WHERE portal_id = $1 AND state <> 'added' ORDER BY since, wazo_uuid, emoji`
	addedNativeQuery  = `UPDATE native_reaction SET state = 'added' WHERE portal_id = $1 AND wazo_uuid = $2 AND account_id = $3 AND user_uuid = $4 AND emoji = $5 AND state = 'adding'`
	dropNativeQuery   = `DELETE FROM native_reaction WHERE portal_id = $1 AND wazo_uuid = $2 AND account_id = $3 AND user_uuid = $4 AND emoji = $5 AND state = $6`
	isNativeQuery     = `SELECT EXISTS (SELECT 1 FROM native_reaction WHERE portal_id = $1 AND wazo_uuid = $2 AND user_uuid = $3 AND emoji = $4)`
	forgetNativeQuery = `DELETE FROM native_reaction WHERE state = 'added' AND NOT EXISTS (SELECT 1 FROM reaction WHERE reaction.portal_id = native_reaction.portal_id AND reaction.wazo_uuid = native_reaction.wazo_uuid AND reaction.account_id = native_reaction.account_id AND reaction.native = native_reaction.emoji)`

	oweMarkQuery   = `INSERT INTO reply_mark (portal_id, wazo_uuid, parent, account_id, since) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	owedMarksQuery = `SELECT portal_id, wazo_uuid, parent, account_id, since FROM reply_mark WHERE portal_id = $1 ORDER BY since, wazo_uuid`
	dropMarkQuery  = `DELETE FROM reply_mark WHERE portal_id = $1 AND wazo_uuid = $2`

	owingPortalsQuery = `SELECT portal_id FROM reply_mark UNION SELECT portal_id FROM native_reaction WHERE state <> 'added'`
)

// NativeState is how far a reaction on Wazo is. Its row is stored before Wazo is asked to add it, and deleted when it
// is removed.
type NativeState string

// The states of a reaction on Wazo.
const (
	NativeAdding   NativeState = "adding"   // to be added; it may be on Wazo already
	NativeAdded    NativeState = "added"    // on Wazo
	NativeRemoving NativeState = "removing" // to be removed; it may be gone already
)

// NativeReaction is a reaction that an account makes on Wazo for people on Matrix, by the plugin for reactions and
// replies. All people who react through one account with the same emoji share it.
type NativeReaction struct {
	PortalID int64
	WazoUUID string // the message
	Account  int64
	User     string // whose account that was on Wazo then: a person may log in as another user
	Emoji    string // without variation selectors, see wazoapi.NormalEmoji
	Spelling string // as it is sent to Wazo
	State    NativeState
	Since    Time // when it got this state
}

// NativeReactions is the table of the reactions that accounts make on Wazo for people on Matrix.
type NativeReactions struct {
	*dbutil.QueryHelper[*NativeReaction]
}

func newNativeReactions(db *dbutil.Database) *NativeReactions {
	return &NativeReactions{dbutil.MakeQueryHelperSimple(db, func() *NativeReaction { return &NativeReaction{} })}
}

// Scan implements dbutil.DataStruct.
func (n *NativeReaction) Scan(row dbutil.Scannable) (*NativeReaction, error) {
	return dbutil.ValueOrErr(n, row.Scan(&n.PortalID, &n.WazoUUID, &n.Account, &n.User, &n.Emoji, &n.Spelling, &n.State, timeColumn(&n.Since)))
}

// Want stores that an account has to make a reaction, whose state is ignored. It changes nothing if the account makes
// it already.
func (t *NativeReactions) Want(ctx context.Context, n *NativeReaction) error {
	return t.Exec(ctx, wantNativeQuery, n.PortalID, n.WazoUUID, n.Account, n.User, n.Emoji, n.Spelling, n.Since)
}

// Unwant stores that a reaction on Wazo has to be removed which was made for a reaction that was deleted, see
// [Reactions.Delete]. It changes nothing if the reaction is made for others, too.
func (t *NativeReactions) Unwant(ctx context.Context, r *Reaction, now Time) error {
	return t.Exec(ctx, unwantNativeQuery, r.PortalID, r.WazoUUID, r.Account, r.Native, now)
}

// Owed returns the reactions of a portal that have to be added or removed, those that have waited longest first.
func (t *NativeReactions) Owed(ctx context.Context, portalID int64) ([]*NativeReaction, error) {
	return t.QueryMany(ctx, owedNativeQuery, portalID)
}

// Done stores that a reaction was added or removed on Wazo, whichever its state says. It changes nothing if the state
// is another one by now.
func (t *NativeReactions) Done(ctx context.Context, n *NativeReaction) error {
	if n.State == NativeRemoving {
		return t.Drop(ctx, n)
	}
	return t.Exec(ctx, addedNativeQuery, n.PortalID, n.WazoUUID, n.Account, n.User, n.Emoji)
}

// Drop deletes a reaction if it is still in its state.
func (t *NativeReactions) Drop(ctx context.Context, n *NativeReaction) error {
	return t.Exec(ctx, dropNativeQuery, n.PortalID, n.WazoUUID, n.Account, n.User, n.Emoji, n.State)
}

// Has reports whether a reaction of a user on Wazo is made for somebody on Matrix: the user's account makes it, is
// about to, or has not removed it yet. The account need not be logged in any more. emoji is without variation
// selectors. Whoever compares what is on Wazo with it must ask both before Wazo is read, and after that: the state may
// change in between.
func (t *NativeReactions) Has(ctx context.Context, portalID int64, wazoUUID, user, emoji string) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, isNativeQuery, portalID, wazoUUID, user, emoji).Scan(&has)
	return has, err
}

// Forget deletes the reactions on Wazo that are made for reactions which are forgotten, see [Reactions.Forget]. They
// stay on Wazo.
func (t *NativeReactions) Forget(ctx context.Context) error {
	return t.Exec(ctx, forgetNativeQuery)
}

// ReplyMark is a message on Wazo that is still to be marked as a reply, by the plugin for reactions and replies.
type ReplyMark struct {
	PortalID int64
	WazoUUID string // the message that is the reply
	Parent   string // the message that is replied to
	Account  int64  // that has posted it, and marks it
	Since    Time   // when it was posted
}

// ReplyMarks is the table of messages that are still to be marked as replies.
type ReplyMarks struct {
	*dbutil.QueryHelper[*ReplyMark]
}

func newReplyMarks(db *dbutil.Database) *ReplyMarks {
	return &ReplyMarks{dbutil.MakeQueryHelperSimple(db, func() *ReplyMark { return &ReplyMark{} })}
}

// Scan implements dbutil.DataStruct.
func (m *ReplyMark) Scan(row dbutil.Scannable) (*ReplyMark, error) {
	return dbutil.ValueOrErr(m, row.Scan(&m.PortalID, &m.WazoUUID, &m.Parent, &m.Account, timeColumn(&m.Since)))
}

// Owe stores that a message has to be marked. It changes nothing if that is stored already.
func (t *ReplyMarks) Owe(ctx context.Context, m *ReplyMark) error {
	return t.Exec(ctx, oweMarkQuery, m.PortalID, m.WazoUUID, m.Parent, m.Account, m.Since)
}

// Owed returns the messages of a portal that have to be marked, those that have waited longest first.
func (t *ReplyMarks) Owed(ctx context.Context, portalID int64) ([]*ReplyMark, error) {
	return t.QueryMany(ctx, owedMarksQuery, portalID)
}

// Drop deletes a message that is marked, or cannot be.
func (t *ReplyMarks) Drop(ctx context.Context, m *ReplyMark) error {
	return t.Exec(ctx, dropMarkQuery, m.PortalID, m.WazoUUID)
}

// OwingPortals returns the portals in which messages have to be marked as replies, or reactions to be added or removed.
func (t *ReplyMarks) OwingPortals(ctx context.Context) ([]int64, error) {
	rows, err := t.GetDB().Query(ctx, owingPortalsQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[int64], err).AsList()
}
