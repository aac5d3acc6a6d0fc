package db

import "context"

// An opened portal is brought in line with its Wazo room when something has changed that may matter: who is in one of
// the two rooms, or who is who. Such changes are counted in the portal's row, within the transaction that stores them.
// So a start knows which portals are still to be looked at, and leaves the others alone.

const (
	changedQuery    = `UPDATE portal SET changes = changes + 1 WHERE id = $1 AND kind = 'opened'`
	allChangedQuery = `UPDATE portal SET changes = changes + 1 WHERE kind = 'opened'`
	unfollowedQuery = `
		SELECT id FROM portal WHERE kind = 'opened' AND (changes <> followed
			OR EXISTS (SELECT 1 FROM portal_member WHERE portal_id = portal.id AND state = 'owed')
			OR NOT EXISTS (SELECT 1 FROM portal_member WHERE portal_id = portal.id AND state IN ('owed', 'invited', 'joined')))
		ORDER BY id`
	setFollowedQuery = `UPDATE portal SET followed = $2, followed_room = $3 WHERE id = $1 AND (followed <> $2 OR followed_room <> $3)`
)

// Changed counts a change of a portal. It does nothing if the portal was not opened.
func (t *Portals) Changed(ctx context.Context, portalID int64) error {
	return t.Exec(ctx, changedQuery, portalID)
}

// AllChanged counts a change of all portals that were opened.
func (t *Portals) AllChanged(ctx context.Context) error { return t.Exec(ctx, allChangedQuery) }

// Unfollowed returns the portals that were opened and have changed since they were last looked at. It also returns
// those that wait for something: to whom an invitation is owed, or whom everybody has left.
func (t *Portals) Unfollowed(ctx context.Context) ([]int64, error) {
	return t.ids(ctx, unfollowedQuery)
}

// SetFollowed stores that a portal was looked at, after as many changes as its row had then, and what the Wazo room
// was: see Portal.FollowedRoom.
func (t *Portals) SetFollowed(ctx context.Context, portalID, changes int64, room string) error {
	return t.Exec(ctx, setFollowedQuery, portalID, changes, room)
}
