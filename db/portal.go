package db

import (
	"cmp"
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// PortalKind says how a portal came to be.
type PortalKind string

// The kinds of portals.
const (
	PortalLinked PortalKind = "linked" // a person gave the link command
	PortalOpened PortalKind = "opened" // the bot made the Matrix room by itself
)

// Portal links one Matrix room with one Wazo room.
type Portal struct {
	ID         int64
	MatrixRoom id.RoomID
	WazoRoom   string
	Title      string    // how people know the Wazo room
	ReaderID   int64     // the account that reads the Wazo room
	LinkedBy   id.UserID // the person who gave the link command; empty: the portal was opened
	LinkedAt   Time
	Public     bool // an admin accepted that strangers can read the Matrix room

	// On each side, the link starts with a message from the relay itself. Earlier messages are not relayed, and later
	// ones all are.
	StartedOnWazo   WazoTime // when chatd stored the introduction; zero: it was not posted yet
	StartedOnMatrix bool     // the bot saw its own "Linked" notice in the Matrix room

	ReadUntil WazoTime // the verified cursor: every Wazo message up to this time is known
	Settled   bool     // and none that is older will appear there any more
	LastError string   // for people; the status command shows it

	// These say more of a portal that was opened.
	Kind         PortalKind // empty in Insert: PortalLinked
	Direct       bool       // the Wazo room has two members
	HistoryUntil WazoTime   // messages up to this time are shown as history
	ShownTitle   string     // the name that the bot gave the Matrix room
	Changes      int64      // counts what may change who belongs to the Matrix room; SetFollowed takes it
	FollowedRoom string     // a hash of what the Wazo room was when the portal was last brought in line with it
}

// IsOpened reports whether the bot made the Matrix room by itself. Then nobody was told of a link, on either side.
func (p *Portal) IsOpened() bool { return p.Kind == PortalOpened }

const (
	portalColumns           = `id, matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public, started_on_wazo, started_on_matrix, read_until, last_error, kind, direct, history_until, shown_title, settled, changes, followed_room`
	allPortalsQuery         = `SELECT ` + portalColumns + ` FROM portal ORDER BY id`
	portalsOfReaderQuery    = `SELECT ` + portalColumns + ` FROM portal WHERE reader_id = $1 ORDER BY id`
	portalByIDQuery         = `SELECT ` + portalColumns + ` FROM portal WHERE id = $1`
	portalByMatrixQuery     = `SELECT ` + portalColumns + ` FROM portal WHERE matrix_room = $1`
	portalByWazoQuery       = `SELECT ` + portalColumns + ` FROM portal WHERE wazo_room = $1`
	insertPortalQuery       = `INSERT INTO portal (matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public, kind, direct, history_until, shown_title, started_on_wazo, started_on_matrix) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id, changes`
	deletePortalQuery       = `DELETE FROM portal WHERE id = $1`
	setStartedOnWazoQuery   = `UPDATE portal SET started_on_wazo = $2, read_until = $2, settled = false WHERE id = $1`
	setStartedOnMatrixQuery = `UPDATE portal SET started_on_matrix = true WHERE id = $1`
	moveCursorQuery         = `UPDATE portal SET read_until = CASE WHEN read_until < $2 THEN $2 ELSE read_until END, settled = settled AND read_until >= $2 WHERE id = $1 AND reader_id = $3`
	setReaderQuery          = `UPDATE portal SET reader_id = $3, settled = false WHERE id = $1 AND reader_id = $2`
	moveToRoomQuery         = `UPDATE portal SET matrix_room = $2 WHERE id = $1`
	setSettledQuery         = `UPDATE portal SET settled = true WHERE id = $1 AND reader_id = $2 AND read_until = $3`
	readersQuery            = `SELECT DISTINCT reader_id FROM portal`
	unfinishedQuery         = `SELECT id FROM portal WHERE id IN (SELECT portal_id FROM queue UNION SELECT portal_id FROM gap UNION SELECT portal_id FROM orphan)`
	countPortalsQuery       = `SELECT kind, COUNT(*) FROM portal GROUP BY kind`
	setTitleQuery           = `UPDATE portal SET title = $2, shown_title = $3 WHERE id = $1`
	setPublicQuery          = `UPDATE portal SET public = $2 WHERE id = $1`
	setPortalErrorQuery     = `UPDATE portal SET last_error = $2 WHERE id = $1`
)

// Portals is the table of portals.
type Portals struct {
	*dbutil.QueryHelper[*Portal]
}

func newPortals(db *dbutil.Database) *Portals {
	return &Portals{dbutil.MakeQueryHelperSimple(db, func() *Portal { return &Portal{} })}
}

// Scan implements dbutil.DataStruct.
func (p *Portal) Scan(row dbutil.Scannable) (*Portal, error) {
	return dbutil.ValueOrErr(p, row.Scan(&p.ID, &p.MatrixRoom, &p.WazoRoom, &p.Title, &p.ReaderID, &p.LinkedBy, timeColumn(&p.LinkedAt),
		&p.Public, wazoTimeColumn(&p.StartedOnWazo), &p.StartedOnMatrix, wazoTimeColumn(&p.ReadUntil), &p.LastError,
		&p.Kind, &p.Direct, wazoTimeColumn(&p.HistoryUntil), &p.ShownTitle, &p.Settled, &p.Changes, &p.FollowedRoom))
}

// All returns every portal.
func (t *Portals) All(ctx context.Context) ([]*Portal, error) {
	return t.QueryMany(ctx, allPortalsQuery)
}

// OfReader returns the portals that an account reads.
func (t *Portals) OfReader(ctx context.Context, accountID int64) ([]*Portal, error) {
	return t.QueryMany(ctx, portalsOfReaderQuery, accountID)
}

// ByID returns a portal, or nil if it does not exist any more.
func (t *Portals) ByID(ctx context.Context, portalID int64) (*Portal, error) {
	return remember(t.GetDB(), factKey{table: "portal", id: portalID}, func() (*Portal, error) {
		return t.QueryOne(ctx, portalByIDQuery, portalID)
	})
}

// ByMatrixRoom returns the portal of a Matrix room, or nil if the room has none.
func (t *Portals) ByMatrixRoom(ctx context.Context, room id.RoomID) (*Portal, error) {
	return remember(t.GetDB(), factKey{table: "portal", by: "matrix", name: room.String()}, func() (*Portal, error) {
		return t.QueryOne(ctx, portalByMatrixQuery, room)
	})
}

// ByWazoRoom returns the portal of a Wazo room, or nil if the room has none.
func (t *Portals) ByWazoRoom(ctx context.Context, room string) (*Portal, error) {
	return remember(t.GetDB(), factKey{table: "portal", by: "wazo", name: room}, func() (*Portal, error) {
		return t.QueryOne(ctx, portalByWazoQuery, room)
	})
}

// Insert stores a new portal, and sets its ID and Changes. It returns an error if one of the rooms has a portal
// already.
func (t *Portals) Insert(ctx context.Context, p *Portal) error {
	p.Kind = cmp.Or(p.Kind, PortalLinked)
	return t.GetDB().QueryRow(ctx, insertPortalQuery, p.MatrixRoom, p.WazoRoom, p.Title, p.ReaderID, p.LinkedBy, p.LinkedAt, p.Public,
		p.Kind, p.Direct, p.HistoryUntil, p.ShownTitle, p.StartedOnWazo, p.StartedOnMatrix).Scan(&p.ID, &p.Changes)
}

// SetTitle stores how people know the Wazo room, and the name that the bot gave the Matrix room.
func (t *Portals) SetTitle(ctx context.Context, portalID int64, title, shown string) error {
	return t.Exec(ctx, setTitleQuery, portalID, title, shown)
}

// Delete removes a portal and everything that belongs to it: queues, gaps, pauses, messages and orphans.
func (t *Portals) Delete(ctx context.Context, portalID int64) error {
	return t.Exec(ctx, deletePortalQuery, portalID)
}

// SetStartedOnWazo stores when chatd stored the introduction. The link starts at this time on Wazo, and the cursor is
// set to it.
func (t *Portals) SetStartedOnWazo(ctx context.Context, portalID int64, at WazoTime) error {
	return t.Exec(ctx, setStartedOnWazoQuery, portalID, at)
}

// SetStartedOnMatrix stores that the bot saw its own "Linked" notice. The link starts with this notice on Matrix.
func (t *Portals) SetStartedOnMatrix(ctx context.Context, portalID int64) error {
	return t.Exec(ctx, setStartedOnMatrixQuery, portalID)
}

// MoveCursor moves the verified cursor forward, after an account has read the Wazo room up to a time. The cursor stays
// if it is at a later time already. MoveCursor returns false, and changes nothing, if another account is the reader by
// now: what this one has heard meanwhile is not known.
func (t *Portals) MoveCursor(ctx context.Context, portalID, readerID int64, readUntil WazoTime) (bool, error) {
	return changed(t.GetDB().Exec(ctx, moveCursorQuery, portalID, readUntil, readerID))
}

// SetSettled stores that the Wazo room was read again by an account when no message could appear there any more that is
// not later than readUntil, and that nothing new was found. It changes nothing if the cursor is elsewhere or another
// account is the reader by now. A later move of either of them undoes it.
func (t *Portals) SetSettled(ctx context.Context, portalID, readerID int64, readUntil WazoTime) error {
	return t.Exec(ctx, setSettledQuery, portalID, readerID, readUntil)
}

// Readers returns the accounts that read portals.
func (t *Portals) Readers(ctx context.Context) ([]int64, error) { return t.ids(ctx, readersQuery) }

// Counts returns how many portals there are of each kind.
func (t *Portals) Counts(ctx context.Context) (map[PortalKind]int, error) {
	counts := map[PortalKind]int{PortalLinked: 0, PortalOpened: 0}
	rows, err := t.GetDB().Query(ctx, countPortalsQuery)
	err = dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (struct{}, error) {
		var kind PortalKind
		var n int
		err := row.Scan(&kind, &n)
		counts[kind] = n
		return struct{}{}, err
	}, err).Iter(func(struct{}) (bool, error) { return true, nil })
	return counts, err
}

// Unfinished returns the portals with something in their queues, in whatever state, with gaps or with orphans.
func (t *Portals) Unfinished(ctx context.Context) ([]int64, error) {
	return t.ids(ctx, unfinishedQuery)
}

func (t *Portals) ids(ctx context.Context, query string) ([]int64, error) {
	rows, err := t.GetDB().Query(ctx, query)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[int64], err).AsList()
}

// SetReader makes an account the reader of a portal, instead of another one. It returns false, and changes nothing, if
// that other one is not the reader any more.
func (t *Portals) SetReader(ctx context.Context, portalID, fromID, toID int64) (bool, error) {
	return changed(t.GetDB().Exec(ctx, setReaderQuery, portalID, fromID, toID))
}

// MoveToRoom links a portal with another Matrix room, which replaces its present one.
func (t *Portals) MoveToRoom(ctx context.Context, portalID int64, room id.RoomID) error {
	return t.Exec(ctx, moveToRoomQuery, portalID, room)
}

// SetPublic stores whether an admin accepted that strangers can read the Matrix room.
func (t *Portals) SetPublic(ctx context.Context, portalID int64, public bool) error {
	return t.Exec(ctx, setPublicQuery, portalID, public)
}

// SetLastError stores the error that the status command shows. An empty text means that there is none.
func (t *Portals) SetLastError(ctx context.Context, portalID int64, text string) error {
	return t.Exec(ctx, setPortalErrorQuery, portalID, text)
}
