package db

import (
	"context"
	"os"
	"time"

	"go.mau.fi/util/dbutil"
)

const (
	queueFiguresQuery  = `SELECT direction, state, COUNT(*), MIN(accepted_at) FROM queue GROUP BY direction, state`
	portalFiguresQuery = `SELECT portal_id, COUNT(*) FILTER (WHERE state NOT IN ('parked', 'waiting')), COALESCE(MIN(accepted_at) FILTER (WHERE state NOT IN ('parked', 'waiting')), 0), COUNT(*) FILTER (WHERE state = 'waiting'), COUNT(*) FILTER (WHERE state = 'parked') FROM queue GROUP BY portal_id`
)

// QueueFigures says how many messages wait in all queues of a direction in a state.
type QueueFigures struct {
	Direction Direction
	State     State
	Rows      int
	Oldest    Time // when the oldest of them was accepted
}

// Figures returns how many rows there are. Directions and states without a row are left out.
func (t *Queue) Figures(ctx context.Context) ([]QueueFigures, error) {
	rows, err := t.GetDB().Query(ctx, queueFiguresQuery)
	return dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (f QueueFigures, err error) {
		err = row.Scan(&f.Direction, &f.State, &f.Rows, timeColumn(&f.Oldest))
		return f, err
	}, err).AsList()
}

// PortalFigures says what is in the two queues of a portal.
type PortalFigures struct {
	Pending int
	Oldest  Time // when the oldest of the pending rows was accepted; zero if there is none
	Waiting int  // for keys
	Parked  int
}

// FiguresOfPortals returns what is in the queues of each portal that has something there.
func (t *Queue) FiguresOfPortals(ctx context.Context) (map[int64]PortalFigures, error) {
	type ofPortal struct {
		id int64
		PortalFigures
	}
	rows, err := t.GetDB().Query(ctx, portalFiguresQuery)
	figures := make(map[int64]PortalFigures)
	return figures, dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (f ofPortal, err error) {
		err = row.Scan(&f.id, &f.Pending, timeColumn(&f.Oldest), &f.Waiting, &f.Parked)
		return f, err
	}, err).Iter(func(f ofPortal) (bool, error) {
		figures[f.id] = f.PortalFigures
		return true, nil
	})
}

// Size returns how many bytes the database has, and how many the write-ahead log beside its file: 0 for what is not
// there. A server keeps its log for all of its databases.
func (db *Database) Size() (database, wal int64) {
	if db.postgres != nil {
		return db.postgres.size(db.Database), 0
	}
	return fileSize(db.file), fileSize(db.file + "-wal")
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// OnCommit has a function called with the time that each commit took that waited for the disk. Several transactions may
// have shared it.
func (db *Database) OnCommit(observe func(took time.Duration)) {
	switch d := db.RawDB.Driver().(type) {
	case *pool:
		d.writer.observe.Store(&observe)
	case *postgres:
		d.observe.Store(&observe)
	}
}
