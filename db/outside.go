package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"
)

// Outside is who is on the other side of a conversation with somebody outside Wazo, and the number that they are
// written to from.
type Outside struct {
	PortalID    int64
	Participant string // the uuid of the member outside Wazo
	Number      string // the telephone number of that member, as Wazo has it
	OwnNumber   string // the own number that was last written to or chosen; empty: none
	OwnSince    WazoTime
}

const (
	outsideColumns        = `portal_id, participant, number, own_number, own_since`
	insertOutsideQuery    = `INSERT INTO outside (portal_id, participant, number) VALUES ($1, $2, $3) ON CONFLICT (portal_id) DO NOTHING`
	outsideOfQuery        = `SELECT ` + outsideColumns + ` FROM outside WHERE portal_id = $1`
	outsidesOfReaderQuery = `SELECT ` + outsideColumns + ` FROM outside WHERE portal_id IN (SELECT id FROM portal WHERE reader_id = $1)`
	noteOwnNumberQuery    = `UPDATE outside SET own_number = $2, own_since = $3 WHERE portal_id = $1 AND own_since < $3`
)

// Outsides is the table of the conversations with people outside Wazo.
type Outsides struct {
	*dbutil.QueryHelper[*Outside]
}

func newOutsides(db *dbutil.Database) *Outsides {
	return &Outsides{dbutil.MakeQueryHelperSimple(db, func() *Outside { return &Outside{} })}
}

// Scan implements dbutil.DataStruct.
func (o *Outside) Scan(row dbutil.Scannable) (*Outside, error) {
	return dbutil.ValueOrErr(o, row.Scan(&o.PortalID, &o.Participant, &o.Number, &o.OwnNumber, wazoTimeColumn(&o.OwnSince)))
}

// Insert stores that a portal is a conversation with somebody outside Wazo.
func (t *Outsides) Insert(ctx context.Context, o *Outside) error {
	return t.Exec(ctx, insertOutsideQuery, o.PortalID, o.Participant, o.Number)
}

// Of returns who is outside Wazo in a portal, nil if all its members are inside.
func (t *Outsides) Of(ctx context.Context, portalID int64) (*Outside, error) {
	return t.QueryOne(ctx, outsideOfQuery, portalID)
}

// OfReader returns who is outside Wazo in the portals that an account reads.
func (t *Outsides) OfReader(ctx context.Context, accountID int64) ([]*Outside, error) {
	return t.QueryMany(ctx, outsidesOfReaderQuery, accountID)
}

// NoteOwnNumber stores which own number was written to, or chosen, at a time. It changes nothing if another one was so
// later.
func (t *Outsides) NoteOwnNumber(ctx context.Context, portalID int64, number string, at WazoTime) error {
	return t.Exec(ctx, noteOwnNumberQuery, portalID, number, at)
}

const (
	outsideTryQuery       = `SELECT attempted_at FROM outside_attempt WHERE account_uuid = $1 AND number = $2`
	markOutsideTryQuery   = `INSERT INTO outside_attempt (account_uuid, number, attempted_at) VALUES ($1, $2, $3) ON CONFLICT (account_uuid, number) DO UPDATE SET attempted_at = excluded.attempted_at`
	endOutsideTryQuery    = `DELETE FROM outside_attempt WHERE account_uuid = $1 AND number = $2`
	forgetOutsideTryQuery = `DELETE FROM outside_attempt WHERE attempted_at < $1`
)

// OutsideTries is the table of Wazo rooms with somebody outside that are being created, or whose creation may have
// succeeded.
type OutsideTries struct {
	db *dbutil.Database
}

// Last returns when the creation of the room of an account and a number was last begun, the zero time if its outcome is
// known.
func (t *OutsideTries) Last(ctx context.Context, account, number string) (at Time, err error) {
	err = t.db.QueryRow(ctx, outsideTryQuery, account, number).Scan(timeColumn(&at))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return at, err
}

// Begin stores that the room of an account and a number is about to be created.
func (t *OutsideTries) Begin(ctx context.Context, account, number string, at Time) error {
	_, err := t.db.Exec(ctx, markOutsideTryQuery, account, number, at)
	return err
}

// End stores that the outcome of a creation is known.
func (t *OutsideTries) End(ctx context.Context, account, number string) error {
	_, err := t.db.Exec(ctx, endOutsideTryQuery, account, number)
	return err
}

// Forget removes what was begun before a time.
func (t *OutsideTries) Forget(ctx context.Context, before Time) error {
	_, err := t.db.Exec(ctx, forgetOutsideTryQuery, before)
	return err
}
