package db

import (
	"context"
	"os"
	"time"

	"go.mau.fi/util/dbutil"
)

const queueFiguresQuery = `SELECT direction, state, COUNT(*), MIN(accepted_at) FROM queue GROUP BY direction, state`

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

// Size returns how many bytes the database file has, and how many the write-ahead log beside it: 0 for what is not there.
func (db *Database) Size() (file, wal int64) { return fileSize(db.file), fileSize(db.file + "-wal") }

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// OnCommit has a function called with the time that each commit of a transaction took.
func (db *Database) OnCommit(observe func(took time.Duration)) {
	if t, ok := db.RawDB.Driver().(*turns); ok {
		t.observe.Store(&observe)
	}
}
