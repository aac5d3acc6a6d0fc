package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Orphan is a message that the relay account posted on Wazo and that is missing in this database, because the database
// was restored from a backup that is older than the message. A queue row with the same text was delivered by it.
type Orphan struct {
	PortalID  int64
	WazoUUID  string
	Alias     string   // the name of the author, as Wazo shows it
	Content   string   // without the quote at its end
	CreatedAt WazoTime // when chatd stored the message
}

const (
	insertOrphanQuery   = `INSERT INTO orphan (portal_id, wazo_uuid, alias, content, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	findOrphanQuery     = `SELECT portal_id, wazo_uuid, alias, content, created_at FROM orphan WHERE portal_id = $1 AND alias = $2 AND content = $3 AND ($4 OR NOT ` + orphanIsClosed + `) ORDER BY created_at LIMIT 1`
	hasOrphanQuery      = `SELECT EXISTS (SELECT 1 FROM orphan WHERE portal_id = $1 AND alias = $2 AND created_at >= $3)`
	hasLaterOrphanQuery = `SELECT EXISTS (SELECT 1 FROM orphan WHERE portal_id = $1 AND alias <> '' AND created_at > $2 AND NOT ` + orphanIsClosed + `)`
	hasOlderOrphanQuery = `SELECT EXISTS (SELECT 1 FROM orphan WHERE portal_id = $1 AND alias <> '' AND created_at < $2 AND NOT ` + orphanIsClosed + `)`
	foundOrphanQuery    = `UPDATE message SET event_id = $3, author = $4 WHERE portal_id = $1 AND wazo_uuid = $2 AND event_id IS NULL`
	deleteOrphanQuery   = `DELETE FROM orphan WHERE portal_id = $1 AND wazo_uuid = $2`
	keepOrphansQuery    = `INSERT INTO message (portal_id, wazo_uuid, part, author, created_at, relayed_at) SELECT portal_id, wazo_uuid, 0, alias, created_at, $2 FROM orphan WHERE portal_id = $1 ON CONFLICT DO NOTHING`
	forgetOrphanQuery   = `DELETE FROM orphan WHERE ` + orphanIsClosed + ` AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.portal_id = orphan.portal_id AND state = 'waiting')`

	orphanIsClosed = `EXISTS (SELECT 1 FROM message WHERE message.portal_id = orphan.portal_id AND message.wazo_uuid = orphan.wazo_uuid)`
)

// Orphans is the table of orphans.
type Orphans struct {
	*dbutil.QueryHelper[*Orphan]
}

func newOrphans(db *dbutil.Database) *Orphans {
	return &Orphans{dbutil.MakeQueryHelperSimple(db, func() *Orphan { return &Orphan{} })}
}

// Scan implements dbutil.DataStruct.
func (o *Orphan) Scan(row dbutil.Scannable) (*Orphan, error) {
	return dbutil.ValueOrErr(o, row.Scan(&o.PortalID, &o.WazoUUID, &o.Alias, &o.Content, wazoTimeColumn(&o.CreatedAt)))
}

// Insert stores an orphan. It does nothing if the orphan is stored already.
func (t *Orphans) Insert(ctx context.Context, o *Orphan) error {
	return t.Exec(ctx, insertOrphanQuery, o.PortalID, o.WazoUUID, o.Alias, o.Content, o.CreatedAt)
}

// Find returns the oldest orphan with this alias and content, or nil if there is none. With closed, it also looks among
// those for which Close has ended the search.
func (t *Orphans) Find(ctx context.Context, portalID int64, alias, content string, closed bool) (*Orphan, error) {
	return t.QueryOne(ctx, findOrphanQuery, portalID, alias, content, closed)
}

// Has reports whether there is an orphan with this alias that chatd stored at a time or later.
func (t *Orphans) Has(ctx context.Context, portalID int64, alias string, since WazoTime) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, hasOrphanQuery, portalID, alias, since).Scan(&has)
	return has, err
}

// HasLater reports whether there is an orphan of a person that chatd stored after a time, and for which Close has not
// ended the search.
func (t *Orphans) HasLater(ctx context.Context, portalID int64, after WazoTime) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, hasLaterOrphanQuery, portalID, after).Scan(&has)
	return has, err
}

// HasOlder reports whether there is an orphan of a person that chatd stored before a time, and for which Close has not
// ended the search.
func (t *Orphans) HasOlder(ctx context.Context, portalID int64, before WazoTime) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, hasOlderOrphanQuery, portalID, before).Scan(&has)
	return has, err
}

// Found removes an orphan, after its queue row was found: the row of an event that an author wrote.
func (t *Orphans) Found(ctx context.Context, portalID int64, wazoUUID string, event id.EventID, author string) error {
	if err := t.Exec(ctx, foundOrphanQuery, portalID, wazoUUID, event, author); err != nil {
		return err
	}
	return t.Exec(ctx, deleteOrphanQuery, portalID, wazoUUID)
}

// Close ends the search for the queue rows of a portal's orphans. The orphans that are left become known messages, with
// their alias as the author. They are kept only as long as rows wait for keys, which may turn out to be theirs.
func (t *Orphans) Close(ctx context.Context, portalID int64, now Time) error {
	return doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		if err := t.Exec(ctx, keepOrphansQuery, portalID, now); err != nil {
			return err
		}
		return t.Forget(ctx)
	})
}

// Forget deletes the orphans of all portals that Close has kept and that no row needs any more.
func (t *Orphans) Forget(ctx context.Context) error {
	return t.Exec(ctx, forgetOrphanQuery)
}
