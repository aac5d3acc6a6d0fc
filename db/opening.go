package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Opening is a Wazo room without a portal for which the bot is to make a Matrix room.
type Opening struct {
	WazoRoom    string
	From        WazoTime // when the message was stored that opens it; zero: somebody asked for it
	WantedAt    Time
	AttemptedAt Time   // since then the Matrix room may have been made; zero: it was not made
	Error       string // for people: why the Matrix room could not be made
}

const (
	openingColumns        = `wazo_room, from_time, wanted_at, attempted_at, error`
	allOpeningsQuery      = `SELECT ` + openingColumns + ` FROM opening ORDER BY wanted_at, wazo_room`
	openingQuery          = `SELECT ` + openingColumns + ` FROM opening WHERE wazo_room = $1`
	wantOpeningQuery      = `INSERT INTO opening (wazo_room, from_time, wanted_at) VALUES ($1, $2, $3) ON CONFLICT (wazo_room) DO NOTHING`
	setOpeningTriedQuery  = `UPDATE opening SET attempted_at = $2 WHERE wazo_room = $1`
	setOpeningFailedQuery = `UPDATE opening SET attempted_at = 0, error = $2 WHERE wazo_room = $1`
	deleteOpeningQuery    = `DELETE FROM opening WHERE wazo_room = $1`

	askQuery      = `INSERT INTO asked (wazo_room, matrix_user) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	askedQuery    = `SELECT matrix_user FROM asked WHERE wazo_room = $1 ORDER BY matrix_user`
	hasAskedQuery = `SELECT EXISTS (SELECT 1 FROM asked WHERE wazo_room = $1 AND matrix_user = $2)`
	answeredQuery = `DELETE FROM asked WHERE wazo_room = $1 AND matrix_user = $2`

	closeQuery  = `INSERT INTO closed (wazo_room, until) VALUES ($1, $2) ON CONFLICT (wazo_room) DO UPDATE SET until = excluded.until WHERE closed.until < excluded.until`
	closedQuery = `SELECT until FROM closed WHERE wazo_room = $1`
)

// Openings is the table of the Wazo rooms for which the bot is to make Matrix rooms.
type Openings struct {
	*dbutil.QueryHelper[*Opening]
}

func newOpenings(db *dbutil.Database) *Openings {
	return &Openings{dbutil.MakeQueryHelperSimple(db, func() *Opening { return &Opening{} })}
}

// Scan implements dbutil.DataStruct.
func (o *Opening) Scan(row dbutil.Scannable) (*Opening, error) {
	return dbutil.ValueOrErr(o, row.Scan(&o.WazoRoom, wazoTimeColumn(&o.From), timeColumn(&o.WantedAt), timeColumn(&o.AttemptedAt), &o.Error))
}

// All returns all openings, the oldest first.
func (t *Openings) All(ctx context.Context) ([]*Opening, error) {
	return t.QueryMany(ctx, allOpeningsQuery)
}

// Get returns the opening of a Wazo room, or nil if there is none.
func (t *Openings) Get(ctx context.Context, wazoRoom string) (*Opening, error) {
	return t.QueryOne(ctx, openingQuery, wazoRoom)
}

// Want stores that a Matrix room is to be made. It returns false if that is known already.
func (t *Openings) Want(ctx context.Context, wazoRoom string, from WazoTime, now Time) (bool, error) {
	return changed(t.GetDB().Exec(ctx, wantOpeningQuery, wazoRoom, from, now))
}

// MarkAttempted must be called before the Matrix room is made. It returns false if the opening is gone.
func (t *Openings) MarkAttempted(ctx context.Context, wazoRoom string, now Time) (bool, error) {
	return changed(t.GetDB().Exec(ctx, setOpeningTriedQuery, wazoRoom, now))
}

// MarkFailed stores that the Matrix room was certainly not made, and for people why.
func (t *Openings) MarkFailed(ctx context.Context, wazoRoom, reason string) error {
	return t.Exec(ctx, setOpeningFailedQuery, wazoRoom, reason)
}

// Delete removes an opening: the Wazo room has a portal, or nobody wants one any more.
func (t *Openings) Delete(ctx context.Context, wazoRoom string) error {
	return t.Exec(ctx, deleteOpeningQuery, wazoRoom)
}

// Asked is the table of the people who asked for a Wazo room and are to be told when they are invited.
type Asked struct {
	db *dbutil.Database
}

// Put stores that a person asked for a Wazo room.
func (t *Asked) Put(ctx context.Context, wazoRoom string, user id.UserID) error {
	_, err := t.db.Exec(ctx, askQuery, wazoRoom, user)
	return err
}

// For returns the people who asked for a Wazo room.
func (t *Asked) For(ctx context.Context, wazoRoom string) ([]id.UserID, error) {
	rows, err := t.db.Query(ctx, askedQuery, wazoRoom)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[id.UserID], err).AsList()
}

// Has reports whether a person asked for a Wazo room and was not told yet.
func (t *Asked) Has(ctx context.Context, wazoRoom string, user id.UserID) (has bool, err error) {
	err = t.db.QueryRow(ctx, hasAskedQuery, wazoRoom, user).Scan(&has)
	return has, err
}

// Delete forgets that a person asked for a Wazo room. It returns false if the person has not.
func (t *Asked) Delete(ctx context.Context, wazoRoom string, user id.UserID) (bool, error) {
	return changed(t.db.Exec(ctx, answeredQuery, wazoRoom, user))
}

// Closed is the table of the Wazo rooms whose opened portals have ended.
type Closed struct {
	db *dbutil.Database
}

// Put stores that messages of a Wazo room up to a time do not open the conversation again.
func (t *Closed) Put(ctx context.Context, wazoRoom string, until WazoTime) error {
	_, err := t.db.Exec(ctx, closeQuery, wazoRoom, until)
	return err
}

// Until returns what Put stored, and the zero time if there is nothing.
func (t *Closed) Until(ctx context.Context, wazoRoom string) (until WazoTime, err error) {
	err = t.db.QueryRow(ctx, closedQuery, wazoRoom).Scan(wazoTimeColumn(&until))
	if errors.Is(err, sql.ErrNoRows) {
		return WazoTime{}, nil
	}
	return until, err
}
