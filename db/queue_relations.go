package db

import (
	"context"

	"maunium.net/go/mautrix/event"
)

// This file has what the queues to Wazo know of events that relate to another one: edits, reactions and redactions.

const (
	pendingReactions   = selectRows + `WHERE portal_id = $1 AND direction = 'to_wazo' AND state = 'new' AND parts = 0 AND merged_into IS NULL AND json_valid(payload.content) AND json_extract(payload.content, '$.content."m.relates_to".rel_type') = 'm.annotation' AND json_extract(payload.content, '$.content."m.relates_to".event_id') = $2 ORDER BY position, id`
	attemptedRelations = selectRows + `WHERE portal_id = $1 AND direction = 'to_wazo' AND (merged_into IS NOT NULL OR parts > 0) AND ($2 = '' OR author = $2) AND json_valid(payload.content) AND json_extract(payload.content, '$.content."m.relates_to".rel_type') = $3 AND json_extract(payload.content, '$.content."m.relates_to".event_id') = $4 ORDER BY position, id`
	pendingRedactions  = selectRows + `WHERE portal_id = $1 AND direction = 'to_wazo' AND state = 'new' AND parts = 0 AND merged_into IS NULL AND json_valid(payload.content) AND json_extract(payload.content, '$.type') = 'm.room.redaction' AND COALESCE(json_extract(payload.content, '$.redacts'), json_extract(payload.content, '$.content.redacts')) = $2 ORDER BY position, id`
	pendingEditsQuery  = selectRows + `WHERE portal_id = $1 AND direction = 'to_wazo' AND ($2 = '' OR author = $2) AND (parts = 0 OR state = 'new' AND part = 0) AND json_valid(payload.content) AND json_extract(payload.content, '$.content."m.relates_to".rel_type') = 'm.replace' AND json_extract(payload.content, '$.content."m.relates_to".event_id') = $3 ORDER BY position, id`
)

// PendingEdits returns the edits of a Matrix event by one author (empty: by all) that wait and were never attempted,
// encrypted ones included: what an event relates to is not encrypted.
func (t *Queue) PendingEdits(ctx context.Context, portalID int64, author, eventID string) ([]*Row, error) {
	return t.QueryMany(ctx, pendingEditsQuery, portalID, author, eventID)
}

// AttemptedRelations returns the events by one author (empty: by all) with a type of relation to a Matrix event that
// are being posted, or were attempted before, perhaps in vain.
func (t *Queue) AttemptedRelations(ctx context.Context, portalID int64, author string, relation event.RelationType, eventID string) ([]*Row, error) {
	return t.QueryMany(ctx, attemptedRelations, portalID, author, relation, eventID)
}

// PendingReactions returns the reactions to a Matrix event that wait and were never attempted.
func (t *Queue) PendingReactions(ctx context.Context, portalID int64, eventID string) ([]*Row, error) {
	return t.QueryMany(ctx, pendingReactions, portalID, eventID)
}

// PendingRedactions returns the redactions of a Matrix event that wait and were never attempted.
func (t *Queue) PendingRedactions(ctx context.Context, portalID int64, eventID string) ([]*Row, error) {
	return t.QueryMany(ctx, pendingRedactions, portalID, eventID)
}
