package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Portal is one Matrix room tied to one Wazo room.
type Portal struct {
	ID         int64
	MatrixRoom id.RoomID
	WazoRoom   string
	Title      string
	ReaderID   int64
	LinkedBy   id.UserID
	LinkedAt   int64 // ms, our clock
	Public     bool
	Boundary   int64 // µs, chatd's clock; 0: the introduction is not posted yet
	Announced  bool  // the "Linked" notice was seen in the Matrix room
	ReadUntil  int64 // µs, chatd's clock: the verified cursor
	LastError  string
}

const (
	portalColumns       = `id, matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public, boundary, announced, read_until, last_error`
	allPortalsQuery     = `SELECT ` + portalColumns + ` FROM portal ORDER BY id`
	portalByIDQuery     = `SELECT ` + portalColumns + ` FROM portal WHERE id = $1`
	portalByMatrixQuery = `SELECT ` + portalColumns + ` FROM portal WHERE matrix_room = $1`
	portalByWazoQuery   = `SELECT ` + portalColumns + ` FROM portal WHERE wazo_room = $1`
	insertPortalQuery   = `INSERT INTO portal (matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`
	deletePortalQuery   = `DELETE FROM portal WHERE id = $1`
	setBoundaryQuery    = `UPDATE portal SET boundary = $2, read_until = $2 WHERE id = $1`
	setAnnouncedQuery   = `UPDATE portal SET announced = true WHERE id = $1`
	moveCursorQuery     = `UPDATE portal SET read_until = $2 WHERE id = $1 AND read_until < $2`
	moveToRoomQuery     = `UPDATE portal SET matrix_room = $2 WHERE id = $1`
	setPublicQuery      = `UPDATE portal SET public = $2 WHERE id = $1`
	setPortalErrorQuery = `UPDATE portal SET last_error = $2 WHERE id = $1`
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
	return dbutil.ValueOrErr(p, row.Scan(&p.ID, &p.MatrixRoom, &p.WazoRoom, &p.Title, &p.ReaderID, &p.LinkedBy, &p.LinkedAt,
		&p.Public, &p.Boundary, &p.Announced, &p.ReadUntil, &p.LastError))
}

// All returns every portal.
func (t *Portals) All(ctx context.Context) ([]*Portal, error) {
	return t.QueryMany(ctx, allPortalsQuery)
}

// ByID returns a portal, nil if it is gone.
func (t *Portals) ByID(ctx context.Context, portalID int64) (*Portal, error) {
	return t.QueryOne(ctx, portalByIDQuery, portalID)
}

// ByMatrixRoom returns a room's portal, nil if it has none.
func (t *Portals) ByMatrixRoom(ctx context.Context, room id.RoomID) (*Portal, error) {
	return t.QueryOne(ctx, portalByMatrixQuery, room)
}

// ByWazoRoom returns a room's portal, nil if it has none.
func (t *Portals) ByWazoRoom(ctx context.Context, room string) (*Portal, error) {
	return t.QueryOne(ctx, portalByWazoQuery, room)
}

// Insert stores a new portal and sets its id.
func (t *Portals) Insert(ctx context.Context, p *Portal) error {
	return t.GetDB().QueryRow(ctx, insertPortalQuery, p.MatrixRoom, p.WazoRoom, p.Title, p.ReaderID, p.LinkedBy, p.LinkedAt, p.Public).Scan(&p.ID)
}

// Delete removes a portal with its queue, gaps and mappings.
func (t *Portals) Delete(ctx context.Context, portalID int64) error {
	return t.Exec(ctx, deletePortalQuery, portalID)
}

// SetBoundary stores the time of our introduction: where the link begins on Wazo and the cursor starts.
func (t *Portals) SetBoundary(ctx context.Context, portalID, boundary int64) error {
	return t.Exec(ctx, setBoundaryQuery, portalID, boundary)
}

// SetAnnounced notes that our "Linked" notice was seen: where the link begins on Matrix.
func (t *Portals) SetAnnounced(ctx context.Context, portalID int64) error {
	return t.Exec(ctx, setAnnouncedQuery, portalID)
}

// MoveCursor moves the verified cursor forward, never back.
func (t *Portals) MoveCursor(ctx context.Context, portalID, readUntil int64) error {
	return t.Exec(ctx, moveCursorQuery, portalID, readUntil)
}

// MoveToRoom ties a portal to another Matrix room, which replaces the one it had.
func (t *Portals) MoveToRoom(ctx context.Context, portalID int64, room id.RoomID) error {
	return t.Exec(ctx, moveToRoomQuery, portalID, room)
}

// SetPublic stores that an admin accepted strangers in the Matrix room.
func (t *Portals) SetPublic(ctx context.Context, portalID int64, public bool) error {
	return t.Exec(ctx, setPublicQuery, portalID, public)
}

// SetLastError stores what the status command shows.
func (t *Portals) SetLastError(ctx context.Context, portalID int64, text string) error {
	return t.Exec(ctx, setPortalErrorQuery, portalID, text)
}
