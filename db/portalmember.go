package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// MemberState is how far a person has come into the Matrix room of an opened portal.
type MemberState string

// The states of a person.
const (
	MemberOwed    MemberState = "owed"    // is still to be invited
	MemberInvited MemberState = "invited" // has not answered yet
	MemberJoined  MemberState = "joined"
	MemberLeft    MemberState = "left"    // has declined, left, or been removed
	MemberRefused MemberState = "refused" // the homeserver refuses to invite the person
)

// IsActive reports whether a person is in the room, or may still come.
func (s MemberState) IsActive() bool {
	return s == MemberOwed || s == MemberInvited || s == MemberJoined
}

// PortalMember is a person of an opened portal.
type PortalMember struct {
	PortalID   int64
	MatrixUser id.UserID
	WazoUUID   string // of the user on Wazo who the person is
	LoggedIn   bool   // the person had logged in when they were invited; otherwise an administrator had mapped them
	State      MemberState
}

const (
	memberColumns       = `portal_id, matrix_user, wazo_uuid, logged_in, state`
	portalMembersQuery  = `SELECT ` + memberColumns + ` FROM portal_member WHERE portal_id = $1 ORDER BY matrix_user`
	portalMemberQuery   = `SELECT ` + memberColumns + ` FROM portal_member WHERE portal_id = $1 AND matrix_user = $2`
	putMemberQuery      = `INSERT INTO portal_member (` + memberColumns + `) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (portal_id, matrix_user) DO UPDATE SET wazo_uuid = excluded.wazo_uuid, logged_in = excluded.logged_in, state = excluded.state`
	moveMemberQuery     = `UPDATE portal_member SET state = $4 WHERE portal_id = $1 AND matrix_user = $2 AND state = $3`
	unattendedQuery     = `SELECT id FROM portal WHERE kind = 'opened' AND NOT EXISTS (SELECT 1 FROM portal_member WHERE portal_id = portal.id AND state = 'joined')`
	isAttendedQuery     = `SELECT EXISTS (SELECT 1 FROM portal_member WHERE portal_id = $1 AND state = 'joined')`
	leaveAllQuery       = `UPDATE portal_member SET state = 'left' WHERE portal_id = $1 AND state <> 'refused'`
	setLoggedInQuery    = `UPDATE portal_member SET logged_in = true WHERE portal_id = $1 AND matrix_user = $2`
	deletePersonOfQuery = `DELETE FROM portal_member WHERE portal_id = $1 AND matrix_user = $2`
)

// PortalMembers is the table of the people of opened portals.
type PortalMembers struct {
	*dbutil.QueryHelper[*PortalMember]
}

func newPortalMembers(db *dbutil.Database) *PortalMembers {
	return &PortalMembers{dbutil.MakeQueryHelperSimple(db, func() *PortalMember { return &PortalMember{} })}
}

// Scan implements dbutil.DataStruct.
func (m *PortalMember) Scan(row dbutil.Scannable) (*PortalMember, error) {
	return dbutil.ValueOrErr(m, row.Scan(&m.PortalID, &m.MatrixUser, &m.WazoUUID, &m.LoggedIn, &m.State))
}

// Of returns the people of a portal, sorted by Matrix user.
func (t *PortalMembers) Of(ctx context.Context, portalID int64) ([]*PortalMember, error) {
	return t.QueryMany(ctx, portalMembersQuery, portalID)
}

// Get returns a person of a portal, or nil if it is somebody else.
func (t *PortalMembers) Get(ctx context.Context, portalID int64, user id.UserID) (*PortalMember, error) {
	return t.QueryOne(ctx, portalMemberQuery, portalID, user)
}

// Put stores a person, instead of what was stored of them in this portal before.
func (t *PortalMembers) Put(ctx context.Context, m *PortalMember) error {
	return t.Exec(ctx, putMemberQuery, m.PortalID, m.MatrixUser, m.WazoUUID, m.LoggedIn, m.State)
}

// Move moves a person from one state to another. It returns false if the person is in a different state.
func (t *PortalMembers) Move(ctx context.Context, portalID int64, user id.UserID, from, to MemberState) (bool, error) {
	return changed(t.GetDB().Exec(ctx, moveMemberQuery, portalID, user, from, to))
}

// SetLoggedIn stores that a person who was mapped has logged in.
func (t *PortalMembers) SetLoggedIn(ctx context.Context, portalID int64, user id.UserID) error {
	return t.Exec(ctx, setLoggedInQuery, portalID, user)
}

// Forget removes a person from a portal.
func (t *PortalMembers) Forget(ctx context.Context, portalID int64, user id.UserID) error {
	return t.Exec(ctx, deletePersonOfQuery, portalID, user)
}

// LeaveAll notes that nobody is in the Matrix room of a portal any more.
func (t *PortalMembers) LeaveAll(ctx context.Context, portalID int64) error {
	return t.Exec(ctx, leaveAllQuery, portalID)
}

// IsAttended reports whether somebody has joined the Matrix room of an opened portal.
func (t *PortalMembers) IsAttended(ctx context.Context, portalID int64) (attended bool, err error) {
	err = t.GetDB().QueryRow(ctx, isAttendedQuery, portalID).Scan(&attended)
	return attended, err
}

// Unattended returns the opened portals into whose Matrix rooms nobody has come yet.
func (t *PortalMembers) Unattended(ctx context.Context) ([]int64, error) {
	rows, err := t.GetDB().Query(ctx, unattendedQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[int64], err).AsList()
}
