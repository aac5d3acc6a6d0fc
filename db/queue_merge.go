package db

import (
	"context"
	"errors"
)

const (
	mergeRowQuery    = `UPDATE queue SET merged_into = $2 WHERE id = $1 AND revision = $3 AND state = 'new' AND parts = 0 AND part = 0 AND merged_into IS NULL`
	mergedQuery      = selectRows + `WHERE merged_into = $1 ORDER BY position, id`
	isMergedQuery    = `SELECT EXISTS (SELECT 1 FROM queue WHERE merged_into = $1)`
	setAloneQuery    = `UPDATE queue SET alone = true WHERE id = $1 OR merged_into = $1`
	releaseRowsQuery = `UPDATE queue SET merged_into = NULL, alone = true WHERE merged_into = $1`
	unmergeRowQuery  = `UPDATE queue SET state = 'new', alone = true, revision = revision + 1, parts = 0, attempts = 0, error = '' WHERE id = $1`
)

// ErrRowChanged is returned by MarkMerged if a row is not what was read any more.
var ErrRowChanged = errors.New("a row has changed")

// MarkMerged is MarkAttempted for the first attempt of a request that shows several rows: lead and the ones after it,
// which are merged into lead and leave the queue with it. It returns ErrRowChanged, and changes nothing, if one of the
// rows was deleted or changed since it was read.
func (t *Queue) MarkMerged(ctx context.Context, lead *Row, merged []*Row, request string, now Time) error {
	return doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		for _, row := range merged {
			if there, err := changed(t.GetDB().Exec(ctx, mergeRowQuery, row.ID, lead.ID, row.Revision)); err != nil {
				return err
			} else if !there {
				return ErrRowChanged
			}
		}
		if there, err := t.MarkAttempted(ctx, lead, []string{request}, now); err != nil {
			return err
		} else if !there {
			return ErrRowChanged
		}
		return nil
	})
}

// IsMerged reports whether other rows are merged into a row.
func (t *Queue) IsMerged(ctx context.Context, rowID int64) (merged bool, err error) {
	err = t.GetDB().QueryRow(ctx, isMergedQuery, rowID).Scan(&merged)
	return merged, err
}

// Merged returns the rows that are merged into a row, in their order.
func (t *Queue) Merged(ctx context.Context, rowID int64) ([]*Row, error) {
	return t.QueryMany(ctx, mergedQuery, rowID)
}

// SetAlone stores that a row, and the rows that are merged into it, are not to be merged any more. It does not undo the
// merge.
func (t *Queue) SetAlone(ctx context.Context, rowID int64) error {
	return t.Exec(ctx, setAloneQuery, rowID)
}

// Unmerge undoes a merge: the rows that are merged into a row are delivered by themselves, as the row itself is, and
// none of them is merged again. The request is deleted, so it must be known that it was not carried out.
func (t *Queue) Unmerge(ctx context.Context, rowID int64) error {
	return doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		for _, query := range []string{releaseRowsQuery, unmergeRowQuery, dropRequestQuery} {
			if err := t.Exec(ctx, query, rowID); err != nil {
				return err
			}
		}
		return nil
	})
}
