package db

import (
	"context"
	"encoding/json"

	"go.mau.fi/util/dbutil"
)

// This file has what the queues know of people who post through their own accounts. What such an account posts comes
// back as a message of its user, as does what the person writes in an app of Wazo. The author of a request to Wazo is
// the user of the account that posts it. It is empty if that is the relay account.

const (
	withdrawRowQuery = `UPDATE queue SET state = 'new', revision = revision + 1, parts = 0, part = 0, attempts = 0, error = '' WHERE id = $1 AND revision = $2`
	isAttemptedQuery = `SELECT EXISTS (SELECT 1 FROM queue JOIN request ON request.row_id = queue.id WHERE portal_id = $1 AND direction = 'to_wazo' AND state = 'attempted' AND id < $2 AND json_valid(request.content) AND json_extract(request.content, '$.author') = $3 AND json_extract(request.content, '$.content') = $4)`
	attemptersQuery  = `SELECT DISTINCT json_extract(request.content, '$.author') FROM queue JOIN request ON request.row_id = queue.id WHERE direction = 'to_wazo' AND json_valid(request.content) AND json_extract(request.content, '$.author') <> ''`
	hasSaidQuery     = `SELECT EXISTS (SELECT 1 FROM queue WHERE portal_id = $1 AND direction = 'to_wazo' AND state <> 'waiting' AND author = $2)`
	payloadText      = `json_extract(payload.content, '$.content')`
	untouched        = `state = 'new' AND parts = 0 AND part = 0 AND merged_into IS NULL`
	writtenQuery     = selectRows + `WHERE portal_id = $1 AND direction = 'to_matrix' AND author = $2 AND position >= $3 AND position < $4 AND ` + untouched + ` AND json_valid(payload.content) AND (` + payloadText + ` = $5 OR substr(` + payloadText + `, 1, length($5) + 4) = $5 || $6 AND instr(substr(` + payloadText + `, length($5) + 5), $7) = 0) ORDER BY position, id LIMIT 1`
	hasWrittenQuery  = `SELECT EXISTS (SELECT 1 FROM queue WHERE portal_id = $1 AND direction = 'to_matrix' AND author = $2 AND position >= $3 AND position < $4 AND ` + untouched + `)`
	writersQuery     = `SELECT DISTINCT author FROM queue WHERE portal_id = $1 AND direction = 'to_matrix' AND position >= 0 AND position < $2 AND ` + untouched
	dropGhostsQuery  = `DELETE FROM queue WHERE id IN (SELECT id FROM queue JOIN payload ON payload.row_id = queue.id WHERE portal_id = $1 AND direction = 'to_matrix' AND author = $2 AND position >= $3 AND ` + untouched + ` AND json_valid(payload.content) AND json_extract(payload.content, '$.content') = $4 AND accepted_at <= $5 AND id > $6 AND source_id NOT IN (SELECT value FROM json_each($7)))`
	isTakenQuery     = `SELECT EXISTS (SELECT 1 FROM queue WHERE portal_id = $1 AND direction = 'to_matrix' AND source_id = $2 AND (id < $3 OR NOT (` + untouched + `)))`
	dropEchoQuery    = `DELETE FROM queue WHERE portal_id = $1 AND direction = 'to_matrix' AND source_id = $2 AND ` + untouched
)

// Withdraw deletes the request of a row, so that another one is made. It must be known that the request was not carried
// out. It returns false if the row was deleted or changed since it was read.
func (t *Queue) Withdraw(ctx context.Context, row *Row) (there bool, err error) {
	err = doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		if there, err = changed(t.GetDB().Exec(ctx, withdrawRowQuery, row.ID, row.Revision)); err != nil || !there {
			return err
		}
		return t.Exec(ctx, dropRequestQuery, row.ID)
	})
	return there, err
}

// IsAttempted reports whether a row to Matrix may be what a request has posted: a request of the row's author with this
// content was sent, or may have been. Its row is still in the queue to Wazo, and is older than the row to Matrix.
func (t *Queue) IsAttempted(ctx context.Context, row *Row, content string) (attempted bool, err error) {
	err = t.GetDB().QueryRow(ctx, isAttemptedQuery, row.PortalID, row.ID, row.Author, content).Scan(&attempted)
	return attempted, err
}

// Attempters returns the authors of the requests in the queues to Wazo. Those of the relay account are left out.
func (t *Queue) Attempters(ctx context.Context) ([]string, error) {
	rows, err := t.GetDB().Query(ctx, attemptersQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}

// HasSaid reports whether something that a Matrix user said is in the queue to Wazo, unless it waits for its key.
func (t *Queue) HasSaid(ctx context.Context, portalID int64, matrixUser string) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, hasSaidQuery, portalID, matrixUser).Scan(&has)
	return has, err
}

// Written returns the oldest row to Matrix with this author and content that chatd stored at the time since or later,
// but before the time until, and of which nothing was sent yet. The row may have a quote behind the content. Written
// returns nil if there is none.
func (t *Queue) Written(ctx context.Context, portalID int64, author string, since, until WazoTime, content string) (*Row, error) {
	return t.QueryOne(ctx, writtenQuery, portalID, author, since.UnixMicro(), until.UnixMicro(), content, "\n\n> ", "\n")
}

// HasWritten reports whether there is a row that Written finds, whatever its content.
func (t *Queue) HasWritten(ctx context.Context, portalID int64, author string, since, until WazoTime) (has bool, err error) {
	err = t.GetDB().QueryRow(ctx, hasWrittenQuery, portalID, author, since.UnixMicro(), until.UnixMicro()).Scan(&has)
	return has, err
}

// Writers returns the authors of the rows to Matrix that chatd stored before a time, and of which nothing was sent yet.
func (t *Queue) Writers(ctx context.Context, portalID int64, before WazoTime) ([]string, error) {
	rows, err := t.GetDB().Query(ctx, writersQuery, portalID, before.UnixMicro())
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}

// DropGhosts deletes the rows to Matrix that may be what a row to Wazo has posted: they have this author and content,
// chatd stored them at the time since or later, they are newer than the row and were accepted at a time or earlier, and
// nothing of them was sent yet. The messages stored are on Wazo, so that their rows stay.
func (t *Queue) DropGhosts(ctx context.Context, row *Row, author string, since WazoTime, content string, acceptedUntil Time, stored []string) error {
	uuids, err := json.Marshal(append([]string{}, stored...)) // never null
	if err != nil {
		return err
	}
	return t.Exec(ctx, inDialect(t.GetDB(), dropGhostsQuery), row.PortalID, author, since.UnixMicro(), content, acceptedUntil, row.ID, string(uuids))
}

// IsTaken reports whether a message of Wazo that is in the queue to Matrix cannot be what a row to Wazo has posted: it
// was accepted before the row, or it was sent to Matrix or may have been.
func (t *Queue) IsTaken(ctx context.Context, row *Row, wazoUUID string) (taken bool, err error) {
	err = t.GetDB().QueryRow(ctx, isTakenQuery, row.PortalID, wazoUUID, row.ID).Scan(&taken)
	return taken, err
}

// DropEcho deletes the row to Matrix of a message that was posted for somebody on Matrix, unless something of it was
// sent.
func (t *Queue) DropEcho(ctx context.Context, portalID int64, wazoUUID string) error {
	return t.Exec(ctx, dropEchoQuery, portalID, wazoUUID)
}
